"""Prediction: the one service behind every interface. Checks rows, predicts them and logs them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ...errors import InvalidRows, TooLarge
from ...ml.tables.csv_writing import csv_lines
from ...models import PredictionSource, uuid7
from .. import prediction_log, registry
from ..registry import version_facts
from . import horizons, loaded_versions, nearest_examples
from .admission import check_time, limited
from .csv_predictions import CsvAnswer, CsvOptions, open_csv_result, predict_csv
from .row_answers import Caller, Prediction, answers, log_rows

if TYPE_CHECKING:
    from ...models import ApiToken, RegisteredModel, User

__all__ = [
    "CsvAnswer", "CsvOptions", "Prediction", "PredictionResponse", "forecast_csv", "open_csv_result", "predict",
    "predict_csv",
]  # fmt: skip


@dataclass(frozen=True)
class PredictionResponse:
    """The response to one request: the version, and one prediction for each row, in the order of the request.

    `threshold`: from this probability on, the second of two classes is predicted; None: the more probable class.
    `rows` are the rows of a horizon; empty when the caller sent rows.
    """

    model: str
    version: int
    request_id: str
    predictions: tuple[Prediction, ...]
    latency_ms: float
    threshold: float | None = None
    rows: Sequence[Mapping[str, Any]] = ()


@limited
def predict(
    *,
    registered_model: RegisteredModel,
    rows: Sequence[Mapping[str, Any]] = (),
    horizon: int | None = None,
    group: str | None = None,
    history: Sequence[Mapping[str, Any]] = (),
    version: int | str | None = None,
    strict: bool = False,
    explain: bool = False,
    nearest: int = 0,
    coverage: float | None = None,
    is_lenient: bool = False,
    is_logged: bool = True,
    are_texts: bool = False,
    is_nan_missing: bool = False,
    by: User | None,
    token: ApiToken | None = None,
    source: str = PredictionSource.API,
    request_id: str = "",
) -> PredictionResponse:
    """Predict rows {column: value} with the version of this number or alias (default: the champion).

    Raises NotFound (no such version), NotServable, InvalidRows, TooLarge; Busy and TookTooLong; StrictRows when
    `strict` is set and a row has a warning.
    `explain`: add Shapley values, the contribution of each column. `nearest`: add this many nearest training rows.
    `coverage`: of the intervals and sets, 0.5 to 0.99 (default 0.9). `are_texts`, `is_nan_missing`: see
    `RowChecker.check`.
    `horizon`: instead of rows, the next periods of all series of a forecasting version, or of `group` alone.
    `history`: observations newer than the training data, from which a forecasting version continues.
    `is_lenient`: leave out options that the version was stored without, instead of refusing them.
    Every row is logged before this returns (see `prediction_log.append`), unless `is_logged` is false.
    """
    started = time.perf_counter()
    if horizon is None and not history:
        # Check before loading the version, which may take seconds.
        _require_rows(rows)
    chosen = registry.serving_version(registered_model, version)
    served = loaded_versions.load(chosen)
    if history:
        served = horizons.with_history(served, history)
    made = () if horizon is None else horizons.horizon_rows(served, horizon, group)
    rows = made or rows
    _require_rows(rows)
    checked = served.checker.check(rows, strict, are_texts=are_texts, is_nan_missing=is_nan_missing)
    if is_lenient:
        explain = explain and served.predictor.can_explain
        nearest = nearest if version_facts.has_examples(chosen) else 0
    predictions = answers(served, checked, explain=explain, coverage=coverage)
    if nearest:
        predictions = nearest_examples.with_nearest(predictions, chosen, checked, nearest)
    check_time()
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    asked = Caller(by=by, source=source, token=token, request_id=request_id or uuid7().hex)
    if is_logged:
        prediction_log.append(log_rows(asked, chosen, rows, predictions, latency_ms=latency_ms))
    return PredictionResponse(
        model=registered_model.slug,
        version=chosen.number,
        request_id=asked.request_id,
        predictions=tuple(predictions),
        latency_ms=latency_ms,
        threshold=served.predictor.threshold,
        rows=made,
    )


def _require_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises InvalidRows when there is no row, TooLarge when there are too many."""
    if not rows:
        raise InvalidRows("There is no row to predict; send at least one.")
    if len(rows) > settings.MAX_PREDICTION_ROWS:
        raise TooLarge(
            f"One request may hold {settings.MAX_PREDICTION_ROWS:,} rows, and this one holds {len(rows):,}. "
            "Send a CSV file, or predict them as a batch.",
            limit=settings.MAX_PREDICTION_ROWS,
        )


def forecast_csv(answer: PredictionResponse) -> str:
    """A forecast as CSV text: dates and series, then values with their intervals."""
    names = list(answer.rows[0]) if answer.rows else []
    lines: list[Sequence[Any]] = [[*names, "prediction", "interval_low", "interval_high"]]
    for row, each in zip(answer.rows, answer.predictions, strict=True):
        interval = each.interval or {}
        lines.append([*row.values(), each.prediction, interval.get("low"), interval.get("high")])
    return csv_lines(lines).decode()
