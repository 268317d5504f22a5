"""The decision threshold form for two classes: part of the training form, and a page of a version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import InvalidThreshold
from ...i18n.translation import translated
from ...ml.types.schema import Signature
from ...ml.types.threshold_rule import NUMBERS, ThresholdRule

PREFIX = "threshold"
CHOICES = (
    ("", gettext_lazy("The more probable class (from 0.5)")),
    ("f1", gettext_lazy("The best F1: precision and recall in balance")),
    ("cost", gettext_lazy("What mistakes cost")),
    ("precision", gettext_lazy("A precision that I want")),
    ("recall", gettext_lazy("A recall that I want")),
    ("fixed", gettext_lazy("A probability that I give")),
)


def number_field(label: str, help_text: str) -> forms.FloatField:
    widget = forms.NumberInput(attrs={"step": "any", "min": 0})
    return forms.FloatField(label=label, help_text=help_text, required=False, widget=widget)


class ThresholdForm(forms.Form):
    """Only the numbers of the chosen rule are used; where the browser can, only these are shown."""

    by = forms.ChoiceField(label=gettext_lazy("Decide by"), choices=CHOICES, required=False)
    false_positive = number_field(
        gettext_lazy("A false alarm costs"),
        gettext_lazy("The positive class predicted wrongly. Only the ratio of the two counts."),
    )
    false_negative = number_field(
        gettext_lazy("A miss costs"), gettext_lazy("The positive class not found. In the same unit.")
    )
    at_least = number_field(gettext_lazy("At least"), gettext_lazy("Between 0 and 1, for example 0.9."))
    value = number_field(
        gettext_lazy("From this probability"), gettext_lazy("Between 0 and 1, for example 0.3.")
    )

    def __init__(
        self,
        data: Any = None,
        *,
        shown: Mapping[str, Any] | None = None,
        is_required: bool = False,
        positive: str = "",
    ):
        """`positive`: the name of the positive class, for the labels."""
        known = {name: (shown or {}).get(f"{PREFIX}-{name}") for name in self.base_fields}
        initial = {name: value for name, value in known.items() if value not in (None, "")}
        super().__init__(data, prefix=PREFIX, initial=initial, label_suffix="")
        if positive:
            self.fields["false_positive"].label = _("A false “%(positive)s” costs") % {"positive": positive}
            self.fields["false_negative"].label = _("A missed “%(positive)s” costs") % {"positive": positive}
        if is_required:
            self.fields["by"].required = True
            self.fields["by"].choices = CHOICES[1:]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        self.rule: ThresholdRule | None = None
        if data.get("by") and not self.errors:
            try:
                self.rule = ThresholdRule.from_json(
                    {"by": data["by"], **{name: data[name] for name in NUMBERS[data["by"]]}}
                )
            except InvalidThreshold as error:
                self.add_error("by", translated(error.message))
        return data

    @property
    def is_open(self) -> bool:
        return bool(self["by"].value() or self.errors)


class NewThresholdForm(ThresholdForm):
    """The threshold of a new version, and the class that it is of."""

    positive_class = forms.ChoiceField(
        label=gettext_lazy("Positive class"),
        required=False,
        help_text=gettext_lazy(
            "The class that is looked for: precision, recall and both costs are about it."
        ),
    )

    def __init__(self, data: Any = None, *, signature: Signature, **options: Any):
        super().__init__(data, is_required=True, **options)
        self.fields["positive_class"].choices = [(name, name) for name in signature.class_names]
        self.initial["positive_class"] = signature.positive_name


def shown_from_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Initial values of the form, from a stored threshold rule."""
    return {
        f"{PREFIX}-{name}": f"{value:g}" if isinstance(value, float) else value
        for name, value in rule.items()
    }
