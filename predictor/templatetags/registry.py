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


@register.filter
def filesize_si(n_bytes: int) -> str:
    """1234567 → "1.2 MB"; powers of a thousand, as disks and downloads are labelled."""
    size = float(n_bytes or 0)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
