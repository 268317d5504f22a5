"""Fields of the train form that are as the chosen estimator says."""

from __future__ import annotations

from typing import Any

from django import forms

from ...services.training.estimator_catalogue import Hyperparameter


class OpenChoiceField(forms.ChoiceField):
    """Offers choices but takes anything: the service refuses, so the sentence is the same as the API's."""

    def valid_value(self, value: Any) -> bool:
        return True


def field_for(knob: Hyperparameter) -> forms.Field:
    """A lenient field: the service converts and refuses, so the sentence is the same as the API's."""
    shared: dict[str, Any] = {"label": knob.title, "help_text": knob.help, "required": False}
    if knob.kind == "boolean":
        return forms.BooleanField(**shared)
    if knob.kind == "choice":
        return OpenChoiceField(choices=[(each, each.replace("_", " ")) for each in knob.choices], **shared)
    attrs = {"inputmode": "numeric" if knob.kind == "integer" else "decimal", "autocomplete": "off"}
    if knob.is_optional:
        attrs["placeholder"] = "no limit"
    shared["help_text"] = f"{knob.help} {knob.minimum:,g} to {knob.maximum:,g}."
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **shared)
