"""The model repository extension of the Open Inference Protocol: index, load, unload, statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse

from ..api.json import loads
from ..models import ModelVersion, RegisteredModel
from ..services import serving, statistics
from .answering import version_at
from .door import Call, as_json


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
    found = [call.model(model)] if model else models_of_workspace(call)
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


def models_of_workspace(call: Call) -> list[RegisteredModel]:
    return list(RegisteredModel.objects.filter(workspace=call.workspace).order_by("slug"))
