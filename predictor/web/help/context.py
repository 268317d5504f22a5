"""Context processor: what the header needs of the person and of the page, queried only when it is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Subquery
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from ...models import Notice, User
from ...services import notices
from .page_help import Help, help_of


@dataclass(frozen=True)
class Header:
    """Whether the person wants keys, the number of unread notices, and the newest notice: later ones are news."""

    has_keys: bool
    n_unread: int
    last_notice: int


def header(request: HttpRequest) -> dict[str, Any]:
    return {
        "header": SimpleLazyObject(lambda: header_of(request)),
        "page_help": SimpleLazyObject(lambda: page_help_of(request)),
    }


def header_of(request: HttpRequest) -> Header:
    """In one query, since each page asks it. A person has at most MAX_KEPT notices."""
    pk = request.user.pk
    own = Notice.objects.filter(user=pk).order_by("-pk")
    unread = own.unread().filter(workspace__memberships__user=pk).order_by()
    row = (
        User.objects.filter(pk=pk)
        .values_list(
            "personal_settings__has_keys",
            Subquery(own.values("pk")[:1]),
            Subquery(unread.values("user").annotate(n=Count("pk")).values("n")),
        )
        .first()
    )
    has_keys, last, n_unread = row or (None, None, None)
    return Header(has_keys is not False, min(n_unread or 0, notices.MAX_COUNTED), last or 0)


def page_help_of(request: HttpRequest) -> Help | None:
    match = request.resolver_match
    return help_of(match.url_name or "") if match else None
