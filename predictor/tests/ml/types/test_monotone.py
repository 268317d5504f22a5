from __future__ import annotations

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.monotone import Direction, parsed


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
