from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from predictor.errors import InvalidHyperparameters
from predictor.ml.estimators.catalogue import CATALOGUE, Hyperparameter, estimators_for, validate_params
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.types.schema import Task

KNOBS = [
    pytest.param(key, knob, id=f"{key}-{knob.name}")
    for key, info in CATALOGUE.items()
    for knob in info.hyperparameters
]


def test_the_catalogue_is_read_without_scikit_learn() -> None:
    code = "import sys, predictor.ml.estimators; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_every_estimator_builds_with_its_defaults(task: Task) -> None:
    for info in estimators_for(task):
        estimator = info.build(task, seed=7)
        assert hasattr(estimator, "predict_proba") or not task.is_classification


@pytest.mark.parametrize(("key", "knob"), KNOBS)
def test_every_default_lies_within_its_own_bounds(key: str, knob: Hyperparameter) -> None:
    assert knob.convert(knob.default) == knob.default
    assert knob.convert("") == knob.default
    assert knob.help.endswith(".")


@pytest.mark.parametrize(
    ("key", "knob"), [each for each in KNOBS if each.values[1].kind in ("integer", "number")]
)
def test_values_outside_of_the_bounds_are_refused(key: str, knob: Hyperparameter) -> None:
    assert knob.minimum is not None
    assert knob.maximum is not None
    for value in (knob.minimum - 1, knob.maximum + 1, "nan", float("inf"), "many", True, [1], 10**400):
        with pytest.raises(InvalidHyperparameters, match=knob.name):
            knob.convert(value)


@pytest.mark.parametrize(
    ("given", "expected"), [("12", 12), (" 12 ", 12), (12.0, 12), ("", None), (None, None)]
)
def test_numbers_are_read_from_form_text(given: Any, expected: Any) -> None:
    params = validate_params("random_forest", Task.BINARY, {"max_depth": given})
    assert params["max_depth"] == expected


def test_an_unknown_hyperparameter_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidHyperparameters, match=r"“alhpa”.*takes alpha"):
        validate_params("ridge", Task.REGRESSION, {"alhpa": 1})


def test_all_faults_are_listed() -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        validate_params("lasso", Task.REGRESSION, {"alpha": -1, "beta": 2})
    assert [problem.pointer for problem in caught.value.problems] == ["alpha", "beta"]


def test_an_unknown_estimator_and_a_wrong_task_are_refused() -> None:
    with pytest.raises(InvalidHyperparameters, match="There is no estimator “magic”"):
        validate_params("magic", Task.BINARY, {})
    with pytest.raises(InvalidHyperparameters, match="Ridge cannot do binary"):
        validate_params("ridge", Task.BINARY, {})


def test_hyperparameters_of_another_task_are_refused() -> None:
    with pytest.raises(InvalidHyperparameters, match="is_balanced"):
        validate_params("random_forest", Task.REGRESSION, {"is_balanced": True})
