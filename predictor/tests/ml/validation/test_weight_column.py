from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema
from predictor.ml.validation.weight_column import check_weight_column, weights_of

TABLE = TableSchema(
    (
        ColumnProfile("w", Role.NUMERIC, "DOUBLE", minimum=0.5),
        ColumnProfile("code", Role.IDENTIFIER, "BIGINT", minimum=1),
        ColumnProfile("city", Role.CATEGORICAL, "VARCHAR"),
        ColumnProfile("low", Role.NUMERIC, "DOUBLE", minimum=-1.0),
        ColumnProfile("y", Role.NUMERIC, "DOUBLE"),
    ),
    n_rows=4,
)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("none", "There is no column “none”"),
        ("y", "The target “y” cannot be the weight"),
        ("city", "holds no numbers"),
        ("low", "lowest number is -1.0"),
    ],
)
def test_a_column_that_cannot_weight_the_rows_is_refused(name: str, why: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=why) as caught:
        check_weight_column(name, TABLE, "y", "")
    assert caught.value.field == "weight_column"


@pytest.mark.parametrize("name", ["w", "code"])
def test_a_column_of_numbers_is_taken_whatever_its_role(name: str) -> None:
    check_weight_column(name, TABLE, "y", "")


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([1, np.nan, 2, np.nan], "Rows 2, 4 have no weight in “w”"),
        ([1, 1, -2, 1], "Row 3 has a negative weight"),
        ([0, 0, 0], "All rows have the weight 0"),
        ([1, np.inf], "infinite weight"),
        ([1e300, 1e299], "too large"),
    ],
)
def test_wrong_weights_are_named_by_their_rows(values: list[float], why: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=why):
        weights_of("w", np.array(values, np.float64))


def test_rows_of_weight_0_are_left_out_and_equal_weights_are_none() -> None:
    weights, warnings = weights_of("w", np.array([0.0, 2.0, 3.0]))
    assert weights is not None
    assert weights.tolist() == [0, 2, 3]
    assert warnings[0].message == "1 of 3 rows have the weight 0 in “w” and were left out."

    weights, warnings = weights_of("w", np.array([2.0, 2.0]))
    assert weights is None
    assert "the weights change nothing" in warnings[0].message
