"""The template tag `{% chart %}`: the data as JSON, an element to draw in, and the same numbers as a table.

`static/mlweb/js/charts.js` says what the data of each kind holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder

from ..ml.types.schema import ColumnProfile, Role
from .mlweb import number, share

register = template.Library()

EPOCH = datetime(1970, 1, 1)
MAX_TABLE_ROWS = 60
Table = tuple[list[str], list[list[str]]]


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
    """A chart with its table of numbers; `label` is its text alternative.

    `is_swapped`: for fragments that htmx inserts. It drops all script elements, also those that hold data,
    so the data stand in a hidden element.
    """
    header, rows = TABLES[kind](data)
    kept = _thinned(rows)
    return {
        "id": id, "kind": kind, "data": data, "label": label, "title": title, "size": size,
        "header": header, "rows": kept, "n_left_out": len(rows) - len(kept),
        "swapped_json": json.dumps(data, cls=DjangoJSONEncoder) if is_swapped else "",
    }  # fmt: skip


def _thinned(rows: Sequence[list[str]]) -> list[list[str]]:
    """At most MAX_TABLE_ROWS rows, evenly spaced, with the first and the last."""
    if len(rows) <= MAX_TABLE_ROWS:
        return list(rows)
    step = (len(rows) - 1) / (MAX_TABLE_ROWS - 1)
    return [rows[round(index * step)] for index in range(MAX_TABLE_ROWS)]


def _histogram(data: Mapping[str, Any]) -> Table:
    bins = data["bins"]
    return ["From", "To", "Rows"], [[number(b["low"]), number(b["high"]), number(b["count"])] for b in bins]


def _bar(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    header = [data.get("y" if data.get("horizontal") else "x") or "Name"]
    header += [each.get("name") or "Value" for each in data["series"]]
    columns = [each["values"] for each in data["series"]]
    rows = zip(data["labels"], *columns, strict=True)
    return header, [[str(label), *(formatted(value) for value in values)] for label, *values in rows]


def _points(data: Mapping[str, Any]) -> Table:
    if data.get("bands"):
        return _with_bands(data)
    series = [each for each in data["series"] if not each.get("faint")]
    header = [data.get("x") or "x", data.get("y") or "y"]
    if len(series) == 1:
        return header, [[number(x), number(y)] for x, y in series[0]["points"]]
    rows = [[each.get("name") or "", number(x), number(y)] for each in series for x, y in each["points"]]
    return ["Series", *header], rows


def _with_bands(data: Mapping[str, Any]) -> Table:
    """All series and bands as columns, one row for each x of the bands."""
    lines = [{x: number(y) for x, y in each["points"]} for each in data["series"]]
    bands = [
        {x: f"{number(low)} to {number(high)}" for x, low, high in each["points"]} for each in data["bands"]
    ]
    positions = sorted({x for band in bands for x in band})
    header = [
        data.get("x") or "Date",
        *(each.get("name") or "" for each in (*data["series"], *data["bands"])),
    ]
    return header, [[str(x), *(each.get(x, "") for each in (*lines, *bands))] for x in positions]


def _dots(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    header = [data.get("y") or "Name", *(each.get("name") or "Value" for each in data["series"])]
    columns = [[formatted(value) for value in each["values"]] for each in data["series"]]
    if data.get("ranges"):
        header.append("Four in five rows")
        columns.append([f"{formatted(low)} to {formatted(high)}" for low, high in data["ranges"]])
    return header, [[str(label), *cells] for label, *cells in zip(data["labels"], *columns, strict=True)]


def _heatmap(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    corner = f"{data.get('y') or 'Row'} \\ {data.get('x') or 'column'}"
    header = [corner, *(str(each) for each in data["columns"])]
    return header, [
        [str(name), *(formatted(value) for value in values)]
        for name, values in zip(data["rows"], data["values"], strict=True)
    ]


TABLES = {
    "histogram": _histogram, "bar": _bar, "line": _points, "scatter": _points, "dots": _dots, "heatmap": _heatmap,
}  # fmt: skip


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
        return f"Most rows are between {low} and {high}"
    return f"Most rows are between {number(top.low)} and {number(top.high)}"
