"""Help texts of fields are text, however a form is shown; what was marked as HTML stays."""

from __future__ import annotations

import pytest
from django import forms
from django.template import Context, Template
from django.utils.safestring import SafeString

EVIL = "of “<img src=x>”"


class Form(forms.Form):
    text = forms.CharField(help_text=EVIL, label=EVIL)
    choice = forms.ChoiceField(choices=[("a", EVIL)], help_text=EVIL, label=EVIL)
    tick = forms.BooleanField(help_text=EVIL, label=EVIL)
    several = forms.MultipleChoiceField(
        choices=[("a", EVIL)], help_text=EVIL, label=EVIL, widget=forms.CheckboxSelectMultiple
    )
    one = forms.ChoiceField(choices=[("a", EVIL)], help_text=EVIL, label=EVIL, widget=forms.RadioSelect)
    marked = forms.CharField(help_text=SafeString("<ul><li>long</li></ul>"))


@pytest.mark.parametrize(
    "source",
    [
        "{% load crispy_forms_filters %}{{ form|crispy }}",
        '{% for field in form %}{% include "includes/_field.html" %}{% endfor %}',
        '{% load crispy_forms_filters %}{% include "allauth/elements/fields.html" with attrs=attrs %}',
    ],
)
def test_a_help_text_is_escaped(source: str) -> None:
    form = Form()
    shown = Template(source).render(Context({"form": form, "attrs": {"form": form}}))
    assert "<img" not in shown
    assert shown.count("&lt;img src=x&gt;") >= 10
    assert "<ul><li>long</li></ul>" in shown
