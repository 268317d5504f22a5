"""The form that changes how a column is read."""

from __future__ import annotations

from typing import Any

from django import forms

from ...ml.types.date_forms import DATE_FORMS, EXAMPLES
from ...ml.types.reading import ValueKind
from ...ml.types.reading_choice import DATE_PARTS, MAX_LOST_SHARE, TEXT
from ...ml.types.schema import ColumnProfile, Role
from ...ml.types.spellings import CASE, NUMBERS

KINDS = [("number", "Numbers"), ("date", "Dates"), ("boolean", "Yes or no"), (TEXT, "Text")]
PARTS = {
    ValueKind.NUMBER.value: ("decimal", "thousands", "codes", "missing"),
    ValueKind.DATE.value: DATE_PARTS,
    ValueKind.BOOLEAN.value: ("true", "false", "missing"),
    TEXT: ("role", "ignores", "missing"),
}
WORDS = ("missing", "true", "false")


def words_field(label: str, help_text: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=11_000,
        help_text=help_text,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocomplete": "off"}),
    )


class ReadingForm(forms.Form):
    kind = forms.ChoiceField(label="What the cells hold", choices=KINDS)
    decimal = forms.ChoiceField(
        label="Decimal mark", required=False,
        choices=[("", "Find out"), (".", "Point: 1.5"), (",", "Comma: 1,5")],
    )  # fmt: skip
    thousands = forms.ChoiceField(
        label="Thousands mark", required=False,
        choices=[("", "None, or find out"), (",", "Comma: 1,000"), (".", "Point: 1.000"), ("'", "Apostrophe: 1'000"),
                 (" ", "Blank: 1 000")],
    )  # fmt: skip
    codes = forms.BooleanField(label="Codes such as 007 and 1E05 are numbers", required=False)
    dates = forms.MultipleChoiceField(
        label="How dates are written", required=False,
        help_text="Each with 31 January 2024, or its month, quarter, week or year. None: find out.",
        choices=[(name, EXAMPLES[name]) for name in DATE_FORMS],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    zone = forms.CharField(
        label="Time zone", required=False, max_length=60,
        help_text="Such as Europe/Berlin or +05:30. Empty: as the offsets of the times say.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )  # fmt: skip
    true = words_field("Words for yes", "One in each line, beside yes, true, ja, oui, 是 and the like.")
    false = words_field("Words for no", "One in each line, beside no, false, nein, non, 否 and the like.")
    missing = words_field(
        "Words that mean missing", "One in each line, beside NA, null, ? and the like; of text only these."
    )
    role = forms.ChoiceField(
        label="What the text is", required=False,
        choices=[("", "Find out"), (Role.CATEGORICAL, "Category"), (Role.TEXT, "Free text"),
                 (Role.IDENTIFIER, "Identifier (left out of training)")],
    )  # fmt: skip
    ignores = forms.MultipleChoiceField(
        label="Take as one category", required=False,
        help_text="Blanks at the ends and the Unicode form never make another one.",
        choices=[(CASE, "Upper and lower case: Yes is yes"), (NUMBERS, "Whole numbers with a point: 3.0 is 3")],
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    max_lost_percent = forms.IntegerField(
        label="Cells that may become missing, in percent",
        required=False, min_value=0, max_value=100,
        help_text="Of the filled cells. A change that loses more is refused.",
    )  # fmt: skip

    @classmethod
    def of(cls, column: ColumnProfile) -> ReadingForm:
        """The form with the reading that the column has."""
        reading = column.reading
        initial: dict[str, Any] = {"kind": TEXT, "role": column.role.value}
        if reading is not None:
            initial |= {
                "kind": reading.kind.value,
                "decimal": reading.decimal,
                "thousands": reading.thousands,
                "codes": reading.codes,
                "dates": list(reading.dates),
                "zone": getattr(reading, "zone", ""),
                "ignores": list(reading.ignores),
                **{name: "\n".join(getattr(reading, name)) for name in WORDS},
            }
        return cls(initial={**initial, "max_lost_percent": round(100 * MAX_LOST_SHARE)}, label_suffix="")

    @property
    def reading(self) -> dict[str, Any]:
        """The reading as JSON: only the parts of the chosen kind; marks and forms that are to be found are left out."""
        data = self.cleaned_data
        parts: dict[str, Any] = {}
        for name in PARTS[data["kind"]]:
            value = data[name].splitlines() if name in WORDS else data[name]
            if value and value != [""]:
                parts[name] = value
        if parts.get("role") in (Role.TEXT, Role.IDENTIFIER):
            # Only categories are joined.
            parts = {"role": parts["role"]}
        return {"kind": data["kind"], **parts}

    @property
    def max_lost_share(self) -> float | None:
        percent = self.cleaned_data["max_lost_percent"]
        return None if percent is None else percent / 100
