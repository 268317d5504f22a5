"""What the header of each page says to the person who is signed in."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, Subquery
from django.http import HttpRequest

from ...models import Notice, User
from ...services import notices


@dataclass(frozen=True)
class Header:
    """What the person has chosen, the number of unread notices, and the newest notice: later ones are news."""

    has_keys: bool
    shows_first_steps: bool
    n_unread: int
    last_notice: int


def header_of(request: HttpRequest) -> Header:
    """The header of a request, in one query, since each page asks it."""
    known: Header | None = getattr(request, "_header", None)
    if known is None:
        known = request._header = _read(request.user.pk)  # type: ignore[attr-defined]
    return known


def _read(pk: int | None) -> Header:
    # A person has at most MAX_KEPT notices.
    own = Notice.objects.filter(user=pk).order_by("-pk")
    unread = own.unread().filter(workspace__memberships__user=pk).order_by()
    row = (
        User.objects.filter(pk=pk)
        .values_list(
            "personal_settings__has_keys",
            "personal_settings__shows_first_steps",
            Subquery(own.values("pk")[:1]),
            Subquery(unread.values("user").annotate(n=Count("pk")).values("n")),
        )
        .first()
    )
    has_keys, shows_steps, last, n_unread = row or (None, None, None, None)
    return Header(
        has_keys is not False, shows_steps is not False, min(n_unread or 0, notices.MAX_COUNTED), last or 0
    )
