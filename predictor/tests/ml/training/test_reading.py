"""How many rows a run reads within its budget, and by which readings."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from predictor.errors import LosesCells
from predictor.ml.tables.reading_changes import column_read_as
from predictor.ml.training.reading import LOADED_EARLY, rows_to_read, with_role_readings
from predictor.ml.types.reading_choice import ReadingChoice
from predictor.ml.types.schema import Role, TableSchema
from predictor.ml.types.training_request import TrainingRequest
from predictor.tests.ml.tables.imported_tables import import_csv

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
