"""The filters of the log, with counts, and as chips that remove themselves."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...i18n.translation import translated
from ...models import PredictionSource
from ...services.prediction_log.facets import Facets
from ...services.prediction_log.prediction_log import LogSearch
from ...templatetags.mlweb import number
from ..pages.tables import Chip, url_with

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
