from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import InvalidInput, TooLarge
from predictor.ml.tables import reading_changes
from predictor.ml.tables.reading_changes import column_read_as, reading_of
from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.reading_choice import ReadingChoice
from predictor.ml.types.reading_evidence import Confidence
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema

from ..imported_tables import Imported, import_csv

# A German file: thousands, fractions, dates that can be read in two ways, truth values, words and plain numbers.
TEXT = "preis;satz;tag;aktiv;wort;n\n" + "".join(
    f"{1 + row % 7}.{100 + row};{row},5;0{1 + row % 9}/0{1 + row % 5}/2024;{('ja', 'nein')[row % 2]};w{row % 3};{row}\n"
    for row in range(40)
)


@pytest.fixture
def table(tmp_path: Path) -> Imported:
    return import_csv(tmp_path, TEXT, decimal=",")


def changed(table: Imported, name: str, **reading: Any) -> ColumnProfile:
    return column_read_as(table.parquet, table.schema, name, ReadingChoice.from_json(reading))


def test_another_mark_changes_the_values_and_the_profile(table: Imported) -> None:
    as_thousands = changed(table, "preis", kind="number", decimal=",", thousands=".")
    as_fractions = changed(table, "preis", kind="number", decimal=".")

    # The first row is 1.100, the 35th is 7.134.
    assert (as_thousands.minimum, as_thousands.maximum) == (1100.0, 7134.0)
    assert (as_fractions.minimum, as_fractions.maximum) == (1.1, 7.134)
    assert as_thousands.role is as_fractions.role is Role.NUMERIC
    assert sum(each.count for each in as_thousands.histogram) == 40
    assert as_thousands.evidence is not None
    assert as_thousands.evidence.confidence is Confidence.CERTAIN
    assert as_thousands.warnings == (
        "Read as numbers, decimal mark “,”, thousands mark “.”, as a person chose.",
    )


def test_the_stored_text_is_read_by_the_new_reading(table: Imported) -> None:
    column = changed(table, "tag", kind="date", dates=["M/D/Y"])
    schema = TableSchema((column,), table.schema.n_rows)

    days = read_columns(table.parquet, schema)["tag"]

    assert [str(day)[:10] for day in days[:2]] == ["2024-01-01", "2024-02-02"]
    assert str(days[5])[:10] == "2024-06-01"  # 06/01/2024
    assert (column.role, column.minimum, column.maximum) == (Role.DATETIME, "2024-01-01", "2024-09-04")


def test_a_day_and_month_that_cannot_be_told_apart_stay_in_doubt_until_somebody_chooses(
    table: Imported,
) -> None:
    found, chosen = table.schema["tag"], changed(table, "tag", kind="date", dates=["D/M/Y"])

    assert found.evidence is not None
    assert chosen.evidence is not None
    assert (found.reading, found.evidence.confidence) == (None, Confidence.IN_DOUBT)
    assert [each.dates for each in found.evidence.others] == [("D/M/Y",), ("M/D/Y",)]
    assert chosen.evidence.confidence is Confidence.CERTAIN
    assert chosen.evidence.others == (Reading(ValueKind.DATE, dates=("M/D/Y",)),)


def test_words_for_missing_are_not_lost_and_other_texts_are(table: Imported) -> None:
    column = changed(table, "wort", kind="boolean", true=["w0"], missing=["W1"])

    evidence = column.evidence
    assert evidence is not None
    # Rows 0, 3, … are w0 (14 of 40), 1, 4, … w1 (13), the others w2.
    assert (evidence.n_read, evidence.n_words, evidence.n_unreadable) == (14, 13, 13)
    assert column.n_missing == 26
    assert [each.text for each in evidence.unreadable] == ["w2"]
    assert any(
        "13 of 40 cells cannot be read so and became missing: “w2”" in each for each in column.warnings
    )


def test_the_best_reading_is_found_where_only_the_kind_is_given(table: Imported) -> None:
    column = changed(table, "aktiv", kind="boolean")
    prices = changed(table, "preis", kind="number", missing=["1.100"])

    assert (column.role, column.reading) == (Role.BOOLEAN, Reading(ValueKind.BOOLEAN))
    assert prices.reading is not None
    assert prices.evidence is not None
    assert (prices.n_missing, prices.reading.missing) == (1, ("1.100",))
    assert prices.evidence.confidence is Confidence.LIKELY  # 1.107 can be 1107, too


@pytest.mark.parametrize(
    ("name", "reading"),
    [
        ("preis", {"kind": "number", "decimal": ",", "thousands": "."}),
        ("preis", {"kind": "number", "decimal": ".", "missing": ["1.100", "2.101"]}),
        ("tag", {"kind": "date", "dates": ["M/D/Y"]}),
        ("aktiv", {"kind": "boolean", "missing": ["nein"]}),
        ("wort", {"kind": "boolean", "true": ["w0"], "false": ["w1"]}),
    ],
)
def test_the_profile_says_what_training_reads(table: Imported, name: str, reading: dict[str, Any]) -> None:
    column = changed(table, name, **reading)

    values = read_columns(table.parquet, TableSchema((column,), 40))[name]

    present = values[~np.isnat(values) if values.dtype.kind == "M" else ~np.isnan(values)]
    assert column.n_missing == 40 - len(present)
    assert column.evidence is not None
    assert column.evidence.n_read + column.evidence.n_missing + column.evidence.n_unreadable == 40
    if column.role is Role.NUMERIC:
        assert (column.minimum, column.maximum, column.mean) == pytest.approx(
            (present.min(), present.max(), present.mean())
        )


def test_as_text_a_column_loses_its_range(table: Imported) -> None:
    schema = TableSchema((changed(table, "preis", kind="number", decimal="."), *table.schema.columns[1:]), 40)

    column = column_read_as(table.parquet, schema, "preis", ReadingChoice(None))

    assert (column.reading, column.evidence, column.minimum, column.histogram) == (None, None, None, ())
    assert column.role is Role.IDENTIFIER  # 40 different texts in 40 rows
    assert (
        column_read_as(table.parquet, schema, "preis", ReadingChoice(None, role=Role.CATEGORICAL)).role
        is Role.CATEGORICAL
    )


def test_a_text_column_is_proposed_to_be_read_as_what_its_cells_are(table: Imported) -> None:
    proposals = reading_of(table.parquet, table.schema, "aktiv").proposals

    assert [(each.reading.kind, each.n_unreadable) for each in proposals] == [(ValueKind.BOOLEAN, 0)]
    assert reading_of(table.parquet, table.schema, "wort").proposals == ()


def test_examples_are_the_stored_texts(table: Imported) -> None:
    assert [each.text for each in reading_of(table.parquet, table.schema, "wort").examples] == [
        "w0",
        "w1",
        "w2",
    ]


@pytest.mark.parametrize(
    ("name", "reading", "sentence"),
    [
        ("n", {"kind": "number"}, "Only text has a reading"),
        ("none", {"kind": "number"}, "no column “none”"),
        ("wort", {"kind": "date", "dates": ["Y-M-D"]}, "No cell of “wort” can be read as dates"),
        ("wort", {"kind": "number"}, "No cell of “wort” can be read as numbers"),
    ],
)
def test_a_reading_of_no_cell_is_refused(
    table: Imported, name: str, reading: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        changed(table, name, **reading)


def test_a_column_of_very_many_texts_is_refused(table: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_changes, "MAX_DISTINCT", 20)

    with pytest.raises(TooLarge, match="“preis” has"):
        reading_of(table.parquet, table.schema, "preis")


@pytest.fixture
def answers(tmp_path: Path) -> Imported:
    """Of 60 answers, 20 are “yes ”, 10 are “Yes”, 20 are “no” and 10 are “NA”."""
    cells = ["yes ", "no", "yes ", "no", "Yes", "NA"]
    return import_csv(tmp_path, "n,answer\n" + "".join(f'{row},"{cells[row % 6]}"\n' for row in range(60)))


def test_categories_are_joined_and_words_are_missing_as_a_person_chose(answers: Imported) -> None:
    column = changed(answers, "answer", kind="text", ignores=["case"], missing=["na"])
    schema = TableSchema((answers.schema["n"], column), answers.schema.n_rows)

    assert (column.role, column.n_distinct, column.n_missing) == (Role.CATEGORICAL, 2, 10)
    # “Yes” is the spelling without needless blanks.
    assert [(each.value, each.count) for each in column.levels] == [("Yes", 30), ("no", 20)]
    assert column.warnings == (
        "Read as categories without regard to blanks and case; missing: “na”, as a person chose.",
    )
    assert column.evidence is not None
    assert (column.evidence.n_read, column.evidence.n_words, column.evidence.n_unreadable) == (50, 10, 0)
    values = read_columns(answers.parquet, schema, ["answer"])["answer"].tolist()
    assert values[:6] == ["Yes", "no", "Yes", "no", "Yes", None]


def test_joined_categories_come_apart_again(answers: Imported) -> None:
    joined = changed(answers, "answer", kind="text", ignores=["case"], missing=["na"])
    schema = TableSchema((answers.schema["n"], joined), answers.schema.n_rows)

    apart = column_read_as(answers.parquet, schema, "answer", ReadingChoice.from_json({"kind": "text"}))

    assert (apart.n_distinct, apart.n_missing, apart.evidence) == (4, 0, None)
    assert {each.value: each.count for each in apart.levels} == {"yes ": 20, "no": 20, "Yes": 10, "NA": 10}
    assert any("differ only in upper and lower case" in each for each in apart.warnings)


def test_what_may_be_joined_or_missing_is_proposed_beside_what_is(answers: Imported) -> None:
    first = reading_of(answers.parquet, answers.schema, "answer").proposals
    joined = changed(answers, "answer", kind="text", ignores=["case"])
    schema = TableSchema((answers.schema["n"], joined), answers.schema.n_rows)
    second = reading_of(answers.parquet, schema, "answer").proposals

    assert [each.reading for each in first if each.reading.kind is ValueKind.TEXT] == [
        Reading(ValueKind.TEXT, ignores=("case",)),
        Reading(ValueKind.TEXT, missing=("na",)),
    ]
    assert [each.reading for each in second if each.reading.kind is ValueKind.TEXT] == [
        Reading(ValueKind.TEXT, ignores=("case",), missing=("na",))
    ]


def test_categories_that_would_all_be_missing_are_refused(answers: Imported) -> None:
    with pytest.raises(InvalidInput, match="Every cell of “answer” would be missing"):
        changed(answers, "answer", kind="text", missing=["yes", "no", "na"])
