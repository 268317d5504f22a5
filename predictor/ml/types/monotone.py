"""Monotone constraints: in which direction the prediction may go when a column rises, all else being equal.

For a binary task, the prediction is the probability of the positive class. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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

    @property
    def turned(self) -> Direction:
        """Where the other class is the positive one: its probability goes the other way."""
        return Direction.DECREASING if self is Direction.INCREASING else Direction.INCREASING


def parsed(data: Any) -> dict[str, Direction]:
    """Directions by column, from {column: "increasing" or "decreasing"}. Raises InvalidTrainingRequest."""
    if not data:
        return {}
    if not isinstance(data, Mapping):
        raise InvalidTrainingRequest(
            f"The monotone columns have to be an object {{column: {_choices()}}}.", field="monotone"
        )
    return {str(name): _direction(str(name), value) for name, value in data.items()}


def turned(proofs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries "monotone" of a report, for the other class as the positive one."""
    return [{**each, "direction": Direction(each["direction"]).turned.value} for each in proofs]


def monotone_sentences(report: Mapping[str, Any], positive: str = "") -> list[str]:
    """What a report proves of each monotone column. `positive`: the positive class of two; "" for numbers."""
    return [_sentence(each, positive) for each in report.get("monotone") or []]


def _sentence(proof: Mapping[str, Any], positive: str) -> str:
    answer = f"the probability of {quoted(positive)}" if positive else "the prediction"
    is_rising = proof["direction"] == Direction.INCREASING
    return (
        f"{proof['column']}: {answer} never {'falls' if is_rising else 'rises'} when it rises; "
        f"checked for {proof['n_rows']:,} rows at {proof['n_values']:,} values on what serves."
    )


def _direction(name: str, value: Any) -> Direction:
    try:
        return Direction(value)
    except ValueError:
        raise InvalidTrainingRequest(
            f"The direction of {quoted(name)} is {quoted(str(value))}; choose one of {_choices()}.",
            field="monotone",
        ) from None


def _choices() -> str:
    return quoted_list(Direction)
