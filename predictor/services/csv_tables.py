"""Tables of interfaces as CSV that no spreadsheet runs as formulas."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..ml.csv_files import csv_writing


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV in UTF-8; texts that a spreadsheet would run begin with an apostrophe."""
    return csv_writing.csv_lines(rows)
