# ruff: noqa: E501 (a table of sentences)
"""The catalogue of estimators that users can choose, with bounded hyperparameters.

Importing this does not import scikit-learn: forms and pages read the catalogue, only training builds estimators.
To add an estimator: an entry here, its builder in `builders.py`, its graph in `onnx_export/export.py`; the
tests cover the whole catalogue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidHyperparameters, quoted
from ..features.encoding import DISTANCES, ISOLATION, LINEAR, NATIVE_BOOSTING, ORDINAL_TREES, Encoding
from ..types.schema import Task
from .hyperparameters import (
    ANOMALY,
    CLASSIFICATION,
    CLUSTERING,
    REGRESSION,
    SUPERVISED,
    Hyperparameter,
    convert_all,
)

__all__ = ["CATALOGUE", "EstimatorInfo", "Hyperparameter", "estimators_for", "validate_params"]


@dataclass(frozen=True)
class EstimatorInfo:
    """One kind of estimator in the catalogue.

    `max_rows`: fit on a sample of at most this many rows (None: all), since its cost grows faster than n log n.
    `has_scaled_target`: for regression, fit on targets scaled by TargetScaling.fit(y, is_scaled=True).
    `is_fitted_in_double`: its solver needs float64 input to converge; see `fit`.
    """

    key: str
    title: str
    summary: str
    tasks: frozenset[Task]
    hyperparameters: tuple[Hyperparameter, ...]
    encoding: Encoding
    max_rows: int | None = None
    has_scaled_target: bool = False
    is_fitted_in_double: bool = False

    @property
    def can_be_monotone(self) -> bool:
        """Whether it takes monotone constraints."""
        return self.key in MONOTONE

    @property
    def can_be_weighted(self) -> bool:
        """Whether it can be fitted on rows that do not count the same."""
        return self.key not in UNWEIGHTED

    def hyperparameters_for(self, task: Task) -> tuple[Hyperparameter, ...]:
        """The hyperparameters that apply to the task."""
        return tuple(each for each in self.hyperparameters if task in each.tasks)

    def build(
        self,
        task: Task,
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        n_jobs: int = 1,
        categorical_mask: tuple[bool, ...] = (),
    ) -> Any:
        """An unfitted scikit-learn estimator; classifiers take class codes and give predict_proba.

        `categorical_mask` is the spec's; only hist_gradient_boosting reads it.
        """
        from .builders import BUILDERS

        converted = validate_params(self.key, task, params)
        return BUILDERS[self.key](task, converted, seed, n_jobs, categorical_mask)

    def fit(self, estimator: Any, matrix: Any, y: Any, weights: Any = None) -> Any:
        """The estimator, fitted; in float64 where its solver needs that. `weights`: how much each row counts."""
        cells = matrix.astype("float64") if self.is_fitted_in_double else matrix
        return estimator.fit(cells, y) if weights is None else estimator.fit(cells, y, sample_weight=weights)


def _integer(
    name: str,
    title: str,
    default: int | None,
    low: int,
    high: int,
    text: str,
    tasks: frozenset[Task] = SUPERVISED,
) -> Hyperparameter:
    return Hyperparameter(name, title, "integer", default, text, low, high, (), default is None, tasks)


def _number(
    name: str,
    title: str,
    default: float,
    low: float,
    high: float,
    text: str,
    tasks: frozenset[Task] = SUPERVISED,
) -> Hyperparameter:
    return Hyperparameter(name, title, "number", default, text, low, high, tasks=tasks)


BALANCED = Hyperparameter(
    "is_balanced", "Balance classes", "boolean", False,
    "Give rare classes the same total weight as frequent ones.", tasks=CLASSIFICATION,
)  # fmt: skip
ALPHA = _number(
    "alpha", "Penalty", 1.0, 0.0, 1e6, "More shrinks the coefficients more; 0 is plain least squares."
)
SMALL_ALPHA = _number(
    "alpha", "Penalty", 0.01, 1e-6, 1e4, "In units of the standardised target; more drops more features."
)
N_TREES = _integer("n_estimators", "Trees", 100, 1, 1000, "More trees are steadier and slower.")
DEPTH = _integer("max_depth", "Depth", None, 1, 64, "Splits from root to leaf at most; empty for no limit.")
LEAF = _integer(
    "min_samples_leaf", "Rows per leaf", 1, 1, 10_000, "More rows per leaf make a smoother model."
)
FOREST_LEAF = _integer(
    "min_samples_leaf", "Rows per leaf", 2, 1, 10_000, "More rows per leaf make a smoother model."
)
RATE = _number(
    "learning_rate", "Learning rate", 0.1, 0.001, 1.0, "Smaller steps need more trees and overfit later."
)
SHARE = _number(
    "max_features", "Share of features", 0.5, 0.01, 1.0, "The share of features looked at for each split."
)
N_CLUSTERS = Hyperparameter(
    "n_clusters", "Number of clusters", "integer", None, "Empty to have it proposed.", 2, 12, is_optional=True,
    tasks=CLUSTERING,
)  # fmt: skip
HUGE_N = 200_000
# Estimators with scikit-learn's `monotonic_cst`.
MONOTONE = ("decision_tree", "random_forest", "extra_trees", "hist_gradient_boosting")
# Estimators that cannot be fitted on weighted rows.
UNWEIGHTED = ("knn",)
FORESTS = (N_TREES, DEPTH, FOREST_LEAF, SHARE, BALANCED)

_ALL = (
    EstimatorInfo(
        "linear", "Linear regression", "A weighted sum of the features, fitted by least squares.",
        REGRESSION, (), LINEAR, is_fitted_in_double=True,
    ),
    EstimatorInfo(
        "ridge", "Ridge", "Linear regression that keeps weights small, so that related features share them.",
        REGRESSION, (ALPHA,), LINEAR, has_scaled_target=True, is_fitted_in_double=True,
    ),
    EstimatorInfo(
        "lasso", "Lasso", "Linear regression that sets the weights of useless features to zero.",
        REGRESSION, (SMALL_ALPHA,), LINEAR, has_scaled_target=True, is_fitted_in_double=True,
    ),
    EstimatorInfo(
        "elastic_net", "Elastic net", "Linear regression between ridge and lasso.",
        REGRESSION,
        (SMALL_ALPHA, _number("l1_ratio", "Lasso share", 0.5, 0.0, 1.0, "0 is ridge, 1 is lasso.")),
        LINEAR, has_scaled_target=True, is_fitted_in_double=True,
    ),
    EstimatorInfo(
        "logistic_regression", "Logistic regression", "A weighted sum of the features, turned into probabilities.",
        CLASSIFICATION,
        (
            _number("C", "Inverse penalty", 1.0, 1e-5, 1e5, "The inverse of the penalty on weights; more fits the training rows closer."),
            _integer("max_iter", "Iterations", 500, 10, 5000, "Steps of the solver at most."),
            BALANCED,
        ),
        LINEAR, is_fitted_in_double=True,
    ),
    EstimatorInfo(
        "svm", "Support vector machine", "Separates by the rows nearest to the border; good on small tables.",
        SUPERVISED,
        (
            _number("C", "Inverse penalty", 1.0, 1e-3, 1e3, "More fits the training rows closer."),
            Hyperparameter("kernel", "Kernel", "choice", "rbf", "rbf bends the border; linear keeps it straight.",
                           choices=("rbf", "linear")),
            Hyperparameter("epsilon", "Tolerance", "number", 0.1, "Errors below this share of the target's deviation "
                           "cost nothing.", 0.0, 10.0, tasks=REGRESSION),
            BALANCED,
        ),
        LINEAR, max_rows=5_000, has_scaled_target=True,
    ),
    EstimatorInfo(
        "decision_tree", "Decision tree", "A sequence of yes-or-no questions; easy to read, seldom the most accurate.",
        SUPERVISED, (_integer("max_depth", "Depth", 8, 1, 64, "Questions at most."), LEAF, BALANCED), ORDINAL_TREES,
    ),
    EstimatorInfo(
        "random_forest", "Random forest", "The mean of many trees, each grown on other rows and features.",
        SUPERVISED, FORESTS, ORDINAL_TREES, max_rows=HUGE_N,
    ),
    EstimatorInfo(
        "extra_trees", "Extra trees", "A random forest with random cut points: faster and smoother.",
        SUPERVISED, FORESTS, ORDINAL_TREES, max_rows=HUGE_N,
    ),
    EstimatorInfo(
        "gradient_boosting", "Gradient boosting", "Trees added one by one, each correcting the errors so far; exact cuts.",
        SUPERVISED,
        (
            N_TREES, RATE, _integer("max_depth", "Depth", 3, 1, 12, "Splits from root to leaf at most."), LEAF,
            _number("subsample", "Share of rows", 0.8, 0.1, 1.0, "The share of rows that each tree sees."),
        ),
        ORDINAL_TREES, max_rows=50_000,
    ),
    EstimatorInfo(
        "hist_gradient_boosting", "Histogram gradient boosting",
        "Gradient boosting on binned numbers: fast, takes missing values and categories as they are; a good first choice.",
        SUPERVISED,
        (
            _integer("max_iter", "Trees", 200, 1, 2000, "Boosting rounds at most."),
            _number("learning_rate", "Learning rate", 0.08, 0.001, 1.0, "Smaller steps need more trees."),
            _integer("max_leaf_nodes", "Leaves", 31, 2, 512, "Leaves of each tree at most."),
            _integer("min_samples_leaf", "Rows per leaf", 20, 1, 10_000, "More rows per leaf make a smoother model."),
            DEPTH,
            _number("l2_regularization", "Penalty", 0.0, 0.0, 1e4, "More shrinks what each leaf adds."),
            _number("max_features", "Share of features", 1.0, 0.05, 1.0, "The share of features looked at for each split."),
            Hyperparameter("early_stopping", "Stop early", "boolean", True,
                           "On large tables, stop when a held-out tenth no longer gains."),
            Hyperparameter("loss", "Loss", "choice", "squared_error",
                           "poisson and gamma suit counts and positive amounts, absolute_error suits outliers.",
                           choices=("squared_error", "absolute_error", "poisson", "gamma"), tasks=REGRESSION),
            BALANCED,
        ),
        NATIVE_BOOSTING,
    ),
    EstimatorInfo(
        "knn", "k-nearest neighbours", "Predicts from the targets of the most similar training rows.",
        SUPERVISED,
        (
            _integer("n_neighbors", "Neighbours", 15, 1, 200, "How many similar rows to use."),
            Hyperparameter("weights", "Weights", "choice", "distance", "Whether nearer rows count more.",
                           choices=("distance", "uniform")),
        ),
        LINEAR, max_rows=20_000,
    ),
    EstimatorInfo(
        "naive_bayes", "Naive Bayes", "Multiplies the evidence of each feature for a class, as if features were independent.",
        CLASSIFICATION,
        (_number("var_smoothing", "Smoothing", 1e-3, 1e-9, 1.0, "Added to each variance, as a share of the largest."),),
        LINEAR,
    ),
    EstimatorInfo(
        "mlp", "Multi-layer perceptron", "A small neural network.",
        SUPERVISED,
        (
            _integer("n_units", "Units per layer", 64, 1, 512, "Width of each hidden layer."),
            _integer("n_layers", "Hidden layers", 2, 1, 4, "Depth of the network."),
            _number("alpha", "Penalty", 1e-4, 0.0, 100.0, "More keeps the weights smaller."),
            _number("learning_rate_init", "Learning rate", 1e-3, 1e-5, 0.5, "Size of the first steps."),
            _integer("max_iter", "Epochs", 100, 1, 1000, "Passes over the rows at most."),
        ),
        LINEAR, max_rows=HUGE_N, has_scaled_target=True,
    ),
    EstimatorInfo(
        "kmeans", "K-means", "Assigns each row to the nearest of a few centres: compact clusters of similar size.",
        CLUSTERING, (N_CLUSTERS,), DISTANCES,
    ),
    EstimatorInfo(
        "gaussian_mixture", "Gaussian mixture",
        "Clusters of any size, stretched in any direction, that may overlap; best where columns are numbers.",
        CLUSTERING, (N_CLUSTERS,), DISTANCES,
    ),
    EstimatorInfo(
        "isolation_forest", "Isolation forest", "Cuts the rows apart at random: those that few cuts isolate are unusual.",
        ANOMALY,
        (
            _number("contamination", "Share called unusual", 0.02, 0.001, 0.3,
                    "How many of rows like these should be called unusual; the score stays the same.", ANOMALY),
            _integer("n_estimators", "Trees", 100, 10, 1000, "More trees are steadier and slower.", ANOMALY),
            _integer("max_samples", "Rows per tree", 2_048, 16, 10_000, "Few rows are fast; more rows find those that are odd in one column only.", ANOMALY),
        ),
        ISOLATION,
    ),
)  # fmt: skip

CATALOGUE: dict[str, EstimatorInfo] = {info.key: info for info in _ALL}


def estimators_for(task: Task) -> tuple[EstimatorInfo, ...]:
    """The estimators that can do the task, in the order of the catalogue."""
    return tuple(info for info in CATALOGUE.values() if task in info.tasks)


def validate_params(key: str, task: Task, params: Mapping[str, Any] | None) -> dict[str, Any]:
    """All hyperparameters of the estimator, defaults filled in; raises InvalidHyperparameters naming each fault."""
    info = CATALOGUE.get(key)
    if info is None:
        raise InvalidHyperparameters(
            f"There is no estimator {quoted(key)}. There are {', '.join(CATALOGUE)}."
        )
    if task not in info.tasks:
        fitting = ", ".join(each.key for each in estimators_for(task))
        raise InvalidHyperparameters(f"{info.title} cannot do {task.value}. For that there are {fitting}.")
    return convert_all(info.title, info.hyperparameters_for(task), params)
