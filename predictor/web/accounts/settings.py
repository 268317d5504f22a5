"""The settings of a workspace and of the person's own account, as one page of links."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views import View

from ..pages.access import WorkspaceMixin


class WorkspaceSettings(WorkspaceMixin, View):
    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        return render(request, "predictor/accounts/settings.html")
