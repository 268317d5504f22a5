"""The model repository extension of the Open Inference Protocol: index, load, unload, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from ...http.json import loads
from ...models import ModelVersion, RegisteredModel
from ...services.prediction_log import statistics
from ...services.predictions import loaded_versions
from ..prediction import version_at
from ..route import Call, as_json


def repository_index(call: Call) -> HttpResponse:
    """Every version of every model. `{"ready": true}` leaves out what is archived; the body may be empty."""
    body = call.body()
    parameters = loads(body, max_depth=settings.MAX_JSON_DEPTH) if body.strip() else {}
    is_ready_only = isinstance(parameters, Mapping) and parameters.get("ready") is True
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
    """Load the champion into the memory of this process."""
    loaded_versions.load(version_at(call.model(model), ""))
    return as_json({})


def unload(call: Call, model: str) -> HttpResponse:
    """Remove the model from the memory of this process. Aliases and the archive decide what serves, so the next
    request loads it again."""
    for version in call.model(model).versions.all():
        loaded_versions.forget(version)
    return as_json({})


def stats(call: Call, model: str = "", version: str = "") -> HttpResponse:
    """Inference statistics, counted from the prediction log."""
    registered = [call.model(model)] if model else models_of_workspace(call)
    versions = [version_at(registered[0], version)] if version else None
    return as_json({"model_stats": [_stats(each) for each in statistics.of_versions(registered, versions)]})


def _stats(version: statistics.VersionStatistics) -> dict[str, Any]:
    none = {"count": 0, "ns": 0}
    return {
        "name": version.model,
        "version": str(version.version),
        "last_inference": version.last_at_ms,
        "inference_count": version.n_rows,
        "execution_count": version.n_requests,
        "inference_stats": {
            "success": {"count": version.n_requests, "ns": version.total_ns},
            "fail": none,
            "queue": none,
            "compute_input": none,
            "compute_infer": {"count": version.n_requests, "ns": version.total_ns},
            "compute_output": none,
            "cache_hit": none,
            "cache_miss": none,
        },
        "batch_stats": [],
    }


def models_of_workspace(call: Call) -> list[RegisteredModel]:
    return list(RegisteredModel.objects.filter(workspace=call.workspace).order_by("slug"))
