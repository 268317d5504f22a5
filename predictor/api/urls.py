"""`/api/v1/…`, `/predict` and `/health/…`, with and without a trailing slash, never by redirect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404
from django.urls import URLPattern, path, re_path
from rest_framework.request import Request
from rest_framework.response import Response

from ..http.route_options import RouteOptions, declare
from . import metrics
from .batches.batches import BatchViewSet
from .comments import CommentViewSet
from .datasets import DatasetViewSet
from .health import LiveView, OpenView, ReadyView
from .monitoring.actuals import ActualViewSet, LiveQualityViewSet
from .notices import NoticeViewSet
from .predictions.article import ArticleView
from .predictions.counterfactuals import CounterfactualViewSet
from .predictions.predictions import LogViewSet, PredictionViewSet
from .predictions.published_forms import LinkViewSet
from .readings import ReadingViewSet
from .reference import DocsView
from .registry.form_settings import FormSettingsViewSet
from .registry.registry import AliasViewSet, RegisteredModelViewSet, VersionViewSet
from .rows import RowsViewSet
from .schema import SchemaView
from .training.estimators import EstimatorListView
from .training.training import TrainingRunViewSet
from .trash import TrashViewSet
from .workspaces import MemberViewSet, WorkspaceListViewSet

V1 = "api/v1/"
IN = V1 + "<slug:workspace>/"
MODEL = IN + "models/<slug:model>/"
VERSION = MODEL + "versions/<int:number>"
ALIAS = MODEL + "aliases/<slug:alias>"

API, HEALTH = RouteOptions("api"), RouteOptions("health")
PREDICTION = RouteOptions("api", takes_fast_path=True, is_limited=True)
ARTICLE = RouteOptions("article", takes_fast_path=True, is_limited=True)


class UnknownView(OpenView):
    """404 as a problem document, for unknown URLs below /api/."""

    default_response_headers: dict[str, str] = {}

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        # Every method gets 404, not 405: there is no resource here.
        self.http_method_not_allowed = self._missing  # type: ignore[method-assign]
        return super().dispatch(request, *args, **kwargs)

    def _missing(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        raise Http404


def both(route: str, view: Callable[..., Any], name: str, options: RouteOptions = API) -> list[URLPattern]:
    """The route with and without its trailing slash."""
    declare(view, options)
    return [path(route, view, name=name), path(f"{route}/", view)]


# A view for each route: `declare` marks the view.
COMMENTS, COMMENTS_OF_VERSION, COMMENTS_OF_RUN = (
    CommentViewSet.as_view({"get": "list", "post": "create"}) for _ in range(3)
)

urlpatterns = [
    path("metrics", metrics.read, name="metrics"),
    *both("health/live", LiveView.as_view(), "health-live", HEALTH),
    *both("health/ready", ReadyView.as_view(), "health-ready", HEALTH),
    *both(V1 + "health/live", LiveView.as_view(), "api-health-live"),
    *both(V1 + "health/ready", ReadyView.as_view(), "api-health-ready"),
    *both("predict", ArticleView.as_view(), "article-predict", ARTICLE),
    *both("api/schema", SchemaView.as_view(), "api-schema"),
    *both("api/docs", DocsView.as_view(), "api-docs"),
    *both(V1 + "workspaces", WorkspaceListViewSet.as_view({"get": "list"}), "api-workspaces"),
    *both(IN + "members", MemberViewSet.as_view({"get": "list"}), "api-members"),
    *both(IN + "datasets", DatasetViewSet.as_view({"get": "list", "post": "create"}), "api-datasets"),
    *both(
        IN + "datasets/<int:pk>",
        DatasetViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        "api-dataset",
    ),
    *both(
        IN + "datasets/<int:pk>/download", DatasetViewSet.as_view({"get": "download"}), "api-dataset-download"
    ),
    *both(
        IN + "datasets/<int:pk>/preview", DatasetViewSet.as_view({"get": "preview"}), "api-dataset-preview"
    ),
    *both(IN + "datasets/<int:pk>/rows", RowsViewSet.as_view({"get": "retrieve"}), "api-dataset-rows"),
    *both(
        IN + "datasets/<int:pk>/rows/facets", RowsViewSet.as_view({"get": "facets"}), "api-dataset-row-facets"
    ),
    *both(
        IN + "datasets/<int:pk>/rows/download",
        RowsViewSet.as_view({"get": "download"}),
        "api-dataset-rows-download",
    ),
    *both(
        IN + "datasets/<int:pk>/reading",
        ReadingViewSet.as_view({"get": "retrieve"}),
        "api-dataset-reading",
    ),
    *both(
        IN + "datasets/<int:pk>/reading-previews",
        ReadingViewSet.as_view({"post": "preview"}),
        "api-dataset-reading-previews",
    ),
    *both(
        IN + "datasets/<int:pk>/reading-changes",
        ReadingViewSet.as_view({"get": "list", "post": "create"}),
        "api-dataset-reading-changes",
    ),
    *both(IN + "trash", TrashViewSet.as_view({"get": "list"}), "api-trash"),
    *both(
        IN + "trash/<int:pk>",
        TrashViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        "api-trashed-dataset",
    ),
    *both(IN + "notices", NoticeViewSet.as_view({"get": "list", "patch": "read_all"}), "api-notices"),
    *both(IN + "notices/<int:pk>", NoticeViewSet.as_view({"patch": "partial_update"}), "api-notice"),
    *both(IN + "actuals", ActualViewSet.as_view({"get": "list", "post": "create"}), "api-actuals"),
    *both(MODEL + "live-quality", LiveQualityViewSet.as_view({"get": "retrieve"}), "api-model-live-quality"),
    *both(MODEL + "comments", COMMENTS, "api-model-comments"),
    *both(f"{VERSION}/comments", COMMENTS_OF_VERSION, "api-version-comments"),
    *both(IN + "training-runs/<int:run>/comments", COMMENTS_OF_RUN, "api-run-comments"),
    *both(
        IN + "comments/<int:pk>",
        CommentViewSet.as_view({"patch": "partial_update", "delete": "destroy"}),
        "api-comment",
    ),
    *both(V1 + "estimators", EstimatorListView.as_view(), "api-estimators"),
    *both(
        IN + "training-runs",
        TrainingRunViewSet.as_view({"get": "list", "post": "create"}),
        "api-training-runs",
    ),
    *both(
        IN + "training-runs/<int:pk>",
        TrainingRunViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        "api-training-run",
    ),
    *both(IN + "models", RegisteredModelViewSet.as_view({"get": "list"}), "api-models"),
    *both(
        IN + "models/<slug:model>",
        RegisteredModelViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        "api-model",
    ),
    *both(MODEL + "versions", VersionViewSet.as_view({"get": "list"}), "api-versions"),
    *both(
        MODEL + "versions/compare", VersionViewSet.as_view({"get": "compare_many"}), "api-versions-compare"
    ),
    *both(VERSION, VersionViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), "api-version"),
    *both(VERSION + "/evaluation", VersionViewSet.as_view({"get": "evaluation"}), "api-version-evaluation"),
    *both(
        VERSION + "/completion",
        VersionViewSet.as_view({"get": "completion", "post": "complete", "patch": "cancel_completion"}),
        "api-version-completion",
    ),
    *both(VERSION + "/thresholds", VersionViewSet.as_view({"post": "thresholds"}), "api-version-thresholds"),
    *both(VERSION + "/card", VersionViewSet.as_view({"get": "card"}), "api-version-card"),
    *both(VERSION + "/onnx", VersionViewSet.as_view({"get": "onnx"}), "api-version-onnx"),
    *both(
        VERSION + "/offline-page", VersionViewSet.as_view({"get": "offline_page"}), "api-version-offline-page"
    ),
    *both(VERSION + "/bundle", VersionViewSet.as_view({"get": "bundle"}), "api-version-bundle"),
    *both(MODEL + "activity", RegisteredModelViewSet.as_view({"get": "activity"}), "api-activity"),
    *both(MODEL + "comparison", VersionViewSet.as_view({"get": "compare"}), "api-comparison"),
    *both(MODEL + "aliases", AliasViewSet.as_view({"get": "list"}), "api-aliases"),
    *both(
        ALIAS, AliasViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}), "api-alias"
    ),
    *both(ALIAS + "/history", AliasViewSet.as_view({"get": "history"}), "api-alias-history"),
    *both(MODEL + "predictions", PredictionViewSet.as_view({"post": "create"}), "api-predict", PREDICTION),
    *both(
        MODEL + "counterfactuals", CounterfactualViewSet.as_view({"post": "create"}), "api-counterfactuals"
    ),
    *both(
        MODEL + "form",
        FormSettingsViewSet.as_view({"get": "retrieve", "put": "update", "patch": "partial_update"}),
        "api-form-settings",
    ),
    *both(MODEL + "links", LinkViewSet.as_view({"get": "list", "post": "create"}), "api-links"),
    *both(
        MODEL + "links/<int:pk>",
        LinkViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        "api-link",
    ),
    *both(MODEL + "batches", BatchViewSet.as_view({"get": "list", "post": "create"}), "api-batches"),
    *both(
        MODEL + "batches/<int:pk>",
        BatchViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
        "api-batch",
    ),
    *both(MODEL + "batches/<int:pk>/result", BatchViewSet.as_view({"get": "result"}), "api-batch-result"),
    *both(IN + "predictions", LogViewSet.as_view({"get": "list"}), "api-predictions"),
    *both(IN + "predictions/export", LogViewSet.as_view({"get": "export"}), "api-predictions-export"),
    *both(IN + "predictions/<uuid:pk>", LogViewSet.as_view({"get": "retrieve"}), "api-prediction"),
    re_path(r"^api/", declare(UnknownView.as_view(), API)),
]
