"""Unfitted scikit-learn estimators from validated hyperparameters. Importing this imports scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ..types.schema import Task
from .neighbours import NeighboursClassifier, NeighboursRegressor
from .svm import ProbabilisticSVC

Params = Mapping[str, Any]
Builder = Callable[[Task, Params, int, int, tuple[bool, ...]], Any]


def _options(task: Task, params: Params) -> dict[str, Any]:
    """The params as scikit-learn names them."""
    options = dict(params)
    if options.pop("is_balanced", False) and task.is_classification:
        options["class_weight"] = "balanced"
    return options


def _linear(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return LinearRegression()


def _ridge(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return Ridge(**params)


def _lasso(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return Lasso(**params, max_iter=5000, random_state=seed)


def _elastic_net(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return ElasticNet(**params, max_iter=5000, random_state=seed)


def _logistic_regression(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return LogisticRegression(**_options(task, params), random_state=seed)


def _svm(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    options = _options(task, params)
    if task is Task.REGRESSION:
        return SVR(**options, cache_size=500, max_iter=200_000)
    return ProbabilisticSVC(**options, random_state=seed)


def _decision_tree(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    kind = DecisionTreeRegressor if task is Task.REGRESSION else DecisionTreeClassifier
    return kind(**_options(task, params), random_state=seed)


def _random_forest(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    kind = RandomForestRegressor if task is Task.REGRESSION else RandomForestClassifier
    return kind(**_options(task, params), random_state=seed, n_jobs=n_jobs)


def _extra_trees(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    kind = ExtraTreesRegressor if task is Task.REGRESSION else ExtraTreesClassifier
    return kind(**_options(task, params), random_state=seed, n_jobs=n_jobs)


def _gradient_boosting(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    kind = GradientBoostingRegressor if task is Task.REGRESSION else GradientBoostingClassifier
    return kind(**params, random_state=seed)


def _hist_gradient_boosting(
    task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]
) -> Any:
    options = _options(task, params)
    options["early_stopping"] = "auto" if options["early_stopping"] else False
    options["categorical_features"] = list(mask) if any(mask) else None
    kind = HistGradientBoostingRegressor if task is Task.REGRESSION else HistGradientBoostingClassifier
    return kind(**options, random_state=seed)


def _knn(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    kind = NeighboursRegressor if task is Task.REGRESSION else NeighboursClassifier
    return kind(**params)


def _naive_bayes(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    return GaussianNB(**params)


def _mlp(task: Task, params: Params, seed: int, n_jobs: int, mask: tuple[bool, ...]) -> Any:
    options = dict(params)
    layers = (options.pop("n_units"),) * options.pop("n_layers")
    kind = MLPRegressor if task is Task.REGRESSION else MLPClassifier
    return kind(hidden_layer_sizes=layers, **options, random_state=seed)


BUILDERS: dict[str, Builder] = {
    "linear": _linear,
    "ridge": _ridge,
    "lasso": _lasso,
    "elastic_net": _elastic_net,
    "logistic_regression": _logistic_regression,
    "svm": _svm,
    "decision_tree": _decision_tree,
    "random_forest": _random_forest,
    "extra_trees": _extra_trees,
    "gradient_boosting": _gradient_boosting,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "knn": _knn,
    "naive_bayes": _naive_bayes,
    "mlp": _mlp,
}
