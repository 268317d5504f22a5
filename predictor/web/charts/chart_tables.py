"""The numbers of a chart as a table: a header, and rows of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from ...templatetags.mlweb import number, share

MAX_ROWS = 60
Table = tuple[list[str], list[list[str]]]


def table_of(kind: str, data: Mapping[str, Any]) -> Table:
    return _TABLES[kind](data)


def thinned_rows(rows: Sequence[list[str]]) -> list[list[str]]:
    """At most MAX_ROWS rows, evenly spaced, with the first and the last."""
    if len(rows) <= MAX_ROWS:
        return list(rows)
    step = (len(rows) - 1) / (MAX_ROWS - 1)
    return [rows[round(index * step)] for index in range(MAX_ROWS)]


def _range(low: str, high: str) -> str:
    return _("%(low)s to %(high)s") % {"low": low, "high": high}


def _histogram(data: Mapping[str, Any]) -> Table:
    bins = data["bins"]
    return [_("From"), _("To"), _("Rows")], [
        [number(b["low"]), number(b["high"]), number(b["count"])] for b in bins
    ]


def _bar(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    header = [data.get("y" if data.get("horizontal") else "x") or _("Name")]
    header += [each.get("name") or _("Value") for each in data["series"]]
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
    return [_("Series"), *header], rows


def _with_bands(data: Mapping[str, Any]) -> Table:
    """All series and bands as columns, one row for each x of the bands."""
    lines = [{x: number(y) for x, y in each["points"]} for each in data["series"]]
    bands = [
        {x: _range(number(low), number(high)) for x, low, high in each["points"]} for each in data["bands"]
    ]
    positions = sorted({x for band in bands for x in band})
    header = [
        data.get("x") or _("Date"),
        *(each.get("name") or "" for each in (*data["series"], *data["bands"])),
    ]
    return header, [[str(x), *(each.get(x, "") for each in (*lines, *bands))] for x in positions]


def _dots(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    header = [data.get("y") or _("Name"), *(each.get("name") or _("Value") for each in data["series"])]
    columns = [[formatted(value) for value in each["values"]] for each in data["series"]]
    if data.get("ranges"):
        header.append(_("Four in five rows"))
        columns.append([_range(formatted(low), formatted(high)) for low, high in data["ranges"]])
    return header, [[str(label), *cells] for label, *cells in zip(data["labels"], *columns, strict=True)]


def _heatmap(data: Mapping[str, Any]) -> Table:
    formatted = share if data.get("percent") else number
    corner = f"{data.get('y') or _('Row')} \\ {data.get('x') or _('column')}"
    header = [corner, *(str(each) for each in data["columns"])]
    return header, [
        [str(name), *(formatted(value) for value in values)]
        for name, values in zip(data["rows"], data["values"], strict=True)
    ]


_TABLES = {
    "histogram": _histogram,
    "bar": _bar,
    "line": _points,
    "scatter": _points,
    "dots": _dots,
    "heatmap": _heatmap,
}
