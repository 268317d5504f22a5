"""Inference of the Open Inference Protocol V2, as clients of Triton, KServe and MLServer call it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from ...errors import InvalidInput, Problem, quoted, quoted_list
from ...http.json import dumps, loads
from ...ml.types.schema import Role, Signature
from ...models import ModelVersion, PredictionSource
from ...services.predictions.prediction import PredictionResponse
from ..parameters import (
    ALSO_IN_V2,
    BODY_OF_V2,
    IGNORED,
    OF_V2,
    check_body,
    check_tensor_parameters,
    ignored_parameters,
)
from ..prediction import options_of, version_at
from ..route import Call, as_json
from .outputs import RequestedOutput, classification_tensor, declared_outputs, output_tensors
from .tensors import Tensor, read_tensors, rows_of, written

HEADER = "Inference-Header-Content-Length"
SENT_HEADER = "HTTP_INFERENCE_HEADER_CONTENT_LENGTH"


def infer(call: Call, model: str, version: str = "") -> HttpResponse:
    """Predict rows sent as tensors, in JSON or as raw bytes after it."""
    registered_model = call.model(model)
    header, raw = _split(call)
    model_version = version_at(registered_model, version)
    signature = model_version.signature
    check_body(header, BODY_OF_V2, ALSO_IN_V2)
    tensors = read_tensors(header.get("inputs"), raw)
    parameters = header.get("parameters") or {}
    ignored = ignored_parameters(parameters, OF_V2)
    is_binary = isinstance(parameters, Mapping) and parameters.get("binary_data_output") is True
    requested = _requested_outputs(header.get("outputs"), is_binary)
    explain = any(each.name == "explain" for each in requested)
    options = options_of(parameters, version=model_version, explain=explain)
    rows = rows_of(tensors, signature.names, are_all_numeric=_are_all_numeric(signature))
    if not rows:
        raise InvalidInput("There is no row to predict; send at least one.")
    response = call.predict(registered_model, rows, options, PredictionSource.V2)
    outputs = output_tensors(response, signature)
    chosen_outputs = _selected_outputs(outputs, requested, model_version, response) if requested else [
        (each, is_binary) for each in outputs.values()
    ]  # fmt: skip
    request_id = header.get("id")
    more = {"parameters": {IGNORED: ", ".join(ignored)}} if ignored else {}
    return _response(response, request_id if isinstance(request_id, str) else "", chosen_outputs, more)


def _split(call: Call) -> tuple[Mapping[str, Any], memoryview]:
    """Split the body into its JSON and the bytes after it; the header HEADER gives the length of the JSON."""
    body = call.body()
    length = call.request.META.get(SENT_HEADER, "").strip()
    if not length:
        n_json = len(body)
    elif length.isascii() and length.isdecimal() and len(length) < 12 and int(length) <= len(body):
        n_json = int(length)
    else:
        raise InvalidInput(f"{HEADER} has to be the number of bytes of the JSON, at most {len(body)}.")
    header = loads(body[:n_json], max_depth=settings.MAX_JSON_DEPTH)
    if not isinstance(header, Mapping):
        raise InvalidInput('Send an object: {"inputs": [{"name", "shape", "datatype", "data"}]}.')
    return header, memoryview(body)[n_json:]


def _requested_outputs(outputs: Any, is_binary: bool) -> list[RequestedOutput]:
    if not outputs:
        return []
    if not isinstance(outputs, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in outputs
    ):
        raise InvalidInput(
            '"outputs" has to be a list of {"name": …}.', problems=[Problem("Wrong.", "/outputs")]
        )
    requested = []
    for each in outputs:
        parameters = each.get("parameters") or {}
        if not isinstance(parameters, Mapping):
            raise InvalidInput(f"The parameters of output {quoted(each['name'])} have to be an object.")
        check_tensor_parameters(parameters, f"The output {quoted(each['name'])}")
        n_classes = parameters.get("classification", 0)
        if type(n_classes) is not int or n_classes < 0:
            raise InvalidInput("“classification” has to be a number of classes.")
        requested.append(
            RequestedOutput(each["name"], parameters.get("binary_data", is_binary) is True, n_classes)
        )
    return requested


def _are_all_numeric(signature: Signature) -> bool:
    return all(field.role in (Role.NUMERIC, Role.BOOLEAN) for field in signature.fields)


def _selected_outputs(
    outputs: Mapping[str, Tensor],
    requested: Sequence[RequestedOutput],
    version: ModelVersion,
    answered: PredictionResponse,
) -> list[tuple[Tensor, bool]]:
    known = {each.name: each for each in declared_outputs(version)}
    n_rows = len(answered.predictions)
    selected = []
    for each in requested:
        if each.name not in known:
            raise InvalidInput(f"There is no output {quoted(each.name)}; there are {quoted_list(known)}.")
        tensor = outputs.get(each.name) or Tensor(each.name, "BYTES", (n_rows,), [None] * n_rows)
        if each.n_classes:
            tensor = classification_tensor(each, answered, version.signature)
        selected.append((tensor, each.is_binary))
    return selected


def _response(
    answered: PredictionResponse,
    request_id: str,
    outputs: Sequence[tuple[Tensor, bool]],
    more: Mapping[str, Any],
) -> HttpResponse:
    heads, raws = [], []
    for tensor, is_binary in outputs:
        head, raw = written(tensor, is_binary=is_binary)
        heads.append(head)
        raws.append(raw)
    header = {
        "model_name": answered.model,
        "model_version": str(answered.version),
        "id": request_id or answered.request_id,
        "outputs": heads,
        **more,
    }
    if not any("binary_data_size" in (head.get("parameters") or {}) for head in heads):
        return as_json(header)
    start = dumps(header)
    return HttpResponse(
        b"".join((start, *raws)), content_type="application/octet-stream", headers={HEADER: str(len(start))}
    )
