from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.services.monitoring import actual_values

FIELDS = (FeatureField("a", Role.NUMERIC),)


def signature(task: Task, *classes: Any) -> Signature:
    return Signature("y", task, FIELDS, classes=classes)


@pytest.mark.parametrize(
    ("classes", "given", "expected"),
    [
        (("no", "yes"), "yes", "yes"),
        (("no", "yes"), "YES", "yes"),
        ((0, 1), "1", 1),
        ((0, 1), "1.0", 1),
        ((0, 1), 1.0, 1),
        ((0, 1), 0, 0),
        ((False, True), "true", True),
        ((False, True), "True", True),
        (("no", "yes"), "perhaps", "perhaps"),
        (("a", "A"), "A", "A"),
    ],
)
def test_a_label_is_the_class_that_it_names(classes: tuple[Any, ...], given: Any, expected: Any) -> None:
    found = actual_values.value_for(signature(Task.BINARY, *classes), given)
    assert (found, type(found)) == (expected, type(expected))


def test_another_label_is_kept_and_known_as_such() -> None:
    two = signature(Task.BINARY, "no", "yes")
    assert not actual_values.is_known(two, "perhaps")
    assert actual_values.is_known(two, "yes")


@pytest.mark.parametrize(("given", "expected"), [("12.5", 12.5), (3, 3.0), ("-1e3", -1000.0)])
def test_a_number_is_read(given: Any, expected: float) -> None:
    assert actual_values.value_for(signature(Task.REGRESSION), given) == expected


@pytest.mark.parametrize("given", ["abc", "nan", "inf", True, "1,5"])
def test_what_is_no_number_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput, match="has to be a number"):
        actual_values.value_for(signature(Task.REGRESSION), given)


def test_nothing_comes_true_for_clusters() -> None:
    with pytest.raises(InvalidInput, match="predicts no target"):
        actual_values.value_for(signature(Task.CLUSTERING), 1)


@pytest.mark.parametrize("given", [None, "", " ", [], {}, float("nan"), float("inf"), 10**400, "x" * 501])
def test_what_is_no_scalar_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput):
        actual_values.scalar(given)
