"""The page of an invitation: the person of an address joins a workspace."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.cache import never_cache

from ...errors import InvalidInput, MlwebError, NotFound
from ...services.accounts import invitations
from ..pages.known_names import KnownNames
from ..pages.refusals import refused
from .accounts import set_password_link


@method_decorator(never_cache, name="dispatch")
class InvitationPage(KnownNames, View):
    """Open to everybody who has the link. GET says what it is for and shows both ways; POST joins.

    Who is signed in joins with that account; who is not gets a new account and chooses its password, on the next
    page or with the fields `password1` and `password2` at once.
    """

    field_names = ("password1", "password2")

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
                return self.joined_with_new_account(invitation)
        except MlwebError as error:
            return self.page(invitation=invitation, error=error)
        messages.success(request, _("You are in %(name)s now.") % {"name": invitation.workspace.name})
        return redirect("workspace", invitation.workspace.slug)

    @transaction.atomic
    def joined_with_new_account(self, invitation: invitations.Invitation) -> HttpResponse:
        """Raises InvalidInput for a password that is none, and then there is no account."""
        user = invitations.accept_with_new_account(invitation=invitation).membership.user
        sent = self.request.POST
        if "password1" not in sent:
            return redirect(set_password_link(self.request, user))
        form = SetPasswordForm(
            user, {"new_password1": sent["password1"], "new_password2": sent.get("password2", "")}
        )
        if not form.is_valid():
            raise InvalidInput(" ".join(str(text) for texts in form.errors.values() for text in texts))
        form.save()
        return redirect("account_login")

    def page(self, error: MlwebError | None = None, **context: Any) -> HttpResponse:
        sign_in = f"{reverse('account_login')}?{urlencode({'next': self.request.path})}"
        response = render(
            self.request,
            "predictor/accounts/invitation.html",
            {**context, "error": error, "sign_in": sign_in},
        )
        return refused(response, error)
