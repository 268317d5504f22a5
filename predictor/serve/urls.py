"""URLs below `/serve/{workspace}/`, which is the base URL of clients. No redirect adds a trailing slash."""

from __future__ import annotations

from django.urls import path, re_path

from ..models import Scope
from . import kserve, mlflow
from .oip import inference, metadata, repository
from .route import error_json, not_found_route, route

BASE = "serve/<slug:workspace>/"
LOOKS = frozenset({Scope.READ, Scope.PREDICT})


def versioned(prefix: str, rest: str, view: object, name: str) -> list[object]:
    """Two routes: for a model, and for one version of it (by number or alias)."""
    model = f"{BASE}{prefix}models/<slug:model>"
    return [
        path(f"{model}{rest}", view, name=name),  # type: ignore[call-overload]
        path(f"{model}/versions/<str:version>{rest}", view, name=f"{name}-version"),  # type: ignore[call-overload]
    ]


urlpatterns = [
    # Open Inference Protocol V2
    path(f"{BASE}v2", route(error_json, get=metadata.server, scopes=LOOKS), name="v2"),
    path(f"{BASE}v2/", route(error_json, get=metadata.server, scopes=LOOKS)),
    path(f"{BASE}v2/health/live", route(error_json, without_token=metadata.live), name="v2-live"),
    path(f"{BASE}v2/health/ready", route(error_json, without_token=metadata.ready), name="v2-ready"),
    path(f"{BASE}v2/models", route(error_json, get=metadata.models, scopes=LOOKS), name="v2-models"),
    path(f"{BASE}v2/models/stats", route(error_json, get=repository.stats, scopes=LOOKS), name="v2-stats"),
    path(
        f"{BASE}v2/repository/index",
        route(error_json, post=repository.repository_index, scopes=LOOKS),
        name="v2-index",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/load",
        route(error_json, post=repository.load),
        name="v2-load",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/unload",
        route(error_json, post=repository.unload),
        name="v2-unload",
    ),
    *versioned("v2/", "", route(error_json, get=metadata.metadata, scopes=LOOKS), "v2-model"),
    *versioned("v2/", "/ready", route(error_json, get=metadata.model_ready, scopes=LOOKS), "v2-model-ready"),
    *versioned("v2/", "/config", route(error_json, get=metadata.config, scopes=LOOKS), "v2-config"),
    *versioned("v2/", "/stats", route(error_json, get=repository.stats, scopes=LOOKS), "v2-model-stats"),
    *versioned("v2/", "/infer", route(error_json, post=inference.infer), "v2-infer"),
    # KServe V1
    path(BASE, route(error_json, without_token=kserve.alive), name="v1"),
    path(f"{BASE}v1/models", route(error_json, get=kserve.models, scopes=LOOKS), name="v1-models"),
    path(
        f"{BASE}v1/models/<slug:model>",
        route(error_json, get=kserve.model_ready, scopes=LOOKS),
        name="v1-model",
    ),
    *versioned("v1/", ":predict", route(error_json, post=kserve.predict), "v1-predict"),
    *versioned("v1/", ":explain", route(error_json, post=kserve.explain), "v1-explain"),
    # MLflow scoring and the article's route, one base for each model
    *versioned(
        "",
        "/ping",
        route(mlflow.refuse, get=mlflow.ping, without_token=mlflow.alive, scopes=LOOKS),
        "mlflow-ping",
    ),
    *versioned(
        "",
        "/health",
        route(mlflow.refuse, get=mlflow.ping, without_token=mlflow.alive, scopes=LOOKS),
        "mlflow-health",
    ),
    *versioned("", "/version", route(mlflow.refuse, get=mlflow.version, scopes=LOOKS), "mlflow-version"),
    *versioned("", "/invocations", route(mlflow.refuse, post=mlflow.invocations), "mlflow-invocations"),
    *versioned("", "/predict", route(error_json, post=mlflow.article), "serve-article"),
    re_path(r"^serve/[^/]*/models/.*", not_found_route(mlflow.refuse)),
    # Without `.*`, which ends at a line break.
    re_path(r"^serve/", not_found_route(error_json)),
    path("serve", not_found_route(error_json)),
]
