"""A RowPlot as SVG: a row for each category, with its whole label beside it or, where that is long, above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from html import escape

from ...templatetags.mlweb import number, share
from .drawing import EDGE, MAX_LEFT, RIGHT, Drawing, framed, left_room
from .markup import LINE, element, percent, pixels, text_width, wrapped
from .palette import slot_classes
from .plots import Number, RowPlot, RowSeries
from .scales import Scale

MAX_BESIDE = MAX_LEFT - 12
# The narrowest page has this many pixels for a label above its row.
ABOVE = 250
THICK = {"bar": 14, "dot": 12}
GAP = 8
NARROW = 200
ROOM = 0.03


def row_drawing(plot: RowPlot, *, title: str, id: str) -> Drawing:  # noqa: A002 - the HTML attribute
    is_beside = all(text_width(label) <= MAX_BESIDE for label in plot.labels)
    left = left_room(plot.labels) if is_beside else 16
    scale = _scale(plot)
    rows, y = [], 6.0
    for place, label in enumerate(plot.labels):
        lines = [label] if is_beside else wrapped(label, ABOVE)
        group, y = _row(plot, place, lines, y, scale, is_beside=is_beside, left=left)
        rows.append(group)
    full = y + (40 if plot.axis.title else 24)
    parts = [*_axis(plot, scale, y, full), *rows]
    return Drawing(framed(parts, left=left, height=full, title=title, id=id))


def _scale(plot: RowPlot) -> Scale:
    """The axis ends a little beyond the outermost value, not at a tick: a spread just below 0 takes no room."""
    values = _values(plot) or [0.0, 1.0]
    low, high = min(values), max(values)
    if plot.axis.has_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if not high > low:
        return plot.axis.scale(values, 4)
    room = (high - low) * ROOM
    ends = (
        low if plot.axis.has_zero and low == 0 else low - room,
        high if plot.axis.has_zero and high == 0 else high + room,
    )
    return replace(plot.axis, ends=ends).scale(values, 4)


def _values(plot: RowPlot) -> list[float]:
    values = [value for each in plot.series for value in each.values if value is not None]
    return values + [end for ends in plot.ranges for end in ends if end is not None]


def _row(
    plot: RowPlot, place: int, lines: list[str], y: float, scale: Scale, *, is_beside: bool, left: int
) -> tuple[str, float]:
    """The markup of a row, and where the next begins."""
    thick = THICK[plot.shape]
    n_bars = len(plot.series) if plot.shape == "bar" else 1
    parts = [element("title", escape(_words(plot, place)))]
    if is_beside:
        middle = y + n_bars * thick / 2
        parts.append(
            element(
                "text",
                escape(lines[0]),
                class_="plot-label",
                x="-8",
                y=pixels(middle),
                dy="0.34em",
                text_anchor="end",
            )
        )
    else:
        for line in lines:
            y += LINE
            parts.append(element("text", escape(line), class_="plot-label", x=pixels(-left), y=pixels(y - 3)))
    draw = _bars if plot.shape == "bar" else _dots
    parts += draw(plot, place, y, thick, scale)
    below = y + n_bars * thick + GAP
    return element("g", *parts, class_="plot-row"), below


def _words(plot: RowPlot, place: int) -> str:
    label = plot.labels[place]
    values = [(each.name, each.values[place]) for each in plot.series]
    if len(values) == 1:
        words = f"{label}: {_text(plot, values[0][1])}"
        ends = plot.ranges[place] if plot.ranges else (None, None)
        return words if None in ends else f"{words} ({_text(plot, ends[0])} – {_text(plot, ends[1])})"
    return "\n".join([label, *(f"{name}: {_text(plot, value)}" for name, value in values)])


def _text(plot: RowPlot, value: Number) -> str:
    return share(value) if plot.axis.is_percent else number(value)


def _bars(plot: RowPlot, place: int, y: float, thick: int, scale: Scale) -> Iterator[str]:
    zero = scale.at(min(max(0.0, scale.low), scale.high))
    for index, each in enumerate(plot.series):
        value = each.values[place]
        if value is None:
            continue
        at = scale.at(value)
        yield element(
            "rect",
            class_=f"plot-bar {slot_classes(_slot(plot, each, place))}",
            x=percent(min(zero, at)),
            width=percent(abs(at - zero)),
            y=pixels(y + index * thick),
            height=pixels(thick - 2),
        )
    low, high = plot.ranges[place] if plot.ranges else (None, None)
    if low is not None and high is not None:
        middle = pixels(y + thick / 2 - 1)
        yield element(
            "line",
            class_="plot-spread",
            x1=percent(scale.at(low)),
            x2=percent(scale.at(high)),
            y1=middle,
            y2=middle,
        )


def _dots(plot: RowPlot, place: int, y: float, thick: int, scale: Scale) -> Iterator[str]:
    middle = pixels(y + thick / 2)
    low, high = plot.ranges[place] if plot.ranges else (None, None)
    if low is not None and high is not None:
        yield element(
            "line",
            class_=f"plot-range {slot_classes(plot.series[0].slot)}",
            x1=percent(scale.at(low)),
            x2=percent(scale.at(high)),
            y1=middle,
            y2=middle,
        )
    for each in plot.series:
        value = each.values[place]
        if value is not None:
            yield element(
                "circle",
                class_=f"plot-dot {slot_classes(each.slot)}",
                cx=percent(scale.at(value)),
                cy=middle,
                r=5,
            )


def _slot(plot: RowPlot, series: RowSeries, place: int) -> int:
    return plot.slots[place] if plot.slots else series.slot


def _axis(plot: RowPlot, scale: Scale, bottom: float, full: float) -> Iterator[str]:
    room = sum(text_width(tick.label) + 14 for tick in scale.ticks)
    for place, tick in enumerate(scale.ticks):
        at = percent(scale.at(tick.value))
        look = "plot-base" if tick.value == 0 else "plot-grid"
        yield element("line", class_=look, x1=at, x2=at, y1="0", y2=pixels(bottom))
        minor = " plot-minor" if room > NARROW and place % 2 else ""
        anchor = "end" if scale.at(tick.value) > 1 - EDGE and text_width(tick.label) / 2 > RIGHT else "middle"
        yield element(
            "text", tick.label, class_=f"plot-tick{minor}", x=at, y=pixels(bottom + 16), text_anchor=anchor
        )
    if plot.axis.title:
        yield element(
            "text",
            escape(plot.axis.title),
            class_="plot-title",
            x="100%",
            y=pixels(full - 4),
            text_anchor="end",
        )
