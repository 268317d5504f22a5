"""Many rows of a file on their way to answers, a chunk at a time: what every format becomes.

A chunk holds what the result repeats of each row (`lines`), and, of those rows that can be answered, the canonical
columns, the values as JSON, and the warnings. A row that cannot be answered has a sentence in `errors` instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InvalidRows, Problem, listed
from .cell_columns import CellColumn
from .rows import RowWarning

CHUNK_ROWS = 2_000


@dataclass(frozen=True, eq=False)
class BulkChunk:
    """Some rows. `places` are those in the chunk that can be answered; `warnings` go by the same places."""

    first_row: int
    lines: Sequence[str]
    places: Sequence[int]
    columns: Mapping[str, NDArray[Any]]
    inputs: Sequence[str]
    warnings: Mapping[int, tuple[RowWarning, ...]]
    errors: Mapping[int, str]

    @property
    def n_rows(self) -> int:
        return len(self.lines)


class BulkSource(Protocol):
    """A file as chunks. Row numbers count records, from 1."""

    @property
    def names(self) -> tuple[str, ...]:
        """The file's columns; none where each row has names of its own."""

    @property
    def n_rows_total(self) -> int | None:
        """None where only reading to the end would tell."""

    @property
    def share_read(self) -> float:
        """How much of the file was read, from 0 to 1."""

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        """Chunks of CHUNK_ROWS rows from the one after the first `skip` on."""


def chunk_of_columns(
    first_row: int,
    lines: Sequence[str],
    cells: Mapping[str, Sequence[Any]],
    columns: Sequence[CellColumn],
    errors: Mapping[int, str],
) -> BulkChunk:
    """A chunk from cells by column. `errors`: rows that are known to be broken; their cells are not looked at.

    A column that is not in `cells` is missing in every row.
    """
    found = dict(errors)
    warnings: dict[int, tuple[RowWarning, ...]] = {}
    values: dict[str, NDArray[Any]] = {}
    members = []
    for column in columns:
        name = column.feature.name
        taken = column.take(cells[name] if name in cells else [None] * len(lines))
        values[name] = taken.values
        if name in cells:
            members.append(taken.members)
        for place, said in taken.warnings.items():
            warnings[place] = warnings.get(place, ()) + said
        for place, fault in taken.faults.items():
            if place not in errors:
                found[place] = (
                    f"{found[place]} And {fault}" if place in found else _numbered(first_row + place, fault)
                )
    inputs = (
        [f"{{{text}}}" for text in map(",".join, zip(*members, strict=True))]
        if members
        else ["{}"] * len(lines)
    )
    if not found:
        return BulkChunk(first_row, lines, range(len(lines)), values, inputs, warnings, found)
    places = [place for place in range(len(lines)) if place not in found]
    kept = np.array(places, np.intp)
    return BulkChunk(
        first_row=first_row,
        lines=lines,
        places=places,
        columns={name: array[kept] for name, array in values.items()},
        inputs=[inputs[place] for place in places],
        warnings={place: said for place, said in warnings.items() if place not in found},
        errors=found,
    )


def refuse_lacking(names: Sequence[str], required: Sequence[str]) -> None:
    """One sentence for the file: the same fault in each of its rows would hide every other."""
    lacking = [name for name in required if name not in names]
    if lacking:
        plural = "columns" if len(lacking) > 1 else "column"
        raise InvalidRows(
            f"The file lacks the {plural} {listed(lacking)}, which the model needs. Its columns are {listed(names)}.",
            problems=[Problem("The column is not in the file.", f"/{name}") for name in lacking[:5]],
        )


def _numbered(number: int, fault: str) -> str:
    return f"Row {number:,}, {fault}"
