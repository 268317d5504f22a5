from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.evaluation.monotonicity import check_monotone, values_of
from predictor.ml.types.monotone import Direction

COLUMNS = {"x": np.linspace(0, 10, 101), "z": np.tile([0.0, 1.0], 51)[:101]}


def checked(predict, direction):
    return check_monotone(predict, COLUMNS, {"x": direction}, scale=1.0, seed=0)[0]


def test_a_monotone_function_holds_in_its_direction_only():
    rising = lambda columns: np.floor(columns["x"]) + columns["z"]  # noqa: E731
    assert checked(rising, Direction.INCREASING).holds
    assert not checked(rising, Direction.DECREASING).holds


def test_a_dip_of_a_few_rows_is_found_and_measured():
    def dips(columns):
        return columns["x"] - 3.0 * ((columns["x"] > 6) & (columns["z"] == 1.0))

    found = checked(dips, Direction.INCREASING)
    assert found.largest_violation == pytest.approx(3.0, abs=0.2)


def test_the_grid_goes_beyond_the_ends_and_leaves_missing_out():
    values = values_of(np.array([1.0, np.nan, 3.0]))
    assert values[0] == pytest.approx(1 - 200)
    assert values[-1] == pytest.approx(3 + 200)
    assert np.isfinite(values).all()
