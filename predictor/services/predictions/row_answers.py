"""Predictions of a version for checked rows, and their rows of the prediction log."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from ...errors import InvalidInput, TooLarge
from ...ml.types.schema import UNUSUAL, USUAL, Scalar, Signature, Task
from ...models import uuid7
from ...models.prediction_log import moment_of
from ..prediction_log.log_rows import LogRow, as_json
from .admission import check_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...ml.explanation.nearest_examples import NearestExample
    from ...ml.inference.predictor import Predictor
    from ...ml.inputs.row_checker import CheckedRows, RowWarning
    from ...models import ModelVersion
    from .loaded_versions import LoadedVersion
    from .options import Caller

EXPLAINED_AT_ONCE = 10  # rows between two checks of the deadline
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
    wanted = coverage_for(predictor, coverage)
    if explain:
        _require_explaining(predictor, checked.n_rows)
    outputs = predictor.predict(checked.columns)
    if outputs.probabilities is None:
        values = outputs.values if outputs.values is not None else np.empty(0)
        if served.signature.task is Task.ANOMALY:
            found = _scores(values, checked, predictor.threshold)
        else:
            intervals = predictor.intervals(checked.columns, values, wanted)
            found = _numbers(values, checked, intervals, wanted)
        codes = None
    else:
        codes = outputs.codes(predictor.threshold).tolist()
        least = predictor.uncertainty.least_probability(wanted) if predictor.uncertainty else None
        found = _classes(served.signature, outputs.probabilities.tolist(), codes, checked, least, wanted)
    return _explained(served, checked, found, codes) if explain else found


def coverage_for(predictor: Predictor, coverage: float | None) -> float:
    """The requested coverage of intervals or sets, or the default. Raises InvalidInput."""
    from ...ml.calibration.conformal import checked_coverage

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


def _numbers(
    values: NDArray[np.float64],
    checked: CheckedRows,
    ends: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    coverage: float,
) -> list[Prediction]:
    intervals: Sequence[Mapping[str, float] | None] = [None] * len(values)
    if ends is not None:
        low, high = ends
        intervals = [
            {"low": shortened(least), "high": shortened(most), "coverage": coverage}
            for least, most in zip(low.tolist(), high.tolist(), strict=True)
        ]
    return [
        Prediction(uuid7(), shortened(value), None, warnings, interval=interval)
        if math.isfinite(value)
        else Prediction(uuid7(), None, None, warnings, error=NOT_A_NUMBER)
        for value, interval, warnings in zip(values.tolist(), intervals, checked.warnings, strict=True)
    ]


def _scores(values: NDArray[np.float64], checked: CheckedRows, threshold: float | None) -> list[Prediction]:
    return [
        Prediction(uuid7(), unusual_or_not(value, threshold), None, warnings, score=shortened(value))
        if math.isfinite(value)
        else Prediction(uuid7(), None, None, warnings, error=NOT_A_NUMBER)
        for value, warnings in zip(values.tolist(), checked.warnings, strict=True)
    ]


def unusual_or_not(score: float, threshold: float | None) -> str:
    return UNUSUAL if threshold is not None and score >= threshold else USUAL


def _classes(
    signature: Signature,
    shares: Sequence[Sequence[float]],
    codes: Sequence[int],
    checked: CheckedRows,
    least: float | None,
    coverage: float,
) -> list[Prediction]:
    names, classes = signature.class_names, signature.classes
    predictions = []
    for row, code, warnings in zip(shares, codes, checked.warnings, strict=True):
        if not all(map(math.isfinite, row)):
            predictions.append(Prediction(uuid7(), None, None, warnings, error=NOT_A_NUMBER))
            continue
        chances = dict(zip(names, map(shortened, row), strict=True))
        within = None
        if least is not None:
            kept = [label for label, chance in zip(classes, row, strict=True) if chance >= least]
            within = {"classes": kept, "coverage": coverage}
        predictions.append(Prediction(uuid7(), classes[code], chances, warnings, prediction_set=within))
    return predictions


def _explained(
    served: LoadedVersion, checked: CheckedRows, found: list[Prediction], codes: Sequence[int] | None
) -> list[Prediction]:
    asked: Sequence[int | None] = [None] * len(found) if codes is None else codes
    explanations = []
    for start in range(0, len(found), EXPLAINED_AT_ONCE):
        check_time()
        part = slice(start, start + EXPLAINED_AT_ONCE)
        columns = {name: values[part] for name, values in checked.columns.items()}
        explanations += served.predictor.explain(columns, asked[part])
    return [
        each
        if each.error
        else replace(
            each,
            explanation={
                "base": explanation.base,
                "class": None if explanation.code is None else served.signature.classes[explanation.code],
                "contributions": dict(explanation.contributions),
            },
        )
        for each, explanation in zip(found, explanations, strict=True)
    ]


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
