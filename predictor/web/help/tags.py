"""The template tag `{% term "log-loss" %}`: a term as a link to its entry in the glossary."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html

from .glossary import GLOSSARY

register = template.Library()


@register.simple_tag
def term(key: str, text: Any = "") -> str:
    """The term, or `text` in its place, as a link; its meaning is the tooltip."""
    entry = GLOSSARY[key]
    return format_html(
        '<a class="term" href="{}#{}" title="{}">{}</a>',
        reverse("glossary"),
        entry.anchor,
        entry.meaning,
        text or entry.name,
    )
