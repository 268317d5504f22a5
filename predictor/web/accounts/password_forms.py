"""Forms of a new password. It ends the sessions of the person (allauth), and their API tokens unless they keep them."""

from __future__ import annotations

from allauth.account import forms as allauth_forms
from django import forms
from django.utils.translation import gettext_lazy

from ...services.accounts import tokens


class ChangePasswordForm(allauth_forms.ChangePasswordForm):
    keep_tokens = forms.BooleanField(
        label=gettext_lazy("Keep my API tokens"),
        required=False,
        help_text=gettext_lazy(
            "Otherwise they are revoked: somebody who knew the password may have made some."
        ),
    )

    def save(self) -> None:
        super().save()  # type: ignore[no-untyped-call]
        if not self.cleaned_data["keep_tokens"]:
            tokens.revoke_all(self.user)


class ResetPasswordKeyForm(allauth_forms.ResetPasswordKeyForm):
    """After a reset all tokens are revoked."""

    def save(self) -> None:
        super().save()  # type: ignore[no-untyped-call]
        tokens.revoke_all(self.user)
