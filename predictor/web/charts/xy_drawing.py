"""An XYPlot as SVG: grid, ticks, titles of axes, and one path for each mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from ...templatetags.mlweb import number
from .drawing import EDGE, RIGHT, Drawing, framed, left_room
from .markup import element, percent, pixels, text_width
from .palette import slot_classes
from .plots import Mark, XYPlot, document
from .scales import Scale, Tick
from .thinning import thinned_band, thinned_line, thinned_points

HEIGHTS = {"": 260, "small": 130, "tall": 360, "square": 300}
# The width of the coordinates of paths; they are stretched to the width of the page.
WIDTH = 1000
NARROW = 230
MAX_DOTS = 12
MANY_POINTS = 400


def xy_drawing(plot: XYPlot, *, size: str, title: str, id: str) -> Drawing:  # noqa: A002 - the HTML attribute
    xs, ys = _values(plot, 0), _values(plot, 1)
    x, y = plot.x.scale(xs), plot.y.scale(ys, 4 if size == "small" else 5)
    height, top = HEIGHTS[size], 26 if plot.y.title else 10
    left = left_room([tick.label for tick in y.ticks])
    full = top + height + (40 if plot.x.title else 24)

    def y_at(value: float) -> float:
        return top + height * (1 - y.at(value))

    parts = [
        *(_horizontal(tick, y_at(tick.value), y) for tick in y.ticks),
        *_x_ticks(x, top + height, left),
        *_titles(plot, left, full),
        *(part for mark in _in_order(plot.marks) for part in _MARKS[mark.kind](mark, x, y_at, top + height)),
    ]
    room = {"left": left, "right": RIGHT, "top": top, "height": height, "full": full}
    return Drawing(
        framed(parts, left=left, height=full, title=title, id=id, description=_description(plot)),
        document(plot, (x, y), room),
    )


def _values(plot: XYPlot, place: int) -> list[float]:
    """All values along an axis, x for place 0."""
    found: list[float] = []
    for mark in plot.marks:
        if mark.kind == "bins":
            found += [
                v
                for point in mark.points
                for v in (point[:2] if place == 0 else (point[2],))
                if v is not None
            ]
        elif mark.kind == "rug":
            found += [point[0] for point in mark.points if point[0] is not None] if place == 0 else []
        else:
            found += [
                v for point in mark.points for v in (point[:1] if place == 0 else point[1:]) if v is not None
            ]
    return found


def _in_order(marks: Sequence[Mark]) -> list[Mark]:
    """Bands and faint lines lie below; of the others the first series lies on top."""
    rank = {"bins": 0, "band": 0, "reference": 1, "rug": 2, "points": 3, "line": 3}
    ordered = list(reversed(marks))
    ordered.sort(key=lambda mark: 0.5 if mark.is_faint else rank[mark.kind])
    return ordered


def _horizontal(tick: Tick, at: float, scale: Scale) -> str:
    line = "plot-base" if tick.value in (0, scale.low) else "plot-grid"
    return element("line", class_=line, x1="0", x2="100%", y1=pixels(at), y2=pixels(at)) + element(
        "text", tick.label, class_="plot-tick", x="-8", y=pixels(at), dy="0.32em", text_anchor="end"
    )


def _x_ticks(scale: Scale, bottom: float, left: float) -> list[str]:
    room = sum(text_width(tick.label) + 14 for tick in scale.ticks)
    parts = []
    for place, tick in enumerate(scale.ticks):
        at, half = scale.at(tick.value), text_width(tick.label) / 2
        anchor = (
            "end" if at > 1 - EDGE and half > RIGHT else "start" if at < EDGE and half > left else "middle"
        )
        # Every second label is left out on a phone where all of them do not fit.
        minor = " plot-minor" if room > NARROW and place % 2 else ""
        mark = element(
            "line",
            class_="plot-notch",
            x1=percent(at),
            x2=percent(at),
            y1=pixels(bottom),
            y2=pixels(bottom + 4),
        )
        parts.append(
            mark
            + element(
                "text",
                tick.label,
                class_=f"plot-tick{minor}",
                x=percent(at),
                y=pixels(bottom + 17),
                text_anchor=anchor,
            )
        )
    return parts


def _titles(plot: XYPlot, left: float, full: float) -> list[str]:
    parts = []
    if plot.y.title:
        parts.append(element("text", escape(plot.y.title), class_="plot-title", x=pixels(-left), y="12"))
    if plot.x.title:
        parts.append(
            element(
                "text",
                escape(plot.x.title),
                class_="plot-title",
                x="100%",
                y=pixels(full - 4),
                text_anchor="end",
            )
        )
    return parts


def _description(plot: XYPlot) -> str:
    """The ends of each series in words."""
    sentences: list[str] = []
    for mark in plot.marks:
        known = [point for point in mark.points if None not in point]
        if mark.kind == "line" and not mark.is_faint and known and len(sentences) < 10:
            first, last = number(known[0][1], 3), number(known[-1][1], 3)
            sentences.append(f"{mark.name or plot.y.title}: {first} – {last}.")
    return " ".join(sentences)


YAt = Callable[[float], float]


def _line(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    points: list[Any] = thinned_line(mark.points)  # type: ignore[arg-type]
    look = "plot-line is-faint" if mark.is_faint else f"plot-line {slot_classes(mark.slot)}"
    path = line_path(points, x, y_at, is_stepped=mark.is_stepped)
    parts = [
        _stretched(element("path", class_=f"{look}{' is-dashed' if mark.is_dashed else ''}", d=path), bottom)
    ]
    known = [point for point in points if point[1] is not None]
    if not mark.is_faint and len(known) < MAX_DOTS:
        parts.append(
            _stretched(
                element("path", class_=f"plot-points {slot_classes(mark.slot)}", d=_dots(known, x, y_at)),
                bottom,
            )
        )
    return parts


def line_path(points: Sequence[Any], x: Scale, y_at: YAt, *, is_stepped: bool = False) -> str:
    """The path through the points; a missing value is a gap."""
    path, is_open = [], False
    for at, value in points:
        if value is None or at is None:
            is_open = False
            continue
        across, up = pixels(WIDTH * x.at(at)), pixels(y_at(value))
        path.append(
            f"H{across}V{up}" if is_open and is_stepped else f"{'L' if is_open else 'M'}{across} {up}"
        )
        is_open = True
    return "".join(path)


def _band(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    known: list[Any] = thinned_band([point for point in mark.points if None not in point])  # type: ignore[misc]
    there = [f"{pixels(WIDTH * x.at(at))} {pixels(y_at(high))}" for at, _, high in known]
    back = [f"{pixels(WIDTH * x.at(at))} {pixels(y_at(low))}" for at, low, _ in reversed(known)]
    path = f"M{'L'.join(there + back)}Z" if known else ""
    return [_stretched(element("path", class_=f"plot-band {slot_classes(mark.slot)}", d=path), bottom)]


def _points(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    known: list[Any] = thinned_points([point for point in mark.points if None not in point])  # type: ignore[misc]
    many = " is-many" if len(mark.points) > MANY_POINTS else ""
    path = element(
        "path", class_=f"plot-points is-clear {slot_classes(mark.slot)}{many}", d=_dots(known, x, y_at)
    )
    return [_stretched(path, bottom)]


def _dots(points: Sequence[Any], x: Scale, y_at: YAt) -> str:
    """Lines without a length: their round ends are the points, which keep their shape when the path is stretched."""
    return "".join(f"M{pixels(WIDTH * x.at(at))} {pixels(y_at(value))}h0" for at, value in points)


def _bins(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    parts = []
    for low, high, count in mark.points:
        if not count or low is None or high is None:
            continue
        # One row beside a million is still to be seen.
        up = min(y_at(count), bottom - 1.5)
        words = element("title", f"{number(low)} – {number(high)}: {number(count)}")
        parts.append(
            element(
                "rect",
                words,
                class_=f"plot-bin {slot_classes(mark.slot)}",
                x=percent(x.at(low)),
                width=percent(x.at(high) - x.at(low)),
                y=pixels(up),
                height=pixels(bottom - up),
            )
        )
    return parts


def _reference(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    (x1, y1), (x2, y2) = mark.points
    ends = {"x1": percent(x.at(x1)), "y1": pixels(y_at(y1)), "x2": percent(x.at(x2)), "y2": pixels(y_at(y2))}  # type: ignore[arg-type]
    return [element("line", class_="plot-reference", **ends)]


def _rug(mark: Mark, x: Scale, y_at: YAt, bottom: float) -> list[str]:
    path = "".join(
        f"M{pixels(WIDTH * x.at(each[0]))} {pixels(bottom)}v-8" for each in mark.points if each[0] is not None
    )
    return [_stretched(element("path", class_="plot-rug", d=path), bottom)]


def _stretched(path: str, height: float) -> str:
    return element(
        "svg",
        path,
        class_="plot-stretched",
        aria_hidden="true",
        width="100%",
        height=pixels(height),
        viewBox=f"0 0 {WIDTH} {pixels(height)}",
        preserveAspectRatio="none",
    )


_MARKS = {
    "line": _line,
    "band": _band,
    "points": _points,
    "bins": _bins,
    "reference": _reference,
    "rug": _rug,
}
