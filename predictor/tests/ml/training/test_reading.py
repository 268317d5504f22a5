"""How many rows a run reads within its budget."""

from __future__ import annotations

import importlib

import pytest

from predictor.ml.training.reading import LOADED_EARLY, rows_to_read
from predictor.ml.types.schema import TableSchema
from predictor.ml.types.training_request import TrainingRequest


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
