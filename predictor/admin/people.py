"""Users, workspaces and memberships."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from ..errors import InvalidInput
from ..i18n.translation import translated
from ..models import Membership, User, Workspace, WorkspaceRole
from ..services.accounts import workspaces
from .base import ONLY_VISIBLE, ReadOnlyAdmin, WalledAdmin, WalledHistoryAdmin, choice, may


class NewUserForm(AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email",)
        field_classes: dict[str, Any] = {}


@admin.register(User)
class UserAdmin(WalledAdmin, DjangoUserAdmin):
    """Only superusers may write: changing an account can give access to it, in every workspace."""

    add_form = NewUserForm
    ordering = ("email",)
    list_display = (
        "email",
        "first_name",
        "last_name",
        "is_active",
        "is_address_proved",
        "is_staff",
        "is_superuser",
        "last_login",
    )
    list_filter = ("is_active", "is_address_proved", "is_staff", "is_superuser")
    search_fields = ("email", "first_name", "last_name")
    readonly_fields = ("last_login", "date_joined")
    # Plain lists: those with two boxes hold names that no screen reader may read.
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        (gettext_lazy("Name"), {"fields": ("first_name", "last_name")}),
        (
            gettext_lazy("Rights"),
            {
                "fields": (
                    "is_active",
                    "is_address_proved",
                    "is_staff",
                    "is_superuser",
                    "groups",
                    "user_permissions",
                )
            },
        ),
        (gettext_lazy("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "usable_password", "password1", "password2")}),)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """A superuser who makes an account knows whose address it is."""
        if not change:
            obj.is_address_proved = True
        super().save_model(request, obj, form, change)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if request.user.is_superuser:
            return super().get_fieldsets(request, obj)
        return ((None, {"fields": ("email", "first_name", "last_name", "is_active", "last_login")}),)


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin):
    filter_horizontal = ()


class WorkspaceForm(forms.ModelForm):
    class Meta:
        model = Workspace
        fields = ("name", "slug")

    def clean_slug(self) -> str:
        try:
            workspaces.check_slug(self.cleaned_data["slug"])
        except InvalidInput as error:
            raise ValidationError(translated(error.message)) from None
        return str(self.cleaned_data["slug"])


@admin.register(Workspace)
class WorkspaceAdmin(WalledAdmin):
    """Workspaces are created and renamed here, not deleted: that would delete all their objects."""

    form = WorkspaceForm
    list_display = ("name", "slug", "n_members", "created_at")
    search_fields = ("name", "slug")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        # Count in a subquery: the filter `visible_to` joins only the caller's own membership.
        visible = super().get_queryset(request).values("pk")
        counted = Workspace.objects.filter(pk__in=visible).annotate(n=Count("memberships"))
        return counted.order_by("name")

    @admin.display(description=gettext_lazy("members"), ordering="n")
    def n_members(self, workspace: Any) -> int:
        return int(workspace.n)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug",) if obj else ()  # clients use it in URLs

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may(request.user, obj, WorkspaceRole.ADMIN))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        created = workspaces.create_workspace(slug=obj.slug, name=obj.name, by=request.user)
        obj.pk, obj._state.adding = created.pk, False


@admin.register(Membership)
class MembershipAdmin(WalledAdmin, WalledHistoryAdmin):
    """Memberships and roles. Admins of the workspace may write; the last admin cannot be removed."""

    list_display = ("user", "workspace", choice("role"), "created_at")
    list_filter = ("role", ("workspace", ONLY_VISIBLE))
    list_select_related = ("user", "workspace")
    search_fields = ("user__email", "workspace__name")
    fields = ("workspace", "user", "role")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("workspace", "user") if obj else ()

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "workspace" and not request.user.is_superuser:
            led = {"memberships__user": request.user, "memberships__role": WorkspaceRole.ADMIN}
            kwargs["queryset"] = Workspace.objects.filter(**led)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may(request.user, obj.workspace, WorkspaceRole.ADMIN))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (obj is None or may(request.user, obj.workspace, WorkspaceRole.ADMIN))

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        if change:
            workspaces.change_role(membership=obj, role=obj.role, by=request.user)
            return
        added = workspaces.add_member(workspace=obj.workspace, user=obj.user, role=obj.role, by=request.user)
        obj.pk, obj._state.adding = added.membership.pk, False

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        workspaces.remove_member(membership=obj, by=request.user)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Remove members one by one, each with a check of the rights in its workspace."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Membership.history.model)
class MembershipHistoryAdmin(ReadOnlyAdmin):
    """The history of memberships, deleted ones included: who, when, by whom."""

    list_display = (
        "history_date",
        "user",
        "workspace",
        choice("role"),
        choice("history_type"),
        "history_user",
    )
    list_filter = ("history_type", "role")
    list_select_related = ("user", "workspace", "history_user")
    search_fields = ("user__email",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        visible = Workspace.objects.visible_to(request.user)
        return admin.ModelAdmin.get_queryset(self, request).filter(workspace__in=visible)
