"""A MatrixPlot as SVG: shaded cells with their numbers. Long names of columns are numbers, as at the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from .drawing import MAX_LEFT, Drawing, framed, left_room
from .markup import LINE, element, percent, pixels, text_width, wrapped
from .plots import MatrixPlot

NARROW = 230  # the cells of all columns on a phone
CELL = 34
MAX_BESIDE = MAX_LEFT - 12
ABOVE = 250
FAINTEST = 0.07


def matrix_drawing(plot: MatrixPlot, *, title: str, id: str) -> Drawing:  # noqa: A002 - the HTML attribute
    width = NARROW / max(1, len(plot.columns))
    are_numbered = list(plot.rows) == list(plot.columns) and any(
        text_width(each) > width - 4 for each in plot.columns
    )
    rows = [f"{place} {name}" for place, name in enumerate(plot.rows, 1)] if are_numbered else list(plot.rows)
    columns = (
        [str(place) for place in range(1, len(plot.columns) + 1)] if are_numbered else list(plot.columns)
    )
    is_beside = all(text_width(label) <= MAX_BESIDE for label in rows)
    left = left_room(rows) if is_beside else 16
    y = 22.0 if plot.row_title else 4.0
    parts = (
        [element("text", escape(plot.row_title), class_="plot-title", x=pixels(-left), y="12")]
        if plot.row_title
        else []
    )
    for place, label in enumerate(rows):
        lines = [] if is_beside else wrapped(label, ABOVE)
        for line in lines:
            y += LINE
            parts.append(element("text", escape(line), class_="plot-label", x=pixels(-left), y=pixels(y - 3)))
        if is_beside:
            parts.append(
                element(
                    "text",
                    escape(label),
                    class_="plot-label",
                    x="-8",
                    y=pixels(y + CELL / 2),
                    dy="0.34em",
                    text_anchor="end",
                )
            )
        parts += _cells(plot, place, y, width)
        y += CELL + (4 if lines else 0)
    labels, below = _column_labels(columns, y, width)
    full = y + below + (18 if plot.column_title else 4)
    if plot.column_title:
        parts.append(
            element(
                "text",
                escape(plot.column_title),
                class_="plot-title",
                x="100%",
                y=pixels(full - 4),
                text_anchor="end",
            )
        )
    return Drawing(framed([*parts, *labels], left=left, height=full, title=title, id=id))


def _cells(plot: MatrixPlot, row: int, y: float, narrow: float) -> Iterator[str]:
    n = len(plot.columns)
    for place, text in enumerate(plot.texts[row]):
        strength = FAINTEST + (1 - FAINTEST) * min(1.0, max(0.0, plot.shares[row][place]))
        at = f"{plot.row_title or 'row'}: {plot.rows[row]}\n{plot.column_title or 'column'}: {plot.columns[place]}"
        cell = element(
            "rect",
            class_="plot-cell slot-1",
            x=percent(place / n),
            width=percent(1 / n),
            y=pixels(y),
            height=pixels(CELL),
            fill_opacity=f"{strength:.3f}",
        )
        fits = "" if text_width(text) < narrow - 2 else " plot-minor"
        inside = element(
            "text",
            escape(text),
            class_=f"plot-value{fits}",
            x=percent((place + 0.5) / n),
            y=pixels(y + CELL / 2),
            dy="0.34em",
            text_anchor="middle",
        )
        yield element("g", element("title", escape(f"{at}\n{text}")), cell, inside, class_="plot-row")


def _column_labels(names: Sequence[str], y: float, width: float) -> tuple[list[str], float]:
    """The names below the cells, upright where one is wider than its cell on a phone; and their height."""
    n = len(names)
    if all(text_width(name) <= width - 4 for name in names):
        return [
            element(
                "text",
                escape(name),
                class_="plot-label",
                x=percent((place + 0.5) / n),
                y=pixels(y + 16),
                text_anchor="middle",
            )
            for place, name in enumerate(names)
        ], 22
    parts = [
        element(
            "svg",
            element(
                "text",
                escape(name),
                class_="plot-label",
                transform="rotate(-90)",
                x="-6",
                dy="0.34em",
                text_anchor="end",
            ),
            class_="plot-upright",
            aria_hidden="true",
            x=percent((place + 0.5) / n),
            y=pixels(y),
            width="1",
            height="1",
        )
        for place, name in enumerate(names)
    ]
    return parts, max(text_width(name) for name in names) + 12
