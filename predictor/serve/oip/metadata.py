"""Health and metadata of the Open Inference Protocol: server, models, readiness, configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ...errors import NotServable
from ...ml.types.schema import FeatureField, Role
from ...services.operations import health
from ...services.predictions import loaded_versions
from .. import VERSION
from ..prediction import version_at
from ..route import Call, as_json
from .outputs import declared_outputs
from .repository import models_of_workspace

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
    """Model metadata: inputs and outputs of the version; `versions` lists those that are not archived."""
    registered_model = call.model(model)
    model_version = version_at(registered_model, version)
    numbers = (
        registered_model.versions.filter(archived_at=None).order_by("number").values_list("number", flat=True)
    )
    return as_json(
        {
            "name": registered_model.slug,
            "versions": list(map(str, numbers)),
            "platform": PLATFORM,
            "inputs": [_input(field) for field in model_version.signature.fields],
            "outputs": [
                {"name": each.name, "datatype": each.datatype, "shape": list(each.shape)}
                for each in declared_outputs(model_version)
            ],
        }
    )


def model_ready(call: Call, model: str, version: str = "") -> HttpResponse:
    """Whether the version can answer now. Loads it if it is not in memory."""
    registered_model = call.model(model)
    try:
        loaded_versions.load(version_at(registered_model, version))
    except NotServable as error:
        return as_json({"name": registered_model.slug, "ready": False, "error": error.message}, 503)
    return as_json({"name": registered_model.slug, "ready": True})


def config(call: Call, model: str, version: str = "") -> HttpResponse:
    """Triton's model configuration: the fields that have a meaning here."""
    registered_model = call.model(model)
    model_version = version_at(registered_model, version)
    inputs = [{**_input(field), "shape": [1]} for field in model_version.signature.fields]
    outputs = [
        {"name": each.name, "datatype": each.datatype, "shape": list(each.shape[1:]) or [1]}
        for each in declared_outputs(model_version)
    ]
    return as_json(
        {
            "name": registered_model.slug,
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
    tensor: dict[str, Any] = {"name": field.name, "datatype": "BYTES", "shape": [-1]}
    if field.role is Role.NUMERIC:
        # INT64 cannot hold a missing value; FP64 can, as NaN.
        tensor["datatype"] = "INT64" if field.is_integer and not field.has_missing else "FP64"
    elif field.role is Role.BOOLEAN:
        tensor["datatype"] = "BOOL"
    else:
        tensor["parameters"] = {"content_type": "datetime" if field.role is Role.DATETIME else "str"}
    return tensor
