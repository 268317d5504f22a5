"""The first page, and the overview of a workspace."""

from __future__ import annotations

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from ...models import Membership
from ..pages.access import WorkspaceMixin
from ..pages.header import header_of
from ..pages.known_names import KnownNames
from .first_steps import steps_of
from .overview import overview_of


class Home(LoginRequiredMixin, KnownNames, View):
    """Redirects to the user's first workspace; a user without a workspace reads what to do."""

    def get(self, request: HttpRequest) -> HttpResponse:
        membership = (
            Membership.objects.filter(user=request.user).select_related("workspace").order_by("id").first()
        )
        if membership is None:
            return render(request, "predictor/accounts/no_workspace.html")
        return redirect("workspace", membership.workspace.slug)


class WorkspaceOverview(WorkspaceMixin, View):
    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        context = overview_of(self.workspace)
        if header_of(request).shows_first_steps:
            context["first_steps"] = steps_of(self.membership, context)
        return render(request, "predictor/accounts/home.html", context)
