from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.inputs.number_columns import places_of_others, read_numbers, typed_numbers, with_points

TEXTS = st.one_of(
    st.text("0123456789-.,+eE _", max_size=5),
    st.text("0123456789", min_size=14, max_size=17),
    st.floats(-1e16, 1e16).map(repr),
    st.integers(-(10**16), 10**16).map(str),
)


@given(cells=st.lists(TEXTS, min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_accepted_cells_have_the_values_of_python(cells: list[str]) -> None:
    numbers = read_numbers(cells)

    if numbers is not None:
        assert numbers.tolist() == [float(cell) for cell in cells]
        assert places_of_others(cells) == []
    elif not places_of_others(cells):
        # Rounded up to 1e15.
        assert max(abs(float(cell)) for cell in cells) >= 1e15


@given(numbers=st.lists(st.decimals(-(10**9), 10**9, places=3), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_usual_numbers_are_accepted(numbers: list[Any]) -> None:
    cells = [str(number) for number in numbers]

    assert read_numbers(cells) is not None
    assert places_of_others(cells) == []


@pytest.mark.parametrize(
    "cell",
    [
        "", " 1", "1 ", "+1", "007", "00", "-", "1.", ".5", "1e3", "1E3", "1_000", "0x1F", "nan", "inf", "null", "true",
        "1,2", "--1", "1-2", "1.2.3", "٣", "１", "1000000000000000", "-1000000000000000", "0." + "1" * 24, "[1]", "1\n",
    ],
)  # fmt: skip
def test_another_form_of_a_number_is_left_to_the_other_checks(cell: str) -> None:
    assert read_numbers([cell]) is None
    assert read_numbers(["1", cell, "2"]) is None
    assert places_of_others(["1", cell, "2", cell]) == [1, 3]


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("0", 0.0),
        ("-0", 0.0),
        ("-0.5", -0.5),
        ("999999999999999", 999_999_999_999_999.0),
        ("0.12345678901234567890123", 0.12345678901234568),
    ],
)
def test_numbers_at_the_limits_are_accepted(cell: str, number: float) -> None:
    numbers = read_numbers([cell])

    assert numbers is not None
    assert numbers.dtype == np.float64
    assert numbers.tolist() == [number]


# --- Typed numbers ------------------------------------------------------------------------------------------


@given(
    cells=st.lists(
        st.one_of(st.none(), st.floats(), st.integers(-(2**63), 2**64 - 1)), min_size=1, max_size=20
    ).filter(lambda cells: set(cells) != {None})
)
@settings(max_examples=50, deadline=None)
def test_typed_numbers_are_float64_and_json(cells: list[Any]) -> None:
    typed = typed_numbers(cells)

    assert typed is not None
    np.testing.assert_array_equal(typed[0], [math.nan if cell is None else float(cell) for cell in cells])
    assert [orjson.loads(text) for text in typed[1]] == [
        cell if cell is not None and math.isfinite(cell) else None for cell in cells
    ]


@pytest.mark.parametrize(
    "cells", [[None], [True, 1], [1, "2"], [2**64], [-(2**63) - 1], [np.float64(1.5)], [[1]]]
)
def test_cells_that_are_no_plain_numbers_are_left_to_the_other_checks(cells: list[Any]) -> None:
    assert typed_numbers(cells) is None


# --- Decimal commas -----------------------------------------------------------------------------------------


def test_a_decimal_comma_becomes_a_point_and_points_of_thousands_are_dropped() -> None:
    assert with_points(["1,5", "-1.234.567,25", "1.5", "12", ",5", "1,2,3", ""]) == [
        "1.5", "-1234567.25", "1.5", "12", ".5", "1.2.3", "",
    ]  # fmt: skip
