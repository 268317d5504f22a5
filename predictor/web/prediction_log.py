"""The prediction log: search, one logged row, export."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.views import View

from ..models import CHAMPION, PredictionLog, PredictionSource, RegisteredModel
from ..services import prediction_log
from ..services.prediction_log import log_pages
from ..services.prediction_log.log_summaries import summary_of
from ..services.prediction_log.prediction_log import EXPORT_FORMATS, LogSearch
from ..templatetags.mlweb import time_text
from .pages.access import WorkspaceMixin
from .pages.tables import Head
from .pages.value_texts import cell_text
from .predictions.contributions import contributions_of
from .predictions.predict import heading_of, shown_answer
from .registry.snippets import curl, predictions_url

# The list shows this many input values of a row.
MAX_CELLS = 6
MAX_MODELS = 500
# The log has one order, newest first, which its key gives; another one would read all of it.
HEADS = (
    *(Head(label) for label in ("When", "Model", "Prediction", "Asked with", "By")),
    Head("ms", is_number=True),
)
CELL = '<span class="log-cell"><span class="muted">{}</span> {}</span>'


def day_field(label: str) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class LogForm(forms.Form):
    """Search filters of the log. Dates are days in UTC, the last one included."""

    q = forms.CharField(label="Text", required=False, max_length=200, strip=True)
    model = forms.ChoiceField(label="Model", required=False)
    version = forms.IntegerField(label="Version", required=False, min_value=1, max_value=2**31 - 1)
    source = forms.ChoiceField(
        label="Source", required=False, choices=[("", "Any"), *PredictionSource.choices]
    )
    actor = forms.CharField(label="Person", required=False, max_length=200, strip=True)
    # Only where a link gives it: the page of a batch has one.
    request_id = forms.CharField(label="Request", required=False, max_length=64, strip=True)
    since = day_field("From")
    until = day_field("To")

    def __init__(self, data: Any, *, models: list[tuple[str, str]]):
        super().__init__(data, label_suffix="")
        if not data.get("request_id"):
            del self.fields["request_id"]
        self.fields["model"].choices = [("", "Any"), *models]
        for name, field in self.fields.items():
            is_list = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_list else "form-control"
            if name in self.errors:
                field.widget.attrs |= {
                    "class": f"{field.widget.attrs['class']} is-invalid",
                    "aria-invalid": "true",
                }

    @property
    def wanted(self) -> LogSearch:
        filters = self.cleaned_data
        return LogSearch(
            model=filters["model"],
            version=filters["version"],
            source=filters["source"],
            actor=filters["actor"],
            request_id=filters.get("request_id", ""),
            text=filters["q"],
            since=start_of(filters["since"]),
            until=start_of(filters["until"], days=1),
        )

    @property
    def query(self) -> str:
        """The filters as a query string, for links."""
        return urlencode([(name, self.data[name]) for name in self.fields if self.data.get(name)])

    @property
    def is_filtered(self) -> bool:
        return bool(self.query)


def start_of(day: Any, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class LogLine:
    """One row of the list: the answer, and the first input values."""

    row: PredictionLog
    label: str
    probability: float | None
    cells: SafeString
    n_more: int
    n_warnings: int

    @classmethod
    def of(cls, row: PredictionLog) -> LogLine:
        summary = summary_of(row, MAX_CELLS)
        shown = shown_answer(summary.output)
        chance = next((bar.probability for bar in shown.bars if bar.is_predicted), None)
        cells = [(clipped(name), clipped(cell_text(value))) for name, value in summary.inputs]
        n_more = max(summary.n_inputs - len(cells), 0)
        return cls(row, clipped(shown.label, 60), chance, cell_list(cells), n_more, summary.n_warnings)


def cell_list(cells: list[tuple[str, str]]) -> SafeString:
    """Names and values as escaped HTML. Built here, because the same loop in the template took half the page's time."""
    return format_html_join(" ", CELL, cells)


def clipped(text: str, limit: int = 24) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


class LogPage(WorkspaceMixin, View):
    """Loads the filters of list and export."""

    def filters(self, request: HttpRequest) -> LogForm:
        models = RegisteredModel.objects.filter(workspace=self.workspace).order_by("name")
        return LogForm(request.GET, models=list(models.values_list("slug", "name")[:MAX_MODELS]))


class PredictionList(LogPage):
    query_names = (*LogForm.base_fields, "before")

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        form = self.filters(request)
        before = cursor(request.GET.get("before", ""))
        context: dict[str, Any] = {
            "form": form,
            "before": before,
            "formats": list(EXPORT_FORMATS),
            "heads": HEADS,
        }
        if form.is_valid():
            page = log_pages.page(self.workspace, form.wanted, before=before, is_summarized=True)
            context |= {
                "page": page,
                "lines": [LogLine.of(row) for row in page.rows],
                "searched_sentence": searched_sentence(page),
            }
        return render(
            request,
            "predictor/predictions/prediction_list.html",
            context,
            status=200 if form.is_valid() else 400,
        )


def searched_sentence(page: log_pages.LogPage) -> str:
    """How far back a search went that stopped before the end of the log; empty where it did not stop."""
    if page.searched_back_to is None:
        return ""
    return (
        f"{'Searched' if page.rows else 'Nothing found'} back to {time_text(page.searched_back_to, 'second')} so far; "
        "what is older was not looked at yet."
    )


def cursor(text: str) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404("There is no such page of the log.") from None


class PredictionDetail(WorkspaceMixin, View):
    def get(self, request: HttpRequest, workspace: str, pk: uuid.UUID) -> HttpResponse:
        rows = PredictionLog.objects.select_related(
            "actor", "api_token", "model_version__registered_model__workspace"
        ).defer("model_version__evaluation")
        rows = rows.annotate(background=F("model_version__evaluation__explanations"))
        row = self.get_visible_or_404(rows, pk=pk)
        version = row.model_version
        names = version.signature.names
        context = {
            "row": row,
            "version": version,
            "heading": heading_of(version.signature, "Prediction of"),
            "model": version.registered_model,
            "shown": shown_answer(row.output),
            "contributions": contributions_of(
                row.output.get("explanation"), row.inputs, version.signature.subject, row.background
            ),
            "inputs": [(name, value, name in names) for name, value in row.inputs.items()],
            "curl": curl(predictions_url(request, version.registered_model), row.inputs, str(version.number)),
            "champion": CHAMPION,
        }
        return render(request, "predictor/predictions/prediction_detail.html", context)


class PredictionExport(LogPage):
    """All rows that match the filters of the list, as a streamed file."""

    query_names = (*LogForm.base_fields, "format")
    is_file = True

    def get(self, request: HttpRequest, workspace: str) -> HttpResponseBase:
        kind = request.GET.get("format", "csv")
        form = self.filters(request)
        if kind not in EXPORT_FORMATS:
            raise Http404(f"The log is exported as {' or '.join(EXPORT_FORMATS)}.")
        if not form.is_valid():
            context = {"form": form, "formats": list(EXPORT_FORMATS)}
            return render(request, "predictor/predictions/prediction_list.html", context, status=400)
        lines = prediction_log.export(self.workspace, form.wanted, kind=kind)
        response = StreamingHttpResponse(lines, content_type=EXPORT_FORMATS[kind])
        day = timezone.now().date().isoformat()
        response["Content-Disposition"] = (
            f'attachment; filename="{self.workspace.slug}-predictions-{day}.{kind}"'
        )
        return response
