"""Grids of column values, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.explanation.value_grids import grid_of
from predictor.ml.types.schema import Role


def texts(*values):
    return np.array([*values, None], object)[:-1]


def dates(*values):
    return np.array(values, "datetime64[us]")


def test_levels_come_by_frequency_then_alphabet_with_their_counts_and_missing_last():
    grid = grid_of(Role.CATEGORICAL, texts("b", None, "é", "a", "é", None, "b", None, "c"))

    assert grid.shown == ["b", "é", "a", "c", None]
    assert grid.cells.tolist() == grid.shown
    assert grid.cells.dtype == object
    assert grid.facts == {"counts": [2, 2, 1, 1, 3]}


def test_only_the_most_frequent_levels_are_in_the_grid():
    grid = grid_of(Role.CATEGORICAL, texts("a", "b", "b", "c", "c", "c"), 2)

    assert (grid.shown, grid.facts) == (["c", "b"], {"counts": [3, 2]})


def test_a_boolean_has_both_values_even_where_one_never_occurs():
    grid = grid_of(Role.BOOLEAN, np.array([1.0, np.nan, 1.0]))

    assert grid.shown == [False, True, None]
    np.testing.assert_array_equal(grid.cells, [0.0, 1.0, np.nan])
    assert grid.facts == {"counts": [0, 2, 1]}


def test_few_distinct_numbers_are_all_in_the_grid():
    grid = grid_of(Role.NUMERIC, np.array([3.0, -1.0, 3.0, 2.5]), 3)

    assert grid.shown == grid.cells.tolist() == [-1.0, 2.5, 3.0]


def test_many_numbers_give_quantiles_and_deciles_as_marks():
    values = np.random.default_rng(0).permutation(np.arange(101.0))

    grid = grid_of(Role.NUMERIC, np.append(values, np.nan), 5)

    assert grid.shown == [0.0, 25.0, 50.0, 75.0, 100.0, None]
    assert np.isnan(grid.cells[-1])
    assert grid.facts == {"marks": [10.0 * place for place in range(11)]}


def test_the_grid_is_dense_where_the_rows_are_and_holds_no_value_twice():
    # 80 rows are 0 and 21 rows are 1 to 21: of the quantiles 0, 25, 50, 75, 100 %, four are 0.
    grid = grid_of(Role.NUMERIC, np.append(np.zeros(80), np.arange(1.0, 22.0)), 5)

    assert grid.shown == [0.0, 21.0]
    assert grid.facts["marks"] == 8 * [0.0] + [1.0, 11.0, 21.0]


def test_dates_are_shown_to_the_second_and_stay_dates_as_cells():
    grid = grid_of(Role.DATETIME, dates("2024-02-29T12:30:15.25", "NaT", "1969-12-31"))

    assert grid.shown == ["1969-12-31T00:00:00", "2024-02-29T12:30:15", None]
    assert grid.cells.dtype == np.dtype("datetime64[us]")
    assert grid.cells[:2].tolist() == dates("1969-12-31", "2024-02-29T12:30:15.25").tolist()
    assert np.isnat(grid.cells[2])
    assert grid.facts["marks"][0] == "1969-12-31T00:00:00"


@pytest.mark.parametrize(
    ("role", "values"),
    [
        (Role.TEXT, texts("some words", "other words")),
        (Role.CATEGORICAL, texts(None, None)),
        (Role.NUMERIC, np.array([np.nan])),
        (Role.DATETIME, dates("NaT")),
        (Role.NUMERIC, np.array([])),
    ],
)
def test_free_text_and_a_column_without_values_have_no_grid(role, values):
    assert grid_of(role, values) is None


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1e300, 1e300) | st.just(float("nan")), min_size=1, max_size=60),
    size=st.integers(2, 8),
)
def test_a_grid_of_numbers_holds_observed_values_from_the_least_to_the_most(values, size):
    present = [value for value in values if value == value]

    grid = grid_of(Role.NUMERIC, np.array(values), size)

    if not present:
        assert grid is None
        return
    shown = [value for value in grid.shown if value is not None]
    assert set(shown) <= set(present)
    assert shown == sorted(set(shown))
    assert len(shown) <= size
    assert (shown[0], shown[-1]) == (min(present), max(present))
    assert (None in grid.shown) == (len(present) < len(values))
