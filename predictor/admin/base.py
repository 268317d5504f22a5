"""Base classes of the admin: rows filtered by workspace, read-only rows, a bounded count."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.filters import RelatedOnlyFieldListFilter
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.defaultfilters import filesizeformat
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy
from simple_history.admin import SimpleHistoryAdmin

from ..errors import MlwebError
from ..i18n.names import CONTEXT, field_name
from ..i18n.translation import translated
from ..models import User, Workspace, WorkspaceRole, without_documents
from ..templatetags.mlweb import counted, number

# Filters list only visible rows: RelatedFieldListFilter would list those of every workspace.
ONLY_VISIBLE = RelatedOnlyFieldListFilter


class WalledAdmin(admin.ModelAdmin):
    """Filters rows and choices by `visible_to`; shows an error of a service as a message, not as an error page."""

    show_full_result_count = False
    list_per_page = 50
    # The documents (JSON, long texts) that the list shows; all others are not read for it.
    list_documents: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request).visible_to(request.user)  # type: ignore[attr-defined]
        if not self.is_list(request):
            return rows  # type: ignore[no-any-return]
        related = self.list_select_related
        return without_documents(
            rows, *(related if isinstance(related, tuple) else ()), but=self.list_documents
        )

    @staticmethod
    def is_list(request: HttpRequest) -> bool:
        match = request.resolver_match
        return request.method == "GET" and match is not None and str(match.url_name).endswith("_changelist")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return super().get_form(request, obj, change=change, **words_of(self.model), **kwargs)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        rows = db_field.remote_field.model._default_manager.all()
        if "queryset" not in kwargs and hasattr(rows, "visible_to"):
            kwargs["queryset"] = rows.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changeform_view(request, *args, **kwargs)
        except MlwebError as error:
            return self.refused(request, error)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().delete_view(request, *args, **kwargs)
        except MlwebError as error:
            return self.refused(request, error)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().changelist_view(request, *args, **kwargs)
        except MlwebError as error:
            return self.refused(request, error)

    def refused(self, request: HttpRequest, error: MlwebError) -> HttpResponse:
        self.message_user(request, translated(error.message), messages.ERROR)
        return redirect(request.get_full_path())


class ReadOnlyAdmin(WalledAdmin):
    """Read-only rows: nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The right to change includes the right to view; the change itself is an action or another page."""
        name = f"{self.opts.app_label}.%s_{self.opts.model_name}"
        return request.user.has_perm(name % "view") or request.user.has_perm(name % "change")


class WalledHistoryAdmin(SimpleHistoryAdmin):
    """The history of one row, read-only, for users who may see the row."""

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        self.refuse_unseen(request, object_id)
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> HttpResponse:
        self.refuse_unseen(request, object_id)
        if request.method != "GET":
            raise PermissionDenied(_("The history is read-only."))
        return super().history_form_view(request, object_id, version_id, extra_context)

    def revert_disabled(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def refuse_unseen(self, request: HttpRequest, object_id: str) -> None:
        """Check the access first: simple_history would show the history of any row, of any workspace."""
        if self.get_object(request, unquote(object_id)) is None:
            raise Http404


class CappedPaginator(Paginator):
    """Counts at most `MAX_ROWS` rows: COUNT(*) of millions takes seconds, and nobody pages that far."""

    MAX_ROWS = 10_000

    @cached_property
    def count(self) -> int:
        return self.object_list.order_by().values("pk")[: self.MAX_ROWS].count()  # type: ignore[union-attr]


def may(user: User, workspace: Workspace, role: WorkspaceRole) -> bool:
    """Whether the user has this role in the workspace; a superuser needs only to be a member."""
    own_role = workspace.role_of(user)
    if own_role is None:
        return False
    return user.is_superuser or workspace.memberships.get(user=user).can(role)


# What a page shows of a document: so many levels, and so many members of an object or entries of a list.
MAX_LEVELS, MAX_MEMBERS = 8, 200
# Larger parts are closed at first.
MAX_OPEN = 8


def pretty(value: Any) -> str:
    """JSON as tables: one of names and values for an object, one of rows for a list of equal objects."""
    return _shown(value, 0)


def _shown(value: Any, level: int) -> SafeString:
    if isinstance(value, Mapping) and value and level < MAX_LEVELS:
        return _folded(_members(value, level), len(value), counted(len(value), "field"), level)
    if isinstance(value, list) and value and level < MAX_LEVELS:
        if all(isinstance(each, Mapping) for each in value) and _is_table(value):
            return _folded(_rows(value, level), len(value), counted(len(value), "row"), level)
        if any(isinstance(each, Mapping | list) for each in value):
            numbered = {str(place): each for place, each in enumerate(value, 1)}
            return _folded(_members(numbered, level), len(value), counted(len(value), "entry,entries"), level)
        return format_html("{}", ", ".join(map(_text, value[:MAX_MEMBERS])) + _more(len(value)))
    if isinstance(value, Mapping | list):
        return format_html("{}", json.dumps(value, ensure_ascii=False, default=str)[:2_000] if value else "–")
    return format_html("{}", _text(value))


def _text(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return number(value, 7) if isinstance(value, float) else str(value)


def _more(n: int) -> str:
    return " " + _("and %(n)s more") % {"n": f"{n - MAX_MEMBERS:,}"} if n > MAX_MEMBERS else ""


def _is_table(rows: list[Mapping[str, Any]]) -> bool:
    return len(rows) > 1 and 0 < len(rows[0]) <= 8 and all(each.keys() == rows[0].keys() for each in rows)


def _members(value: Mapping[str, Any], level: int) -> SafeString:
    lines = [(name, _shown(each, level + 1)) for name, each in list(value.items())[:MAX_MEMBERS]]
    body = format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', lines)
    return format_html('<table class="json">{}</table>{}', body, _more(len(value)))


def _rows(rows: list[Mapping[str, Any]], level: int) -> SafeString:
    heads = format_html_join("", '<th scope="col">{}</th>', [(name,) for name in rows[0]])
    lines = [
        (format_html_join("", "<td>{}</td>", [(_shown(each, level + 1),) for each in row.values()]),)
        for row in rows[:MAX_MEMBERS]
    ]
    body = format_html_join("", "<tr>{}</tr>", lines)
    return format_html('<table class="json"><tr>{}</tr>{}</table>{}', heads, body, _more(len(rows)))


def _folded(inside: SafeString, n: int, words: str, level: int) -> SafeString:
    if n <= MAX_OPEN and level < 2:
        return inside
    return format_html("<details><summary>{}</summary>{}</details>", words, inside)


def size(n_bytes: int | None) -> str:
    """As the pages of the site write it."""
    return "–" if n_bytes is None else filesizeformat(n_bytes)


def page_link(url: str, text: str) -> str:
    return format_html('<a href="{}">{}</a>', url, text)


def words_of(model: type[Model]) -> dict[str, dict[str, str]]:
    """Labels and help texts of a form, in the active language."""
    return {
        "labels": {each.name: field_name(each.verbose_name) for each in model._meta.fields},
        "help_texts": {
            each.name: translated(each.help_text) for each in model._meta.fields if each.help_text
        },
    }


def choice(name: str) -> Any:
    """A field with choices, as a column that shows the choice in the active language."""

    @admin.display(description=pgettext_lazy(CONTEXT, name.replace("_", " ")), ordering=name)
    def shown(row: Any) -> str:
        return str(translated(getattr(row, f"get_{name}_display")()))

    shown.__name__ = name
    return shown


def fields_of(model: type[Model], *, leave_out: tuple[str, ...] = ()) -> list[str]:
    return [field.name for field in model._meta.fields if field.name not in leave_out]
