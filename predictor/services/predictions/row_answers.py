"""Predictions of a version for checked rows, and their rows of the prediction log."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ...errors import InvalidInput, TooLarge
from ...ml.calibration.conformal import checked_coverage
from ...ml.types.schema import Scalar, Signature, Task
from ...models import uuid7
from ...models.prediction_log import moment_of
from ..prediction_log.log_rows import LogRow, as_json
from .admission import check_time

if TYPE_CHECKING:
    from ...ml.explanation.nearest_examples import NearestExample
    from ...ml.explanation.shapley import Explanation
    from ...ml.inference.predicted_rows import PredictedRows
    from ...ml.inference.predictor import Predictor
    from ...ml.inputs.row_checker import CheckedRows, RowWarning
    from ...models import ModelVersion
    from .loaded_versions import LoadedVersion
    from .options import Caller

NOT_A_NUMBER = "The model gave no finite answer for this row."


@dataclass(frozen=True)
class Prediction:
    """The prediction for one row. If `error` is set, there is none and `prediction` is None.

    `interval`: {low, high, coverage}; `prediction_set`: {classes, coverage}; `explanation`: {base, class,
    contributions}, which sum to the value or to the probability of that class; `nearest`: training rows.
    `score`, of anomaly detection: the share of the training rows that are less unusual.
    """

    id: uuid.UUID
    prediction: Scalar
    probabilities: Mapping[str, float] | None
    warnings: tuple[RowWarning, ...]
    error: str = ""
    interval: Mapping[str, float] | None = None
    prediction_set: Mapping[str, Any] | None = None
    explanation: Mapping[str, Any] | None = None
    score: float | None = None
    # Training rows are not copied into the log.
    nearest: tuple[NearestExample, ...] | None = None
    # Of a forecast: the value that the outcome lies below with each probability.
    quantiles: Mapping[str, float] | None = None

    @property
    def output(self) -> dict[str, Any]:
        """The output as the log stores it."""
        output: dict[str, Any] = {"prediction": self.prediction}
        if self.probabilities is not None:
            output["probabilities"] = dict(self.probabilities)
        if self.score is not None:
            output["score"] = self.score
        if self.interval is not None:
            output["interval"] = self.interval
        if self.prediction_set is not None:
            output["set"] = self.prediction_set
        if self.quantiles is not None:
            output["quantiles"] = dict(self.quantiles)
        if self.explanation is not None:
            output["explanation"] = self.explanation
        if self.error:
            output["error"] = self.error
        return output

    @property
    def warnings_as_json(self) -> list[dict[str, str]]:
        return [{"code": each.code, "column": each.column, "message": each.message} for each in self.warnings]


def answers(
    served: LoadedVersion, checked: CheckedRows, *, explain: bool = False, coverage: float | None = None
) -> list[Prediction]:
    """The predictions of the version for checked rows. Raises InvalidInput, TooLarge for unsupported options."""
    predictor = served.predictor
    coverage = coverage_for(predictor, coverage)
    if explain:
        _require_explaining(predictor, checked.n_rows)
    rows = predictor.answer(checked.columns, coverage, explain=explain, check_time=check_time)
    return _predictions(served.signature, rows, checked.warnings)


def coverage_for(predictor: Predictor, coverage: float | None) -> float:
    """The requested coverage of intervals or sets, or the default. Raises InvalidInput."""
    if coverage is not None and not predictor.has_intervals:
        raise InvalidInput(
            "This version was stored without intervals and prediction sets; leave the coverage out, or train it again."
        )
    return checked_coverage(coverage)


def _require_explaining(predictor: Predictor, n_rows: int) -> None:
    if predictor.signature.task is Task.FORECASTING:
        raise InvalidInput(
            "A forecast comes from the past of its series, not from columns; ask for no explanation."
        )
    if not predictor.can_explain:
        raise InvalidInput(
            "This version was stored without background rows for explanations; train it again."
        )
    if n_rows > settings.MAX_EXPLAINED_ROWS:
        raise TooLarge(
            f"One request may ask for {settings.MAX_EXPLAINED_ROWS:,} explanations; this one holds {n_rows:,} rows.",
            limit=settings.MAX_EXPLAINED_ROWS,
        )


def _predictions(
    signature: Signature, rows: PredictedRows, warnings: Sequence[tuple[RowWarning, ...]]
) -> list[Prediction]:
    """One prediction for each row, field by field; a field that the version does not have is None in every row."""
    labels, coverage = signature.labels, rows.coverage
    numbers: Iterable[float] = ()
    predicted: Iterable[Scalar] = ()
    nothing: Iterable[Any] = repeat(None)
    probabilities = scores = intervals = sets = explanations = nothing
    if rows.values is not None:
        numbers = rows.values.tolist()
        predicted = map(shortened, numbers)
    if rows.codes is not None:
        predicted = map(labels.__getitem__, rows.codes.tolist())
    if rows.scores is not None:
        numbers = rows.scores.tolist()
        scores = map(shortened, numbers)
    if rows.probabilities is not None:
        names, shares = signature.class_names, rows.probabilities.tolist()
        numbers = map(sum, shares)
        probabilities = [dict(zip(names, map(shortened, row), strict=True)) for row in shares]
    if rows.intervals is not None:
        low, high = rows.intervals
        intervals = [_interval(*ends, coverage) for ends in zip(low.tolist(), high.tolist(), strict=True)]
    if rows.is_in_set is not None:
        sets = [prediction_set(labels, row, coverage) for row in rows.is_in_set.tolist()]
    if rows.explanations is not None:
        explanations = [_explanation(labels, each) for each in rows.explanations]
    fields = zip(predicted, probabilities, warnings, intervals, sets, explanations, scores, strict=False)
    # Asking each number costs a single row 1 µs less than `rows.without`.
    return [
        Prediction(uuid7(), label, chances, notes, "", interval, within, explanation, score)
        if math.isfinite(number)
        else Prediction(uuid7(), None, None, notes, NOT_A_NUMBER)
        for number, (label, chances, notes, interval, within, explanation, score) in zip(
            numbers, fields, strict=True
        )
    ]


def _interval(low: float, high: float, coverage: float) -> dict[str, float]:
    return {"low": shortened(low), "high": shortened(high), "coverage": coverage}


def prediction_set(labels: Sequence[Scalar], is_in_set: Sequence[bool], coverage: float) -> dict[str, Any]:
    """The prediction set of a row as JSON."""
    return {"classes": list(compress(labels, is_in_set)), "coverage": coverage}


def _explanation(labels: Sequence[Scalar], explanation: Explanation) -> dict[str, Any]:
    return {
        "base": explanation.base,
        "class": None if explanation.code is None else labels[explanation.code],
        "contributions": dict(explanation.contributions),
    }


def shortened(value: float) -> float:
    """Round to seven significant digits, the precision of float32. 0.5·1 + 0.3·2 − 1.5 is −0.4, not −0.39999998."""
    return float(f"{value:.7g}")


def log_rows(
    caller: Caller,
    version: ModelVersion,
    rows: Sequence[Mapping[str, Any]],
    predictions: Sequence[Prediction],
    *,
    latency_ms: float,
    first_row: int = 1,
) -> list[LogRow]:
    """One log row for each prediction."""
    return [
        LogRow(
            id=prediction.id,
            workspace_id=version.registered_model.workspace_id,
            model_version_id=version.pk,
            request_id=caller.request_id,
            row_number=number,
            source=caller.source,
            actor_id=caller.by.pk if caller.by else None,
            api_token_id=caller.token.pk if caller.token else None,
            inputs=as_json(row if isinstance(row, dict) else dict(row)),
            output=as_json(prediction.output),
            warnings=as_json(prediction.warnings_as_json) if prediction.warnings else "[]",
            latency_ms=latency_ms,
            # The time stored in the id: a search by time reads ids and must agree with `created_at`.
            created_at=moment_of(prediction.id),
        )
        for number, (row, prediction) in enumerate(zip(rows, predictions, strict=True), start=first_row)
    ]
