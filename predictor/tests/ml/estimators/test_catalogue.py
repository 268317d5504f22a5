from __future__ import annotations

import subprocess
import sys

import pytest

from predictor.errors import InvalidHyperparameters
from predictor.ml.estimators.catalogue import CATALOGUE, Hyperparameter, validate_params
from predictor.ml.types.schema import Task

KNOBS = [
    pytest.param(key, knob, id=f"{key}-{knob.name}")
    for key, info in CATALOGUE.items()
    for knob in info.hyperparameters
]


def test_the_catalogue_is_read_without_scikit_learn() -> None:
    code = "import sys, predictor.ml.estimators; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


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


def test_an_unknown_estimator_and_a_wrong_task_are_refused() -> None:
    with pytest.raises(InvalidHyperparameters, match="There is no estimator “magic”"):
        validate_params("magic", Task.BINARY, {})
    with pytest.raises(InvalidHyperparameters, match="Ridge cannot do binary"):
        validate_params("ridge", Task.BINARY, {})


def test_hyperparameters_of_another_task_are_refused() -> None:
    with pytest.raises(InvalidHyperparameters, match="is_balanced"):
        validate_params("random_forest", Task.REGRESSION, {"is_balanced": True})
