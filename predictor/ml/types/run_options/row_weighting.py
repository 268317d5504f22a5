"""Rows that count by the numbers of a column: what a report says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....errors import quoted

# Why no model reads the column.
LEFT_OUT = "weights: it says how much each row counts"


def weighting_sentences(report: Mapping[str, Any]) -> list[str]:
    """That the rows of this report count by a column, and as how many equal rows they count; none without."""
    facts = report.get("weighting")
    if not facts:
        return []
    return [
        f"Weighted by {quoted(facts['column'])}: fits, scores and intervals count each row by it. "
        f"{_as_many(facts['n_rows'], facts['n_effective'], 'rows')}, and "
        f"{_as_many(facts['n_held_out'], facts['n_held_out_effective'], 'held-out rows')}."
    ]


def _as_many(n_rows: int, n_effective: float, noun: str) -> str:
    return f"{n_rows:,} {noun} count as much as {n_effective:,.0f} equal ones"
