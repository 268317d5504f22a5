"""A small table with every role, gaps and rare levels, and pipelines fitted on it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.features.feature_spec import Encoding, FeatureSpec
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member, TargetScaling
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

N_CLASSES = {Task.REGRESSION: 0, Task.BINARY: 2, Task.MULTICLASS: 4}
ROLES = {
    "age": Role.NUMERIC,
    "income": Role.NUMERIC,
    "member": Role.BOOLEAN,
    "joined": Role.DATETIME,
    "plan": Role.CATEGORICAL,
    "shop": Role.CATEGORICAL,
    "note": Role.TEXT,
}


def mixed_columns(n: int = 400, seed: int = 0) -> dict[str, NDArray[Any]]:
    draw = np.random.default_rng(seed)
    columns: dict[str, NDArray[Any]] = {
        "age": draw.normal(40, 12, n).round(1),
        "income": np.exp(draw.normal(10, 1, n)),
        "member": (draw.random(n) < 0.4).astype(np.float64),
        "joined": np.datetime64("2019-03-01", "us") + draw.integers(0, 10**14, n).astype("timedelta64[us]"),
        "plan": np.array(["basic", "plus", "pro", None], object)[draw.integers(0, 4, n)],
        "shop": np.array([f"shop {k}" for k in (60 * draw.random(n) ** 2).astype(int)], object),
        "note": np.array([" ".join(f"word{k}" for k in draw.integers(0, 40, 6)) for _ in range(n)], object),
    }
    for name, values in columns.items():
        rows = draw.random(n) < 0.05
        values[rows] = (
            np.datetime64("NaT") if name == "joined" else None if values.dtype == object else np.nan
        )
    return columns


def mixed_target(columns: Mapping[str, NDArray[Any]], task: Task) -> NDArray[Any]:
    score = (
        np.nan_to_num(columns["age"], nan=40) / 12
        + (columns["plan"] == "pro")
        + 0.5 * (columns["member"] == 1)
    )
    if task is Task.REGRESSION:
        return np.asarray(1000 * np.exp(score / 3))
    edges = [4.0] if task is Task.BINARY else [3.0, 4.0, 5.0]
    return np.digitize(score, edges)


def fitted(
    key: str,
    task: Task,
    params: Mapping[str, Any] | None = None,
    *,
    encoding: Encoding | None = None,
    is_log: bool = False,
    n: int = 400,
) -> tuple[FittedPipeline, dict[str, NDArray[Any]]]:
    """A pipeline of one member, and the columns it was fitted on."""
    columns = mixed_columns(n)
    y = mixed_target(columns, task)
    info = CATALOGUE[key]
    spec, matrix = FeatureSpec.fit_transform(
        columns, ROLES, encoding or info.encoding, y=y, task=task, n_classes=N_CLASSES[task]
    )
    scaling = TargetScaling()
    if task is Task.REGRESSION:
        scaling = TargetScaling.fit(y, is_log=is_log, is_scaled=info.has_scaled_target)
        y = scaling.forward(y)
    estimator = info.build(task, params, categorical_mask=spec.categorical_mask)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a few iterations do not converge
        info.fit(estimator, matrix, y)
    member = Member(estimator, tuple(range(matrix.shape[1])), key=key, target_scaling=scaling)
    return FittedPipeline(spec, (member,), task, N_CLASSES[task]), columns


def blended(task: Task, keys: tuple[str, ...]) -> tuple[FittedPipeline, dict[str, NDArray[Any]]]:
    """A pipeline of several members with different encodings."""
    parts = [fitted(key, task, QUICK.get(key)) for key in keys]
    spec, places = FeatureSpec.union([pipeline.spec for pipeline, _ in parts])
    members = tuple(
        Member(
            part.members[0].estimator,
            columns,
            weight=1 / len(parts),
            key=part.members[0].key,
            target_scaling=part.members[0].target_scaling,
        )
        for (part, _), columns in zip(parts, places, strict=True)
    )
    return FittedPipeline(spec, members, task, N_CLASSES[task]), parts[0][1]


QUICK: dict[str, dict[str, Any]] = {
    "random_forest": {"n_estimators": 12},
    "extra_trees": {"n_estimators": 12},
    "gradient_boosting": {"n_estimators": 15},
    "hist_gradient_boosting": {"max_iter": 15},
    "mlp": {"max_iter": 10, "n_units": 16},
}


def mixed_signature(task: Task) -> Signature:
    fields = tuple(FeatureField(name, role, has_missing=True) for name, role in ROLES.items())
    return Signature(target="y", task=task, fields=fields, classes=tuple(range(N_CLASSES[task])))
