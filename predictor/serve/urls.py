"""`/serve/{workspace}/…`: no trailing-slash magic, no redirect; clients take the whole as their base address."""

from __future__ import annotations

from django.urls import path, re_path

from ..models import Scope
from . import kserve, mlflow, oip, oip_metadata, oip_repository
from .door import nowhere, plainly, route

BASE = "serve/<slug:workspace>/"
LOOKS = frozenset({Scope.READ, Scope.PREDICT})


def versioned(prefix: str, rest: str, view: object, name: str) -> list[object]:
    """The address of a model, and of one version of it by number or alias."""
    model = f"{BASE}{prefix}models/<slug:model>"
    return [
        path(f"{model}{rest}", view, name=name),  # type: ignore[call-overload]
        path(f"{model}/versions/<str:version>{rest}", view, name=f"{name}-version"),  # type: ignore[call-overload]
    ]


urlpatterns = [
    # Open Inference Protocol V2
    path(f"{BASE}v2", route(plainly, get=oip_metadata.server, scopes=LOOKS), name="v2"),
    path(f"{BASE}v2/", route(plainly, get=oip_metadata.server, scopes=LOOKS)),
    path(f"{BASE}v2/health/live", route(plainly, without_token=oip_metadata.live), name="v2-live"),
    path(f"{BASE}v2/health/ready", route(plainly, without_token=oip_metadata.ready), name="v2-ready"),
    path(f"{BASE}v2/models", route(plainly, get=oip_metadata.models, scopes=LOOKS), name="v2-models"),
    path(f"{BASE}v2/models/stats", route(plainly, get=oip_repository.stats, scopes=LOOKS), name="v2-stats"),
    path(
        f"{BASE}v2/repository/index",
        route(plainly, post=oip_repository.repository_index, scopes=LOOKS),
        name="v2-index",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/load",
        route(plainly, post=oip_repository.load),
        name="v2-load",
    ),
    path(
        f"{BASE}v2/repository/models/<slug:model>/unload",
        route(plainly, post=oip_repository.unload),
        name="v2-unload",
    ),
    *versioned("v2/", "", route(plainly, get=oip_metadata.metadata, scopes=LOOKS), "v2-model"),
    *versioned("v2/", "/ready", route(plainly, get=oip_metadata.model_ready, scopes=LOOKS), "v2-model-ready"),
    *versioned("v2/", "/config", route(plainly, get=oip_metadata.config, scopes=LOOKS), "v2-config"),
    *versioned("v2/", "/stats", route(plainly, get=oip_repository.stats, scopes=LOOKS), "v2-model-stats"),
    *versioned("v2/", "/infer", route(plainly, post=oip.infer), "v2-infer"),
    # KServe V1
    path(BASE, route(plainly, without_token=kserve.alive), name="v1"),
    path(f"{BASE}v1/models", route(plainly, get=kserve.models, scopes=LOOKS), name="v1-models"),
    path(
        f"{BASE}v1/models/<slug:model>",
        route(plainly, get=kserve.model_ready, scopes=LOOKS),
        name="v1-model",
    ),
    *versioned("v1/", ":predict", route(plainly, post=kserve.predict), "v1-predict"),
    *versioned("v1/", ":explain", route(plainly, post=kserve.explain), "v1-explain"),
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
    *versioned("", "/predict", route(plainly, post=mlflow.article), "serve-article"),
    re_path(r"^serve/[^/]*/models/.*", nowhere(mlflow.refuse)),
    re_path(r"^serve(?:/.*)?$", nowhere(plainly)),
]
