"""Rows as callers send them, checked against a signature and turned into canonical columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .schema import Signature


@dataclass(frozen=True)
class RowWarning:
    """Something doubtful in one row. Codes: missing, unseen, out_of_range, coerced, extra."""

    code: str
    column: str
    message: str


@dataclass(frozen=True)
class CheckedRows:
    """Canonical columns of the signature's fields, and the warnings of each row."""

    columns: dict[str, NDArray[Any]]
    warnings: tuple[tuple[RowWarning, ...], ...]
    n_rows: int


class RowChecker:
    """Compiled once per signature."""

    def __init__(self, signature: Signature):
        self.signature = signature

    def check(self, rows: Sequence[Mapping[str, Any]], strict: bool = False) -> CheckedRows:
        """Raises InvalidRows (naming row and column; the first five and the count), StrictRows when strict."""
        raise NotImplementedError


_ = np
