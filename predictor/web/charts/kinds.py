"""From the data of a chart to its plot. The data of each kind; all keys but the first are optional, and None is a gap:

histogram  {bins: [{low, high, count}], x, y}
bar        {labels: [...], series: [{name, values, slot}], errors: [[low, high], ...] (one for each label, for a
            single series), percent, slots (a colour for each label), x}
dots       {labels: [...], series: [{name, values, slot}], ranges: [[low, high], ...], percent, x, y (in the table)}
line       {series: [{name, points: [[x, y], ...], slot, dashed, stepped, faint}], bands: [{name, points: [[x, low,
            high], ...], slot}], rug: [x, ...], diagonal, zero, dates (x is ISO 8601 text), xLog, yLog, percent,
            scale (axes need not hold 0), x, y, xRange, yRange}
scatter    {series: [{name, points, slot}], diagonal, zero, x, y, xRange, yRange}
heatmap    {rows: [...], columns: [...], values: [[...], ...], percent, x, y}: shaded within each row, as a
            confusion matrix is read

`x` and `y` are the titles of the axes. A series without `slot` has the colour of its place; the first band that of the
second series, and so on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from ...templatetags.mlweb import number, share
from .palette import slot_of_place
from .plots import Axis, Mark, MatrixPlot, Number, Plot, RowPlot, RowSeries, XYPlot

Data = Mapping[str, Any]


def plot_of(kind: str, data: Data) -> Plot:
    return _KINDS[kind](data)


def _histogram(data: Data) -> XYPlot:
    bins = [[each["low"], each["high"], each["count"]] for each in data["bins"]]
    ends = (bins[0][0], bins[-1][1]) if bins and bins[0][0] < bins[-1][1] else None
    return XYPlot(
        Axis(data.get("x", ""), ends=ends),
        Axis(data.get("y", ""), has_zero=True, is_whole=True),
        [Mark("bins", bins, data.get("y", ""))],
    )


def _line(data: Data) -> XYPlot:
    # An axis of dates always reads its x: a text that is no date leaves out its point.
    read: Callable[[Any], Number] = seconds if data.get("dates") else finite
    series, bands = data["series"], data.get("bands") or []
    marks = [
        Mark(
            "line",
            _pairs(each["points"], read),
            str(each.get("name") or ""),
            each.get("slot") or slot_of_place(place),
            is_dashed=bool(each.get("dashed")),
            is_stepped=bool(each.get("stepped")),
            is_faint=bool(each.get("faint")),
        )
        for place, each in enumerate(series)
    ]
    marks += [
        Mark(
            "band",
            _pairs(each["points"], read),
            str(each.get("name") or ""),
            each.get("slot") or slot_of_place(place + 1),
        )
        for place, each in enumerate(bands)
    ]
    if data.get("rug"):
        marks.append(Mark("rug", [[at] for each in data["rug"] if (at := read(each)) is not None]))
    has_zero = not data.get("scale")
    x = Axis(
        data.get("x", ""),
        "time" if data.get("dates") else "log" if data.get("xLog") else "linear",
        _ends(data.get("xRange")),
        has_zero=has_zero,
    )
    y = Axis(
        data.get("y", ""),
        "log" if data.get("yLog") else "linear",
        _ends(data.get("yRange")),
        has_zero=has_zero,
        is_percent=bool(data.get("percent")),
    )
    return XYPlot(x, y, [*marks, *_references(data, marks)])


def _scatter(data: Data) -> XYPlot:
    marks = [
        Mark(
            "points",
            _pairs(each["points"], finite),
            str(each.get("name") or ""),
            each.get("slot") or slot_of_place(place),
        )
        for place, each in enumerate(data["series"])
    ]
    x, y = (
        Axis(data.get("x", ""), ends=_ends(data.get("xRange"))),
        Axis(data.get("y", ""), ends=_ends(data.get("yRange"))),
    )
    return XYPlot(x, y, [*marks, *_references(data, marks)])


def _references(data: Data, marks: Sequence[Mark]) -> list[Mark]:
    """The diagonal x = y, and the line y = 0: where asked for, over the part of the axes that both have."""
    known = [
        point
        for mark in marks
        if mark.kind in ("line", "points")
        for point in mark.points
        if None not in point
    ]
    xs, ys = data.get("xRange") or [x for x, *_ in known], data.get("yRange") or [y for _, y, *_ in known]
    if not xs or not ys:
        return []
    found = []
    low, high = max(min(xs), min(ys)), min(max(xs), max(ys))
    if data.get("diagonal") and low < high:
        found.append(Mark("reference", [[low, low], [high, high]]))
    if data.get("zero"):
        found.append(Mark("reference", [[min(xs), 0.0], [max(xs), 0.0]]))
    return found


def _rows(data: Data, shape: str, ranges: Sequence[Sequence[Any]]) -> RowPlot:
    return RowPlot(
        Axis(data.get("x", ""), has_zero=shape == "bar", is_percent=bool(data.get("percent"))),
        [str(each) for each in data["labels"]],
        [
            RowSeries(
                str(each.get("name") or ""),
                each.get("slot") or slot_of_place(place),
                [finite(v) for v in each["values"]],
            )
            for place, each in enumerate(data["series"])
        ],
        [(finite(low), finite(high)) for low, high in ranges] if len(data["series"]) == 1 else (),
        shape,
        data.get("slots") or (),
    )


def _bar(data: Data) -> RowPlot:
    return _rows(data, "bar", data.get("errors") or ())


def _dots(data: Data) -> RowPlot:
    return _rows(data, "dot", data.get("ranges") or ())


def _heatmap(data: Data) -> MatrixPlot:
    formatted = share if data.get("percent") else number
    values = data["values"]
    return MatrixPlot(
        row_title=data.get("y", ""),
        column_title=data.get("x", ""),
        rows=[str(each) for each in data["rows"]],
        columns=[str(each) for each in data["columns"]],
        values=values,
        shares=[_shares(row, is_percent=bool(data.get("percent"))) for row in values],
        texts=[[formatted(value) for value in row] for row in values],
    )


def _shares(row: Sequence[float], *, is_percent: bool) -> list[float]:
    known = [max(finite(value) or 0.0, 0.0) for value in row]
    whole = (max(known, default=0.0) if is_percent else sum(known)) or 1.0
    return [value / whole for value in known]


def finite(value: Any) -> Number:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def seconds(text: Any) -> Number:
    """Seconds since 1970 of an ISO 8601 text, a date or a number; times without a zone are UTC."""
    if isinstance(text, datetime):
        at = text
    elif isinstance(text, date):
        at = datetime(text.year, text.month, text.day)
    elif isinstance(text, str):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            return None
    else:
        return finite(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _pairs(points: Iterable[Sequence[Any]], read: Callable[[Any], Number]) -> list[list[Number]]:
    """Points with a known x."""
    return [
        [x, *(finite(value) for value in values)] for at, *values in points if (x := read(at)) is not None
    ]


def _ends(bounds: Sequence[float] | None) -> tuple[float, float] | None:
    if not bounds:
        return None
    low, high = (finite(each) for each in bounds)
    return (low, high) if low is not None and high is not None and low < high else None


_KINDS: Mapping[str, Callable[[Data], Plot]] = {
    "histogram": _histogram,
    "bar": _bar,
    "line": _line,
    "scatter": _scatter,
    "dots": _dots,
    "heatmap": _heatmap,
}
