"""The account adapter of django-allauth: who may sign up, and which e-mail addresses count as verified."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from ...models import User
from ...services.accounts import workspaces


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is open only where the operator says so; addresses that admins entered count as verified."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.IS_SIGN_UP_OPEN)

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        if not settings.IS_SIGN_UP_OPEN:
            mark_verified(user)
        return super().pre_login(request, user, **kwargs)  # type: ignore[no-untyped-call]

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """The link in a mail was used: the account's address is proved, unless another one was confirmed.

        By whoever signed up, or signed in as the account: a link in an unexpected mail must prove nothing.
        """
        is_confirmed = bool(super().confirm_email(request, email_address))  # type: ignore[no-untyped-call]
        user = User.objects.get(pk=email_address.user_id)
        is_own = request.user.pk == user.pk or user.last_login is None
        if is_confirmed and is_own and user.email.lower() == email_address.email.lower():
            workspaces.mark_address_proved(user)
        return is_confirmed


def mark_verified(user: User) -> None:
    """Mark the account's e-mail address as verified: an admin entered it.

    allauth replaces a verified address only after the new one is confirmed by mail. So nobody can enter
    somebody else's address and be added to a workspace in their place.
    """
    address = EmailAddress.objects.filter(user=user, email__iexact=user.email).first()
    if address is None:
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    elif not address.verified:
        address.verified = True
        address.save(update_fields=["verified"])


def set_password_link(request: HttpRequest, user: User) -> str:
    """The URL where the user sets a password. It works once, within `PASSWORD_RESET_TIMEOUT`."""
    mark_verified(user)
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return request.build_absolute_uri(path)
