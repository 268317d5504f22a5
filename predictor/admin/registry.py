"""Registered models and aliases: view, rename, roll back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from ..errors import MlwebError
from ..i18n.translation import translated
from ..models import CHAMPION, AliasChange, ModelAlias, RegisteredModel, WorkspaceRole, without_documents
from ..services import registry
from .base import ONLY_VISIBLE, ReadOnlyAdmin, WalledAdmin, WalledHistoryAdmin, may

# What was done: an English message, for the log, and its values.
Done = tuple[str, dict[str, object]]


class RegistryAdmin(WalledAdmin):
    """Actions on versions and models, which need a permission in the admin and a role in the workspace."""

    def has_promote_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"predictor.change_{self.opts.model_name}")

    def do_for_each(
        self,
        request: HttpRequest,
        rows: Iterable[Any],
        deed: Callable[[Any], Done],
        model_of: Callable[[Any], Any],
    ) -> None:
        """Do the deed for each row, and show a message for each: what was done, or the error. The log is in English."""
        for row in list(rows):
            model: RegisteredModel = model_of(row)
            if not may(request.user, model.workspace, WorkspaceRole.MEMBER):
                self.message_user(
                    request,
                    _("You may only look in %(workspace)s.") % {"workspace": model.workspace},
                    messages.ERROR,
                )
                continue
            try:
                done = deed(row)
            except MlwebError as error:
                self.message_user(request, f"{row}: {translated(error.message)}", messages.ERROR)
            else:
                message, values = done
                self.log_change(request, row, message % values)
                self.message_user(request, _(message) % values, messages.SUCCESS)


class AliasInline(admin.TabularInline):
    """The current aliases, read-only. They change by actions of versions, on the model's page, or by the API."""

    model = ModelAlias
    fields = readonly_fields = ("alias", "model_version", "updated_at")
    can_delete = False
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # the model itself is visible

    def get_queryset(self, request: HttpRequest) -> QuerySet[ModelAlias]:
        return super().get_queryset(request).select_related("model_version__registered_model")


class AliasChangeInline(AliasInline):
    """The history of aliases, newest first."""

    model = AliasChange
    fields = readonly_fields = (
        "changed_at",
        "alias",
        "previous_version",
        "model_version",
        "is_roll_back",
        "changed_by",
    )
    verbose_name_plural = gettext_lazy("alias history")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AliasChange]:
        rows = admin.TabularInline.get_queryset(self, request)
        return rows.select_related(
            "previous_version__registered_model", "model_version__registered_model", "changed_by"
        )


@admin.register(RegisteredModel)
class RegisteredModelAdmin(RegistryAdmin, WalledHistoryAdmin):
    """Name and description can change; slug and workspace, which clients use, cannot."""

    list_display = (
        "name",
        "slug",
        "workspace",
        "last_version_number",
        "alias_words",
        "created_at",
        "created_by",
    )
    list_filter = (("workspace", ONLY_VISIBLE), "created_at")
    list_select_related = ("workspace", "created_by")
    search_fields = ("name", "slug", "description")
    fields = ("workspace", "slug", "name", "description", "last_version_number", "created_at", "created_by")
    readonly_fields = ("workspace", "slug", "last_version_number", "created_at", "created_by")
    inlines = (AliasInline, AliasChangeInline)
    actions = ("roll_champion_back",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[RegisteredModel]:
        return (
            super()
            .get_queryset(request)
            .prefetch_related(
                Prefetch(
                    "aliases",
                    without_documents(ModelAlias.objects.select_related("model_version"), "model_version"),
                )
            )
        )

    def view_on_site(self, model: RegisteredModel) -> str:
        return reverse("model-detail", args=[model.workspace.slug, model.slug])

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # a training run or `register_linear` creates it

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may(request.user, obj.workspace, WorkspaceRole.MEMBER))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # the prediction log refers to its versions

    def save_model(self, request: HttpRequest, obj: RegisteredModel, form: Any, change: bool) -> None:
        registry.update_model(
            registered_model=obj, name=obj.name, description=obj.description, by=request.user
        )

    @admin.display(description=gettext_lazy("aliases"))
    def alias_words(self, model: RegisteredModel) -> str:
        return (
            ", ".join(
                _("%(alias)s: version %(number)s")
                % {"alias": each.alias, "number": each.model_version.number}
                for each in model.aliases.all()
            )
            or "–"
        )

    @admin.action(description=gettext_lazy("Roll the champion back"), permissions=["promote"])
    def roll_champion_back(self, request: HttpRequest, queryset: QuerySet[RegisteredModel]) -> None:
        def roll_back(model: RegisteredModel) -> Done:
            alias = registry.roll_back(registered_model=model, alias=CHAMPION, by=request.user)
            said = gettext_noop("The champion of %(model)s is version %(number)s again.")
            return said, {"model": model, "number": alias.model_version.number}

        self.do_for_each(request, queryset, roll_back, lambda model: model)


@admin.register(AliasChange)
class AliasChangeAdmin(ReadOnlyAdmin):
    """The history of aliases of all models: who pointed which alias at which version."""

    list_display = (
        "changed_at",
        "registered_model",
        "alias",
        "previous_version",
        "model_version",
        "is_roll_back",
        "changed_by",
    )
    list_filter = (("registered_model", ONLY_VISIBLE), "alias", "is_roll_back")
    list_select_related = (
        "registered_model",
        "previous_version__registered_model",
        "model_version__registered_model",
        "changed_by",
    )
