"""Context processor: what the header needs of the person and of the page, queried only when it is used."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ..pages.header import header_of
from .page_help import Help, help_of


def header(request: HttpRequest) -> dict[str, Any]:
    return {
        "header": SimpleLazyObject(lambda: header_of(request)),
        "page_help": SimpleLazyObject(lambda: page_help_of(request)),
    }


def page_help_of(request: HttpRequest) -> Help | None:
    match = request.resolver_match
    return help_of(match.url_name or "") if match else None
