"""Cells that are longer than a table may hold: DuckDB stops at the first one, and the refusal names its column."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import Problem, TooLarge, shown
from .duckdb_connection import literal

MARK = "cell too long: "


def when_too_long(n_bytes: str, place: int, *, limit: int) -> str:
    """The first branch of a CASE for a cell of so many bytes, in the column of this place: it ends the query."""
    return f"WHEN {n_bytes} > {int(limit)} THEN error({literal(MARK + str(place))})"


def refusal_of(message: str, names: Sequence[str], *, limit: int) -> TooLarge | None:
    """What to raise when DuckDB's message says that such a cell ended the query. `names` go by place."""
    _, is_there, rest = message.partition(MARK)
    return refusal(names[int(rest.split(maxsplit=1)[0])], limit=limit) if is_there else None


def refusal(name: str, *, limit: int) -> TooLarge:
    return TooLarge(
        f"A cell of the column {shown(name)} is longer than {limit:,} bytes. Shorten it, or remove the column.",
        limit=limit,
        problems=[Problem(f"A cell is longer than {limit} bytes.", name)],
    )
