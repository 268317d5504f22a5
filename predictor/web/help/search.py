"""Search over a workspace: a page that works without scripts, and the answers for Ctrl+K."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views import View

from ...models import WorkspaceRole
from ...services.search import MAX_TEXT, Hit, search
from ..pages.access import WorkspaceMixin
from .places import Place, matching, places_of

ICONS = {"dataset": "table", "model": "box", "version": "box-seam", "run": "cpu", "batch": "files"}


class SearchView(WorkspaceMixin, View):
    query_names = ("q",)

    @property
    def wanted(self) -> str:
        return self.request.GET.get("q", "").replace("\0", "").strip()[:MAX_TEXT]

    def rows(self) -> list[Place]:
        """The rows that match, each with its page."""
        hits = search(self.workspace, self.wanted)
        places = [place_of(hit, self.workspace.slug) for hit in hits]
        if self.membership.can(WorkspaceRole.MEMBER):
            places += [
                Place(
                    "action",
                    _("Train on “%(name)s”") % {"name": hit.title},
                    reverse("training-run-create", args=[self.workspace.slug, hit.pk]),
                    icon="play-fill",
                )
                for hit in [hit for hit in hits if hit.kind == "dataset"][:3]
            ]
        return places


class SearchPage(SearchView):
    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        found: list[Place] = []
        if self.wanted:
            found = [*self.rows(), *matching(places_of(self.membership, request.user), self.wanted)]
        context = {"wanted": self.wanted, "found": found, "max_text": MAX_TEXT}
        return render(request, "predictor/help/search.html", context)


class SearchHits(SearchView):
    """The rows that match as JSON. Ctrl+K asks it while a person types."""

    is_file = True

    def get(self, request: HttpRequest, workspace: str) -> JsonResponse:
        return JsonResponse({"hits": [shown(each) for each in self.rows()]})


class SearchPlaces(WorkspaceMixin, View):
    """Pages and actions as JSON; the browser filters them."""

    is_file = True

    def get(self, request: HttpRequest, workspace: str) -> JsonResponse:
        return JsonResponse({"places": [shown(each) for each in places_of(self.membership, request.user)]})


def shown(place: Place) -> dict[str, Any]:
    return {**asdict(place), "label": kind_word(place.kind)}


def kind_word(kind: str) -> str:
    return {
        "dataset": _("Dataset"),
        "model": _("Model"),
        "version": _("Version"),
        "run": _("Run"),
        "batch": _("Batch"),
        "action": _("Action"),
        "page": _("Page"),
    }[kind]


def place_of(hit: Hit, workspace: str) -> Place:
    """The page of a row that was found."""
    if hit.kind == "dataset":
        url = reverse("dataset-detail", args=[workspace, hit.pk])
    elif hit.kind == "model":
        url = reverse("model-detail", args=[workspace, hit.slug])
    elif hit.kind == "version":
        url = reverse("version-detail", args=[workspace, hit.slug, hit.number])
    elif hit.kind == "run":
        url = reverse("training-run-detail", args=[workspace, hit.pk])
    else:
        url = reverse("batch-detail", args=[workspace, hit.slug, hit.pk])
    return Place(hit.kind, title_of(hit), url, hit.detail, ICONS[hit.kind])


def title_of(hit: Hit) -> str:
    if hit.kind == "version":
        return _("%(model)s, version %(number)s") % {"model": hit.title, "number": hit.number}
    if hit.kind == "run":
        return _("%(subject)s, run %(number)s") % {"subject": hit.title, "number": hit.number}
    return hit.title
