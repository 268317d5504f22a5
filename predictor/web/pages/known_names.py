"""Names in the forms and addresses of pages: what a page does not know is refused, or named in a message."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _

from ...errors import InvalidInput
from ...http.known_names import MOST_NAMED, fault_of, refuse_unknown, unknown_names
from ...i18n.translation import translated
from .refusals import refused

CSRF = "csrfmiddlewaretoken"
# Other sites add them to links, for their own statistics.
OF_OTHER_SITES = frozenset({"fbclid", "gclid", "msclkid", "mc_cid", "mc_eid", "_ga", "_gl", "ref"})


class UnknownFields(InvalidInput):
    """The form has fields that the page does not know."""


class KnownNames:
    """For views: a form with an unknown field gets a page with status 400, and nothing is done.

    An unknown name in an address is ignored with a message, since links are kept and passed on; a file would have no
    place for the message, so there it is refused.
    """

    query_names: ClassVar[Collection[str]] = ()
    # None where the names depend on rows; then the view calls `refuse_unknown_fields` itself.
    field_names: ClassVar[Collection[str] | None] = ()
    # It answers with a file, always; lists do so for `format=csv` and `xlsx`.
    is_file: ClassVar[bool] = False
    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            if request.method == "POST" and hasattr(self, "post"):
                if self.field_names is not None:
                    self.refuse_unknown_fields(self.field_names)
            elif request.META.get("QUERY_STRING") and not getattr(request, "htmx", False):
                self._check_query(request)
            return super().dispatch(request, *args, **kwargs)  # type: ignore[misc, no-any-return]
        except UnknownFields as error:
            return refused(render(request, "unknown_names.html", {"error": error}), error)

    def refuse_unknown_fields(self, *known: Iterable[str]) -> None:
        """Raises UnknownFields for a field of the sent form that is in none of these."""
        names = {name for each in known for name in each}
        sent = {*self.request.POST, *self.request.FILES} - {CSRF}
        refuse(sent, names)

    def is_query_name(self, name: str) -> bool:
        """Whether an address may have this name, beside those of `query_names`: for names with a number in them."""
        return False

    def _check_query(self, request: HttpRequest) -> None:
        sent = {name for name in request.GET if not (is_of_other_sites(name) or self.is_query_name(name))}
        if self.is_file or ("format" in self.query_names and request.GET.get("format") in ("csv", "xlsx")):
            return refuse(sent, set(self.query_names))
        for name in unknown_names(sent, self.query_names)[:MOST_NAMED]:
            messages.warning(
                request,
                _("In the address %(fault)s It was ignored.")
                % {"fault": translated(fault_of(name, self.query_names))},
            )
        return None


def refuse(sent: Collection[str], known: Collection[str]) -> None:
    try:
        refuse_unknown(sent, known)
    except InvalidInput as error:
        raise UnknownFields(error.message, problems=error.problems) from None


def is_of_other_sites(name: str) -> bool:
    return name in OF_OTHER_SITES or name.startswith("utm_")


def numbered(n: int, *prefixes: str, end: str = "") -> set[str]:
    """The names of fields that are numbered, such as f0, f1, …"""
    return {f"{prefix}{place}{end}" for prefix in prefixes for place in range(n)}
