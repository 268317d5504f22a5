"""Chunks of rows for batch prediction: the form into which every file format is read.

A chunk holds each row as the result file repeats it (`lines`) and, for the valid rows, the canonical columns, the
values as JSON, and the warnings. An invalid row has a sentence in `errors` instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidRows, Problem, quoted_list
from .column_checker import CellColumn, CheckedColumn
from .row_checker import RowWarning

CHUNK_ROWS = 2_000


@dataclass(frozen=True, eq=False)
class BulkChunk:
    """One chunk of rows. `places`: the indices of its valid rows, in the order of `columns` and `inputs`.

    `warnings`, `errors` and `escaped` go by index in the chunk; `escaped` names the columns whose cells `lines` holds
    with an apostrophe.
    """

    first_row: int
    lines: Sequence[str]
    places: Sequence[int]
    columns: Mapping[str, NDArray[Any]]
    inputs: Sequence[str]
    warnings: Mapping[int, tuple[RowWarning, ...]]
    errors: Mapping[int, str]
    escaped: Mapping[int, Sequence[str]] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        return len(self.lines)


class BulkSource(Protocol):
    """A file that is read in chunks. Row numbers count records, from 1."""

    @property
    def names(self) -> tuple[str, ...]:
        """The file's columns; empty where each row has its own names."""

    @property
    def n_rows_total(self) -> int | None:
        """The number of rows; None where it is not known before the end of the file."""

    @property
    def share_read(self) -> float:
        """The share of the file that was read, from 0 to 1."""

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """Chunks of at most CHUNK_ROWS rows, after the first `skip` rows."""


def check_columns(
    cells: Mapping[str, Sequence[Any]], columns: Sequence[CellColumn], n_rows: int
) -> dict[str, CheckedColumn]:
    """Validate the cells of a chunk, column by column. A column that is not in `cells` is missing in every row."""
    missing = [None] * n_rows
    return {each.feature.name: each.check(cells.get(each.feature.name, missing)) for each in columns}


def chunk_of_columns(
    first_row: int,
    lines: Sequence[str],
    checked: Mapping[str, CheckedColumn],
    keys: Mapping[str, str],
    errors: Mapping[int, str],
) -> BulkChunk:
    """Build a chunk from its validated columns. `errors`: rows known to be invalid; faults of their cells are ignored.

    `keys`: the columns of the file, each with its key in JSON.
    """
    faults = dict(errors)
    warnings: dict[int, tuple[RowWarning, ...]] = {}
    for column in checked.values():
        for place, notes in column.warnings.items():
            warnings[place] = warnings.get(place, ()) + notes
        for place, fault in column.faults.items():
            if place not in errors:
                faults[place] = (
                    f"{faults[place]} And {fault}" if place in faults else _numbered(first_row + place, fault)
                )
    values = {name: column.values for name, column in checked.items()}
    inputs = _as_objects({key: checked[name].texts for name, key in keys.items()}, len(lines))
    if not faults:
        return BulkChunk(first_row, lines, range(len(lines)), values, inputs, warnings, faults)
    places = [place for place in range(len(lines)) if place not in faults]
    kept = np.array(places, np.intp)
    return BulkChunk(
        first_row=first_row,
        lines=lines,
        places=places,
        columns={name: array[kept] for name, array in values.items()},
        inputs=[inputs[place] for place in places],
        warnings={place: notes for place, notes in warnings.items() if place not in faults},
        errors=faults,
    )


def _as_objects(members: Mapping[str, Sequence[str]], n_rows: int) -> list[str]:
    """JSON objects, one per row, from columns of JSON. One join of keys and values takes a quarter of the time of a
    text for each member."""
    parts: list[Iterable[str]] = [repeat("{", n_rows)]
    for place, (key, texts) in enumerate(members.items()):
        parts += [repeat(f",{key}" if place else key, n_rows), texts]
    return list(map("".join, zip(*parts, repeat("}", n_rows), strict=True)))


def require_columns(names: Sequence[str], required: Sequence[str]) -> None:
    """Raises InvalidRows when the file lacks columns: once, since the same fault in every row would hide the others."""
    lacking = [name for name in required if name not in names]
    if lacking:
        plural = "columns" if len(lacking) > 1 else "column"
        raise InvalidRows(
            f"The file lacks the {plural} {quoted_list(lacking)}, which the model needs. "
            f"Its columns are {quoted_list(names)}.",
            problems=[Problem("The column is not in the file.", f"/{name}") for name in lacking[:5]],
        )


def _numbered(number: int, fault: str) -> str:
    return f"Row {number:,}, {fault}"
