"""Monotone constraints: in which direction the prediction may go when a column rises, all else being equal.

For a binary task, the prediction is the probability of the positive class. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from ...errors import InvalidTrainingRequest, quoted, quoted_list


class Direction(StrEnum):
    """The prediction never falls (INCREASING), or never rises (DECREASING), when the column rises."""

    INCREASING = "increasing"
    DECREASING = "decreasing"

    @property
    def sign(self) -> int:
        """1 or -1, as scikit-learn's `monotonic_cst`."""
        return 1 if self is Direction.INCREASING else -1


def parsed(data: Any) -> dict[str, Direction]:
    """Directions by column, from {column: "increasing" or "decreasing"}. Raises InvalidTrainingRequest."""
    if not data:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidTrainingRequest(
            f"The monotone columns have to be an object {{column: {_choices()}}}.", field="monotone"
        )
    return {str(name): _direction(str(name), value) for name, value in data.items()}


def _direction(name: str, value: Any) -> Direction:
    try:
        return Direction(value)
    except ValueError:
        raise InvalidTrainingRequest(
            f"The direction of {quoted(name)} is {_choices()}, not {quoted(str(value))}.", field="monotone"
        ) from None


def _choices() -> str:
    return quoted_list(Direction)
