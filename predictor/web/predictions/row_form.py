"""The prediction form of one row, made from a version's signature.

Inputs are named by their index (`f0`, `f1`, …), never by the column: a column's name can be any text.
The form only translates text to JSON values and back. The service of the API validates the values, so that
form and API give the same answer and the same error message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...ml.types.schema import FeatureField, Role, Signature
from ..pages.known_names import numbered
from ..pages.value_texts import (
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
# A longer row shows its N_FIRST most important fields; the others are folded.
MAX_AT_ONCE = 24
N_FIRST = 12
N_FEW = 6
# Ends the name of a slider whose column has marks of its own.
PLAIN = "-plain"
# The start of the name of a changed value, beside f0, f1, … of the answered row.
CHANGED = "w"


@dataclass(frozen=True)
class Option:
    """One option of a list: the value that is sent, the label, and whether it is chosen."""

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
    """One field as the page shows it. `text` is its content; empty means missing."""

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
    def number(self) -> Any:
        """The value of a numeric field as JSON."""
        return value_of(self.field, self.text)

    @property
    def shown_number(self) -> str:
        return cell_text(self.number)

    @property
    def slider(self) -> Slider | None:
        """A slider from the smallest to the largest value of training; None for a value that it cannot show."""
        value, low, high = self.number, self.field.minimum, self.field.maximum
        if self.kind != "number" or value is None or isinstance(value, str) or abs(value) > GREATEST_WHOLE:
            return None
        if not isinstance(low, int | float) or not isinstance(high, int | float) or low == high:
            return None
        is_whole = self.field.is_integer and float(value).is_integer()
        ends = (min(low, value), max(high, value))
        low_text, high_text = (str(int(end) if is_whole else end) for end in ends)
        # A numeric step would round the value although nobody moved the slider.
        return Slider(low_text, high_text, "1" if is_whole else "any")

    @property
    def slider_name(self) -> str:
        """The end of the slider's name. Browsers send 1234.5, whatever the marks of the column are."""
        return self.place_text if self.field.reading is None else f"{self.place}{PLAIN}"

    @property
    def slider_value(self) -> str:
        return self.text if self.field.reading is None else str(self.number)

    @property
    def options(self) -> list[Option]:
        """The categories that training saw; another value stays in the list and is marked."""
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


def row_names(signature: Signature) -> set[str]:
    """The names in the forms of one row, which stand on one page: to predict, to change it, to search for changes."""
    n_fields = len(signature.fields)
    names = {"version", "made_for", "coverage", "wanted", "side", "value"}
    return names | numbered(n_fields, "f", CHANGED, "lock") | numbered(n_fields, CHANGED, end=PLAIN)


def _changed_text(shown: Input, data: Mapping[str, Any], prefix: str) -> str:
    """The text of a field after a change; the value of a slider is written as the column's cells are."""
    by_slider = data.get(f"{prefix}{shown.place}{PLAIN}")
    if by_slider is not None:
        return text_of(shown.field, number_of(str(by_slider)))
    return str(data.get(f"{prefix}{shown.place}", shown.text))


class RowForm:
    """One row as text fields, from a row to show or, by `from_post`, from a request."""

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
        """The same row with the values that were sent under another prefix, where there are any."""
        form = RowForm(self.signature, row={}, importance=self.importance)
        form._texts = [_changed_text(each, data, prefix) for each in self.inputs]
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
        """All inputs of a short row; of a long one the most important ones. `more_inputs` are the others."""
        return self._ordered[: self._n_first]

    @property
    def more_inputs(self) -> list[Input]:
        return self._ordered[self._n_first :]

    @property
    def by_importance(self) -> list[Input]:
        return sorted(self.inputs, key=lambda each: -self.importance.get(each.field.name, 0.0))

    @property
    def few_inputs(self) -> list[Input]:
        """The most important inputs, for a small panel; `other_inputs` are the others."""
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
