"""The choice of a language, kept in a cookie."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views import View
from django.views.i18n import set_language


class LanguageChoice(View):
    """Public: who is not signed in reads pages, too. Django's view refuses other hosts as `next`."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponseBase:
        return set_language(request)
