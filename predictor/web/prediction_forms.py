"""The form for one row, made from a version's signature, and the forms for a CSV file and for the log.

Inputs are named by their place (`f0`, `f1`, …), never by the column: a column may be called anything.
The form only translates text to JSON values and back. Whether a value can be used is decided, and said, by
the same service that answers the API, so that both give one answer and one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..ml.types.schema import FeatureField, Role, Signature
from .prediction_values import (
    GREATEST_WHOLE,
    Kind,
    cell_text,
    kind_of,
    number_of,
    range_words,
    text_of,
    value_of,
)

MAX_SUGGESTIONS = 1_000
# A longer row shows first what matters most; the rest waits folded.
MAX_AT_ONCE = 24
N_FIRST = 12
N_FEW = 6


@dataclass(frozen=True)
class Option:
    """One entry of a list: what is sent, what is read, and whether it is the chosen one."""

    value: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Slider:
    """The ends and the step of a slider, as HTML writes them."""

    low: str
    high: str
    step: str


@dataclass(frozen=True)
class Input:
    """One field as the page shows it. `text` is what stands in it; empty means missing."""

    place: int
    field: FeatureField
    kind: Kind
    text: str
    error: str = ""

    @property
    def html_name(self) -> str:
        return f"f{self.place}"

    @property
    def label(self) -> str:
        return self.field.name

    @property
    def place_text(self) -> str:
        return str(self.place)

    @property
    def shown_number(self) -> str:
        return cell_text(number_of(self.text))

    @property
    def slider(self) -> Slider | None:
        """For a number within what training saw or near it; None for what no slider could show."""
        value, low, high = number_of(self.text), self.field.minimum, self.field.maximum
        if self.kind != "number" or value is None or isinstance(value, str) or abs(value) > GREATEST_WHOLE:
            return None
        if not isinstance(low, int | float) or not isinstance(high, int | float) or low == high:
            return None
        is_whole = self.field.is_integer and float(value).is_integer()
        ends = (min(low, value), max(high, value))
        low_text, high_text = (str(int(end) if is_whole else end) for end in ends)
        # A step would round a value that nobody touched.
        return Slider(low_text, high_text, "1" if is_whole else "any")

    @property
    def options(self) -> list[Option]:
        """The categories that training saw; a value outside them stays and says so."""
        if self.kind == "boolean":
            pairs = [("true", "Yes"), ("false", "No"), ("", "Missing")]
            return [Option(value, label, value == self.text) for value, label in pairs]
        levels = self.field.levels[:MAX_SUGGESTIONS]
        options = [Option(level, level, level == self.text) for level in levels]
        if self.kind == "choice" and self.text and self.text not in levels:
            options.append(Option(self.text, f"{self.text} (not seen in training)", True))
        return options

    @property
    def hint(self) -> str:
        """What training saw, in a few words."""
        field = self.field
        parts: list[str] = []
        if field.role is Role.NUMERIC:
            parts = [*range_words(field), "whole" if field.is_integer else ""]
        elif field.role is Role.DATETIME:
            parts = range_words(field)
        elif field.role is Role.CATEGORICAL:
            n = len(field.levels)
            parts = [f"{n:,} {'category' if n == 1 else 'categories'}" if n else ""]
        elif field.role is Role.TEXT:
            parts = ["free text"]
        parts.append("" if field.has_missing else "never missing")
        return " · ".join(part for part in parts if part)


class RowForm:
    """One row as text fields. Give it a row to show, or what the browser sent."""

    def __init__(
        self,
        signature: Signature,
        *,
        row: Mapping[str, Any] | None = None,
        importance: Mapping[str, float] | None = None,
    ):
        self.signature = signature
        self.importance = importance or {}
        self.errors: dict[str, str] = {}
        self._texts: list[str] | None = None
        self._row = signature.typical_row() if row is None else row

    @classmethod
    def from_post(
        cls, signature: Signature, data: Mapping[str, Any], *, importance: Mapping[str, float] | None = None
    ) -> RowForm:
        form = cls(signature, row={}, importance=importance)
        form._texts = [str(data.get(f"f{place}", "")) for place in range(len(signature.fields))]
        return form

    def changed(self, data: Mapping[str, Any], prefix: str) -> RowForm:
        """The same row with the values that were sent under another prefix, where there are such."""
        form = RowForm(self.signature, row={}, importance=self.importance)
        form._texts = [str(data.get(f"{prefix}{each.place}", each.text)) for each in self.inputs]
        return form

    @property
    def row(self) -> dict[str, Any]:
        """The row as it goes to the service: JSON values by column name."""
        if self._texts is None:
            return {field.name: self._row.get(field.name) for field in self.signature.fields}
        return {
            field.name: value_of(field, text)
            for field, text in zip(self.signature.fields, self._texts, strict=True)
        }

    @property
    def inputs(self) -> list[Input]:
        return [self._input(place, field) for place, field in enumerate(self.signature.fields)]

    @property
    def first_inputs(self) -> list[Input]:
        """All of a short row; of a long one those that matter most, the rest being `more_inputs`."""
        return self._ordered[: self._n_first]

    @property
    def more_inputs(self) -> list[Input]:
        return self._ordered[self._n_first :]

    @property
    def by_importance(self) -> list[Input]:
        return sorted(self.inputs, key=lambda each: -self.importance.get(each.field.name, 0.0))

    @property
    def few_inputs(self) -> list[Input]:
        """Those that matter most, for a panel beside others; `other_inputs` are the rest."""
        return self.by_importance[:N_FEW]

    @property
    def other_inputs(self) -> list[Input]:
        return self.by_importance[N_FEW:]

    @property
    def has_more_errors(self) -> bool:
        return any(each.error for each in self.more_inputs)

    @property
    def faults(self) -> list[Input]:
        return [each for each in self.inputs if each.error]

    @property
    def _n_first(self) -> int:
        n_fields = len(self.signature.fields)
        return n_fields if n_fields <= MAX_AT_ONCE else N_FIRST

    @property
    def _ordered(self) -> list[Input]:
        if len(self.signature.fields) <= MAX_AT_ONCE:
            return self.inputs
        return self.by_importance

    def _input(self, place: int, field: FeatureField) -> Input:
        text = text_of(field, self._row.get(field.name)) if self._texts is None else self._texts[place]
        return Input(place, field, kind_of(field, text), text, self.errors.get(field.name, ""))
