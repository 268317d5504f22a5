"""The prediction form of one row, made from a version's signature.

Inputs are named by their index (`f0`, `f1`, …), never by the column: a column's name can be any text.
The form only translates text to JSON values and back. The service of the API validates the values, so that
form and API give the same answer and the same error message.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...ml.types.field_settings import PLAIN as NO_SETTING
from ...ml.types.field_settings import FieldSetting, FieldSettings
from ...ml.types.schema import FeatureField, Role, Scalar, Signature
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
    setting: FieldSetting = NO_SETTING
    # On a page for everybody: nothing of training but the categories of a short list.
    is_public: bool = False

    @property
    def html_name(self) -> str:
        return f"f{self.place}"

    @property
    def label(self) -> str:
        return self.setting.label or self.field.name

    @property
    def unit(self) -> str:
        return self.setting.unit

    @property
    def is_locked(self) -> bool:
        return self.setting.is_locked

    @property
    def empty_text(self) -> str:
        """What an empty field says; people who are no users of the project do not speak of missing values."""
        return _("not known") if self.is_public else _("missing")

    @property
    def search_text(self) -> str:
        """What the search above the fields looks in."""
        return f"{self.label} {self.field.name}".lower()

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
        """The owner's choices, else the categories that training saw; another value stays in the list and is marked."""
        if self.kind == "boolean":
            empty = _("Not known") if self.is_public else _("Missing")
            pairs = [("true", _("Yes")), ("false", _("No")), ("", empty)]
            return [Option(value, label, value == self.text) for value, label in pairs]
        if self.kind == "suggest" and self.is_public:
            return []
        levels = self.setting.choices or self.field.levels[:MAX_SUGGESTIONS]
        options = [Option(level, level, level == self.text) for level in levels]
        if self.kind == "choice" and self.text and self.text not in levels and not self.is_public:
            words = _("not allowed") if self.setting.choices else _("not seen in training")
            options.append(Option(self.text, f"{self.text} ({words})", True))
        return options

    @property
    def hint(self) -> str:
        """The owner's help and range; else what training saw, in a few words."""
        if self.is_locked:
            return self.setting.help
        parts = [self.setting.help, self.allowed_range]
        if not self.is_public:
            parts += self._training_words
        return " · ".join(part for part in parts if part)

    @property
    def allowed_range(self) -> str:
        low, high = self.setting.minimum, self.setting.maximum
        if low is not None and high is not None:
            return _("allowed: %(low)s to %(high)s") % {"low": f"{low:g}", "high": f"{high:g}"}
        if low is not None:
            return _("allowed: from %(low)s") % {"low": f"{low:g}"}
        return _("allowed: up to %(high)s") % {"high": f"{high:g}"} if high is not None else ""

    @property
    def _training_words(self) -> list[str]:
        field = self.field
        parts: list[str] = []
        if field.role is Role.NUMERIC:
            parts = [*range_words(field), _("whole") if field.is_integer else ""]
        elif field.role is Role.DATETIME:
            parts = range_words(field)
        elif field.role is Role.CATEGORICAL and not self.setting.choices:
            n = len(field.levels)
            parts = [ngettext("%(n)s category", "%(n)s categories", n) % {"n": f"{n:,}"} if n else ""]
        elif field.role is Role.TEXT:
            parts = [_("free text")]
        return [*parts, "" if field.has_missing else _("never missing")]


def row_names(signature: Signature) -> set[str]:
    """The names in the forms of one row, which stand on one page: to predict, to change it, to search for changes."""
    n_fields = len(signature.fields)
    names = {"version", "made_for", "coverage", "wanted", "side", "value", "do"}
    return names | numbered(n_fields, "f", CHANGED, "lock") | numbered(n_fields, CHANGED, end=PLAIN)


def _changed_text(shown: Input, data: Mapping[str, Any], prefix: str) -> str:
    """The text of a field after a change; the value of a slider is written as the column's cells are."""
    by_slider = data.get(f"{prefix}{shown.place}{PLAIN}")
    if by_slider is not None:
        return text_of(shown.field, number_of(str(by_slider)))
    return str(data.get(f"{prefix}{shown.place}", shown.text))


class RowForm:
    """One row as text fields, from a row to show or, by `from_post`, from a request.

    `settings` are the owner's: labels, order, and values that are fixed whatever is sent. `shown`: the columns that
    the form asks for; None: all that are not hidden. `is_public`: see `Input`.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        row: Mapping[str, Any] | None = None,
        importance: Mapping[str, float] | None = None,
        settings: FieldSettings | None = None,
        shown: Collection[str] | None = None,
        is_public: bool = False,
    ):
        self.signature = signature
        self.importance = importance or {}
        self.settings = settings or FieldSettings()
        self.errors: dict[str, str] = {}
        self._shown, self._is_public = shown, is_public
        self._fixed: dict[str, Scalar] = self.settings.fixed(signature, shown)
        self._texts: list[str] | None = None
        self._row = signature.typical_row() if row is None else row

    @classmethod
    def from_post(
        cls,
        signature: Signature,
        data: Mapping[str, Any],
        *,
        importance: Mapping[str, float] | None = None,
        settings: FieldSettings | None = None,
        shown: Collection[str] | None = None,
        is_public: bool = False,
    ) -> RowForm:
        form = cls(
            signature, row={}, importance=importance, settings=settings, shown=shown, is_public=is_public
        )
        form._texts = [str(data.get(f"f{place}", "")) for place in range(len(signature.fields))]
        return form

    def changed(self, data: Mapping[str, Any], prefix: str) -> RowForm:
        """The same row with the values that were sent under another prefix, where there are any."""
        form = RowForm(self.signature, row={}, importance=self.importance, settings=self.settings)
        form._texts = [_changed_text(each, data, prefix) for each in self.inputs]
        return form

    @property
    def row(self) -> dict[str, Any]:
        """The row as it goes to the service: JSON values by column name."""
        if self._texts is None:
            found = {field.name: self._row.get(field.name) for field in self.signature.fields}
        else:
            pairs = zip(self.signature.fields, self._texts, strict=True)
            found = {field.name: value_of(field, text) for field, text in pairs}
        return {**found, **self._fixed}

    @property
    def inputs(self) -> list[Input]:
        return [self._input(place, field) for place, field in enumerate(self.signature.fields)]

    @property
    def visible(self) -> list[Input]:
        """The inputs that the form shows: those that the owner ordered first, then by importance."""
        return [
            each
            for each in self.by_importance
            if not each.setting.is_hidden and (self._shown is None or each.field.name in self._shown)
        ]

    @property
    def first_inputs(self) -> list[Input]:
        """All inputs of a short row; of a long one the most important ones. `more_inputs` are the others."""
        return self.visible[: self._n_first]

    @property
    def more_inputs(self) -> list[Input]:
        return self.visible[self._n_first :]

    @property
    def by_importance(self) -> list[Input]:
        return sorted(self.inputs, key=self._rank)

    def _rank(self, each: Input) -> tuple[float, float]:
        order = each.setting.order
        return (math.inf if order is None else order, -self.importance.get(each.field.name, 0.0))

    @property
    def free_inputs(self) -> list[Input]:
        """The inputs that can be changed."""
        return [each for each in self.by_importance if not each.setting.is_fixed]

    @property
    def few_inputs(self) -> list[Input]:
        """The most important inputs, for a small panel; `other_inputs` are the others."""
        return self.free_inputs[:N_FEW]

    @property
    def other_inputs(self) -> list[Input]:
        return self.free_inputs[N_FEW:]

    @property
    def lockable_inputs(self) -> list[Input]:
        """The inputs that a search for changes may change unless it is told not to."""
        return [each for each in self.free_inputs if not each.setting.is_immutable]

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

    def _input(self, place: int, field: FeatureField) -> Input:
        if field.name in self._fixed:
            text = text_of(field, self._fixed[field.name])
        elif self._texts is None:
            text = text_of(field, self._row.get(field.name))
        else:
            text = self._texts[place]
        setting = self.settings.of(field.name)
        kind = kind_of(field, text)
        if setting.choices and field.role in (Role.NUMERIC, Role.CATEGORICAL, Role.TEXT):
            kind = "choice"
        error = self.errors.get(field.name, "")
        return Input(place, field, kind, text, error, setting, self._is_public)
