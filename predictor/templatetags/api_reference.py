"""Filters of the page of the API."""

from __future__ import annotations

from typing import Any

from django import template

register = template.Library()


@register.filter
def curl_of(operation: Any, server: str) -> str:
    return str(operation.curl(server))


@register.filter
def python_of(operation: Any, server: str) -> str:
    return str(operation.python(server))
