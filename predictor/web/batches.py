"""Batch prediction pages: start a batch, follow it, cancel it, download its result."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..errors import MlwebError, NotFound
from ..models import (
    CHAMPION,
    BatchPrediction,
    Dataset,
    PredictionSource,
    RegisteredModel,
    WorkspaceRole,
    without_documents,
)
from ..services import batches
from ..templatetags.mlweb import counted, duration, job_sentence
from .pages.model_page import ModelPage, caller_of
from .pages.refusals import refused
from .pages.tables import Column, ListTable
from .predictions.csv import CsvForm, with_remedy
from .predictions.predict import version_choices

ACCEPTED = ".csv,.tsv,.txt,.parquet,.jsonl,.ndjson,text/csv,application/x-ndjson"
LISTED = (
    "id", "filename", "status", "progress", "n_rows_done", "n_errors", "queued_at", "created_by__email",
    "registered_model_id", "workspace_id", "model_version__number",
)  # fmt: skip


def batch_row(batch: BatchPrediction) -> tuple[Any, ...]:
    return (
        batch.pk,
        batch.filename,
        batch.status,
        batch.n_rows_done,
        batch.n_errors,
        batch.model_version.number,
        batch.queued_at.isoformat(),
        batch.created_by.email if batch.created_by else None,
    )


BATCHES = ListTable(
    caption=gettext_lazy("Batches"),
    columns=(
        Column(gettext_lazy("File"), "file", ("filename", "id")),
        Column(gettext_lazy("Status"), "status", ("status", "id")),
        Column(gettext_lazy("Rows"), "rows", ("n_rows_done", "id"), is_number=True),
        Column(gettext_lazy("Errors"), "errors", ("n_errors", "id"), is_number=True),
        Column(gettext_lazy("Version"), "version", ("model_version__number", "id")),
        Column(gettext_lazy("Asked for"), "queued", ("queued_at", "id")),
        Column(gettext_lazy("By"), "by", ("created_by__email", "id")),
    ),
    default="-queued",
    csv_name="batches",
    csv_heads=("id", "file", "status", "rows", "errors", "version", "asked_for", "by"),
    csv_row=batch_row,
)


class BatchForm(CsvForm):
    """A file, or the rows of a dataset, and the version that answers."""

    dataset = forms.ModelChoiceField(
        Dataset.objects.none(),
        label=gettext_lazy("or a dataset"),
        required=False,
        empty_label=gettext_lazy("None"),
        help_text=gettext_lazy("Its original rows, whatever their number."),
    )
    is_strict = forms.BooleanField(
        label=gettext_lazy("Refuse the whole file for one doubtful row"),
        required=False,
        help_text=gettext_lazy("Else such a row gets a warning, and one that cannot be predicted an error."),
    )

    def __init__(self, *args: Any, datasets: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["dataset"].queryset = datasets  # type: ignore[attr-defined]
        self.fields["file"].required = False
        self.fields["file"].label = _("File")
        self.fields["file"].help_text = _(
            "CSV, Parquet or JSON lines. Columns are found by name, in any order."
        )
        self.fields["file"].widget.attrs["accept"] = ACCEPTED

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if bool(self.cleaned_data.get("file")) == bool(self.cleaned_data.get("dataset")):
            self.add_error("file", _("Choose either a file or a dataset."))
        return cleaned

    def with_values(self, data: QueryDict) -> BatchForm:
        versions, datasets = self.fields["version"].choices, self.fields["dataset"].queryset  # type: ignore[attr-defined]
        return BatchForm(data, self.files, versions=versions, datasets=datasets)

    @property
    def source(self) -> Path | Dataset:
        file = self.cleaned_data["file"]
        return Path(file.temporary_file_path()) if file else self.cleaned_data["dataset"]


class BatchList(ModelPage):
    """The form, and below it the batches so far."""

    query_names = ("version", *BATCHES.query_names)
    field_names = tuple(BatchForm.base_fields)
    takes_file = True

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        table = BATCHES.shown(request, self.batches(model))
        if table.wants_csv:
            return table.csv_response()
        return self.page(model, self.form(initial={"version": request.GET.get("version", CHAMPION)}))

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        form = self.form(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(model, form, status=400)
        try:
            batch = start(request, model, form, form.source, strict=form.cleaned_data["is_strict"])
        except MlwebError as error:
            remedied = with_remedy(form, error)
            return self.page(model, remedied, error=error, is_remedied=remedied is not form)
        return redirect("batch-detail", self.workspace.slug, model.slug, batch.pk)

    def form(self, *args: Any, **kwargs: Any) -> BatchForm:
        datasets = Dataset.objects.filter(workspace=self.workspace).with_data().order_by("-pk")
        datasets = without_documents(datasets)
        return BatchForm(*args, versions=version_choices(self), datasets=datasets, **kwargs)

    def batches(self, model: RegisteredModel) -> QuerySet[BatchPrediction]:
        rows = BatchPrediction.objects.filter(registered_model=model)
        return rows.select_related("model_version", "created_by").only(*LISTED)

    def page(self, model: RegisteredModel, form: CsvForm, *, status: int = 200, **more: Any) -> HttpResponse:
        table = BATCHES.shown(self.request, self.batches(model))
        context = {"model": model, "form": form, "table": table, "page": table.page, **more}
        response = render(self.request, "predictor/batches/list.html", context, status=status)
        return refused(response, more.get("error"))


def start(
    request: HttpRequest, model: RegisteredModel, form: CsvForm, data: Path | Dataset, *, strict: bool
) -> BatchPrediction:
    """Start a batch from a valid form."""
    file = form.cleaned_data["file"]
    return batches.start(
        registered_model=model,
        data=data,
        filename=file.name if file else "",
        csv_options=batches.CsvOptions(**form.how),
        options=replace(form.options, strict=strict),
        caller=caller_of(request, PredictionSource.BATCH),
    )


class BatchPage(ModelPage):
    def batch(self, slug: str, pk: int) -> BatchPrediction:
        model = self.load_model(slug)
        rows = BatchPrediction.objects.select_related("model_version", "created_by", "dataset")
        rows = rows.defer("model_version__signature_json", "model_version__evaluation")
        batch: BatchPrediction = self.get_visible_or_404(rows, registered_model=model, pk=pk)
        batch.registered_model = model
        return batch

    def context_of(self, batch: BatchPrediction) -> dict[str, Any]:
        is_own = self.membership.user_id == batch.created_by_id
        return {
            "batch": batch,
            "status_sentence": status_sentence(batch),
            "model": batch.registered_model,
            "fingerprint": fingerprint_of(batch),
            "can_cancel": is_own or self.membership.can(WorkspaceRole.MEMBER),
            "can_read_traceback": is_own,
        }


class BatchDetail(BatchPage):
    def get(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        return render(request, "predictor/batches/detail.html", self.context_of(self.batch(slug, pk)))


class BatchProgress(BatchPage):
    """The progress fragment, polled by htmx. 204 when nothing has changed: the page keeps its content."""

    query_names = ("seen",)

    def get(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        batch = self.batch(slug, pk)
        if request.GET.get("seen") == fingerprint_of(batch):
            return HttpResponse(status=204)
        return render(
            request, "predictor/batches/_progress.html", {**self.context_of(batch), "is_swapped": True}
        )


class BatchCancel(BatchPage):
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponse:
        batch = self.batch(slug, pk)
        try:
            batches.cancel(batch=batch, by=request.user)  # type: ignore[arg-type]
        except MlwebError as error:
            messages.info(request, error.message)
        return redirect("batch-detail", self.workspace.slug, slug, pk)


class BatchResult(BatchPage):
    is_file = True

    def get(self, request: HttpRequest, workspace: str, slug: str, pk: int) -> HttpResponseBase:
        batch = self.batch(slug, pk)
        try:
            file = batches.open_result(batch)
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            messages.info(request, error.message)
            return redirect("batch-detail", self.workspace.slug, slug, pk)
        response = FileResponse(file, as_attachment=True, filename=batches.download_name(batch))
        response["Content-Type"] = batches.media_type(batch)
        return response


def status_sentence(batch: BatchPrediction) -> str:
    """Where the batch stands: waiting, what it does, or how it ended."""
    return job_sentence(
        batch,
        succeeded=_("%(rows)s in %(time)s.")
        % {"rows": counted(batch.n_rows_done, "row"), "time": duration(batch.elapsed)},
        after_stop=_("What was answered until then is in the log."),
    )


def fingerprint_of(batch: BatchPrediction) -> str:
    """A short hash of what the page shows: it changes when the page would."""
    parts = (
        batch.status,
        batch.n_rows_done,
        batch.progress_message,
        batch.attempts,
        batch.is_cancel_requested,
    )
    return sha256(repr(parts).encode()).hexdigest()[:16]
