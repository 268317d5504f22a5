"""The template library `charts` (named in the settings): `{% chart %}`, `{% distribution %}`, keys of colours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ...ml.types.schema import ColumnProfile, Role
from ...templatetags.mlweb import number
from .chart import Chart
from .palette import slot_classes, slot_of_class, slot_of_version

register = template.Library()

EPOCH = datetime(1970, 1, 1)


@register.inclusion_tag("includes/_chart.html")
def chart(
    id: str,  # noqa: A002 - the HTML attribute's name
    kind: str,
    data: Mapping[str, Any],
    label: str,
    title: str = "",
    size: str = "",
    is_swapped: bool = False,
) -> dict[str, Any]:
    """A chart with its table of numbers; `label` is its text alternative. `is_swapped` is no longer needed."""
    return {"chart": Chart(id, kind, data, title, label, "", size)}


@register.simple_tag
def class_key(name: Any, classes: Any) -> SafeString:
    """The colour of a class beside its name: that of its place among all classes, as in the charts."""
    return format_html(
        '<i class="colour-key {}" aria-hidden="true"></i>', slot_classes(slot_of_class(name, classes))
    )


@register.simple_tag
def version_key(number: int) -> SafeString:
    """The colour of a version beside its number, as in charts that compare versions."""
    return format_html(
        '<i class="colour-key {}" aria-hidden="true"></i>', slot_classes(slot_of_version(number))
    )


@register.inclusion_tag("includes/_sparkbars.html")
def distribution(column: ColumnProfile, n_rows: int) -> dict[str, Any]:
    """A small histogram (sparkbars) of a column, drawn without JavaScript: hundreds fit on one page."""
    if column.histogram:
        return {"bars": bars([each.count for each in column.histogram]), "label": _histogram_words(column)}
    if column.role in (Role.TEXT, Role.IDENTIFIER):
        return {"examples": [each.value for each in column.levels[:3]]}
    levels = [(each.value, _part(each.count, n_rows)) for each in column.levels[:4]]
    n_other = column.n_distinct - len(levels)
    return {"levels": levels, "n_other": max(0, n_other), "column": column}


def _part(count: int, whole: int) -> float:
    return count / whole if whole else 0.0


def bars(counts: Sequence[int]) -> Iterable[dict[str, float]]:
    """The bars of `includes/_sparkbars.html`: a drawing of 100 by 30."""
    most = max(counts, default=0) or 1
    width = 100 / max(1, len(counts))
    for index, count in enumerate(counts):
        height = max(0.6, 30 * count / most) if count else 0
        yield {
            "x": round(index * width, 2),
            "y": round(30 - height, 2),
            "width": round(max(0.2, width - 0.8), 2),
            "height": round(height, 2),
        }


def _histogram_words(column: ColumnProfile) -> str:
    top = max(column.histogram, key=lambda each: each.count)
    if column.role is Role.DATETIME:  # seconds since 1970
        low, high = ((EPOCH + timedelta(seconds=end)).date() for end in (top.low, top.high))
        return _most_between(str(low), str(high))
    return _most_between(number(top.low), number(top.high))


def _most_between(low: str, high: str) -> str:
    return _("Most rows are between %(low)s and %(high)s") % {"low": low, "high": high}
