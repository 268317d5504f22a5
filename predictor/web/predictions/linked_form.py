"""The published page of a form, `/f/TOKEN/`: everybody with the link predicts there, without an account.

It reads no cookie and sets none, so it works in a frame of another site, and no other site can act in somebody's name
through it: the token in the address is all that it goes by. So it needs no CSRF token either. Nothing on it tells of
training rows (docs/adr/0030-published-forms.md).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from csp.constants import NONE
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from ...errors import MlwebError, NotFound, TooLarge
from ...http.authentication import address_of
from ...http.known_names import refuse_unknown
from ...i18n.languages import ENGLISH
from ...models import ModelVersion, PublishedForm, Shows
from ...services.accounts import rate_limits
from ...services.predictions import published_forms
from ...services.registry import form_settings
from ...templatetags.mlweb import subject_words
from ..pages.known_names import numbered
from ..pages.refusals import refused
from .contributions import Contributions, contributions_of
from .predict import field_errors, importance_of, shown_answer
from .row_form import RowForm
from .wording import formatted

# Of a whole request: a form of a row, with long texts.
MAX_BODY_BYTES = 64 * 1024


@method_decorator(csrf_exempt, name="dispatch")
class LinkedPage(View):
    """Base view: finds the form of the token, counts the request, and sets the headers of a page for everybody."""

    http_method_names: ClassVar[list[str]] = ["get", "post", "head"]
    form: PublishedForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        token: str = kwargs["token"]
        try:
            self.form = published_forms.form_of(token)
            rate_limits.take_for_link(self.form, address_of(request))
            response = super().dispatch(request, *args, **kwargs)
        except MlwebError as error:
            response = self.closed(request, error)
        return with_headers(response, getattr(self, "form", None))

    def closed(self, request: HttpRequest, error: MlwebError) -> HttpResponse:
        """A plain page with the sentence. Wrong links are counted by address, like wrong API tokens."""
        if isinstance(error, NotFound):
            try:
                rate_limits.count_wrong_link(address_of(request))
            except MlwebError as too_many:
                error = too_many
        text = render_to_string(
            "predictor/predictions/linked_closed.html",
            {"error": error, "language": get_language() or ENGLISH},
        )
        return refused(HttpResponse(text), error)


class LinkedForm(LinkedPage):
    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        version = published_forms.version_of(self.form)
        return self.page(token, version, self.row_form(version))

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        version = published_forms.version_of(self.form)
        form = self.row_form(version)
        try:
            require_short(request)
            form = self.row_form(version, request)
            refuse_unknown(set(request.POST), numbered(len(version.signature.fields), "f"))
            answer = published_forms.predict(form=self.form, version=version, row=form.row)
        except MlwebError as error:
            form.errors = field_errors(error, version.signature)
            return refused(self.page(token, version, form, error=error), error)
        prediction = answer.predictions[0]
        shown = shown_answer(prediction.output)
        context: dict[str, Any] = {"has_warnings": bool(prediction.warnings)}
        if self.form.shows == Shows.ANSWER:
            shown = replace(shown, bars=(), sure="")
        if self.form.shows == Shows.EXPLANATION:
            context["contributions"] = public_contributions(prediction.explanation, form, version)
        return self.page(token, version, form, shown=shown, **context)

    def row_form(self, version: ModelVersion, request: HttpRequest | None = None) -> RowForm:
        settings = form_settings.of(self.form.registered_model)
        more: dict[str, Any] = {
            "importance": importance_of(version),
            "settings": settings,
            "shown": published_forms.asked_columns(self.form, version, settings),
            "is_public": True,
        }
        if request is None:
            return RowForm(version.signature, row={}, **more)
        return RowForm.from_post(version.signature, request.POST, **more)

    def page(self, token: str, version: ModelVersion, form: RowForm, **more: Any) -> HttpResponse:
        # Without the request, no context processor reads a session: the page depends on no cookie.
        context = {
            "published": self.form,
            "wording": formatted(self.form.wording),
            "form": form,
            "subject": subject_words(version.signature),
            "action": reverse("linked-form", args=[token]),
            "manifest": reverse("linked-form-manifest", args=[token]),
            "language": get_language() or ENGLISH,
            **more,
        }
        return HttpResponse(render_to_string("predictor/predictions/linked_form.html", context))


class LinkedFormManifest(LinkedPage):
    """The web app manifest, by which a phone puts the page on its home screen."""

    http_method_names: ClassVar[list[str]] = ["get", "head"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        start = reverse("linked-form", args=[token])
        return JsonResponse(
            {
                "name": self.form.title,
                "short_name": self.form.title[:12],
                "start_url": start,
                "scope": start,
                "display": "standalone",
                "background_color": "#f6f7f9",
                "theme_color": "#2f5bd0",
                "icons": [{"src": static("mlweb/favicon.svg"), "sizes": "any", "type": "image/svg+xml"}],
            },
            content_type="application/manifest+json",
        )


def public_contributions(explanation: Any, form: RowForm, version: ModelVersion) -> Contributions | None:
    """Why, by the fields that the page asks for; all other columns are one step, without their names and values."""
    if not isinstance(explanation, dict):
        return None
    labels = {each.field.name: each.label for each in form.visible}
    row, parts, other = form.row, {}, 0.0
    for name, change in explanation["contributions"].items():
        if name in labels:
            parts[labels[name]] = change
        else:
            other += change
    values = {label: row[name] for name, label in labels.items()}
    if len(labels) < len(row):
        parts[_("everything else")], values[_("everything else")] = other, "–"
    return contributions_of({**explanation, "contributions": parts}, values, version.signature.subject)


def require_short(request: HttpRequest) -> None:
    """Raises TooLarge for a body that no form of a row sends; before it is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
        raise TooLarge(
            _("The values take more than %(max_kilobytes)s KB; shorten the texts.")
            % {"max_kilobytes": MAX_BODY_BYTES // 1024},
            limit=MAX_BODY_BYTES,
        )


def with_headers(response: HttpResponseBase, form: PublishedForm | None) -> HttpResponseBase:
    """No search engine, no referrer with the token in it, and only the named origins may put it into a frame."""
    response.headers["X-Robots-Tag"] = ", ".join(("noindex", "nofollow"))
    response.headers["Referrer-Policy"] = "no-referrer"
    origins = form.frame_origins if form is not None and form.is_open else []
    response._csp_replace = {"frame-ancestors": origins or [NONE]}  # type: ignore[attr-defined]
    if origins:
        response.xframe_options_exempt = True  # type: ignore[attr-defined]
    return response
