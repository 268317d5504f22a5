"""The tabs of a model, a version, the activity of a workspace, and the settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

register = template.Library()

# {what: [(name of the tab, name of its URL, words)]}
TABS: Mapping[str, Sequence[tuple[str, str, Any]]] = {
    "model": [
        ("detail", "model-detail", gettext_lazy("Summary")),
        ("predict", "predict", gettext_lazy("Predict")),
        ("versions", "model-versions", gettext_lazy("Versions")),
        ("monitor", "model-monitor", gettext_lazy("Monitor")),
        ("rules", "model-rules", gettext_lazy("Rules")),
        ("api", "model-api", gettext_lazy("API")),
    ],
    "version": [
        ("detail", "version-detail", gettext_lazy("Summary")),
        ("charts", "version-charts", gettext_lazy("Charts")),
        ("explain", "version-explain", gettext_lazy("Explain")),
        ("data", "version-data", gettext_lazy("Data")),
        ("details", "version-details", gettext_lazy("Details")),
    ],
    "activity": [
        ("runs", "training-run-list", gettext_lazy("Training runs")),
        ("batches", "activity-batches", gettext_lazy("Batches")),
    ],
    "settings": [
        ("settings", "settings", gettext_lazy("Account")),
        ("members", "member-list", gettext_lazy("Members")),
    ],
}


@dataclass(frozen=True)
class Tab:
    name: str
    words: Any
    url: str


@register.simple_tag(takes_context=True)
def tabs_of(context: Mapping[str, Any], what: str) -> list[Tab]:
    """The tabs of "model", "version", "activity" or "settings"; none where the page has no such thing."""
    try:
        args = [context["workspace"].slug]
        if what in ("model", "version"):
            args.append(context["model"].slug)
        if what == "version":
            args.append(context["version"].number)
        return [Tab(name, words, reverse(url, args=args)) for name, url, words in TABS[what]]
    except (AttributeError, KeyError, NoReverseMatch):
        return []


@register.simple_tag(takes_context=True)
def tabs_label(context: Mapping[str, Any], what: str) -> str:
    """The name of the tabs for screen readers."""
    names = {
        "model": _("Pages of this model"),
        "version": _("Pages of this version"),
        "activity": _("Pages of the activity"),
    }
    return names.get(what) or _("Pages of the settings")
