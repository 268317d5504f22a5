from __future__ import annotations

import pytest

from predictor.errors import InvalidInput
from predictor.http.known_names import refuse_unknown

KNOWN = ("estimator", "target", "dataset")


def test_known_names_are_taken() -> None:
    refuse_unknown(["target", "dataset"], KNOWN)
    refuse_unknown([], ())


def test_the_nearest_name_is_suggested() -> None:
    with pytest.raises(InvalidInput, match="“estimatr” is not known; did you mean “estimator”") as refused:
        refuse_unknown(["estimatr", "target"], KNOWN)
    assert [each.pointer for each in refused.value.problems] == ["/estimatr"]


def test_without_a_near_one_the_known_names_are_listed() -> None:
    with pytest.raises(InvalidInput, match="known are “dataset”, “estimator”, “target”"):
        refuse_unknown(["zzz"], KNOWN)
    with pytest.raises(InvalidInput, match="nothing is taken here"):
        refuse_unknown(["zzz"], ())


def test_the_faults_are_bounded_and_counted() -> None:
    with pytest.raises(InvalidInput, match="And 9,995 more that are not known") as refused:
        refuse_unknown((f"name {n} " + "x" * 1_000 for n in range(10_000)), KNOWN, pointer="?")
    assert len(refused.value.problems) == 5
    assert len(refused.value.message) < 1_500


def test_a_name_of_elsewhere_gets_the_reason() -> None:
    with pytest.raises(InvalidInput, match="“explain” belongs into the body"):
        refuse_unknown(["explain"], (), others={"explain"}, hint="belongs into the body")
