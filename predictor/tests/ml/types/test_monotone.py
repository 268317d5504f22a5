from __future__ import annotations

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.monotone import Direction, monotone_sentences, parsed, turned


def test_directions_are_read_by_column():
    assert parsed({"age": "increasing", "price": "decreasing"}) == {
        "age": Direction.INCREASING,
        "price": Direction.DECREASING,
    }
    assert parsed(None) == {}
    assert (Direction.INCREASING.sign, Direction.DECREASING.sign) == (1, -1)


@pytest.mark.parametrize("data", [["age"], "age", {"age": "up"}, {"age": 1}, {"age": None}])
def test_other_directions_are_refused_by_name(data):
    with pytest.raises(InvalidTrainingRequest) as refused:
        parsed(data)
    assert refused.value.field == "monotone"


PROOFS = [
    {"column": "size", "direction": "increasing", "n_rows": 200, "n_values": 68},
    {"column": "age", "direction": "decreasing", "n_rows": 1200, "n_values": 5},
]


def test_a_report_says_what_holds_of_each_column():
    assert monotone_sentences({"monotone": PROOFS}) == [
        "size: the prediction never falls when it rises; checked for 200 rows at 68 values on what serves.",
        "age: the prediction never rises when it rises; checked for 1,200 rows at 5 values on what serves.",
    ]
    assert monotone_sentences({}) == []


def test_of_two_classes_it_is_the_probability_of_the_positive_one():
    assert monotone_sentences({"monotone": PROOFS[:1]}, "yes")[0].startswith(
        "size: the probability of “yes” never falls when it rises"
    )
    assert [each["direction"] for each in turned(PROOFS)] == ["decreasing", "increasing"]
    assert turned(turned(PROOFS)) == PROOFS
