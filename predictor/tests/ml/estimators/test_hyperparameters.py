from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidHyperparameters
from predictor.ml.estimators.catalogue import validate_params
from predictor.ml.estimators.hyperparameters import Hyperparameter, convert_all
from predictor.ml.types.schema import Task

TREES = Hyperparameter("n_estimators", "Trees", "integer", 100, "More are slower.", 1, 1000)
DEPTH = Hyperparameter("max_depth", "Depth", "integer", None, "Splits at most.", 1, 64, is_optional=True)
RATE = Hyperparameter("rate", "Learning rate", "number", 0.1, "Smaller steps.", 0.001, 1.0)
BALANCED = Hyperparameter("is_balanced", "Balance classes", "boolean", False, "Weight.")
KERNEL = Hyperparameter("kernel", "Kernel", "choice", "rbf", "Shape.", choices=("rbf", "linear"))


@pytest.mark.parametrize(
    ("given", "expected"), [("12", 12), (" 12 ", 12), (12.0, 12), ("", None), (None, None)]
)
def test_numbers_are_read_from_form_text(given: Any, expected: Any) -> None:
    params = validate_params("random_forest", Task.BINARY, {"max_depth": given})
    assert params["max_depth"] == expected


@pytest.mark.parametrize(
    ("hyperparameter", "value", "expected"),
    [
        (TREES, "1e2", 100),
        (TREES, 1, 1),
        (TREES, 1000, 1000),
        (RATE, 1, 1.0),
        (RATE, "0.001", 0.001),
        (RATE, " ", 0.1),
        (BALANCED, True, True),
        (BALANCED, "ON", True),
        (BALANCED, " yes ", True),
        (BALANCED, 1, True),
        (BALANCED, "False", False),
        (BALANCED, 0, False),
        (BALANCED, "", False),
        (KERNEL, "linear", "linear"),
        (KERNEL, " linear ", "linear"),
        (KERNEL, "", "rbf"),
    ],
)
def test_a_value_is_converted_to_the_type_of_its_hyperparameter(
    hyperparameter: Hyperparameter, value: Any, expected: Any
) -> None:
    result = hyperparameter.convert(value)
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.parametrize(
    ("hyperparameter", "value", "message"),
    [
        (TREES, 2.5, "Trees (n_estimators) takes a whole number from 1 to 1000, not “2.5”."),
        (TREES, 0, "Trees (n_estimators) takes a whole number from 1 to 1000, not “0”."),
        (TREES, 1001, "Trees (n_estimators) takes a whole number from 1 to 1000, not “1001”."),
        (TREES, True, "Trees (n_estimators) takes a whole number from 1 to 1000, not “True”."),
        (TREES, None, "Trees (n_estimators) needs a value: a whole number from 1 to 1000."),
        (DEPTH, "deep", "Depth (max_depth) takes a whole number from 1 to 64, or nothing, not “deep”."),
        (DEPTH, [3], "Depth (max_depth) takes a whole number from 1 to 64, or nothing, not “[3]”."),
        (RATE, "nan", "Learning rate (rate) takes a number from 0.001 to 1, not “nan”."),
        (RATE, "-inf", "Learning rate (rate) takes a number from 0.001 to 1, not “-inf”."),
        (BALANCED, 2, "Balance classes (is_balanced) takes true or false, not “2”."),
        (BALANCED, None, "Balance classes (is_balanced) needs a value: true or false."),
        (KERNEL, "Linear", "Kernel (kernel) takes one of rbf, linear, not “Linear”."),
        (KERNEL, {}, "Kernel (kernel) takes one of rbf, linear, not “{}”."),
    ],
)
def test_the_error_names_the_hyperparameter_what_it_takes_and_the_value(
    hyperparameter: Hyperparameter, value: Any, message: str
) -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        hyperparameter.convert(value)
    assert str(caught.value) == message


@settings(max_examples=50, deadline=None)
@given(
    value=st.one_of(st.integers(), st.floats(), st.text(max_size=6), st.none(), st.booleans(), st.binary())
)
def test_any_value_is_refused_or_becomes_a_whole_number_within_the_bounds(value: Any) -> None:
    try:
        result = DEPTH.convert(value)
    except InvalidHyperparameters:
        return
    assert result is None or (type(result) is int and 1 <= result <= 64)


def test_hyperparameters_that_are_not_given_have_their_defaults() -> None:
    assert convert_all("Forest", [TREES, DEPTH, RATE], {"rate": "0.5"}) == {
        "n_estimators": 100, "max_depth": None, "rate": 0.5,
    }  # fmt: skip
    assert convert_all("Forest", [TREES], None) == {"n_estimators": 100}
    assert convert_all("Mean", [], {}) == {}


def test_the_error_names_an_unknown_hyperparameter_and_lists_the_known_ones() -> None:
    with pytest.raises(InvalidHyperparameters, match=r"“alhpa”.*takes alpha"):
        validate_params("ridge", Task.REGRESSION, {"alhpa": 1})


def test_an_estimator_without_hyperparameters_says_so() -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        convert_all("Linear regression", [], {"alpha": 1})
    assert str(caught.value) == "There is no hyperparameter “alpha”. Linear regression takes none."


def test_the_error_lists_all_invalid_hyperparameters() -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        validate_params("lasso", Task.REGRESSION, {"alpha": -1, "beta": 2})
    assert [problem.pointer for problem in caught.value.problems] == ["alpha", "beta"]


def test_the_message_of_many_faults_holds_the_first_five_sentences() -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        convert_all("Forest", [TREES], {"n_estimators": 0, **{f"x{number}": 1 for number in range(6)}})
    error = caught.value
    assert str(error).startswith("7 hyperparameters cannot be used: “n_estimators”, “x0”")
    assert "“x3”. Forest takes n_estimators." in str(error)
    assert "“x4”. Forest" not in str(error)
    assert len(error.problems) == 7


def test_a_single_fault_is_the_whole_message() -> None:
    with pytest.raises(InvalidHyperparameters) as caught:
        convert_all("Forest", [TREES, RATE], {"rate": 2, "n_estimators": 5})
    assert str(caught.value) == "Learning rate (rate) takes a number from 0.001 to 1, not “2”."
    assert [problem.pointer for problem in caught.value.problems] == ["rate"]
