"""Open Inference Protocol V2, as Triton's, KServe's and MLServer's clients speak it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..api.json import dumps, loads
from ..errors import InvalidInput, NotServable, Problem, listed, shown
from ..ml.schema import FeatureField, Role, Signature, Task
from ..models import ModelVersion, PredictionSource, RegisteredModel
from ..services import health, serving, statistics
from ..services.predictions import Answer
from . import VERSION
from .answering import Wishes, answer, version_at
from .door import Call, as_json
from .tensors import Tensor, read_tensors, rows_of, written

HEADER = "Inference-Header-Content-Length"
SENT_HEADER = "HTTP_INFERENCE_HEADER_CONTENT_LENGTH"
EXTENSIONS = ["binary_tensor_data", "classification", "model_repository", "statistics", "model_configuration"]
PLATFORM = "onnxruntime_onnx"
CONFIG_TYPES = {"BYTES": "TYPE_STRING"}


def live(request: HttpRequest) -> HttpResponse:
    return as_json({"live": True})


def ready(request: HttpRequest) -> HttpResponse:
    is_ready = all(each == health.OK for each in health.check().values())
    return as_json({"live": True, "ready": is_ready}, 200 if is_ready else 503)


def server(call: Call) -> HttpResponse:
    return as_json({"name": "mlweb", "version": VERSION, "extensions": EXTENSIONS})


def models(call: Call) -> HttpResponse:
    return as_json({"models": [each.slug for each in _models(call)]})


def metadata(call: Call, model: str, version: str = "") -> HttpResponse:
    """Inputs and outputs of the version; `versions` are all that serve."""
    found = call.model(model)
    chosen = version_at(found, version)
    numbers = found.versions.filter(archived_at=None).order_by("number").values_list("number", flat=True)
    return as_json(
        {
            "name": found.slug,
            "versions": list(map(str, numbers)),
            "platform": PLATFORM,
            "inputs": [_input(field) for field in chosen.signature.fields],
            "outputs": [
                {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}
                for each in _declared(chosen)
            ],
        }
    )


def model_ready(call: Call, model: str, version: str = "") -> HttpResponse:
    """Loads the version if it is not in memory: ready is what can answer now."""
    found = call.model(model)
    try:
        serving.served(version_at(found, version))
    except NotServable as error:
        return as_json({"name": found.slug, "ready": False, "error": error.message}, 503)
    return as_json({"name": found.slug, "ready": True})


def config(call: Call, model: str, version: str = "") -> HttpResponse:
    """Triton's model configuration, as far as it means something here."""
    found = call.model(model)
    chosen = version_at(found, version)
    inputs = [{**_input(field), "shape": [1]} for field in chosen.signature.fields]
    outputs = [
        {"name": each.name, "datatype": each.datatype, "shape": list(each.shape[1:]) or [1]}
        for each in _declared(chosen)
    ]
    return as_json(
        {
            "name": found.slug,
            "platform": PLATFORM,
            "backend": "onnxruntime",
            "max_batch_size": settings.MAX_PREDICTION_ROWS,
            "input": list(map(_configured, inputs)),
            "output": list(map(_configured, outputs)),
        }
    )


def _configured(tensor: Mapping[str, Any]) -> dict[str, Any]:
    datatype = str(tensor["datatype"])
    return {
        "name": tensor["name"],
        "data_type": CONFIG_TYPES.get(datatype, f"TYPE_{datatype}"),
        "dims": tensor["shape"],
    }


def repository_index(call: Call) -> HttpResponse:
    """Every version of every model. `{"ready": true}` leaves out what is archived; the body may be empty."""
    body = call.body()
    asked = loads(body, max_depth=settings.MAX_JSON_DEPTH) if body.strip() else {}
    is_ready_only = isinstance(asked, Mapping) and asked.get("ready") is True
    versions = (
        ModelVersion.objects.filter(registered_model__workspace=call.workspace)
        .order_by("registered_model__slug", "number")
        .values_list("registered_model__slug", "number", "archived_at")
    )
    return as_json(
        [
            {
                "name": slug,
                "version": str(number),
                "state": "UNAVAILABLE" if archived_at else "READY",
                "reason": "archived" if archived_at else "",
            }
            for slug, number, archived_at in versions
            if not (archived_at and is_ready_only)
        ]
    )


def load(call: Call, model: str) -> HttpResponse:
    """Bring the champion into this process's memory."""
    serving.served(version_at(call.model(model), ""))
    return as_json({})


def unload(call: Call, model: str) -> HttpResponse:
    """Free the memory of this process. What serves is said by aliases and the archive: the next request
    loads it again."""
    for version in call.model(model).versions.all():
        serving.forget(version)
    return as_json({})


def stats(call: Call, model: str = "", version: str = "") -> HttpResponse:
    """Counted from the log of predictions."""
    found = [call.model(model)] if model else _models(call)
    chosen = [version_at(found[0], version)] if version else None
    return as_json({"model_stats": [_stats(each) for each in statistics.of_versions(found, chosen)]})


def _stats(found: statistics.VersionStatistics) -> dict[str, Any]:
    none = {"count": 0, "ns": 0}
    return {
        "name": found.model,
        "version": str(found.version),
        "last_inference": found.last_at_ms,
        "inference_count": found.n_rows,
        "execution_count": found.n_requests,
        "inference_stats": {
            "success": {"count": found.n_requests, "ns": found.total_ns},
            "fail": none,
            "queue": none,
            "compute_input": none,
            "compute_infer": {"count": found.n_requests, "ns": found.total_ns},
            "compute_output": none,
            "cache_hit": none,
            "cache_miss": none,
        },
        "batch_stats": [],
    }


def _models(call: Call) -> list[RegisteredModel]:
    return list(RegisteredModel.objects.filter(workspace=call.workspace).order_by("slug"))


@dataclass(frozen=True)
class WantedOutput:
    """One entry of the request's `outputs`."""

    name: str
    is_binary: bool
    n_classes: int = 0


def infer(call: Call, model: str, version: str = "") -> HttpResponse:
    """Predict rows sent as tensors, in JSON or as raw bytes after it."""
    found = call.model(model)
    header, raw = _split(call)
    chosen = version_at(found, version)
    signature = chosen.signature
    tensors = read_tensors(header.get("inputs"), raw)
    parameters = header.get("parameters") or {}
    is_binary = isinstance(parameters, Mapping) and parameters.get("binary_data_output") is True
    wanted = _wanted(header.get("outputs"), is_binary)
    wishes = Wishes.from_json(parameters)
    if wanted and any(each.name == "explain" for each in wanted):
        wishes = Wishes(True, wishes.coverage, wishes.strict)
    rows = rows_of(tensors, signature.names, are_all_numeric=_are_all_numeric(signature))
    if not rows:
        raise InvalidInput("There is no row to predict; send at least one.")
    answered = answer(
        call, found, rows, version=str(chosen.number), source=PredictionSource.V2, wishes=wishes
    )
    outputs = _outputs(answered, signature)
    chosen_outputs = _chosen(outputs, wanted, chosen, answered) if wanted else [
        (each, is_binary) for each in outputs.values()
    ]  # fmt: skip
    request_id = header.get("id")
    return _response(answered, request_id if isinstance(request_id, str) else "", chosen_outputs)


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


def _wanted(outputs: Any, is_binary: bool) -> list[WantedOutput]:
    if not outputs:
        return []
    if not isinstance(outputs, list) or not all(
        isinstance(each, Mapping) and isinstance(each.get("name"), str) for each in outputs
    ):
        raise InvalidInput(
            '"outputs" has to be a list of {"name": …}.', problems=[Problem("Wrong.", "/outputs")]
        )
    wanted = []
    for each in outputs:
        parameters = each.get("parameters") or {}
        if not isinstance(parameters, Mapping):
            raise InvalidInput(f"The parameters of output {shown(each['name'])} have to be an object.")
        n_classes = parameters.get("classification", 0)
        if type(n_classes) is not int or n_classes < 0:
            raise InvalidInput("“classification” has to be a number of classes.")
        wanted.append(WantedOutput(each["name"], parameters.get("binary_data", is_binary) is True, n_classes))
    return wanted


def _are_all_numeric(signature: Signature) -> bool:
    return all(field.role in (Role.NUMERIC, Role.BOOLEAN) for field in signature.fields)


def _chosen(
    outputs: Mapping[str, Tensor], wanted: Sequence[WantedOutput], version: ModelVersion, answered: Answer
) -> list[tuple[Tensor, bool]]:
    known = {each.name: each for each in _declared(version)}
    n_rows = len(answered.predictions)
    found = []
    for each in wanted:
        if each.name not in known:
            raise InvalidInput(f"There is no output {shown(each.name)}; there are {listed(known)}.")
        tensor = outputs.get(each.name) or Tensor(each.name, "BYTES", (n_rows,), [None] * n_rows)
        if each.n_classes:
            tensor = _classification(each, answered, version.signature)
        found.append((tensor, each.is_binary))
    return found


def _classification(wanted: WantedOutput, answered: Answer, signature: Signature) -> Tensor:
    """The classification extension: the most likely classes of each row as "probability:index:label"."""
    if not signature.classes:
        raise InvalidInput(f"The output {shown(wanted.name)} has no classes.")
    n = min(wanted.n_classes, len(signature.classes))
    data: list[Any] = []
    for each in answered.predictions:
        chances = list((each.probabilities or {}).items())
        order = sorted(range(len(chances)), key=lambda place: -chances[place][1])[:n]
        data += [f"{chances[place][1]:f}:{place}:{chances[place][0]}" for place in order] or [None] * n
    return Tensor(wanted.name, "BYTES", (len(answered.predictions), n), data)


def _outputs(answered: Answer, signature: Signature) -> dict[str, Tensor]:
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
    found = [each.output for each in predictions]
    if signature.task is Task.ANOMALY:
        outputs.append(Tensor("score", "FP64", (n_rows,), [each.get("score") for each in found]))
    if any("interval" in each for each in found):
        ends = [each.get("interval") or {"low": None, "high": None} for each in found]
        data = [each[name] for each in ends for name in ("low", "high")]
        coverage = next(each["interval"]["coverage"] for each in found if each.get("interval"))
        outputs.append(Tensor("interval", "FP64", (n_rows, 2), data, {"coverage": coverage}))
    outputs += [_texts(name, found) for name in ("set", "explain", "error") if _has(name, found)]
    if any(each.warnings for each in predictions):
        data = [dumps(each.warnings_as_json).decode() for each in predictions]
        outputs.append(Tensor("warnings", "BYTES", (n_rows,), data))
    return {each.name: each for each in outputs}


KEYS = {"explain": "explanation"}


def _has(name: str, found: Sequence[Mapping[str, Any]]) -> bool:
    return any(each.get(KEYS.get(name, name)) for each in found)


def _texts(name: str, found: Sequence[Mapping[str, Any]]) -> Tensor:
    """What has no tensor form, as JSON in a text for each row."""
    values = [each.get(KEYS.get(name, name)) for each in found]
    texts = [each if each is None or isinstance(each, str) else dumps(each).decode() for each in values]
    return Tensor(name, "BYTES", (len(found),), texts)


def _response(answered: Answer, request_id: str, outputs: Sequence[tuple[Tensor, bool]]) -> HttpResponse:
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
    }
    if not any("binary_data_size" in (head.get("parameters") or {}) for head in heads):
        return as_json(header)
    start = dumps(header)
    return HttpResponse(
        b"".join((start, *raws)), content_type="application/octet-stream", headers={HEADER: str(len(start))}
    )


def _input(field: FeatureField) -> dict[str, Any]:
    found: dict[str, Any] = {"name": field.name, "datatype": "BYTES", "shape": [-1]}
    if field.role is Role.NUMERIC:
        # Integers have no form for a gap, floats do.
        found["datatype"] = "INT64" if field.is_integer and not field.has_missing else "FP64"
    elif field.role is Role.BOOLEAN:
        found["datatype"] = "BOOL"
    else:
        found["parameters"] = {"content_type": "datetime" if field.role is Role.DATETIME else "str"}
    return found


def _declared(version: ModelVersion) -> list[Tensor]:
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
