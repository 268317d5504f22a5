"""Predicting: one call behind every face. Rows in; checked, answered, logged rows out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ..errors import InvalidRows, TooLarge
from ..ml.tables.csv_writing import csv_lines
from ..models import PredictionSource, uuid7
from . import examples, forecasts, prediction_log, registry, serving, version_facts
from .admission import admitted, check_time
from .answers import Asked, Prediction, answers, log_rows
from .csv_predictions import CsvAnswer, CsvOptions, open_csv_result, predict_csv

if TYPE_CHECKING:
    from ..models import ApiToken, RegisteredModel, User

__all__ = [
    "Answer", "CsvAnswer", "CsvOptions", "Prediction", "forecast_csv", "open_csv_result", "predict", "predict_csv",
]  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What one request gets: which version answered, and a prediction for each row in the order asked.

    `threshold`: from this probability the second class of two is predicted; None where the more probable one is.
    `rows` are what a horizon stands for; they are empty when the caller sent rows.
    """

    model: str
    version: int
    request_id: str
    predictions: tuple[Prediction, ...]
    latency_ms: float
    threshold: float | None = None
    rows: Sequence[Mapping[str, Any]] = ()


@admitted
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
) -> Answer:
    """Answers for rows {column: value} by the version of this number or alias (the champion unless said).

    Raises NotFound (no such version), NotServable, InvalidRows, TooLarge; Busy and TookTooLong; and StrictRows
    when `strict` is asked and a row is doubtful.
    `explain`: with what each column added to the answer. `nearest`: with so many training rows that are most
    like the row. `coverage`: of the intervals and sets, 0.5 to 0.99
    (0.9 unless said). `are_texts`, `is_nan_missing`: as `RowChecker.check` takes them.
    `horizon`: instead of rows, the next so many periods of a forecasting version's series, or of `group` alone.
    `history`: newer values than a forecasting version was trained on; it answers as if it knew them.
    `is_lenient`: what the version was stored without is left out, not refused.
    Every row is committed to the log before this returns, unless it is only tried (`is_logged` false).
    """
    started = time.perf_counter()
    if horizon is None and not history:
        # Before the version is loaded, which may take a while.
        _require_rows(rows)
    chosen = registry.serving_version(registered_model, version)
    served = serving.served(chosen)
    if history:
        served = forecasts.with_history(served, history)
    made = () if horizon is None else forecasts.horizon_rows(served, horizon, group)
    rows = made or rows
    _require_rows(rows)
    checked = served.checker.check(rows, strict, are_texts=are_texts, is_nan_missing=is_nan_missing)
    if is_lenient:
        explain = explain and served.predictor.can_explain
        nearest = nearest if version_facts.has_examples(chosen) else 0
    predictions = answers(served, checked, explain=explain, coverage=coverage)
    if nearest:
        predictions = examples.with_nearest(predictions, chosen, checked, nearest)
    check_time()
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    asked = Asked(by=by, source=source, token=token, request_id=request_id or uuid7().hex)
    if is_logged:
        prediction_log.append(log_rows(asked, chosen, rows, predictions, latency_ms=latency_ms))
    return Answer(
        model=registered_model.slug,
        version=chosen.number,
        request_id=asked.request_id,
        predictions=tuple(predictions),
        latency_ms=latency_ms,
        threshold=served.predictor.threshold,
        rows=made,
    )


def _require_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises InvalidRows for none, TooLarge for too many."""
    if not rows:
        raise InvalidRows("There is no row to predict; send at least one.")
    if len(rows) > settings.MAX_PREDICTION_ROWS:
        raise TooLarge(
            f"One request may hold {settings.MAX_PREDICTION_ROWS:,} rows, and this one holds {len(rows):,}. "
            "Send a CSV file, or predict them as a batch.",
            limit=settings.MAX_PREDICTION_ROWS,
        )


def forecast_csv(answer: Answer) -> str:
    """The answer to a horizon as a CSV file: the dates and series asked, then values with their intervals."""
    names = list(answer.rows[0]) if answer.rows else []
    lines: list[Sequence[Any]] = [[*names, "prediction", "interval_low", "interval_high"]]
    for row, each in zip(answer.rows, answer.predictions, strict=True):
        interval = each.interval or {}
        lines.append([*row.values(), each.prediction, interval.get("low"), interval.get("high")])
    return csv_lines(lines).decode()
