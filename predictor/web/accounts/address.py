"""Personal settings: prove by mail that the account's e-mail address is one's own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core import signing
from django.core.cache import cache
from django.core.mail import send_mail
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View
from django.views.decorators.cache import never_cache

from ...models import User
from ...services.accounts import workspaces
from ..pages.known_names import KnownNames

SALT = "mlweb.address"
LINK_WORKS_SECONDS = 86_400
MAIL_EVERY_SECONDS = 180
TEXT = gettext_lazy(
    "Somebody, probably you, asked mlweb to prove that {email} is the address of their "
    "account.\nSign in with that account and open this page within a day:\n\n{url}\n\nIf you "
    "did not ask for this, and somebody else has chosen the password of the account, do "
    'not open it: set a new\npassword first ("Forgot your password?" on the sign-in '
    "page).\n"
)


@method_decorator(never_cache, name="dispatch")
class AddressProof(LoginRequiredMixin, KnownNames, View):
    """Says whether the address is proved; on POST sends the mail with the link."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return render(request, "predictor/accounts/address.html")

    def post(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if user.is_address_proved:
            return redirect("address-proof")
        if not cache.add(f"address-mail-{user.pk}", 1, timeout=MAIL_EVERY_SECONDS):
            messages.error(request, _("A mail was sent a moment ago; wait some minutes for it."))
        else:
            path = reverse("address-prove", args=[key_for(user)])
            text = TEXT.format(email=user.email, url=request.build_absolute_uri(path))
            send_mail(_("Prove your e-mail address"), text, None, [user.email])
            messages.success(
                request,
                _("A mail is on its way to %(email)s. Open the link in it within a day.")
                % {"email": user.email},
            )
        return redirect("address-proof")


@method_decorator(never_cache, name="dispatch")
class AddressProve(LoginRequiredMixin, KnownNames, View):
    """The page of the link in the mail. Only the account itself can use it, signed in.

    Otherwise a person who follows the link in an unexpected mail would prove their address for an account whose
    password somebody else has chosen.
    """

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        return render(
            request, "predictor/accounts/address_prove.html", {"is_valid": is_key_of(request.user, key)}
        )

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        user: Any = request.user
        if not is_key_of(user, key):
            return render(request, "predictor/accounts/address_prove.html", {"is_valid": False}, status=400)
        workspaces.mark_address_proved(user)
        messages.success(
            request, _("%(email)s is proved; other workspaces can add you now.") % {"email": user.email}
        )
        return redirect("address-proof")


def key_for(user: User) -> str:
    """A signed key for this account and address, for the link in the mail."""
    return signing.dumps({"user": user.pk, "email": user.email.lower()}, salt=SALT)


def is_key_of(user: Any, key: str) -> bool:
    try:
        content = signing.loads(key, salt=SALT, max_age=LINK_WORKS_SECONDS)
    except signing.BadSignature:
        return False
    return bool(content == {"user": user.pk, "email": user.email.lower()})
