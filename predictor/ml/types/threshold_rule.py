"""Rules for choosing a decision threshold, as a frozen dataclass with a JSON form. Standard library only.

{"by": "f1"}                                                the best F1
{"by": "cost", "false_positive": 1, "false_negative": 5}    the least cost of mistakes
{"by": "precision", "at_least": 0.9}                        the most recall at this precision
{"by": "recall", "at_least": 0.9}                           the best precision at this recall
{"by": "fixed", "value": 0.3}                               this one
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InvalidThreshold, quoted, quoted_list

NUMBERS: dict[str, tuple[str, ...]] = {
    "f1": (),
    "cost": ("false_positive", "false_negative"),
    "precision": ("at_least",),
    "recall": ("at_least",),
    "fixed": ("value",),
}


@dataclass(frozen=True)
class ThresholdRule:
    """How the decision threshold of a binary task is chosen; `numbers` are those that NUMBERS names for `by`."""

    by: str
    numbers: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, data: Any) -> ThresholdRule:
        """Raises InvalidThreshold, saying what a rule holds."""
        if not isinstance(data, Mapping) or not isinstance(data.get("by"), str):
            raise InvalidThreshold(
                f'A threshold is an object like {{"by": "f1"}}; "by" is one of {quoted_list(NUMBERS)}.'
            )
        by = data["by"]
        if by not in NUMBERS:
            raise InvalidThreshold(
                f"A threshold cannot be chosen by {quoted(by)}. Choose one of {quoted_list(NUMBERS)}."
            )
        unknown = sorted(str(name) for name in set(data) - {"by", *NUMBERS[by]} if data[name] is not None)
        missing = [name for name in NUMBERS[by] if data.get(name) is None]
        if unknown or missing:
            expected = f"takes {quoted_list(NUMBERS[by])}" if NUMBERS[by] else "takes no number"
            given = f"got {quoted_list(unknown)}" if unknown else f"{quoted_list(missing)} is missing"
            raise InvalidThreshold(f"A threshold by {quoted(by)} {expected}; {given}.")
        return cls(by, tuple(_checked(by, name, data[name]) for name in NUMBERS[by]))

    @classmethod
    def parse(cls, text: str) -> ThresholdRule:
        """From the short form of command lines: f1, cost:1:5, precision:0.9, recall:0.9 or 0.3."""
        by, *numbers = text.strip().split(":")
        if by not in NUMBERS:
            by, numbers = "fixed", [text]
        try:
            values = [float(each) for each in numbers]
        except ValueError:
            values = None
        if values is None or len(values) != len(NUMBERS[by]):
            raise InvalidThreshold(
                f"A threshold is written as f1, cost:FALSE_POSITIVE:FALSE_NEGATIVE, precision:AT_LEAST, "
                f"recall:AT_LEAST or a number; got {quoted(text)}."
            )
        return cls.from_json({"by": by, **dict(zip(NUMBERS[by], values, strict=True))})

    def to_json(self) -> dict[str, Any]:
        return {"by": self.by, **dict(zip(NUMBERS[self.by], self.numbers, strict=True))}

    def sentence_on(self, positive: str) -> str:
        """How it was chosen, as the end of “…, a threshold that …”; `positive` names the positive class."""
        name = quoted(positive)
        match self.by:
            case "f1":
                return f"gives the best F1 of {name}"
            case "cost":
                alarm, miss = self.numbers
                return f"costs least, a false {name} costing {alarm:g} and a missed {name} {miss:g}"
            case "precision":
                return f"finds most {name} at a precision of at least {self.numbers[0]:.4g}"
            case "recall":
                return f"gives the fewest false {name} at a recall of at least {self.numbers[0]:.4g}"
            case _:
                return "was given"


def catches_none(positive: str, counts: Mapping[str, Any]) -> str:
    """A sentence if a decision finds no row of the positive class; `counts` are those of the confusion matrix."""
    if counts["true_positive"] or not counts["false_negative"]:
        return ""
    return f"This rule catches none of the {counts['false_negative']:,} rows of {quoted(positive)}."


def _checked(by: str, name: str, value: Any) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if by == "cost":
        if not is_number or not 0 < value <= 1e12 or not math.isfinite(value):
            raise InvalidThreshold(
                f"The cost {quoted(name)} has to be a number above 0; got {quoted(value)}."
            )
    elif not is_number or not 0 < value < 1:
        raise InvalidThreshold(
            f"{quoted(name)} of a threshold by {quoted(by)} has to lie between 0 and 1; got {quoted(value)}."
        )
    return float(value)
