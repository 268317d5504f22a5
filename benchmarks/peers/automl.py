"""Fits one method on a CSV file and predicts another: run in the environment of the method.

    python automl.py METHOD REQUEST.json ANSWER.json

The request has "train" and "test" (CSV files), "target", "is_regression", "seconds", "n_threads", "seed" and
"folder", which is empty. The answer has "values", or "classes" and "probabilities", for the rows of the test file;
"seconds" of the fit, "size_bytes" of the stored model, "us_per_row" of predicting the test rows at once, "members"
and "versions". The metric that methods minimise is log-loss or the root mean squared error; everything else is as
their manuals have it.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Request = dict[str, Any]
# What a method is when it is fitted: how it predicts a frame, its size, and what it consists of.
Fitted = tuple[Callable[[pd.DataFrame], Any], Callable[[], int], str]
MAX_LEVELS = 254


def main() -> None:
    method, request_path, answer_path = sys.argv[1:]
    warnings.simplefilter("ignore")
    request = json.loads(Path(request_path).read_text("utf-8"))
    X, y = table(request, "train")
    test, _ = table(request, "test")
    classes = [] if request["is_regression"] else sorted(set(y))
    fit, packages = METHODS[method]
    started = time.monotonic()
    predict, size, members = fit(request, X, y)
    seconds = time.monotonic() - started
    predict(test)
    started = time.monotonic()
    answers = predict(test)
    elapsed = time.monotonic() - started
    key = "values" if request["is_regression"] else "probabilities"
    answer = {
        key: np.asarray(answers, float).tolist(),
        "classes": classes,
        "seconds": round(seconds, 1),
        "us_per_row": round(1e6 * elapsed / max(len(test), 1), 1),
        "size_bytes": size(),
        "members": members,
        "versions": {name: importlib.metadata.version(name) for name in packages},
    }
    Path(answer_path).write_text(json.dumps(answer), "utf-8")


def table(request: Request, part: str) -> tuple[pd.DataFrame, Any]:
    """The features as pandas reads them, and the target: numbers, or texts as they stand in the file.

    Rows of the training file without a target are left out.
    """
    path, target = request[part], request["target"]
    frame = pd.read_csv(path, low_memory=False)
    texts = pd.read_csv(path, usecols=[target], dtype=str, keep_default_na=False)[target]
    y = pd.to_numeric(texts, errors="coerce") if request["is_regression"] else texts
    X = frame.drop(columns=[target])
    if part == "train":
        is_known = (y.notna() if request["is_regression"] else y != "").to_numpy()
        X, y = X[is_known].reset_index(drop=True), y[is_known].reset_index(drop=True)
    return X, y


def autogluon(preset: str) -> Callable[..., Fitted]:
    def fit(request: Request, X: pd.DataFrame, y: Any) -> Fitted:
        from autogluon.tabular import TabularPredictor

        folder, target = Path(request["folder"]) / "autogluon", request["target"]
        is_regression = request["is_regression"]
        kind = "regression" if is_regression else "binary" if y.nunique() == 2 else "multiclass"
        metric = "root_mean_squared_error" if is_regression else "log_loss"

        def fitted(path: Path, **more: Any) -> Any:
            predictor = TabularPredictor(
                label=target, path=str(path), problem_type=kind, eval_metric=metric, verbosity=0
            )
            return predictor.fit(
                X.assign(**{target: y.to_numpy()}),
                presets=preset,
                time_limit=request["seconds"],
                num_cpus=request["n_threads"],
                num_gpus=0,
                **more,
            )

        try:
            predictor = fitted(folder)
        except AssertionError:
            # Where its trial of stacking has no time to fit anything, 1.6.3 fails ("Learner is already fit").
            folder = folder.with_name("again")
            predictor = fitted(folder, dynamic_stacking=False)
        classes = sorted(set(y))

        def predict(frame: pd.DataFrame) -> Any:
            if is_regression:
                return predictor.predict(frame).to_numpy()
            return predictor.predict_proba(frame).reindex(columns=classes, fill_value=0.0).to_numpy()

        names = len(predictor.model_names())
        return predict, lambda: folder_bytes(folder), f"{predictor.model_best} of {names} models"

    return fit


def folder_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def flaml(request: Request, X: pd.DataFrame, y: Any) -> Fitted:
    from flaml import AutoML

    automl, is_regression = AutoML(), request["is_regression"]
    automl.fit(
        X,
        y,
        task="regression" if is_regression else "classification",
        metric="rmse" if is_regression else "log_loss",
        time_budget=request["seconds"],
        n_jobs=request["n_threads"],
        seed=request["seed"],
        verbose=0,
    )
    if automl.best_estimator is None:
        raise RuntimeError("no model was fitted in time")
    predict = probabilities_of(automl, automl.classes_, y) if not is_regression else automl.predict
    return predict, lambda: len(pickle.dumps(automl)), str(automl.best_estimator)


def probabilities_of(model: Any, found: Any, y: Any) -> Callable[[pd.DataFrame], Any]:
    """Predicts the probabilities of all classes in sorted order."""
    classes, places = sorted(set(y)), [str(each) for each in found]

    def predict(frame: pd.DataFrame) -> Any:
        given = pd.DataFrame(model.predict_proba(frame), columns=places)
        return given.reindex(columns=classes, fill_value=0.0).to_numpy()

    return predict


def lightgbm(request: Request, X: pd.DataFrame, y: Any) -> Fitted:
    from lightgbm import LGBMClassifier, LGBMRegressor

    types = {name: pd.CategoricalDtype(sorted(X[name].dropna().unique())) for name in texts_of(X)}
    settings = {"n_jobs": request["n_threads"], "random_state": request["seed"], "verbosity": -1}

    def coded(frame: pd.DataFrame) -> pd.DataFrame:
        # LightGBM refuses some characters in the names of columns.
        return frame.astype(types).set_axis([f"f{place}" for place in range(frame.shape[1])], axis=1)

    model = (LGBMRegressor if request["is_regression"] else LGBMClassifier)(**settings)
    model.fit(coded(X), y)
    inner = model.predict if request["is_regression"] else probabilities_of(model, model.classes_, y)
    return (
        lambda frame: inner(coded(frame)),
        lambda: len(model.booster_.model_to_string()),
        "100 trees",
    )


def linear(request: Request, X: pd.DataFrame, y: Any) -> Fitted:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = texts_of(X)
    numbers = [name for name in X if name not in texts]
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), texts),
    )
    model = Ridge() if request["is_regression"] else LogisticRegression(max_iter=1000)
    return fitted_pipeline(request, make_pipeline(prepared, model), X, y)


def boosting(request: Request, X: pd.DataFrame, y: Any) -> Fitted:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    texts = texts_of(X)
    coded = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MAX_LEVELS
    )
    prepared = make_column_transformer((coded, texts), remainder="passthrough")
    make = HistGradientBoostingRegressor if request["is_regression"] else HistGradientBoostingClassifier
    model = make(categorical_features=list(range(len(texts))), random_state=request["seed"])
    return fitted_pipeline(request, make_pipeline(prepared, model), X, y)


def fitted_pipeline(request: Request, pipeline: Any, X: pd.DataFrame, y: Any) -> Fitted:
    empty = [name for name in X if X[name].isna().all()]
    pipeline.fit(ready(X, empty), y)
    inner = pipeline.predict if request["is_regression"] else probabilities_of(pipeline, pipeline.classes_, y)
    return (
        lambda frame: inner(ready(frame, empty)),
        lambda: len(pickle.dumps(pipeline)),
        type(pipeline[-1]).__name__,
    )


def ready(frame: pd.DataFrame, empty: list[str]) -> pd.DataFrame:
    """Texts as objects with None for nothing, truth values as numbers; without the empty columns."""
    frame = frame.drop(columns=empty)
    for name in frame:
        if frame[name].dtype == bool:
            frame[name] = frame[name].astype(float)
    texts = texts_of(frame)
    frame[texts] = frame[texts].astype(object).where(frame[texts].notna(), None)
    return frame


def texts_of(X: pd.DataFrame) -> list[str]:
    return [name for name in X if not pd.api.types.is_numeric_dtype(X[name])]


METHODS: dict[str, tuple[Callable[..., Fitted], tuple[str, ...]]] = {
    "autogluon-best": (autogluon("best_quality"), ("autogluon.tabular", "scikit-learn")),
    "autogluon-medium": (autogluon("medium_quality"), ("autogluon.tabular", "scikit-learn")),
    "flaml": (flaml, ("flaml", "scikit-learn")),
    "lightgbm": (lightgbm, ("lightgbm", "scikit-learn")),
    "linear": (linear, ("scikit-learn",)),
    "boosting": (boosting, ("scikit-learn",)),
}

if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
