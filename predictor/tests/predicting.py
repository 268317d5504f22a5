"""Predictions in tests, with options and caller as plain keyword arguments."""

from __future__ import annotations

from typing import Any

from predictor.models import PredictionSource, RegisteredModel
from predictor.services import batches, predictions
from predictor.services.predictions import (
    Caller,
    CsvAnswer,
    CsvOptions,
    PredictionOptions,
    PredictionResponse,
)

CALLER = ("by", "source", "token", "request_id")


def carriers(arguments: dict[str, Any]) -> dict[str, Any]:
    """`options` and `caller` from keyword arguments, which are taken out of `arguments`."""
    caller = {name: arguments.pop(name) for name in CALLER if name in arguments}
    names = [name for name in PredictionOptions.__dataclass_fields__ if name in arguments]
    options = PredictionOptions(**{name: arguments.pop(name) for name in names})
    return {"options": options, "caller": Caller(**{"by": None, **caller})}


def predict(registered_model: RegisteredModel, rows: Any = (), **more: Any) -> PredictionResponse:
    given = carriers(more)
    return predictions.predict(registered_model=registered_model, rows=rows, **given, **more)


def predict_csv(
    registered_model: RegisteredModel, file: Any, *, csv_options: CsvOptions = CsvOptions(), **more: Any
) -> CsvAnswer:
    given = carriers({"source": PredictionSource.CSV, **more})
    return predictions.predict_csv(
        registered_model=registered_model, file=file, csv_options=csv_options, **given
    )


def start_batch(registered_model: RegisteredModel, data: Any, **more: Any) -> Any:
    given = carriers(more)
    return batches.start(registered_model=registered_model, data=data, **given, **more)
