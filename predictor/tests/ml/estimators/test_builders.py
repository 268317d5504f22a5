from __future__ import annotations

from typing import Any

import pytest
from sklearn.base import is_classifier, is_regressor

from predictor.ml.estimators.builders import BUILDERS
from predictor.ml.estimators.catalogue import CATALOGUE, estimators_for, validate_params
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.types.schema import Task


def built(key: str, task: Task, mask: tuple[bool, ...] = (), **params: Any) -> dict[str, Any]:
    """The parameters of the estimator, by scikit-learn's names."""
    estimator = BUILDERS[key](task, validate_params(key, task, params), 7, 3, mask)
    return {**estimator.get_params(), "class": type(estimator).__name__}


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_every_estimator_builds_with_its_defaults(task: Task) -> None:
    for info in estimators_for(task):
        estimator = info.build(task, seed=7)
        assert hasattr(estimator, "predict_proba") or not task.is_classification
        assert is_classifier(estimator) == task.is_classification
        assert is_regressor(estimator) != task.is_classification


def test_every_supervised_estimator_of_the_catalogue_has_a_builder() -> None:
    assert set(BUILDERS) == {key for key, info in CATALOGUE.items() if info.tasks & SUPERVISED}


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_every_random_estimator_gets_the_seed_and_forests_the_number_of_threads(task: Task) -> None:
    for info in estimators_for(task):
        params = built(info.key, task)
        if info.key != "ridge":  # its solver for dense rows draws nothing
            assert params.get("random_state", 7) == 7
        if info.key in ("random_forest", "extra_trees"):
            assert params["n_jobs"] == 3


@pytest.mark.parametrize(
    "key", ["logistic_regression", "svm", "decision_tree", "random_forest", "hist_gradient_boosting"]
)
def test_balanced_classes_become_the_class_weight_of_scikit_learn(key: str) -> None:
    assert built(key, Task.BINARY, is_balanced=True)["class_weight"] == "balanced"
    assert built(key, Task.BINARY)["class_weight"] is None
    assert "is_balanced" not in built(key, Task.BINARY)


def test_hyperparameters_reach_the_estimator_of_the_task() -> None:
    tree = built("decision_tree", Task.REGRESSION, max_depth=4, min_samples_leaf=6)
    boosting = built("gradient_boosting", Task.MULTICLASS, n_estimators=11, subsample=0.4)
    neighbours = built("knn", Task.BINARY, n_neighbors=3, weights="uniform")

    assert (tree["class"], tree["max_depth"], tree["min_samples_leaf"]) == ("DecisionTreeRegressor", 4, 6)
    assert (boosting["class"], boosting["n_estimators"]) == ("GradientBoostingClassifier", 11)
    assert boosting["subsample"] == 0.4
    assert (neighbours["class"], neighbours["n_neighbors"]) == ("NeighboursClassifier", 3)
    assert neighbours["weights"] == "uniform"


@pytest.mark.parametrize(
    ("mask", "expected"),
    [((), None), ((False, False), None), ((True, False, True), [True, False, True])],
)
def test_histogram_boosting_is_told_which_columns_hold_category_codes(
    mask: tuple[bool, ...], expected: list[bool] | None
) -> None:
    assert built("hist_gradient_boosting", Task.BINARY, mask)["categorical_features"] == expected


def test_early_stopping_of_histogram_boosting_is_left_to_scikit_learn_or_off() -> None:
    assert built("hist_gradient_boosting", Task.REGRESSION)["early_stopping"] == "auto"
    assert built("hist_gradient_boosting", Task.REGRESSION, early_stopping=False)["early_stopping"] is False


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY])
def test_units_and_layers_become_the_hidden_layers_of_a_network(task: Task) -> None:
    assert built("mlp", task, n_units=5, n_layers=3)["hidden_layer_sizes"] == (5, 5, 5)


def test_a_support_vector_machine_has_a_limit_of_iterations_and_probabilities_for_classes() -> None:
    number, classes = built("svm", Task.REGRESSION), built("svm", Task.BINARY)
    assert (number["class"], number["max_iter"]) == ("SVR", 200_000)
    assert classes["class"] == "ProbabilisticSVC"
