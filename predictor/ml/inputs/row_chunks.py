"""Many rows of a file on their way to answers, a chunk at a time: what every format becomes.

A chunk holds what the result repeats of each row (`lines`), and, of those rows that can be answered, the canonical
columns, the values as JSON, and the warnings. A row that cannot be answered has a sentence in `errors` instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidRows, Problem, listed
from .column_checker import CellColumn, TakenColumn
from .row_checker import RowWarning

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


def take_columns(
    cells: Mapping[str, Sequence[Any]], columns: Sequence[CellColumn], n_rows: int
) -> dict[str, TakenColumn]:
    """A chunk's cells, read by column. A column that is not in `cells` is missing in every row."""
    missing = [None] * n_rows
    return {each.feature.name: each.take(cells.get(each.feature.name, missing)) for each in columns}


def chunk_of_columns(
    first_row: int,
    lines: Sequence[str],
    taken: Mapping[str, TakenColumn],
    keys: Mapping[str, str],
    errors: Mapping[int, str],
) -> BulkChunk:
    """A chunk from its columns. `errors`: rows that are known to be broken; their cells are not looked at.

    `keys`: the columns that the file has, each with how it is named in JSON.
    """
    found = dict(errors)
    warnings: dict[int, tuple[RowWarning, ...]] = {}
    for column in taken.values():
        for place, said in column.warnings.items():
            warnings[place] = warnings.get(place, ()) + said
        for place, fault in column.faults.items():
            if place not in errors:
                found[place] = (
                    f"{found[place]} And {fault}" if place in found else _numbered(first_row + place, fault)
                )
    values = {name: column.values for name, column in taken.items()}
    inputs = _as_objects({key: taken[name].texts for name, key in keys.items()}, len(lines))
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


def _as_objects(members: Mapping[str, Sequence[str]], n_rows: int) -> list[str]:
    """JSON objects from columns of JSON. Keys and values are joined in one go, which takes a quarter of the time of
    a text for each member."""
    parts: list[Iterable[str]] = [repeat("{", n_rows)]
    for place, (key, texts) in enumerate(members.items()):
        parts += [repeat(f",{key}" if place else key, n_rows), texts]
    return list(map("".join, zip(*parts, repeat("}", n_rows), strict=True)))


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
