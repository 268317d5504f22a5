"""API tokens: view and revoke. The digest is never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ..models import ApiToken, WorkspaceRole
from ..services.accounts import tokens
from .base import ONLY_VISIBLE, ReadOnlyAdmin, WalledHistoryAdmin, fields_of, may


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin, WalledHistoryAdmin):
    """Users create tokens under Settings; here they, and admins of the workspace, can revoke them."""

    list_documents = ("scopes",)
    list_display = (
        "name",
        "prefix",
        "user",
        "workspace",
        "scope_words",
        "created_at",
        "last_used_at",
        "expires_at",
        "revoked_at",
    )
    list_filter = (("workspace", ONLY_VISIBLE), "revoked_at")
    list_select_related = ("user", "workspace")
    search_fields = ("name", "prefix", "user__email")
    fields = fields_of(ApiToken, leave_out=("id", "digest"))
    actions = ("revoke_tokens",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """No filter by the digest: the beginnings of digests would tell them letter by letter."""
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    @admin.display(description=gettext_lazy("scopes"))
    def scope_words(self, token: ApiToken) -> str:
        return ", ".join(token.scopes)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("predictor.change_apitoken")

    @admin.action(description=gettext_lazy("Revoke the selected tokens"), permissions=["revoke"])
    def revoke_tokens(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for token in queryset.select_related("user", "workspace"):
            is_own = token.user_id == request.user.pk
            if not is_own and not may(request.user, token.workspace, WorkspaceRole.ADMIN):
                self.message_user(
                    request, _("You may not revoke %(token)s.") % {"token": token}, messages.ERROR
                )
                continue
            tokens.revoke(token=token, by=request.user)
            self.log_change(request, token, gettext_noop("Revoked."))
            self.message_user(
                request,
                _("%(token)s of %(user)s is revoked.") % {"token": token, "user": token.user},
                messages.SUCCESS,
            )
