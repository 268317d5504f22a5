"""A chart on a page: its data by kind, its words, its drawing, and the same numbers as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.safestring import SafeString, mark_safe

from .chart_tables import Table, table_of, thinned_rows
from .drawing import Drawing
from .kinds import plot_of
from .matrix_drawing import matrix_drawing
from .palette import slot_classes
from .plots import Mark, MatrixPlot, Plot, RowPlot
from .row_drawing import row_drawing
from .xy_drawing import xy_drawing


@dataclass(frozen=True)
class Key:
    """An entry of the legend: a name, and the CSS classes of its sign."""

    name: str
    look: str


@dataclass(frozen=True)
class Chart:
    """Shown by `{% include "includes/_chart.html" with chart=… %}`.

    `label` says what it shows, `meaning` how to read it. `kind` and `data` are described in `kinds.py`; `size` is "",
    "small", "tall" or "square".
    """

    id: str
    kind: str
    data: Mapping[str, Any]
    title: str
    label: str
    meaning: str
    size: str = ""

    @cached_property
    def plot(self) -> Plot:
        return plot_of(self.kind, self.data)

    @cached_property
    def drawing(self) -> Drawing:
        if isinstance(self.plot, RowPlot):
            return row_drawing(self.plot, title=self.label, id=self.id)
        if isinstance(self.plot, MatrixPlot):
            return matrix_drawing(self.plot, title=self.label, id=self.id)
        return xy_drawing(self.plot, size=self.size, title=self.label, id=self.id)

    @property
    def svg(self) -> SafeString:
        return mark_safe(self.drawing.svg)  # noqa: S308 - each text in it was escaped by `markup.element` or `escape`

    @property
    def document(self) -> str:
        """The JSON of the script; empty for a drawing without zoom."""
        if self.drawing.document is None:
            return ""
        return json.dumps(
            self.drawing.document, cls=DjangoJSONEncoder, separators=(",", ":"), allow_nan=False
        )

    @property
    def keys(self) -> list[Key]:
        """The entries of the legend; empty for a single series."""
        return [Key(each.name, f"{_shape(each)} {slot_classes(each.slot)}") for each in self.plot.keys]

    @property
    def header(self) -> list[str]:
        return self.table[0]

    @cached_property
    def table(self) -> Table:
        return table_of(self.kind, self.data)

    @cached_property
    def rows(self) -> list[list[str]]:
        return thinned_rows(self.table[1])

    @property
    def n_left_out(self) -> int:
        return len(self.table[1]) - len(self.rows)


def _shape(each: Any) -> str:
    if not isinstance(each, Mark):
        return "is-bins"
    return f"is-{each.kind} is-dashed" if each.is_dashed else f"is-{each.kind}"
