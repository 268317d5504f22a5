"""KServe V1: `{"instances": […]}` in, `{"predictions": […]}` out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ..errors import InvalidInput, NotServable, Problem
from ..http.json import loads
from ..models import PredictionSource, RegisteredModel
from ..services.predictions import loaded_versions
from .parameters import ALSO_IN_V1, BODY_OF_V1, IGNORED, check_body, ignored_parameters
from .prediction import as_columns, options_of, rows_of_lists, version_at
from .route import Call, as_json


def alive(request: HttpRequest) -> HttpResponse:
    return as_json({"status": "alive"})


def models(call: Call) -> HttpResponse:
    registered = RegisteredModel.objects.filter(workspace=call.workspace).order_by("slug")
    return as_json({"models": [each.slug for each in registered]})


def model_ready(call: Call, model: str) -> HttpResponse:
    registered_model = call.model(model)
    try:
        loaded_versions.load(version_at(registered_model, ""))
    except NotServable as error:
        return as_json({"name": registered_model.slug, "ready": False, "error": error.message}, 503)
    return as_json({"name": registered_model.slug, "ready": True})


def predict(call: Call, model: str, version: str = "") -> HttpResponse:
    return _answered(call, model, version, is_explained=False)


def explain(call: Call, model: str, version: str = "") -> HttpResponse:
    """The predictions with `explanations`: what each column added."""
    return _answered(call, model, version, is_explained=True)


def _answered(call: Call, model: str, version: str, *, is_explained: bool) -> HttpResponse:
    registered_model = call.model(model)
    model_version = version_at(registered_model, version)
    body: Any = loads(call.body(), max_depth=settings.MAX_JSON_DEPTH)
    if not isinstance(body, Mapping) or not isinstance(body.get("instances"), list):
        raise InvalidInput('Send {"instances": […]}.', problems=[Problem("Not a list.", "/instances")])
    check_body(body, BODY_OF_V1, ALSO_IN_V1)
    ignored = ignored_parameters(body.get("parameters"))
    options = options_of(body.get("parameters"), version=model_version, explain=is_explained)
    rows = rows_of_lists(body["instances"], model_version.signature.names)
    response = call.predict(registered_model, rows, options, PredictionSource.KSERVE)
    columns = as_columns(response, model_version.signature)
    return as_json({**columns, IGNORED: ignored} if ignored else columns)
