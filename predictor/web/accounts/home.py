"""The first page, and the overview of a workspace."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from ...models import (
    CHAMPION,
    Dataset,
    JobStatus,
    Membership,
    ModelAlias,
    PredictionLog,
    RegisteredModel,
    TrainingRun,
    Workspace,
    without_documents,
)
from ...services.datasets import samples
from ...services.operations import health
from ..pages.access import WorkspaceMixin
from ..pages.known_names import KnownNames

N_SHOWN = 5
# Counting a log of millions of rows takes seconds; "more than" is all that a reader needs.
COUNT_LIMIT = 10_000


class Home(LoginRequiredMixin, KnownNames, View):
    """Redirects to the user's first workspace; a user without a workspace reads what to do."""

    def get(self, request: HttpRequest) -> HttpResponse:
        membership = (
            Membership.objects.filter(user=request.user).select_related("workspace").order_by("id").first()
        )
        if membership is None:
            return render(request, "predictor/accounts/no_workspace.html")
        return redirect("workspace", membership.workspace.slug)


class WorkspaceOverview(WorkspaceMixin, View):
    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        return render(request, "predictor/accounts/home.html", overview_of(self.workspace))


def overview_of(workspace: Workspace) -> dict[str, Any]:
    runs = TrainingRun.objects.filter(workspace=workspace).select_related(
        "dataset", "registered_model", "model_version"
    )
    runs = list(without_documents(runs, "dataset", "registered_model", "model_version")[:N_SHOWN])
    is_waiting = any(run.status == JobStatus.QUEUED and health.waits_long(run) for run in runs)
    champions = (
        ModelAlias.objects.filter(registered_model__workspace=workspace, alias=CHAMPION)
        .select_related("registered_model", "model_version")
        .order_by("-updated_at")
    )
    champions = list(
        without_documents(champions, "registered_model", "model_version", but=("model_version__metrics",))[
            :N_SHOWN
        ]
    )
    predictions = PredictionLog.objects.filter(workspace=workspace).select_related(
        "model_version__registered_model"
    )
    predictions = list(
        without_documents(predictions, "model_version__registered_model", "model_version", but=("output",))[
            :N_SHOWN
        ]
    )
    latest = Dataset.objects.filter(workspace=workspace).with_data().only("id", "name").first()
    return {
        "samples": samples.SAMPLES,
        "runs": runs,
        "champions": champions,
        "predictions": predictions,
        "latest_dataset": latest,
        "n_datasets": Dataset.objects.filter(workspace=workspace).count(),
        "n_runs": TrainingRun.objects.filter(workspace=workspace).count(),
        "n_models": RegisteredModel.objects.filter(workspace=workspace, last_version_number__gt=0).count(),
        "n_predictions": PredictionLog.objects.filter(workspace=workspace)[: COUNT_LIMIT + 1].count(),
        "count_limit": COUNT_LIMIT,
        "n_jobs_without_worker": health.n_jobs_without_worker() if is_waiting else 0,
    }
