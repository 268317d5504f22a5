from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is open only where the operator says so."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return settings.IS_SIGN_UP_OPEN
