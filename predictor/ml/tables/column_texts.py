"""The texts of a stored column with the numbers of their cells, and the statistics of the values that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..types.schema import Bin, canonical_text
from .duckdb_connection import identifier, literal

N_BINS = 20
EPOCH = datetime(1970, 1, 1)


def counted_texts(connection: duckdb.DuckDBPyConnection, parquet: Path, name: str) -> dict[str, int]:
    """The texts of a column, the most frequent first, with the numbers of their cells. `name`: in the file."""
    column = identifier(name)
    counted = connection.execute(
        f"SELECT {column}, count(*) FROM read_parquet({literal(str(parquet))}) WHERE {column} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return {str(canonical_text(value) or ""): n for value, n in counted}


def statistics_of(values: Mapping[str, tuple[Any, int]]) -> dict[str, Any]:
    """Range, mean, median and histogram of values with the numbers of their cells, as `profile` gives them.

    Dates have no mean, and bins in seconds since 1970.
    """
    pairs = sorted((value, n) for value, n in values.values())
    ordered, weights = [value for value, _ in pairs], np.array([n for _, n in pairs])
    middle = ordered[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))]
    if isinstance(ordered[0], datetime):
        seconds = np.array([(each - EPOCH).total_seconds() for each in ordered])
        ends = {"minimum": shown(ordered[0]), "maximum": shown(ordered[-1]), "median": shown(middle)}
        return {**ends, "mean": None, "histogram": _bins(seconds, weights)}
    numbers = np.array(ordered, np.float64)
    return {
        "minimum": float(numbers[0]),
        "maximum": float(numbers[-1]),
        "mean": float(np.average(numbers, weights=weights)),
        "median": float(middle),
        "histogram": _bins(numbers, weights),
    }


def _bins(numbers: NDArray[np.float64], weights: NDArray[np.int_]) -> tuple[Bin, ...]:
    """Equal bins over the range of ascending numbers; one bin where the range is a point or infinite."""
    low, high = float(numbers[0]), float(numbers[-1])
    edges = np.linspace(low, high, N_BINS + 1) if low < high else np.array([np.inf])
    if not np.isfinite(edges).all():
        return (Bin(low, high, int(weights.sum())),)
    heights, _ = np.histogram(numbers, bins=edges, weights=weights)
    return tuple(
        Bin(float(start), float(end), int(n))
        for start, end, n in zip(edges[:-1], edges[1:], heights, strict=True)
    )


def shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return f"{value:.15g}"
