"""Spellings of one category at import: what is joined, and what is only told."""

from __future__ import annotations

from pathlib import Path

import pytest

from predictor.ml.tables import category_spellings, column_statistics
from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import Level, Role

from ..imported_tables import Imported, Read

E_IN_NFC, E_IN_NFD = "caf\u00e9", "cafe\u0301"


def imported(read: Read, cells: list[str]) -> Imported:
    return read("n,c\n" + "".join(f'{n},"{cell}"\n' for n, cell in enumerate(cells)))


def test_blanks_and_the_unicode_form_are_joined_and_told(read: Read) -> None:
    cells = (
        ["New York"] * 3 + ["New  York", " New York"] + [E_IN_NFC] * 2 + [E_IN_NFD] + ["", " "] + ["x"] * 5
    )

    table = imported(read, cells)

    column = table.schema["c"]
    assert column.reading == Reading(ValueKind.TEXT)
    assert column.levels == (Level("New York", 5), Level("x", 5), Level(E_IN_NFC, 3))
    assert (column.n_distinct, column.n_missing) == (3, 2)
    assert column.warnings == (
        "5 spellings differ only in blanks or the Unicode form and are read as 2 categories: “New York” (3), "
        f"“ New York” (1), “New  York” (1); “{E_IN_NFC}” (2), “{E_IN_NFD}” (1).",
    )
    values = read_columns(table.parquet, table.schema, ["c"])["c"].tolist()
    assert values == ["New York"] * 5 + [E_IN_NFC] * 3 + [None] * 2 + ["x"] * 5


def test_the_file_stays_as_it_is(read: Read) -> None:
    assert [row["c"] for row in imported(read, ["a", "a ", "b"]).rows] == ["a", "a ", "b"]


def test_spellings_that_all_have_blanks_keep_them(read: Read) -> None:
    table = imported(read, ["yes ", "yes ", " yes", "no", "no"])

    assert table.schema["c"].reading == Reading(ValueKind.TEXT, spellings=("yes ",))
    assert read_columns(table.parquet, table.schema, ["c"])["c"].tolist() == ["yes "] * 3 + ["no"] * 2


def test_upper_and_lower_case_and_numbers_stay_apart_and_are_told(read: Read) -> None:
    table = imported(read, ["yes", "yes", "YES", "3", "3.0", "x"])

    column = table.schema["c"]
    assert column.reading is None
    assert column.warnings[-1] == (
        "Categories differ only in upper and lower case or in how a whole number is written: “yes” (2), “YES” (1); "
        "“3” (1), “3.0” (1). They stay apart, unless a person joins their spellings."
    )
    assert column.n_distinct == 5


def test_words_for_missing_are_told_with_their_cells(read: Read) -> None:
    column = imported(read, ["yes", "no", "NA", "NA", "?"]).schema["c"]

    assert column.warnings == (
        "Words that may mean missing: “NA” (2), “?” (1). They are categories, unless a person takes them as "
        "missing.",
    )
    assert (column.n_missing, column.n_distinct, column.reading) == (0, 4, None)


@pytest.mark.parametrize(
    ("cells", "role"),
    [
        ([f"id{n}" for n in range(20)] + ["ID1 "], Role.IDENTIFIER),
        ([f"the word {n} again and again" for n in range(30)] + ["The word 3 again and again "], Role.TEXT),
    ],
)
def test_identifiers_and_free_text_are_not_touched(read: Read, cells: list[str], role: Role) -> None:
    column = imported(read, cells).schema["c"]

    assert column.role is role
    assert column.reading is None
    assert not any("differ only" in each for each in column.warnings)


def test_categories_beyond_the_listed_levels_are_joined_too(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each twice, so that they are categories; a profile lists a thousand.
    cells = [f"k{n}{blank}" for n in range(600) for blank in ("", " ")] * 2

    column = imported(read, cells).schema["c"]
    assert column.n_distinct == 600
    assert column.levels[0] == Level("k0", 4)
    assert len(column.levels) == 600

    monkeypatch.setattr(category_spellings, "MAX_CATEGORIES", 1_199)
    assert imported(read, cells).schema["c"].n_distinct == 1_200


def test_long_texts_are_compared_whole(read: Read) -> None:
    long = "x" * 250
    table = imported(read, [f"{long}a", f"{long}a", f"{long}b", f"{long}b", "y", "y "])

    assert table.schema["c"].n_distinct == 3
    assert [len(level.value) for level in table.schema["c"].levels] == [200, 200, 1]
    values = read_columns(table.parquet, table.schema, ["c"])["c"].tolist()
    assert values == [f"{long}a"] * 2 + [f"{long}b"] * 2 + ["y"] * 2


def test_a_dataset_without_text_is_not_read_again(tmp_path: Path, read: Read) -> None:
    schema = read("a,b\n1,2.5\n2,3.5\n").schema

    assert category_spellings.with_joined_spellings(tmp_path / "none.parquet", schema) == schema


def test_in_a_wide_table_the_listed_categories_are_compared(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(category_spellings, "MAX_COUNTED_COLUMNS", 0)
    monkeypatch.setattr(column_statistics, "MAX_LEVELS", 4)
    monkeypatch.setattr(column_statistics, "MIN_LEVELS", 1)
    cells = ["a"] * 9 + ["a "] * 8 + ["b"] * 7 + ["c"] * 6 + [" d"] * 2 + ["d"] * 1

    table = imported(read, cells)

    column = table.schema["c"]
    assert column.levels == (Level("a", 17), Level("b", 7), Level("c", 6))
    assert column.reading == Reading(ValueKind.TEXT)
    values = read_columns(table.parquet, table.schema, ["c"])["c"].tolist()
    assert values == ["a"] * 17 + ["b"] * 7 + ["c"] * 6 + ["d"] * 3
