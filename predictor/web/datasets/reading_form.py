"""The form that changes how a column is read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from ...ml.types.date_forms import DATE_FORMS, EXAMPLES
from ...ml.types.reading import ValueKind
from ...ml.types.reading_choice import DATE_PARTS, MAX_LOST_SHARE, TEXT
from ...ml.types.schema import ColumnProfile, Role
from ...ml.types.spellings import CASE, NUMBERS

KINDS = [
    ("number", gettext_lazy("Numbers")),
    ("date", gettext_lazy("Dates")),
    ("boolean", gettext_lazy("Yes or no")),
    (TEXT, gettext_lazy("Text")),
]
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
    kind = forms.ChoiceField(label=gettext_lazy("What the cells hold"), choices=KINDS)
    decimal = forms.ChoiceField(
        label=gettext_lazy("Decimal mark"),
        required=False,
        choices=[
            ("", gettext_lazy("Find out")),
            (".", gettext_lazy("Point: 1.5")),
            (",", gettext_lazy("Comma: 1,5")),
        ],
    )
    thousands = forms.ChoiceField(
        label=gettext_lazy("Thousands mark"),
        required=False,
        choices=[
            ("", gettext_lazy("None, or find out")),
            (",", gettext_lazy("Comma: 1,000")),
            (".", gettext_lazy("Point: 1.000")),
            ("'", gettext_lazy("Apostrophe: 1'000")),
            (" ", gettext_lazy("Blank: 1 000")),
        ],
    )
    codes = forms.BooleanField(label=gettext_lazy("Codes such as 007 and 1E05 are numbers"), required=False)
    dates = forms.MultipleChoiceField(
        label=gettext_lazy("How dates are written"),
        required=False,
        help_text=gettext_lazy(
            "Each with 31 January 2024, or its month, quarter, week or year. None: find out."
        ),
        choices=[(name, EXAMPLES[name]) for name in DATE_FORMS],
        widget=forms.CheckboxSelectMultiple,
    )
    zone = forms.CharField(
        label=gettext_lazy("Time zone"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Such as Europe/Berlin or +05:30. Empty: as the offsets of the times say."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    true = words_field(
        gettext_lazy("Words for yes"),
        gettext_lazy("One in each line, beside yes, true, ja, oui, 是 and the like."),
    )
    false = words_field(
        gettext_lazy("Words for no"),
        gettext_lazy("One in each line, beside no, false, nein, non, 否 and the like."),
    )
    missing = words_field(
        gettext_lazy("Words that mean missing"),
        gettext_lazy("One in each line, beside NA, null, ? and the like; of text only these."),
    )
    role = forms.ChoiceField(
        label=gettext_lazy("What the text is"),
        required=False,
        choices=[
            ("", gettext_lazy("Find out")),
            (Role.CATEGORICAL, gettext_lazy("Category")),
            (Role.TEXT, gettext_lazy("Free text")),
            (Role.IDENTIFIER, gettext_lazy("Identifier (left out of training)")),
        ],
    )
    ignores = forms.MultipleChoiceField(
        label=gettext_lazy("Take as one category"),
        required=False,
        help_text=gettext_lazy("Blanks at the ends and the Unicode form never make another one."),
        choices=[
            (CASE, gettext_lazy("Upper and lower case: Yes is yes")),
            (NUMBERS, gettext_lazy("Whole numbers with a point: 3.0 is 3")),
        ],
        widget=forms.CheckboxSelectMultiple,
    )
    max_lost_percent = forms.IntegerField(
        label=gettext_lazy("Cells that may become missing, in percent"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=gettext_lazy("Of the filled cells. A change that loses more is refused."),
    )

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
