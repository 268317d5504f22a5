"""How many rows a run reads within its budget, by which readings, and what it tells about its columns."""

from __future__ import annotations

import importlib
from dataclasses import replace
from typing import Any

import pytest

from predictor.errors import LosesCells
from predictor.ml.tables.reading_changes import column_read_as
from predictor.ml.training.reading import LOADED_EARLY, rows_to_read, with_role_readings
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.reading_choice import ReadingChoice
from predictor.ml.types.schema import ColumnProfile, Level, Role, TableSchema
from predictor.ml.types.training_request import TrainingRequest
from predictor.tests.ml.imported_tables import import_csv

# Of 60 amounts, 15 are words; of 60 prices, 15 are negative as accountants write it.
TEXT = "amount,price\n" + "".join(
    f"{'unknown' if row % 4 == 0 else row},{f'({row})' if row % 4 == 0 else row}\n" for row in range(60)
)


@pytest.mark.parametrize(
    ("n_rows", "budget", "n_read"),
    [
        (500_000, 10.0, None),
        (500_001, 10.0, 500_000),
        (10**9, 60.0, 3_000_000),
        # However short the budget is, a thousand rows are read.
        (1_000, 0.001, None),
        (1_001, 0.001, 1_000),
        (0, 10.0, None),
    ],
)
def test_fifty_thousand_rows_are_read_for_each_second_of_the_budget(n_rows, budget, n_read):
    request = TrainingRequest("table.parquet", TableSchema((), n_rows), "y", budget_seconds=budget)

    assert rows_to_read(request) == n_read


def test_the_modules_that_are_loaded_early_exist():
    for name in LOADED_EARLY:
        assert importlib.import_module(name)


def request_of(table, share, **roles):
    request = TrainingRequest(str(table.parquet), table.schema, "price", roles=roles)
    return request if share is None else replace(request, max_lost_share=share)


@pytest.mark.parametrize("share", [None, 0.25, 1.0])
def test_a_role_that_empties_cells_is_told(tmp_path, share):
    table = import_csv(tmp_path, TEXT)

    request, warnings = with_role_readings(request_of(table, share, amount=Role.NUMERIC), ["amount"])

    assert [str(each.column) for each in warnings] == ["amount"]
    assert (
        "15 of 60 cells of “amount” are not read as numbers and became missing: “unknown”"
        in warnings[0].message
    )
    assert request.table["amount"].reading.missing == ("unknown",)


def test_a_role_that_empties_more_cells_than_allowed_is_refused(tmp_path):
    table = import_csv(tmp_path, TEXT)

    with pytest.raises(LosesCells, match="15 of 60 cells of “amount”"):
        with_role_readings(request_of(table, 0.24, amount=Role.NUMERIC), ["amount"])


def test_negatives_in_brackets_are_read_and_not_lost(tmp_path):
    table = import_csv(tmp_path, TEXT)

    _, warnings = with_role_readings(request_of(table, 0.0, price=Role.NUMERIC), ["price"])

    assert warnings == []


def test_what_a_reading_of_the_dataset_loses_is_told_in_each_run(tmp_path):
    table = import_csv(tmp_path, TEXT)
    choice = ReadingChoice.from_json({"kind": "number", "decimal": "."})
    amount = column_read_as(table.parquet, table.schema, "amount", choice)
    schema = replace(table.schema, columns=(amount, table.schema["price"]))

    request, warnings = with_role_readings(replace(request_of(table, 0.0), schema=schema), ["amount"])

    assert "15 of 60 cells of “amount”" in warnings[0].message
    # A prediction takes the word as missing, as training did.
    assert request.table["amount"].reading.missing == ("unknown",)


def column(name: str, *counts: tuple[str, int], **known: Any) -> ColumnProfile:
    levels = tuple(Level(value, n) for value, n in counts)
    return ColumnProfile(name, Role.CATEGORICAL, "VARCHAR", n_distinct=len(levels), levels=levels, **known)


def told(*columns: ColumnProfile, **asked: Any) -> list[tuple[str | None, str]]:
    request = TrainingRequest("table.parquet", TableSchema(columns, 100), "y", **asked)
    same, warnings = with_role_readings(request, [each.name for each in columns])
    assert same == request
    return [(each.column, each.message) for each in warnings]


def test_classes_that_may_be_one_or_missing_are_told():
    target = column("y", ("no", 50), ("yes", 30), ("Yes", 12), ("NA", 8))

    assert told(target) == [
        (
            "y",
            "Classes of the target “y” differ only in upper and lower case: “yes” (30), “Yes” (12). They were learnt "
            "as different classes; train again with their spellings joined to make them one.",
        ),
        (
            "y",
            "Classes of the target “y” may mean missing: “NA” (8). They were learnt as classes; train again with "
            "these words taken as missing to leave their rows out.",
        ),
    ]
    assert told(target, readings={"y": Reading(ValueKind.TEXT, ignores=("case",), missing=("na",))}) == []


def test_categories_of_features_are_told_after_the_target_and_ten_at_most():
    features = [column(f"x{n}", ("a", 90), ("?", 10)) for n in range(12)]

    warnings = told(*features, column("y", ("b", 50), ("B", 50)))

    assert [name for name, _ in warnings] == ["y", *(f"x{n}" for n in range(10))]
    assert warnings[1][1] == "Categories of “x0” may mean missing: “?” (10). They were kept as categories."


def test_columns_that_are_not_used_or_hold_no_categories_are_not_told():
    request = TrainingRequest("", TableSchema((column("x", ("a", 9), ("A", 9)),), 18), "y")

    assert with_role_readings(request, []) == (request, [])
    assert told(column("x", ("a", 9), ("A", 9)), roles={"x": Role.TEXT}) == []
