"""The prediction log: search, chosen columns, one logged row, export."""

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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View

from ..i18n.translation import translated
from ..ml.types.schema import Role, Signature, label_text
from ..models import CHAMPION, ModelVersion, PredictionLog, PredictionSource, RegisteredModel
from ..services import prediction_log
from ..services.prediction_log import log_pages
from ..services.prediction_log.facets import Facets, facets_of
from ..services.prediction_log.log_summaries import summary_of
from ..services.prediction_log.prediction_log import EXPORT_FORMATS, LogSearch
from ..templatetags.mlweb import number, share, subject_words, time_text
from .pages.access import WorkspaceMixin
from .pages.tables import ASCENDING, CHOSEN_COLUMNS, DESCENDING, Chip, ColumnChoice, Head, url_with
from .pages.value_texts import cell_text
from .predictions.contributions import contributions_of
from .predictions.predict import heading_of, shown_answer
from .registry.snippets import curl, predictions_url

# The list shows this many input values of a row, and offers and shows at most so many columns of one model.
MAX_CELLS = 6
MAX_OFFERED, MAX_SHOWN = 300, 40
MAX_MODELS = 500
# The log has one order, that of time, which its key gives in both directions; another one would read all of it.
OLDEST_FIRST = "when"
FORMATS = {
    **EXPORT_FORMATS,
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
CELL = '<span class="log-cell"><span class="muted">{}</span> {}</span>'
WITH, WITHOUT = "yes", "no"


def day_field(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class LogForm(forms.Form):
    """Search filters of the log. Dates are days in UTC, the last one included."""

    q = forms.CharField(label=gettext_lazy("Text"), required=False, max_length=200, strip=True)
    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)
    version = forms.IntegerField(
        label=gettext_lazy("Version"), required=False, min_value=1, max_value=2**31 - 1
    )
    source = forms.ChoiceField(
        label=gettext_lazy("Source"),
        required=False,
        choices=[("", gettext_lazy("Any")), *PredictionSource.choices],
    )
    warnings = forms.CharField(
        label=gettext_lazy("Warnings"), required=False, max_length=60, widget=forms.Select()
    )
    # Only for one model: another one has other classes.
    outcome = forms.CharField(
        label=gettext_lazy("Outcome"), required=False, max_length=200, strip=False, widget=forms.Select()
    )
    actor = forms.CharField(label=gettext_lazy("Person"), required=False, max_length=200, strip=True)
    # Only where a link gives it: the page of a batch has one.
    request_id = forms.CharField(label=gettext_lazy("Request"), required=False, max_length=64, strip=True)
    since = day_field(gettext_lazy("From"))
    until = day_field(gettext_lazy("To"))

    def __init__(self, data: Any, *, models: list[tuple[str, str]]):
        super().__init__(data, label_suffix="")
        if not data.get("request_id"):
            del self.fields["request_id"]
        if not (data.get("model") or data.get("outcome")):
            del self.fields["outcome"]
        self.fields["model"].choices = [("", _("Any")), *models]
        self.fields["source"].choices = [
            (value, translated(label)) for value, label in self.fields["source"].choices
        ]
        for name, field in self.fields.items():
            is_list = isinstance(field.widget, forms.Select)
            field.widget.attrs["class"] = "form-select" if is_list else "form-control"
            if name in self.errors:
                field.widget.attrs |= {
                    "class": " ".join((field.widget.attrs["class"], "is-invalid")),
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
            warnings=filters["warnings"],
            outcome=filters.get("outcome", ""),
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

    def count_choices(self, facets: Facets) -> None:
        """Writes behind each choice how many predictions it has; the choices of one model come from the counts."""
        wanted = self.cleaned_data
        self.choice_words = {name: dict(self.fields[name].choices) for name in ("model", "source")}
        self.fields["model"].choices = [
            (value, counted_label(label, facets.models[value]) if value else label)
            for value, label in self.fields["model"].choices
        ]
        self.fields["source"].choices = [
            (value, counted_label(label, facets.sources[value]) if value else label)
            for value, label in self.fields["source"].choices
        ]
        versions: dict[Any, int] = dict(sorted(facets.versions.items(), reverse=True))
        if versions:
            self._offer("version", versions, wanted["version"])
        self._offer("warnings", dict(facets.warnings.most_common()), wanted["warnings"])
        self.fields["warnings"].widget.choices[1:1] = [
            (WITH, counted_label(_("With any"), facets.n_with_warnings)),
            (WITHOUT, counted_label(_("Without"), facets.n_rows - facets.n_with_warnings)),
        ]
        if "outcome" in self.fields:
            self._offer("outcome", dict(facets.outcomes), wanted["outcome"])
            if not facets.outcomes and not wanted["outcome"]:
                del self.fields["outcome"]

    def _offer(self, name: str, counts: dict[Any, int], chosen: Any) -> None:
        """A list of the values that were counted, and of the chosen one."""
        found = [("", _("Any"))]
        if chosen and chosen not in counts and chosen not in (WITH, WITHOUT):
            found.append((chosen, counted_label(word_of(chosen), 0)))
        found += [(value, counted_label(word_of(value), n)) for value, n in counts.items()]
        attributes = {**self.fields[name].widget.attrs, "class": "form-select"}
        for each in ("min", "max", "maxlength"):
            attributes.pop(each, None)
        self.fields[name].widget = forms.Select(attributes, found)

    def chips(self, params: Any) -> list[Chip]:
        """The filters in force, each with the URL of the list without it."""
        found = []
        for name, field in self.fields.items():
            value = self.data.get(name)
            if not value:
                continue
            words = self.choice_words.get(name, {}).get(value, value)
            if name == "warnings":
                words = {WITH: _("any"), WITHOUT: _("none")}.get(value, word_of(value))
            found.append(Chip(f"{field.label}: {words}", url_with(params, **{name: ""})))
        return found


def counted_label(label: Any, n: int) -> str:
    return f"{label} ({number(n)})" if n else str(label)


def word_of(value: Any) -> str:
    """The code of a warning as words; a class and a number stay as they are."""
    return str(value).replace("_", " ")


def start_of(day: Any, *, days: int = 0) -> datetime | None:
    if day is None:
        return None
    try:
        return datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=days)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


class LogColumns:
    """The columns of the list. With one model chosen, one for each input and class of its newest version too."""

    def __init__(self, signature: Signature | None, chosen: list[str]):
        self.inputs = list(signature.names)[:MAX_OFFERED] if signature else []
        self.classes = [str(label_text(each)) for each in signature.labels][:MAX_OFFERED] if signature else []
        # The numbers of an input stand under each other; other values begin at the left.
        self.numeric = (
            {field.name for field in signature.fields if field.role is Role.NUMERIC} if signature else set()
        )
        own = {
            "model": _("Version") if signature else _("Model"),
            "answer": _("Prediction"),
            "inputs": _("Asked with"),
        }
        self.labels: dict[str, str] = {
            **own,
            **{f"i{place}": name for place, name in enumerate(self.inputs, 1)},
            **{
                f"p{place}": _("Probability of %(label)s") % {"label": label}
                for place, label in enumerate(self.classes, 1)
            },
            "by": _("By"),
            "ms": "ms",
        }
        usual = ["model", "answer", "by", "ms"]
        usual += [f"i{place}" for place in range(1, min(MAX_CELLS, len(self.inputs)) + 1)] or ["inputs"]
        self.usual = [name for name in self.labels if name in usual]
        self.shown = [name for name in self.labels if name in chosen][:MAX_SHOWN] or self.usual

    @property
    def choices(self) -> list[ColumnChoice]:
        return [
            ColumnChoice(name, clipped(label, 60), name in self.shown) for name, label in self.labels.items()
        ]

    def heads(self, params: Any, *, is_oldest_first: bool) -> list[Head]:
        url = url_with(params, sort="" if is_oldest_first else OLDEST_FIRST)
        first = Head(_("When"), "when", url, ASCENDING if is_oldest_first else DESCENDING)
        return [
            first,
            *(
                Head(clipped(self.labels[name], 40), name, is_number=self._is_number(name))
                for name in self.shown
            ),
        ]

    def _is_number(self, name: str) -> bool:
        if name[1:].isdecimal():
            return name.startswith("p") or self.labels[name] in self.numeric
        return name == "ms"

    def cells(self, inputs: dict[str, Any], n_inputs: int, chances: dict[str, float]) -> SafeString:
        """The cells of inputs and classes. Built here: the same loop in the template takes half the page's time."""
        found = []
        for name in self.shown:
            kind, place = name[0], name[1:]
            if not place.isdecimal():
                continue
            label = (self.inputs if kind == "i" else self.classes)[int(place) - 1]
            if kind == "p":
                text = share(chances[label]) if label in chances else "–"
            elif label in inputs:
                text = clipped(cell_text(inputs[label]), 40)
            else:
                # Of a very long row only the beginning is read.
                text = "…" if len(inputs) < n_inputs else "–"
            found.append(("num" if self._is_number(name) else "text", clipped(label), text))
        return format_html_join("", '<td class="{}" data-label="{}">{}</td>', found)


@dataclass(frozen=True)
class LogLine:
    """One row of the list: the answer, and the first input values or the cells of the chosen columns."""

    row: PredictionLog
    label: str
    probability: float | None
    cells: SafeString
    columns: SafeString
    n_more: int
    warning_words: str

    @classmethod
    def of(cls, row: PredictionLog, columns: LogColumns) -> LogLine:
        has_cells = "inputs" in columns.shown
        has_columns = any(name[1:].isdecimal() for name in columns.shown)
        summary = summary_of(row, None if has_columns else MAX_CELLS)
        shown = shown_answer(summary.output)
        chance = next((bar.probability for bar in shown.bars if bar.is_predicted), None)
        first = summary.inputs[:MAX_CELLS] if has_cells else ()
        cells = [(clipped(name), clipped(cell_text(value))) for name, value in first]
        n_more = max(summary.n_inputs - len(cells), 0)
        chances = {bar.name: bar.probability for bar in shown.bars}
        more = (
            columns.cells(dict(summary.inputs), summary.n_inputs, chances) if has_columns else SafeString("")
        )
        n = summary.n_warnings
        words = ngettext("%(n)s warning", "%(n)s warnings", n) % {"n": n} if n else ""
        return cls(row, clipped(shown.label, 60), chance, cell_list(cells), more, n_more, words)


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
