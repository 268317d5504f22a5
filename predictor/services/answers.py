"""Answers: what a version says for checked rows, and the rows of the log that keep it."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..ml.schema import Scalar, Signature
from ..models import PredictionSource, uuid7
from ..models.prediction_log import moment_of
from .log_rows import LogRow, as_json

if TYPE_CHECKING:
    from ..ml.rows import CheckedRows, RowWarning
    from ..models import ApiToken, ModelVersion, User
    from .serving import Served

NOT_A_NUMBER = "The model gave no finite answer for this row."


@dataclass(frozen=True)
class Prediction:
    """The answer for one row. `error` says why there is none; then `prediction` is None."""

    id: uuid.UUID
    prediction: Scalar
    probabilities: Mapping[str, float] | None
    warnings: tuple[RowWarning, ...]
    error: str = ""

    @property
    def output(self) -> dict[str, Any]:
        """As it is logged."""
        output: dict[str, Any] = {"prediction": self.prediction}
        if self.probabilities is not None:
            output["probabilities"] = dict(self.probabilities)
        if self.error:
            output["error"] = self.error
        return output

    @property
    def warnings_as_json(self) -> list[dict[str, str]]:
        return [{"code": each.code, "column": each.column, "message": each.message} for each in self.warnings]


@dataclass(frozen=True)
class Asked:
    """Who asked, through which face: what every logged row of a request shares."""

    by: User | None
    source: str = PredictionSource.API
    token: ApiToken | None = None
    request_id: str = field(default_factory=lambda: uuid7().hex)


def answers(served: Served, checked: CheckedRows) -> list[Prediction]:
    """What the version answers for checked rows."""
    outputs = served.predictor.predict(checked.columns)
    if outputs.probabilities is not None:
        codes = outputs.codes(served.predictor.threshold).tolist()
        return _classes(served.signature, outputs.probabilities.tolist(), codes, checked)
    return _numbers([] if outputs.values is None else outputs.values.tolist(), checked)


def _numbers(values: Sequence[float], checked: CheckedRows) -> list[Prediction]:
    return [
        Prediction(uuid7(), shortened(value), None, warnings)
        if math.isfinite(value)
        else Prediction(uuid7(), None, None, warnings, error=NOT_A_NUMBER)
        for value, warnings in zip(values, checked.warnings, strict=True)
    ]


def _classes(
    signature: Signature, shares: Sequence[Sequence[float]], codes: Sequence[int], checked: CheckedRows
) -> list[Prediction]:
    names, classes = signature.class_names, signature.classes
    predictions = []
    for row, code, warnings in zip(shares, codes, checked.warnings, strict=True):
        if all(map(math.isfinite, row)):
            chances = dict(zip(names, map(shortened, row), strict=True))
            predictions.append(Prediction(uuid7(), classes[code], chances, warnings))
        else:
            predictions.append(Prediction(uuid7(), None, None, warnings, error=NOT_A_NUMBER))
    return predictions


def shortened(value: float) -> float:
    """Seven significant digits: what float32 carries. 0.5·1 + 0.3·2 − 1.5 is −0.4, not −0.39999998."""
    return float(f"{value:.7g}")


def log_rows(
    asked: Asked,
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
            request_id=asked.request_id,
            row_number=number,
            source=asked.source,
            actor_id=asked.by.pk if asked.by else None,
            api_token_id=asked.token.pk if asked.token else None,
            inputs=as_json({name: _loggable(value) for name, value in row.items()}),
            output=as_json(prediction.output),
            warnings=as_json(prediction.warnings_as_json) if prediction.warnings else "[]",
            latency_ms=latency_ms,
            # The time in the id, so that a search by time, which reads ids, agrees with what is shown.
            created_at=moment_of(prediction.id),
        )
        for number, (row, prediction) in enumerate(zip(rows, predictions, strict=True), start=first_row)
    ]


def _loggable(value: Any) -> Any:
    """A value that JSON can hold: NaN is a gap, dates are ISO 8601."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if isoformat else str(value)
