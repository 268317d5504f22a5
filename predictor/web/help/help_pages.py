"""Pages of the help: all texts, the text of one page for the panel, the glossary, and the keys."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from ...models import PersonalSettings
from ..pages.known_names import KnownNames
from .glossary import matching
from .page_help import BY_KEY, HELP

MAX_TEXT = 100


class HelpPage(LoginRequiredMixin, KnownNames, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        own = PersonalSettings.of(request.user)
        return render(request, "predictor/help/help.html", {"all_help": HELP, "own": own})


class HelpPanel(LoginRequiredMixin, KnownNames, View):
    """The help of one page: in the panel beside it, or as a page of its own."""

    def get(self, request: HttpRequest, help_key: str) -> HttpResponse:
        if help_key not in BY_KEY:
            raise Http404(_("There is no such help."))
        name = "panel" if request.htmx else "page"
        return render(request, f"predictor/help/{name}.html", {"help": BY_KEY[help_key]})


class Glossary(LoginRequiredMixin, KnownNames, View):
    query_names = ("q",)

    def get(self, request: HttpRequest) -> HttpResponse:
        wanted = request.GET.get("q", "").strip()[:MAX_TEXT]
        return render(
            request, "predictor/help/glossary.html", {"sections": matching(wanted), "wanted": wanted}
        )


class KeysSwitch(LoginRequiredMixin, KnownNames, View):
    """Switches the keys of one letter off or on (WCAG 2.1.4)."""

    field_names = ("keys",)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        own = PersonalSettings.of(request.user)
        own.has_keys = request.POST.get("keys") == "on"
        own.save()
        messages.success(request, _("Keys are on.") if own.has_keys else _("Keys are off."))
        return redirect("help")


class FirstStepsSwitch(LoginRequiredMixin, KnownNames, View):
    """Hides the first steps on the overview, or shows them again."""

    field_names = ("steps",)
    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        own = PersonalSettings.of(request.user)
        own.shows_first_steps = request.POST.get("steps") == "on"
        own.save()
        if not own.shows_first_steps:
            messages.info(request, _("The first steps are hidden. Help brings them back."))
        return redirect("home")
