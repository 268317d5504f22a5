"""Pages and actions that Ctrl+K and the search page offer beside rows, as far as the person may use them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from ...models import Membership, User, WorkspaceRole

VIEWER, MEMBER, ADMIN = WorkspaceRole.VIEWER, WorkspaceRole.MEMBER, WorkspaceRole.ADMIN


@dataclass(frozen=True)
class Place:
    """A page or an action. `words`: more words that find it."""

    kind: str
    title: str
    url: str
    words: str = ""
    icon: str = "file-earmark"


def places_of(membership: Membership, user: User) -> list[Place]:
    slug = membership.workspace.slug
    return [*_of_workspace(membership, slug), *_personal(user), *_workspaces(user, slug)]


def matching(places: list[Place], text: str) -> list[Place]:
    """The places whose title or words contain words that begin like those of the text."""
    words = text.casefold().split()
    return [
        each
        for each in places
        if all(f" {word}" in f" {each.title} {each.words}".casefold() for word in words)
    ]


def _of_workspace(membership: Membership, slug: str) -> Iterator[Place]:
    pages = [
        ("workspace", _("Overview"), _("home start"), "house", VIEWER),
        ("dataset-list", _("Datasets"), _("data tables"), "table", VIEWER),
        ("model-list", _("Models"), _("versions"), "box", VIEWER),
        ("training-run-list", _("Training runs"), _("training activity"), "cpu", VIEWER),
        ("prediction-list", _("Prediction log"), _("predictions log"), "chat-square-quote", VIEWER),
        ("actuals", _("Actual values"), _("feedback truth outcome labels"), "check2-square", VIEWER),
        ("trash", _("Trash"), _("deleted restore"), "trash", ADMIN),
        ("member-list", _("Members"), _("people team roles"), "people", VIEWER),
    ]
    for name, title, words, icon, role in pages:
        if membership.can(role):
            yield Place("page", title, reverse(name, args=[slug]), words, icon)
    if membership.can(MEMBER):
        upload = reverse("dataset-upload", args=[slug])
        yield Place("action", _("Upload a table"), upload, _("csv import dataset new"), "upload")
    if membership.can(ADMIN):
        yield Place(
            "action", _("Add a member"), reverse("member-add", args=[slug]), _("invite person"), "person-plus"
        )


def _personal(user: User) -> Iterator[Place]:
    yield Place("action", _("Create a token"), reverse("token-create"), _("api key new"), "key")
    pages = [
        ("token-list", _("API tokens"), _("keys"), "key"),
        ("notice-list", _("Notices"), _("messages"), "bell"),
        ("notice-settings", _("Notices by mail"), _("settings e-mail"), "envelope"),
        ("help", _("Help"), _("first steps keys"), "question-circle"),
        ("glossary", _("Glossary"), _("terms words"), "book"),
        ("api-docs", _("API reference"), _("docs openapi rest"), "code-slash"),
        ("account_change_password", _("Password"), _("account"), "lock"),
        ("mfa_index", _("Two-step sign-in"), _("account security"), "shield-check"),
    ]
    if user.is_staff:
        pages.append(("admin:index", _("Admin panel"), "django", "sliders"))
    if user.is_superuser:
        pages.append(("workspace-create", _("New workspace"), _("create"), "plus"))
    for name, title, words, icon in pages:
        try:
            yield Place("page", title, reverse(name), words, icon)
        except NoReverseMatch:
            continue


def _workspaces(user: User, current: str) -> Iterator[Place]:
    others = Membership.objects.filter(user=user).exclude(workspace__slug=current)
    for each in others.select_related("workspace").order_by("workspace__name")[:50]:
        title = _("Workspace %(name)s") % {"name": each.workspace.name}
        yield Place("page", title, reverse("workspace", args=[each.workspace.slug]), "", "building")
