"""Health and metadata of the Open Inference Protocol: server, models, readiness, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..errors import NotServable
from ..ml.types.schema import FeatureField, Role
from ..services import health, serving
from . import VERSION
from .answering import version_at
from .door import Call, as_json
from .oip_outputs import declared_outputs
from .oip_repository import models_of_workspace

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
    return as_json({"models": [each.slug for each in models_of_workspace(call)]})


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
                for each in declared_outputs(chosen)
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
        for each in declared_outputs(chosen)
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
