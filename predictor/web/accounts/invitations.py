"""The page of an invitation: the person of an address joins a workspace."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache

from ...errors import MlwebError, NotFound
from ...services.accounts import invitations
from ..pages.known_names import KnownNames
from ..pages.refusals import refused
from .accounts import set_password_link


@method_decorator(never_cache, name="dispatch")
class InvitationPage(KnownNames, View):
    """Open to everybody who has the link. GET says what it is for and shows both ways; POST joins.

    Who is signed in joins with that account; who is not gets a new account and chooses its password.
    """

    def get(self, request: HttpRequest, key: str) -> HttpResponse:
        try:
            invitation = invitations.invitation_of(key)
        except NotFound as error:
            return self.page(error=error)
        return self.page(invitation=invitation)

    def post(self, request: HttpRequest, key: str) -> HttpResponse:
        invitation = None
        try:
            invitation = invitations.invitation_of(key)
            if request.user.is_authenticated:
                invitations.accept(invitation=invitation, user=request.user)
            else:
                added = invitations.accept_with_new_account(invitation=invitation)
                return redirect(set_password_link(request, added.membership.user))
        except MlwebError as error:
            return self.page(invitation=invitation, error=error)
        messages.success(request, f"You are in {invitation.workspace.name} now.")
        return redirect("workspace", invitation.workspace.slug)

    def page(self, error: MlwebError | None = None, **context: Any) -> HttpResponse:
        sign_in = f"{reverse('account_login')}?{urlencode({'next': self.request.path})}"
        response = render(
            self.request,
            "predictor/accounts/invitation.html",
            {**context, "error": error, "sign_in": sign_in},
        )
        return refused(response, error)
