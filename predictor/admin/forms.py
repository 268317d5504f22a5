"""Form settings and published forms: view, with their history; revoke links. The digest of a link is never shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ..models import FormSettings, PublishedForm, WorkspaceRole
from ..services.predictions import published_forms
from .base import ONLY_VISIBLE, ReadOnlyAdmin, WalledHistoryAdmin, fields_of, may, pretty


@admin.register(FormSettings)
class FormSettingsAdmin(ReadOnlyAdmin, WalledHistoryAdmin):
    """How forms ask for the columns of a model. They are changed on the model's page or by the API."""

    list_display = ("registered_model", "updated_at", "updated_by")
    list_select_related = ("registered_model", "updated_by")
    search_fields = ("registered_model__name",)
    fields = ("registered_model", "settings", "updated_at", "updated_by")
    readonly_fields = ("settings",)

    @admin.display(description=gettext_lazy("settings"))
    def settings(self, row: FormSettings) -> str:
        return pretty(row.fields_json)


@admin.register(PublishedForm)
class PublishedFormAdmin(ReadOnlyAdmin, WalledHistoryAdmin):
    """Pages by link. They are created on the model's page or by the API; here they can be revoked."""

    list_display = (
        "title",
        "prefix",
        "registered_model",
        "version",
        "is_on",
        "n_uses",
        "last_used_at",
        "expires_at",
        "revoked_at",
        "created_at",
        "created_by",
    )
    list_filter = (("registered_model", ONLY_VISIBLE), "is_on")
    list_select_related = ("registered_model", "created_by")
    search_fields = ("title", "prefix")
    fields = fields_of(PublishedForm, leave_out=("id", "digest"))
    actions = ("revoke_links",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """No filter by the digest: the beginnings of digests would tell them letter by letter."""
        return not lookup.startswith("digest") and super().lookup_allowed(lookup, value, request)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("predictor.change_publishedform")

    @admin.action(description=gettext_lazy("Revoke the selected links"), permissions=["revoke"])
    def revoke_links(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for form in queryset.select_related("registered_model__workspace"):
            if not may(request.user, form.registered_model.workspace, WorkspaceRole.ADMIN):
                self.message_user(request, _("You may not revoke %(form)s.") % {"form": form}, messages.ERROR)
                continue
            published_forms.revoke(form=form, by=request.user)
            self.log_change(request, form, gettext_noop("Revoked."))
            self.message_user(request, _("%(form)s is revoked.") % {"form": form}, messages.SUCCESS)
