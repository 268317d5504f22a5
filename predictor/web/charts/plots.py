"""What a chart shows, before it is drawn: axes and marks as plain data, and the same for the script as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from .scales import Scale, linear_scale, log_scale, time_scale

Number = float | None


@dataclass(frozen=True)
class Axis:
    """`kind` is "linear", "log" or "time"; `ends` are the ends of the axis where they are given."""

    title: str = ""
    kind: str = "linear"
    ends: tuple[float, float] | None = None
    has_zero: bool = False
    is_percent: bool = False
    is_whole: bool = False

    def scale(self, values: Sequence[float], max_steps: int = 5) -> Scale:
        """The scale that holds the values, or that has the given ends."""
        low, high = self.ends or (min(values, default=0.0), max(values, default=1.0))
        if self.kind == "time":
            return time_scale(low, high)
        if self.kind == "log" and low > 0:
            return log_scale(low, high)
        if self.has_zero and not self.ends:
            low, high = min(low, 0.0), max(high, 0.0)
        return linear_scale(
            low,
            high,
            is_exact=self.ends is not None,
            is_percent=self.is_percent,
            is_whole=self.is_whole,
            max_steps=max_steps,
        )


@dataclass(frozen=True)
class Mark:
    """Something that is drawn in a plot. `kind`: line, band, points, bins, reference or rug.

    `points` hold (x, y), for a band (x, low, high), for bins (from, to, count), for a rug (x,).
    """

    kind: str
    points: Sequence[Sequence[Number]]
    name: str = ""
    slot: int = 1
    is_dashed: bool = False
    is_stepped: bool = False
    is_faint: bool = False

    @property
    def has_key(self) -> bool:
        return self.kind in ("line", "band", "points", "bins") and bool(self.name) and not self.is_faint

    def as_json(self) -> dict[str, Any]:
        """Without what is not set; numbers have seven digits, ten times as fine as a pixel of a large zoom needs."""
        points = [[_short(value) for value in point] for point in self.points]
        return {
            **{name: value for name, value in asdict(replace(self, points=())).items() if value},
            "points": points,
        }


@dataclass(frozen=True)
class XYPlot:
    """Marks over two axes of numbers."""

    x: Axis
    y: Axis
    marks: Sequence[Mark]

    @property
    def keys(self) -> list[Mark]:
        """The entries of the legend: none for a single series, and one for a line with a band of its colour."""
        named = [mark for mark in self.marks if mark.has_key]
        drawn = {mark.slot for mark in named if mark.kind == "line"}
        bands = [mark for mark in named if mark.kind == "band"]
        # A band of each of many forecasts has the colour of its line; one band alone is named.
        shown = [mark for mark in named if mark.kind != "band" or mark.slot not in drawn or len(bands) == 1]
        return shown if len(shown) > 1 else []


@dataclass(frozen=True)
class RowSeries:
    name: str
    slot: int
    values: Sequence[Number]


@dataclass(frozen=True)
class RowPlot:
    """Categories below each other, with bars (`shape` "bar") or dots ("dot") along an axis of numbers."""

    axis: Axis
    labels: Sequence[str]
    series: Sequence[RowSeries]
    ranges: Sequence[tuple[Number, Number]] = ()
    shape: str = "bar"
    slots: Sequence[int] = ()
    """A colour for each row, for rows that are classes or clusters."""

    @property
    def keys(self) -> Sequence[RowSeries]:
        return self.series if len(self.series) > 1 else ()


@dataclass(frozen=True)
class MatrixPlot:
    """Cells of rows and columns, shaded by `shares` (0 to 1)."""

    row_title: str
    column_title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float]]
    shares: Sequence[Sequence[float]]
    texts: Sequence[Sequence[str]]
    keys: Sequence[Any] = field(default=(), init=False)


def _short(value: Number) -> float | int | None:
    if value is None or (value == int(value) and abs(value) < 1e15):
        return None if value is None else int(value)
    # Times keep their milliseconds.
    return float(f"{value:.7g}") if abs(value) < 1e7 else round(value, 3)


Plot = XYPlot | RowPlot | MatrixPlot


def document(plot: XYPlot, scales: tuple[Scale, Scale], room: Mapping[str, float]) -> dict[str, Any]:
    """What the script needs to draw the plot again for a part of the axes."""
    x, y = scales
    return {
        "x": _axis_document(plot.x, x),
        "y": _axis_document(plot.y, y),
        **room,
        "marks": [mark.as_json() for mark in plot.marks],
    }


def _axis_document(axis: Axis, scale: Scale) -> dict[str, Any]:
    return {
        "title": axis.title,
        "kind": scale.kind,
        "low": scale.low,
        "high": scale.high,
        "percent": axis.is_percent,
        "whole": axis.is_whole,
    }
