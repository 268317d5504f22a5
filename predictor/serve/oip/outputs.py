"""Outputs of the Open Inference Protocol: which tensors a model declares and how predictions fill them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ...errors import InvalidInput, quoted
from ...http.json import dumps
from ...ml.types.schema import Signature, Task
from ...models import ModelVersion
from ...services.predictions.prediction import PredictionResponse
from .tensors import Tensor


@dataclass(frozen=True)
class RequestedOutput:
    """One entry of the request's `outputs`."""

    name: str
    is_binary: bool
    n_classes: int = 0


def classification_tensor(
    requested: RequestedOutput, answered: PredictionResponse, signature: Signature
) -> Tensor:
    """The classification extension: the most likely classes of each row as "probability:index:label"."""
    if not signature.classes:
        raise InvalidInput(f"The output {quoted(requested.name)} has no classes.")
    n = min(requested.n_classes, len(signature.classes))
    data: list[Any] = []
    for each in answered.predictions:
        chances = list((each.probabilities or {}).items())
        order = sorted(range(len(chances)), key=lambda place: -chances[place][1])[:n]
        data += [f"{chances[place][1]:f}:{place}:{chances[place][0]}" for place in order] or [None] * n
    return Tensor(requested.name, "BYTES", (len(answered.predictions), n), data)


def output_tensors(answered: PredictionResponse, signature: Signature) -> dict[str, Tensor]:
    """Every output that this answer has, by name."""
    predictions = answered.predictions
    n_rows = len(predictions)
    outputs = [Tensor("predict", _datatype(signature), (n_rows,), [each.prediction for each in predictions])]
    if signature.classes:
        width = len(signature.classes)
        chances = [
            list(each.probabilities.values()) if each.probabilities else [None] * width
            for each in predictions
        ]
        outputs.append(
            Tensor(
                "predict_proba",
                "FP64",
                (n_rows, width),
                [value for row in chances for value in row],
                {"labels": orjson.dumps(list(signature.classes)).decode()},
            )
        )
    rows = [each.output for each in predictions]
    if signature.task is Task.ANOMALY:
        outputs.append(Tensor("score", "FP64", (n_rows,), [each.get("score") for each in rows]))
    if any("interval" in each for each in rows):
        ends = [each.get("interval") or {"low": None, "high": None} for each in rows]
        data = [each[name] for each in ends for name in ("low", "high")]
        coverage = next(each["interval"]["coverage"] for each in rows if each.get("interval"))
        outputs.append(Tensor("interval", "FP64", (n_rows, 2), data, {"coverage": coverage}))
    outputs += [_texts(name, rows) for name in ("set", "explain", "error") if _has(name, rows)]
    if any(each.warnings for each in predictions):
        data = [dumps(each.warnings_as_json).decode() for each in predictions]
        outputs.append(Tensor("warnings", "BYTES", (n_rows,), data))
    return {each.name: each for each in outputs}


KEYS = {"explain": "explanation"}


def _has(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    return any(each.get(KEYS.get(name, name)) for each in rows)


def _texts(name: str, rows: Sequence[Mapping[str, Any]]) -> Tensor:
    """An output that is no tensor of numbers: one JSON text for each row."""
    values = [each.get(KEYS.get(name, name)) for each in rows]
    texts = [each if each is None or isinstance(each, str) else dumps(each).decode() for each in values]
    return Tensor(name, "BYTES", (len(rows),), texts)


def declared_outputs(version: ModelVersion) -> list[Tensor]:
    """The outputs that the version may have."""
    signature = version.signature
    outputs = [Tensor("predict", _datatype(signature), (-1,), ())]
    if signature.classes:
        outputs.append(Tensor("predict_proba", "FP64", (-1, len(signature.classes)), ()))
    if signature.task is Task.ANOMALY:
        outputs.append(Tensor("score", "FP64", (-1,), ()))
    if "uncertainty.json" in version.artifacts:
        is_set = bool(signature.classes)
        outputs.append(
            Tensor("set", "BYTES", (-1,), ()) if is_set else Tensor("interval", "FP64", (-1, 2), ())
        )
    if "background.json" in version.artifacts:
        outputs.append(Tensor("explain", "BYTES", (-1,), ()))
    return [*outputs, Tensor("warnings", "BYTES", (-1,), ()), Tensor("error", "BYTES", (-1,), ())]


def _datatype(signature: Signature) -> str:
    if signature.task is Task.ANOMALY:
        return "BYTES"
    kinds = set(map(type, signature.classes))
    if not kinds or (kinds <= {int, float} and kinds != {int}):
        return "FP64"
    return {bool: "BOOL", int: "INT64"}.get(kinds.pop(), "BYTES") if len(kinds) == 1 else "BYTES"
