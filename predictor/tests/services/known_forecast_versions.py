"""A small forecasting version with columns beside date, value and series: a price, a promotion and a region."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from predictor.ml.execution.progress import Reporter
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.training.forecasting_run import run
from predictor.ml.types.schema import Task
from predictor.ml.types.training_request import ForecastOptions, TrainingRequest
from predictor.models import ModelVersion, RegisteredModel
from predictor.services import artifacts

from .forecast_versions import Trained
from .versions import publish

N_DAYS, HORIZON = 120, 5
# The true effects, in units sold.
OF_PRICE, OF_PROMOTION, NOISE = -20.0, 30.0, 1.0
KNOWN, STATIC = ("price", "promo"), ("region",)
FIRST = np.datetime64("2024-01-01")


def kiosks_csv(n_ahead: int = 0) -> bytes:
    """Two kiosks, each day with a price and a promotion; the last `n_ahead` days have no sales yet."""
    rng, lines = np.random.default_rng(2), ["day,kiosk,region,price,promo,sold"]
    for kiosk, region, level in (("park", "city", 100), ("beach", "coast", 200)):
        for t in range(N_DAYS + n_ahead):
            price, promo = float(rng.choice([2.0, 2.5, 3.0])), bool(rng.random() < 0.2)
            value = level + OF_PRICE * (price - 2.5) + OF_PROMOTION * promo + rng.normal(0, NOISE)
            sold = f"{value:.2f}" if t < N_DAYS else ""
            lines.append(f"{FIRST + t},{kiosk},{region},{price},{'yes' if promo else 'no'},{sold}")
    return "\n".join(lines).encode()


@cache
def trained() -> Trained:
    """Trained once for all tests of a process. The table has price and promotion of two days ahead."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "table.csv").write_bytes(kiosks_csv(n_ahead=2))
        schema = ingest_csv(folder / "table.csv", folder / "table.parquet", scratch=folder).schema
        request = TrainingRequest(
            str(folder / "table.parquet"),
            schema,
            "sold",
            task=Task.FORECASTING,
            estimator="ridge",
            forecast=ForecastOptions("day", "kiosk", HORIZON, known_columns=KNOWN, static_columns=STATIC),
        )
        run(request, folder, Reporter())
        result = json.loads((folder / "result.json").read_text())
        files = {name: (folder / each["path"]).read_bytes() for name, each in result["artifacts"].items()}
    return Trained(result, files)


def known_forecast_version(model: RegisteredModel) -> ModelVersion:
    """The next version of the model, as a finished run would publish it."""
    made, run_row = trained(), publish.run(model)
    run_row.task, run_row.target = "forecasting", "sold"
    run_row.save(update_fields=["task", "target"])
    version = publish(model, run_row, **made.result)
    version.artifacts = {
        name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}
        for name, content in made.files.items()
    }
    version.save(update_fields=["artifacts"])
    return version
