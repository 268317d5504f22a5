"""What works or worked in a workspace: training runs, and the batches of all models."""

from __future__ import annotations

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy
from django.views import View

from ..models import BatchPrediction, JobStatus
from ..templatetags.mlweb import status_word
from .batches import BATCHES, LISTED, batch_row
from .pages.access import WorkspaceMixin
from .pages.tables import Choice, Column

ALL_BATCHES = replace(
    BATCHES,
    columns=(
        BATCHES.columns[0],
        Column(gettext_lazy("Model"), "model", ("registered_model__name", "id")),
        *BATCHES.columns[1:],
    ),
    search_label=gettext_lazy("Search by file or model"),
    search=("filename", "registered_model__name"),
    choices=(
        Choice("status", gettext_lazy("Status"), [(each, status_word(each)) for each in JobStatus.values]),
    ),
    csv_heads=("model", *BATCHES.csv_heads),
    csv_row=lambda batch: (batch.registered_model.slug, *batch_row(batch)),
)


class Activity(WorkspaceMixin, View):
    """The first tab."""

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        return redirect("training-run-list", self.workspace.slug)


class AllBatches(WorkspaceMixin, View):
    query_names = ALL_BATCHES.query_names

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        related = ("created_by", "model_version", "registered_model")
        batches = BatchPrediction.objects.filter(workspace=self.workspace).select_related(*related)
        names = ("registered_model__name", "registered_model__slug")
        table = ALL_BATCHES.shown(request, batches.only(*LISTED, *names))
        if table.wants_csv:
            return table.csv_response()
        return render(request, "predictor/batches/all.html", {"table": table, "page": table.page})
