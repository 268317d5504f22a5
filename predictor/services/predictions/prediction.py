"""Prediction: the one service behind every interface. Checks rows, predicts them and logs them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ...errors import InvalidRows, Problem, TooLarge
from ...ml.csv_files.csv_writing import csv_lines
from .. import prediction_log, registry
from ..registry import version_facts
from . import horizons, loaded_versions, nearest_examples
from .admission import check_time, limited
from .csv_predictions import CsvAnswer, CsvOptions, open_csv_result, predict_csv
from .options import Caller, PredictionOptions
from .row_answers import Prediction, answers, log_rows

if TYPE_CHECKING:
    from ...models import RegisteredModel

__all__ = [
    "Caller", "CsvAnswer", "CsvOptions", "Prediction", "PredictionOptions", "PredictionResponse", "forecast_csv",
    "open_csv_result", "predict", "predict_csv",
]  # fmt: skip


@dataclass(frozen=True)
class PredictionResponse:
    """The response to one request: the version, and one prediction for each row, in the order of the request.

    `threshold`: from this probability on, `positive_class` is predicted; None: the more probable class.
    `rows` are the rows of a horizon; empty when the caller sent rows.
    """

    model: str
    version: int
    request_id: str
    predictions: tuple[Prediction, ...]
    latency_ms: float
    threshold: float | None = None
    positive_class: str = ""
    rows: Sequence[Mapping[str, Any]] = ()


@limited
def predict(
    *,
    registered_model: RegisteredModel,
    rows: Sequence[Mapping[str, Any]] = (),
    options: PredictionOptions = PredictionOptions(),
    caller: Caller,
) -> PredictionResponse:
    """Predict rows {column: value}, or the horizon that the options name.

    Every row is logged before this returns (see `prediction_log.append`), unless the options say otherwise.
    Raises NotFound (no such version), NotServable, InvalidRows, TooLarge; Busy and TookTooLong; StrictRows when
    `options.strict` is set and a row has a warning; InvalidInput for options that the version does not support.
    """
    started = time.perf_counter()
    if options.horizon is None and not options.history:
        # Check before loading the version, which may take seconds.
        _require_rows(rows)
    model_version = registry.serving_version(registered_model, options.version)
    loaded = loaded_versions.load(model_version)
    if options.history:
        loaded = horizons.with_history(loaded, options.history, are_texts=options.are_texts)
    if options.future:
        loaded = horizons.with_future(loaded, options.future, are_texts=options.are_texts)
    horizon_rows: Sequence[Mapping[str, Any]] = ()
    if options.horizon is not None:
        horizon_rows = horizons.horizon_rows(loaded, options.horizon, options.group)
    rows = horizon_rows or rows
    _require_rows(rows)
    # The log holds each cell under its column's name.
    rows = loaded.checker.named(rows)
    checked = loaded.checker.check(
        rows,
        options.strict,
        are_texts=options.are_texts,
        is_nan_missing=options.is_nan_missing,
        check_time=check_time,
    )
    explain, nearest = options.explain, options.nearest
    if options.is_lenient:
        explain = explain and loaded.predictor.can_explain
        nearest = nearest if version_facts.has_examples(model_version) else 0
    predictions = answers(loaded, checked, explain=explain, coverage=options.coverage)
    if options.quantiles:
        predictions = horizons.with_quantiles(loaded, checked, predictions, options.quantiles)
    if nearest:
        predictions = nearest_examples.with_nearest(predictions, model_version, checked, nearest)
    check_time()
    latency_ms = round((time.perf_counter() - started) * 1000, 3)
    if options.is_logged:
        prediction_log.append(log_rows(caller, model_version, rows, predictions, latency_ms=latency_ms))
    return PredictionResponse(
        model=registered_model.slug,
        version=model_version.number,
        request_id=caller.request_id,
        predictions=tuple(predictions),
        latency_ms=latency_ms,
        threshold=loaded.predictor.threshold,
        positive_class=loaded.signature.positive_name,
        rows=horizon_rows,
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
    require_width(rows)


def require_width(rows: Iterable[Any], where: str = "/rows") -> None:
    """Raises TooLarge for a row with more columns than a table may have."""
    limit = settings.MAX_TABLE_COLUMNS
    for number, row in enumerate(rows, start=1):
        if isinstance(row, Mapping) and len(row) > limit:
            raise TooLarge(
                f"A row may have {limit:,} columns; row {number:,} has {len(row):,}.",
                limit=limit,
                problems=[Problem("Too many columns.", f"{where}/{number - 1}")],
            )


def forecast_csv(answer: PredictionResponse) -> str:
    """A forecast as CSV text: dates and series, then values with their intervals."""
    names = list(answer.rows[0]) if answer.rows else []
    levels = next((list(each.quantiles) for each in answer.predictions if each.quantiles), [])
    titles = [f"quantile_{level}" for level in levels]
    lines: list[Sequence[Any]] = [[*names, "prediction", "interval_low", "interval_high", *titles]]
    for row, each in zip(answer.rows, answer.predictions, strict=True):
        interval = each.interval or {}
        quantiles = [(each.quantiles or {}).get(level) for level in levels]
        lines.append([*row.values(), each.prediction, interval.get("low"), interval.get("high"), *quantiles])
    return csv_lines(lines).decode()
