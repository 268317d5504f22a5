"""A small forecasting version that can predict: two monthly series with trend and season."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from predictor.ml.execution.progress import Reporter
from predictor.ml.training.forecasting_run import run
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.training_request import ForecastOptions, TrainingRequest
from predictor.models import ModelVersion, RegisteredModel
from predictor.services import artifacts

from .versions import publish

N_MONTHS, HORIZON = 72, 4
SHOPS = ("north", "south")


def shops_csv(shops: Sequence[object] = SHOPS) -> bytes:
    """The training data as a CSV upload."""
    draw, text = np.random.default_rng(3), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["month", "shop", "sold"])
    months = np.datetime64("2018-01") + np.arange(N_MONTHS)
    for place, shop in enumerate(shops):
        for t, month in enumerate(months):
            value = 100 * (place + 1) + t + 20 * np.sin(2 * np.pi * t / 12) + draw.normal(0, 2)
            writer.writerow([f"{month}-01", shop, round(float(value), 2)])
    return text.getvalue().encode()


@dataclass(frozen=True)
class Trained:
    """The output of a run: result.json and the files."""

    result: dict[str, Any]
    files: dict[str, bytes]


@cache
def trained(shops: Sequence[object] = SHOPS) -> Trained:
    """Trained once for all tests of a process."""
    storage = "BIGINT" if isinstance(shops[0], int) else "VARCHAR"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "table.csv").write_bytes(shops_csv(shops))
        with duckdb.connect() as database:
            table = f"read_csv('{folder / 'table.csv'}')"
            database.execute(f"COPY (SELECT * FROM {table}) TO '{folder / 'table.parquet'}' (FORMAT parquet)")
        schema = TableSchema(
            (
                ColumnProfile("month", Role.DATETIME, "DATE", n_distinct=N_MONTHS),
                ColumnProfile("shop", Role.CATEGORICAL, storage, n_distinct=2),
                ColumnProfile("sold", Role.NUMERIC, "DOUBLE", n_distinct=2 * N_MONTHS),
            ),
            2 * N_MONTHS,
        )
        request = TrainingRequest(
            str(folder / "table.parquet"),
            schema,
            "sold",
            task=Task.FORECASTING,
            estimator="ridge",
            forecast=ForecastOptions("month", "shop", HORIZON),
        )
        run(request, folder, Reporter())
        result = json.loads((folder / "result.json").read_text())
        files = {name: (folder / each["path"]).read_bytes() for name, each in result["artifacts"].items()}
    return Trained(result, files)


def forecast_version(model: RegisteredModel, shops: Sequence[object] = SHOPS) -> ModelVersion:
    """The next version of the model, as a finished run would publish it."""
    made, run_row = trained(shops), publish.run(model)
    run_row.task, run_row.target = "forecasting", "sold"
    run_row.save(update_fields=["task", "target"])
    version = publish(model, run_row, **made.result)
    version.artifacts = {
        name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}
        for name, content in made.files.items()
    }
    version.save(update_fields=["artifacts"])
    return version
