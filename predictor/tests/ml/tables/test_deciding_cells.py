"""Which cells are the reason that a column stayed text."""

from __future__ import annotations

import pytest

from predictor.ml.tables.deciding_cells import with_deciding_cells
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, Level, Role, TableSchema

from ..imported_tables import Read


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        (["12", "13", "A4", "15", "A4", "B", "NA"], "The others are “A4”, “B”."),
        (["00501", "10115", "90210"], "The cells that decided: “00501” (1)."),
        (["1E05", "10e4", "7"], "The cells that decided: “10e4” (1), “1E05” (1)."),
        (["12345678901234567890", "5"], "The cells that decided: “12345678901234567890” (1)."),
        (["2024-01-05", "2024-01-06", "soon"], "The others are “soon”."),
        (["1", *[f"x{n}" for n in range(7)]], "“x4” (1) and 2 more."),
    ],
)
def test_the_cells_that_decided_are_named(read: Read, cells: list[str], warning: str) -> None:
    table = read("v,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)))

    assert table.storages["v"] == "VARCHAR"
    assert any(warning in each for each in table.schema["v"].warnings), table.schema["v"].warnings


@pytest.mark.parametrize(
    "cells",
    [["a", "b"], ["1", "2"], ["$1", "$2"], ["1E05", "2E05"], ["true", "false"], ["01/02/2024", "13/02/2024"]],
)
def test_a_column_of_one_kind_names_no_cells(read: Read, cells: list[str]) -> None:
    table = read("v,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells)))

    assert not any("decided" in each for each in table.schema["v"].warnings)


def test_numbers_are_read_by_the_decimal_mark_of_the_file() -> None:
    levels = (Level("1,5", 3), Level("x", 1))
    column = ColumnProfile("v", Role.CATEGORICAL, "VARCHAR", levels=levels, warnings=("Mixed: 3 numbers",))
    schema = TableSchema((column,), 4)

    told = with_deciding_cells(schema, decimal=",")["v"].warnings
    assert told == ("Mixed: 3 numbers", "The cells that decided: “x” (1).")
    # By the other mark both cells are no numbers: then none of them decided.
    assert with_deciding_cells(schema, decimal=".") == schema


def test_a_column_with_a_reading_did_not_stay_text() -> None:
    column = ColumnProfile(
        "v", Role.NUMERIC, "VARCHAR", levels=(Level("1", 1), Level("x", 1)), warnings=("Mixed: ",),
        reading=Reading(ValueKind.NUMBER),
    )  # fmt: skip

    assert with_deciding_cells(TableSchema((column,), 2), decimal=".")["v"] == column
