"""Context processor: what the header needs of the person and of the page, queried only when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ...models import Notice, PersonalSettings
from ...services import notices
from .page_help import Help, help_of


@dataclass(frozen=True)
class Header:
    """The person's choices, the number of unread notices, and the newest notice: later ones are news."""

    own: PersonalSettings
    n_unread: int
    last_notice: int


def header(request: HttpRequest) -> dict[str, Any]:
    return {
        "header": SimpleLazyObject(lambda: header_of(request)),
        "page_help": SimpleLazyObject(lambda: page_help_of(request)),
    }


def header_of(request: HttpRequest) -> Header:
    user: Any = request.user
    last = Notice.objects.filter(user=user).aggregate(last=Max("pk"))["last"] or 0
    n_unread = notices.n_unread(user) if last else 0
    return Header(PersonalSettings.of(user), n_unread, last)


def page_help_of(request: HttpRequest) -> Help | None:
    match = request.resolver_match
    return help_of(match.url_name or "") if match else None
