"""Hyperparameter fields of the training form: they depend on the chosen estimator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from ...i18n.translation import translated
from ...services.training.estimator_catalogue import Hyperparameter


class OpenChoiceField(forms.ChoiceField):
    """Offers choices but accepts any value: the service validates it, so the message is the API's."""

    def valid_value(self, value: Any) -> bool:
        return True


def field_for(knob: Hyperparameter) -> forms.Field:
    """A form field that accepts any text: the service converts and validates it, so the message is the API's."""
    shared: dict[str, Any] = {
        "label": translated(knob.title),
        "help_text": translated(knob.help),
        "required": False,
    }
    if knob.kind == "boolean":
        return forms.BooleanField(**shared)
    if knob.kind == "choice":
        return OpenChoiceField(choices=[(each, each.replace("_", " ")) for each in knob.choices], **shared)
    attrs = {"inputmode": "numeric" if knob.kind == "integer" else "decimal", "autocomplete": "off"}
    if knob.is_optional:
        attrs["placeholder"] = _("no limit")
    shared["help_text"] = _("%(help)s %(minimum)s to %(maximum)s.") % {
        "help": translated(knob.help),
        "minimum": f"{knob.minimum:,g}",
        "maximum": f"{knob.maximum:,g}",
    }
    return forms.CharField(widget=forms.TextInput(attrs=attrs), **shared)
