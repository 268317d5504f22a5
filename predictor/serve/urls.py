"""URLs below `/serve/{workspace}/`, which is the base URL of clients. No redirect adds a trailing slash."""

from __future__ import annotations

from functools import partial

from django.urls import path, re_path

from ..models import Scope
from . import kserve, mlflow
from .oip import inference, metadata, repository
from .route import error_json, not_found_route, route

BASE = "serve/<slug:workspace>/"
READING_SCOPES = frozenset({Scope.READ, Scope.PREDICT})

v2_route = partial(route, error_json, interface="v2")
v1_route = partial(route, error_json, interface="v1")
mlflow_route = partial(route, mlflow.refuse, interface="mlflow")


def versioned(prefix: str, rest: str, view: object, name: str) -> list[object]:
    """Two routes: for a model, and for one version of it (by number or alias)."""
    model = f"{BASE}{prefix}models/<slug:model>"
    return [
        path(f"{model}{rest}", view, name=name),  # type: ignore[call-overload]
        path(f"{model}/versions/<str:version>{rest}", view, name=f"{name}-version"),  # type: ignore[call-overload]
    ]


urlpatterns = [
    # Open Inference Protocol V2
    path(f"{BASE}v2", v2_route(get=metadata.server, scopes=READING_SCOPES), name="v2"),
    path(f"{BASE}v2/", v2_route(get=metadata.server, scopes=READING_SCOPES)),
    path(f"{BASE}v2/health/live", v2_route(without_token=metadata.live), name="v2-live"),
    path(f"{BASE}v2/health/ready", v2_route(without_token=metadata.ready), name="v2-ready"),
    path(f"{BASE}v2/models", v2_route(get=metadata.models, scopes=READING_SCOPES), name="v2-models"),
    path(f"{BASE}v2/models/stats", v2_route(get=repository.stats, scopes=READING_SCOPES), name="v2-stats"),
    path(
        f"{BASE}v2/repository/index",
        v2_route(post=repository.repository_index, scopes=READING_SCOPES),
        name="v2-index",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/load",
        v2_route(post=repository.load),
        name="v2-load",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/unload",
        v2_route(post=repository.unload, scopes=frozenset({Scope.WRITE})),
        name="v2-unload",
    ),
    *versioned("v2/", "", v2_route(get=metadata.metadata, scopes=READING_SCOPES), "v2-model"),
    *versioned("v2/", "/ready", v2_route(get=metadata.model_ready, scopes=READING_SCOPES), "v2-model-ready"),
    *versioned("v2/", "/config", v2_route(get=metadata.config, scopes=READING_SCOPES), "v2-config"),
    *versioned("v2/", "/stats", v2_route(get=repository.stats, scopes=READING_SCOPES), "v2-model-stats"),
    *versioned("v2/", "/infer", v2_route(post=inference.infer, is_limited=True), "v2-infer"),
    # KServe V1
    path(BASE, v1_route(without_token=kserve.alive), name="v1"),
    path(f"{BASE}v1/models", v1_route(get=kserve.models, scopes=READING_SCOPES), name="v1-models"),
    path(
        f"{BASE}v1/models/<slug:model>",
        v1_route(get=kserve.model_ready, scopes=READING_SCOPES),
        name="v1-model",
    ),
    *versioned("v1/", ":predict", v1_route(post=kserve.predict, is_limited=True), "v1-predict"),
    *versioned("v1/", ":explain", v1_route(post=kserve.explain, is_limited=True), "v1-explain"),
    # MLflow scoring and the article's route, one base for each model
    *versioned(
        "",
        "/ping",
        mlflow_route(get=mlflow.ping, without_token=mlflow.alive, scopes=READING_SCOPES),
        "mlflow-ping",
    ),
    *versioned(
        "",
        "/health",
        mlflow_route(get=mlflow.ping, without_token=mlflow.alive, scopes=READING_SCOPES),
        "mlflow-health",
    ),
    *versioned("", "/version", mlflow_route(get=mlflow.version, scopes=READING_SCOPES), "mlflow-version"),
    *versioned(
        "", "/invocations", mlflow_route(post=mlflow.invocations, is_limited=True), "mlflow-invocations"
    ),
    *versioned(
        "",
        "/predict",
        route(error_json, interface="mlflow", post=mlflow.article, is_limited=True),
        "serve-article",
    ),
    # Unknown paths, each in the form of its protocol. Without `.*` at the end: it stops at a line break.
    re_path("^serve/[^/]*/v2(?:/|$)", not_found_route(error_json, interface="v2")),
    re_path("^serve/[^/]*/v1(?:/|$)", not_found_route(error_json, interface="v1")),
    re_path("^serve/[^/]*/models/", not_found_route(mlflow.refuse, interface="mlflow")),
    re_path("^serve/(?:[^/]*/)*models/", not_found_route(error_json, interface="mlflow")),
    re_path("^serve/", not_found_route(error_json, interface="v1")),
    path("serve", not_found_route(error_json, interface="v1")),
]
