"""Fewer points for long series: each pixel column keeps its first, smallest, largest and last value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

COLUMNS = 500
Point = tuple[float, float | None]
Range = tuple[float, float, float]


def thinned_line(points: Sequence[Point], columns: int = COLUMNS) -> list[Point]:
    """At most four points for each column, so that no peak and no gap is lost. Unsorted points stay as they are."""
    if len(points) <= 4 * columns or any(a[0] > b[0] for a, b in pairwise(points)):
        return list(points)
    kept: list[Point] = []
    for places in _columns([x for x, _ in points], columns):
        inside = [place for place in places if points[place][1] is not None]
        if not inside:
            kept.append(points[places[0]])
            continue
        wanted = {
            places[0],
            places[-1],
            min(inside, key=lambda place: points[place][1] or 0.0),
            max(inside, key=lambda place: points[place][1] or 0.0),
        }
        gap = next((place for place in places if points[place][1] is None), None)
        kept += [points[place] for place in sorted(wanted | ({gap} if gap is not None else set()))]
    return kept


def thinned_band(points: Sequence[Range], columns: int = COLUMNS) -> list[Range]:
    """One range for each column that holds all its ranges, at its first and its last x."""
    if len(points) <= 2 * columns or any(a[0] > b[0] for a, b in pairwise(points)):
        return list(points)
    kept: list[Range] = []
    for places in _columns([x for x, _, _ in points], columns):
        low, high = min(points[place][1] for place in places), max(points[place][2] for place in places)
        kept += [(points[place][0], low, high) for place in sorted({places[0], places[-1]})]
    return kept


def thinned_points(
    points: Sequence[tuple[float, float]], columns: int = COLUMNS, lines: int = 300
) -> list[tuple[float, float]]:
    """One point for each pixel: of points that cover each other the first."""
    if len(points) <= columns:
        return list(points)
    x_low, y_low = min(x for x, _ in points), min(y for _, y in points)
    x_span = (max(x for x, _ in points) - x_low) or 1.0
    y_span = (max(y for _, y in points) - y_low) or 1.0
    first: dict[tuple[int, int], tuple[float, float]] = {}
    for x, y in points:
        pixel = round((x - x_low) / x_span * columns), round((y - y_low) / y_span * lines)
        first.setdefault(pixel, (x, y))
    return list(first.values())


def _columns(xs: Sequence[float], columns: int) -> Iterator[list[int]]:
    low, span = xs[0], (xs[-1] - xs[0]) or 1.0
    at = 0
    places: list[int] = []
    for place, x in enumerate(xs):
        column = min(columns - 1, int((x - low) / span * columns))
        if places and column != at:
            yield places
            places = []
        at = column
        places.append(place)
    if places:
        yield places
