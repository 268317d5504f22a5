"""Template filters that format values of models and predictions."""

from __future__ import annotations

import json
from typing import Any

from django import template

from ..ml.types.schema import canonical_text

register = template.Library()


@register.simple_tag
def metric_value(metric: Any, value: float | None) -> str:
    """A metric's value as text: a share in per cent, others as a number."""
    return str(metric.shown(value))


@register.filter
def cell(value: Any) -> str:
    """A JSON value as the text of a table cell: a list or object as JSON, a dash for an empty value."""
    if value is None or value == "":
        return "–"
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(canonical_text(value))
