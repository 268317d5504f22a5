"""The texts of a stored column with the numbers of their cells, and the statistics of the values that they mean."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ..types.schema import Bin, canonical_text
from .duckdb_connection import identifier, literal

N_BINS = 20


def counted_texts(connection: duckdb.DuckDBPyConnection, parquet: Path, name: str) -> dict[str, int]:
    """The texts of a column, the most frequent first, with the numbers of their cells. `name`: in the file."""
    column = identifier(name)
    counted = connection.execute(
        f"SELECT {column}, count(*) FROM read_parquet({literal(str(parquet))}) WHERE {column} IS NOT NULL "
        "GROUP BY 1 ORDER BY 2 DESC, 1"
    ).fetchall()
    return {str(canonical_text(value) or ""): n for value, n in counted}


def statistics_of(values: Mapping[str, tuple[Any, int]]) -> dict[str, Any]:
    """Range, mean, median and histogram of values with the numbers of their cells, as `profile` gives them."""
    pairs = sorted((value, n) for value, n in values.values())
    ordered, weights = [value for value, _ in pairs], np.array([n for _, n in pairs])
    if isinstance(ordered[0], datetime):
        middle = ordered[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))]
        return {
            "minimum": shown(ordered[0]),
            "maximum": shown(ordered[-1]),
            "median": shown(middle),
            "mean": None,
            "histogram": (),
        }
    numbers = np.array(ordered, np.float64)
    edges = np.linspace(numbers[0], numbers[-1], N_BINS + 1) if numbers[0] < numbers[-1] else None
    bins: tuple[Bin, ...] = (Bin(float(numbers[0]), float(numbers[0]), int(weights.sum())),)
    if edges is not None and np.isfinite(edges).all():
        heights, _ = np.histogram(numbers, bins=edges, weights=weights)
        bins = tuple(
            Bin(float(low), float(high), int(n))
            for low, high, n in zip(edges[:-1], edges[1:], heights, strict=True)
        )
    return {
        "minimum": float(numbers[0]),
        "maximum": float(numbers[-1]),
        "mean": float(np.average(numbers, weights=weights)),
        "median": float(numbers[int(np.searchsorted(np.cumsum(weights), weights.sum() / 2))]),
        "histogram": bins,
    }


def shown(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return f"{value:.15g}"
