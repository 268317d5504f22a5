"""Prediction for all protocols: options, rows from lists or columns, the response as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import InvalidInput, Problem, quoted_list
from ..http.known_names import refuse_unknown
from ..ml.types.schema import Signature
from ..models import ModelVersion, RegisteredModel
from ..services import registry
from ..services.predictions import PredictionOptions, PredictionResponse
from .parameters import PARAMETERS


def options_of(
    parameters: Any, *, version: ModelVersion, is_strict: bool = False, explain: bool = False
) -> PredictionOptions:
    """The prediction options that every protocol takes, from a JSON object of parameters.

    `is_strict`: refuse names that are not known. `explain`: also without the parameter. Raises InvalidInput.
    """
    given = {} if parameters is None else parameters
    if not isinstance(given, Mapping):
        raise InvalidInput("The parameters have to be an object.")
    if is_strict:
        refuse_unknown(given, PARAMETERS, pointer="/params/")
    coverage = given.get("coverage")
    if coverage is not None and (isinstance(coverage, bool) or not isinstance(coverage, int | float)):
        raise InvalidInput("“coverage” has to be a number.")
    return PredictionOptions(
        version=version.number,
        explain=_flag(given, "explain") or explain,
        coverage=coverage,
        strict=_flag(given, "strict"),
        is_nan_missing=True,
    )


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise InvalidInput(f"“{name}” has to be true or false.")
    return value


def version_at(model: RegisteredModel, version: str) -> ModelVersion:
    """The version with this number or alias, or the champion for ""; also an archived one. Raises NotFound."""
    return registry.serving_version(model, version or None)


def rows_of_lists(
    values: Sequence[Any], names: Sequence[str], what: str = "instances"
) -> list[dict[str, Any]]:
    """Rows from objects, from lists in the order of the signature, or from bare values of a single feature."""
    rows = []
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict):
            rows.append(value)
            continue
        cells = value if isinstance(value, list) else [value]
        if len(cells) != len(names):
            raise InvalidInput(
                f"Row {number} of {what} holds {len(cells)} values; the model takes {len(names)}, in order: "
                f"{quoted_list(names, 20)}.",
                problems=[Problem("Wrong length.", f"/{what}/{number - 1}")],
            )
        rows.append(dict(zip(names, cells, strict=True)))
    return rows


def rows_of_columns(columns: Mapping[str, Any], what: str = "inputs") -> list[dict[str, Any]]:
    """Rows from {column: list of values}; a bare value stands for a list of one."""
    lists = {name: each if isinstance(each, list) else [each] for name, each in columns.items()}
    lengths = {len(each) for each in lists.values()}
    if len(lengths) > 1:
        raise InvalidInput(f"The columns of {what} have different lengths: {quoted_list(sorted(lengths))}.")
    return [dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)]


def as_columns(answer: PredictionResponse, signature: Signature) -> dict[str, Any]:
    """The answer for KServe V1 and MLflow: {"predictions": […], …}, each output a list over the rows."""
    outputs = [each.output for each in answer.predictions]
    columns: dict[str, Any] = {
        "predictions": [each["prediction"] for each in outputs],
        "model_name": answer.model,
        "model_version": str(answer.version),
    }
    if signature.classes:
        columns["classes"] = list(signature.classes)
        columns["probabilities"] = [
            list(each["probabilities"].values()) if each.get("probabilities") else None for each in outputs
        ]
    for name, plural in (
        ("score", "scores"),
        ("interval", "intervals"),
        ("set", "sets"),
        ("quantiles", "quantiles"),
        ("explanation", "explanations"),
        ("error", "errors"),
    ):
        if any(name in each for each in outputs):
            columns[plural] = [each.get(name) for each in outputs]
    if any(each.warnings for each in answer.predictions):
        columns["warnings"] = [each.warnings_as_json for each in answer.predictions]
    return columns
