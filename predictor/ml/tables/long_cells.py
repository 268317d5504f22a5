"""Limit of cell length: DuckDB stops at the first cell that is too long, and the error names its column."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import Problem, TooLarge, quoted
from .duckdb_connection import literal

MARK = "cell too long: "


def when_too_long(n_bytes: str, place: int, *, limit: int) -> str:
    """A CASE branch that ends the query when a cell is too long. `n_bytes` is SQL, `place` the column's index."""
    return f"WHEN {n_bytes} > {int(limit)} THEN error({literal(MARK + str(place))})"


def refusal_of(message: str, names: Sequence[str], *, limit: int) -> TooLarge | None:
    """The error to raise when DuckDB's message comes from `when_too_long`; else None. `names` go by place."""
    _, is_there, rest = message.partition(MARK)
    return refusal(names[int(rest.split(maxsplit=1)[0])], limit=limit) if is_there else None


def refusal(name: str, *, limit: int) -> TooLarge:
    return TooLarge(
        f"A cell of the column {quoted(name)} is longer than {limit:,} bytes. Shorten it, or remove the column.",
        limit=limit,
        problems=[Problem(f"A cell is longer than {limit} bytes.", name)],
    )
