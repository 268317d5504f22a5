"""Cells that are numbers, as text or already, read by the column.

What counts as one in text is part of what `csv_rows` takes for a number of a single cell, and means the same there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

# JSON's numbers without an exponent; longer ones are read by themselves, so that the log does not keep their digits.
MOST_CHARACTERS = 25
NUMBER = re.compile(r"(?=.{1,25}\Z)-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]+)?", re.ASCII)
LETTERS = b"-.,0123456789"
# Fifteen digits before the point: every such integer is exact in float64.
BEYOND = 1e15


def read_numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """The cells as numbers, when each of them matches NUMBER; else None.

    orjson reads a list of numbers in an eighth of the time of `float` for each, and as exactly. A cell that holds
    a comma makes more numbers than there are cells, an empty one is no JSON.
    """
    text = ",".join(cells)
    if not text.isascii() or text.encode().translate(None, LETTERS) or max(map(len, cells)) > MOST_CHARACTERS:
        return None
    try:
        found = orjson.loads(f"[{text}]")
    except orjson.JSONDecodeError:
        return None
    if len(found) != len(cells):
        return None
    numbers = np.array(found, np.float64)
    return numbers if (np.abs(numbers) < BEYOND).all() else None


def typed_numbers(cells: Sequence[Any]) -> tuple[NDArray[np.float64], list[str]] | None:
    """Cells that are numbers already, as float64 (a gap is NaN) and each as JSON; None where others are among them."""
    kinds = set(map(type, cells)) - {type(None)}
    if not kinds or not kinds <= {float, int}:
        return None
    try:
        texts = orjson.dumps(cells).decode()[1:-1].split(",")
    except TypeError:  # an integer beyond 64 bits
        return None
    return np.array(cells, np.float64), texts


def with_points(cells: Sequence[str]) -> Sequence[str]:
    """Cells with decimal commas, as they would be written with points."""
    return [cell.replace(".", "").replace(",", ".") if "," in cell else cell for cell in cells]


def places_of_others(cells: Sequence[str]) -> list[int]:
    """Where the cells are that `read_numbers` does not take."""
    return [place for place, found in enumerate(map(NUMBER.fullmatch, cells)) if found is None]
