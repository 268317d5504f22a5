"""Readings that are found when a table is imported. The values are worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from predictor.ml.tables import stored_tables
from predictor.ml.types.schema import Role

from ...imported_tables import Imported, Read


def values(imported: Imported, name: str) -> list[Any]:
    column = stored_tables.read_columns(imported.parquet, imported.schema, [name])[name]
    return [None if each != each else each for each in column.tolist()]


def warnings_of(imported: Imported, name: str) -> str:
    return " ".join(imported.schema[name].warnings)


def test_the_decimal_comma_of_another_column_decides_what_a_point_means(read: Read) -> None:
    """A file as German Excel writes it: eleven hundred beside a half."""
    imported = read("umsatz;menge\n" + "".join(f"1.{100 + row};{row},5\n" for row in range(40)))
    assert values(imported, "umsatz") == [1100.0 + row for row in range(40)]
    assert "“1.100” is 1.1 and not 1100" in warnings_of(imported, "umsatz")
    assert [row["menge"] for row in imported.rows] == [row + 0.5 for row in range(40)]


def test_a_text_column_shows_the_decimal_mark_too(read: Read) -> None:
    imported = read("a;b\n" + "".join(f"€ 1,{100 + row};EUR {row},5\n" for row in range(30)))
    assert values(imported, "a")[0] == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("delimiter", "cell"), [(";", "1.1{row:02}"), (",", "1.1{row:02}"), (";", "1,1{row:02}")]
)
def test_numbers_that_can_be_thousands_are_doubted_by_name(read: Read, delimiter: str, cell: str) -> None:
    rows = "".join(f"{cell.format(row=row)}{delimiter}{row % 7}\n" for row in range(30))
    imported = read(f"price{delimiter}k\n{rows}")
    assert values(imported, "price")[:2] == [1.1, 1.101]
    assert "can be read in two ways" in warnings_of(imported, "price")
    assert "it is 1100" in warnings_of(imported, "price")
    assert warnings_of(imported, "k") == ""


@pytest.mark.parametrize("more", ["0.125", "1100", "1.1", "12345.678"])
def test_one_cell_that_tells_ends_the_doubt(read: Read, more: str) -> None:
    imported = read("price,k\n" + "".join(f"1.1{row:02},{row % 7}\n" for row in range(30)) + f"{more},1\n")
    assert "two ways" not in imported.warnings


def test_a_late_cell_ends_the_doubt(read: Read) -> None:
    rows = "".join(f"1.{100 + row % 900},{row % 7}\n" for row in range(700))
    assert "two ways" in read(f"price,k\n{rows}").warnings
    assert "two ways" not in read(f"price,k\n{rows}0.5,1\n").warnings


def test_a_zero_is_before_no_thousands_mark(read: Read) -> None:
    imported = read('rate,k\n"0,083 %",1\n"3,204 %",2\n')
    assert values(imported, "rate") == [0.083, 3.204]


@pytest.mark.parametrize("word", ["k.A.", "unknown", "<LOD>"])
def test_a_few_words_do_not_spoil_a_column_of_numbers(read: Read, word: str) -> None:
    rows = [f"{1 + row / 1000:.3f}".replace(".", ",") if row % 7 else word for row in range(60)]
    imported = read("p;y\n" + "".join(f"{each};{row},5\n" for row, each in enumerate(rows)))
    column = imported.schema["p"]
    assert (column.role, column.n_missing) == (Role.NUMERIC, 9)
    assert values(imported, "p") == [1 + row / 1000 if row % 7 else None for row in range(60)]
    assert f"51 numbers and 9 other cells, which became missing: “{word}”." in warnings_of(imported, "p")


def test_a_column_with_other_cells_stays_text_and_says_which(read: Read) -> None:
    rows = "".join(f"{f'A{row}' if row % 5 == 0 else row},{row % 3}\n" for row in range(60))
    imported = read(f"code,k\n{rows}")
    assert imported.storages["code"] == "VARCHAR"
    assert imported.schema["code"].reading is None
    assert "Mixed: 48 numbers and 12 other cells; kept as text" in warnings_of(imported, "code")
    assert "“A0”" in warnings_of(imported, "code")


def test_categories_with_few_numbers_stay_categories(read: Read) -> None:
    rows = "".join(f"{('1', '2', '3', 'more')[row % 4]},{row % 3}\n" for row in range(60))
    assert read(f"doors,k\n{rows}").schema["doors"].role is Role.CATEGORICAL


def test_a_guessed_decimal_mark_is_told(read: Read) -> None:
    imported = read("price,k\n" + "".join(f'"$1,{100 + row}",{row % 7}\n' for row in range(30)))
    assert values(imported, "price")[0] == 1100.0
    assert "“$1,100” is 1.1 and not 1100. Nothing in the file tells" in warnings_of(imported, "price")


def test_amounts_beside_other_cells_are_told(read: Read) -> None:
    """Found by the random tables: a column of percentages in which many cells hold a word."""
    rows = "".join(f"{'k.A.' if row % 3 == 0 else f'{row}.5%'},{row % 4}\n" for row in range(30))
    imported = read(f"share,k\n{rows}")
    assert imported.storages["share"] == "VARCHAR"
    assert "Mixed: 20 numbers and 10 other cells; kept as text" in warnings_of(imported, "share")


def test_words_among_words_for_missing_are_no_numbers(read: Read) -> None:
    rows = "".join(f"{'-' if row % 3 else 'red'},{row % 4}\n" for row in range(30))
    imported = read(f"colour,k\n{rows}")
    assert imported.schema["colour"].role is Role.CATEGORICAL
    assert warnings_of(imported, "colour").startswith("Words that may mean missing: “-” (20).")
