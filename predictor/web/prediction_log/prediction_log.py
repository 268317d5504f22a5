"""The prediction log: search, chosen columns, one logged row, export."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View

from ...ml.types.schema import Signature
from ...models import CHAMPION, ModelVersion, PredictionLog, RegisteredModel, WorkspaceRole
from ...services import prediction_log
from ...services.prediction_log import log_pages
from ...services.prediction_log.facets import Facets, facets_of
from ...services.prediction_log.prediction_log import EXPORT_FORMATS, LogSearch
from ...templatetags.mlweb import number, subject_words, time_text
from ..monitoring.actuals import actual_context
from ..pages.access import WorkspaceMixin
from ..pages.tables import CHOSEN_COLUMNS, url_with
from ..predictions.contributions import contributions_of
from ..predictions.predict import heading_of, shown_answer
from ..registry.snippets import curl, predictions_url
from .log_columns import MAX_OFFERED, MAX_SHOWN, OLDEST_FIRST, LogColumns, LogLine
from .log_form import LogForm

MAX_MODELS = 500
FORMATS = {
    **EXPORT_FORMATS,
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class LogPage(WorkspaceMixin, View):
    """Loads the filters of list and export."""

    def filters(self, request: HttpRequest) -> LogForm:
        models = RegisteredModel.objects.filter(workspace=self.workspace).order_by("name")
        return LogForm(request.GET, models=list(models.values_list("slug", "name")[:MAX_MODELS]))


class PredictionList(LogPage):
    query_names = (*LogForm.base_fields, "before", "after", "sort", "col")

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        form = self.filters(request)
        before, after = (cursor(request.GET.get(name, "")) for name in ("before", "after"))
        is_oldest_first = request.GET.get("sort") == OLDEST_FIRST
        context: dict[str, Any] = {
            "form": form,
            "is_later_page": bool(after if is_oldest_first else before),
            "formats": list(FORMATS),
            "sort": OLDEST_FIRST if is_oldest_first else "",
        }
        if form.is_valid():
            wanted = form.wanted
            columns = LogColumns(self.signature_of(wanted.model), self.chosen_columns(wanted.model))
            facets = facets_of(
                self.workspace,
                model=wanted.model,
                version=wanted.version,
                since=wanted.since,
                until=wanted.until,
            )
            form.count_choices(facets)
            page = log_pages.page(
                self.workspace,
                wanted,
                before=before,
                after=after,
                is_oldest_first=is_oldest_first,
                is_summarized=True,
            )
            context |= {
                "page": page,
                "columns": columns,
                "heads": columns.heads(request.GET, is_oldest_first=is_oldest_first),
                "lines": [LogLine.of(row, columns) for row in page.rows],
                "chips": form.chips(request.GET),
                "counted_sentence": counted_sentence(wanted, facets),
                "searched_sentence": searched_sentence(page, is_oldest_first=is_oldest_first),
                "first_url": url_with(request.GET),
                "next_url": url_with(
                    request.GET, **{"after" if is_oldest_first else "before": str(page.older)}
                ),
                "chosen": [name for name in columns.labels if name in request.GET.getlist("col")],
                "max_shown": MAX_SHOWN,
            }
        return render(
            request,
            "predictor/predictions/prediction_list.html",
            context,
            status=200 if form.is_valid() else 400,
        )

    def signature_of(self, model: str) -> Signature | None:
        """Of the newest version of the chosen model; None without one."""
        if not model:
            return None
        versions = ModelVersion.objects.filter(
            registered_model__workspace=self.workspace, registered_model__slug=model
        )
        stored = versions.order_by("-number").values_list("signature_json", flat=True).first()
        return Signature.from_json(stored) if stored else None

    def chosen_columns(self, model: str) -> list[str]:
        """The columns of the URL, which the session keeps for each model, or those that it has kept."""
        session, key = self.request.session, f"log/{model}"
        kept = session.get(CHOSEN_COLUMNS, {})
        if "col" not in self.request.GET:
            return list(kept.get(key, ()))
        wanted = [name for name in self.request.GET.getlist("col") if len(name) < 10][:MAX_OFFERED]
        if wanted != kept.get(key):
            session[CHOSEN_COLUMNS] = {**kept, key: wanted}
        return wanted


def counted_sentence(wanted: LogSearch, facets: Facets) -> str:
    """How many predictions there are. The summary knows models, versions and days, and no other filter."""
    since = time_text(facets.since)
    if any((wanted.source, wanted.actor, wanted.request_id, wanted.text, wanted.warnings, wanted.outcome)):
        return _("Numbers in brackets: predictions since %(since)s, without the other filters.") % {
            "since": since
        }
    if not facets.n_rows:
        return ""
    n = ngettext("%(n)s prediction", "%(n)s predictions", facets.n_rows) % {"n": number(facets.n_rows)}
    return _("%(n)s since %(since)s; older ones are on the next pages.") % {"n": n, "since": since}


def searched_sentence(page: log_pages.LogPage, *, is_oldest_first: bool = False) -> str:
    """How far a search went that stopped before the end of the log; empty where it did not stop."""
    if page.searched_back_to is None:
        return ""
    at = {"at": time_text(page.searched_back_to, "second")}
    if is_oldest_first:
        if page.rows:
            return _("Searched up to %(at)s so far; what is newer was not looked at yet.") % at
        return _("Nothing found up to %(at)s so far; what is newer was not looked at yet.") % at
    if page.rows:
        return _("Searched back to %(at)s so far; what is older was not looked at yet.") % at
    return _("Nothing found back to %(at)s so far; what is older was not looked at yet.") % at


def cursor(text: str) -> uuid.UUID | None:
    if not text:
        return None
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404(_("There is no such page of the log.")) from None


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
            "heading": heading_of(version.signature, gettext_lazy("Prediction of %(target)s")),
            "model": version.registered_model,
            "shown": shown_answer(row.output),
            "contributions": contributions_of(
                row.output.get("explanation"), row.inputs, subject_words(version.signature), row.background
            ),
            "inputs": [(name, value, name in names) for name, value in row.inputs.items()],
            "curl": curl(predictions_url(request, version.registered_model), row.inputs, str(version.number)),
            "champion": CHAMPION,
            "actual": actual_context(row),
            "can_write": self.membership.can(WorkspaceRole.MEMBER),
        }
        return render(request, "predictor/predictions/prediction_detail.html", context)


class PredictionExport(LogPage):
    """All rows that match the filters of the list, as a streamed file."""

    query_names = (*LogForm.base_fields, "format")
    is_file = True

    def get(self, request: HttpRequest, workspace: str) -> HttpResponseBase:
        kind = request.GET.get("format", "csv")
        form = self.filters(request)
        if kind not in FORMATS:
            raise Http404(_("The log is exported as %(formats)s.") % {"formats": ", ".join(FORMATS)})
        if not form.is_valid():
            context = {"form": form, "formats": list(FORMATS)}
            return render(request, "predictor/predictions/prediction_list.html", context, status=400)
        if kind == "xlsx":
            lines = prediction_log.as_workbook(self.workspace, form.wanted)
        else:
            lines = prediction_log.export(self.workspace, form.wanted, kind=kind)
        response = StreamingHttpResponse(lines, content_type=FORMATS[kind])
        day = timezone.now().date().isoformat()
        response["Content-Disposition"] = (
            f'attachment; filename="{self.workspace.slug}-predictions-{day}.{kind}"'
        )
        return response
