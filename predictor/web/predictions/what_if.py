"""What-if analysis: change single values of an answered row and see the new answer. Nothing of it is logged.

Each movement of a slider predicts the first row and the changed one in one call, so that both answers come from
one version. They are not logged: slider positions say nothing about decisions and would hide the predictions
that do (docs/adr/0015-what-is-tried-is-not-logged.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from ...errors import MlwebError, NotFound
from ...models import ModelVersion
from ...services import predictions
from ...services.predictions.prediction import Prediction
from ...services.registry import form_settings
from ...templatetags.mlweb import number, share, subject_words
from ..pages.model_page import ModelPage, caller_of
from ..pages.refusals import refused
from .contributions import contributions_of
from .predict import importance_of, require_allowed, shown_answer
from .row_form import CHANGED, RowForm, row_names


@dataclass(frozen=True)
class Difference:
    """The difference between the changed row's answer and the first answer, in words."""

    sentence: str
    is_up: bool
    is_none: bool


def difference(first: Prediction, now: Prediction, target: str) -> Difference:
    """Compare two answers: their values, or their probabilities of the class that was predicted first."""
    if first.error or now.error:
        return Difference("", False, True)
    if first.probabilities is not None and now.probabilities is not None:
        name = shown_answer(first.output).label
        old, new = first.probabilities[name], now.probabilities[name]
        words = (
            _("The probability of “%(name)s” was %(old)s and is now %(new)s: %(points)s points more.")
            if new > old
            else _("The probability of “%(name)s” was %(old)s and is now %(new)s: %(points)s points less.")
        ) % {"name": name, "old": share(old), "new": share(new), "points": f"{abs(new - old) * 100:.1f}"}
    else:
        old, new = float(first.prediction or 0.0), float(now.prediction or 0.0)
        words = (
            _("%(change)s more than before: %(target)s was %(old)s.")
            if new > old
            else _("%(change)s less than before: %(target)s was %(old)s.")
        ) % {"change": number(abs(new - old)), "target": target, "old": number(old)}
    if old == new:
        return Difference(_("The answer is the same as before."), False, True)
    return Difference(words, new > old, False)


def subject_of(first: Prediction, now: Prediction, target: str) -> str:
    """What is predicted, with the first answer if the changed row has another one."""
    before = shown_answer(first.output).label
    if before == shown_answer(now.output).label:
        return target
    return _("%(target)s, was %(before)s") % {"target": target, "before": before}


class RowPage(ModelPage):
    """Base view of a page about one answered row, which is sent in hidden fields with its version's number.

    404 for a version that predicts no class and no value (clustering, anomaly detection).
    """

    field_names = None
    http_method_names = ["post"]

    def load_row(self, request: HttpRequest, slug: str) -> tuple[ModelVersion, RowForm]:
        self.load_model(slug)
        version = self.version(request.POST.get("made_for"))
        if not version.signature.task.is_supervised:
            raise Http404(
                _("The rows of version %(number)s cannot be explored.") % {"number": version.number}
            )
        self.refuse_unknown_fields(row_names(version.signature))
        form = RowForm.from_post(
            version.signature,
            request.POST,
            importance=importance_of(version),
            settings=form_settings.of(self.registered_model),
        )
        return version, form

    def answered(self, part: str, whole: str, context: dict[str, Any]) -> HttpResponse:
        """The fragment for htmx; otherwise the whole page."""
        template = part if getattr(self.request, "htmx", False) else whole
        response = render(self.request, template, {"model": self.registered_model, **context})
        return refused(response, context.get("error"))


class WhatIf(RowPage):
    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        version, form = self.load_row(request, slug)
        changed = form.changed(request.POST, CHANGED)
        context: dict[str, Any] = {"version": version, "form": form, "what_if": changed}
        try:
            require_allowed(changed)
            answer = predictions.predict(
                registered_model=self.registered_model,
                rows=[form.row, changed.row],
                options=predictions.PredictionOptions(
                    version=version.number, explain=True, is_lenient=True, is_logged=False
                ),
                caller=caller_of(request),
            )
        except NotFound as error:
            raise Http404(error.message) from None
        except MlwebError as error:
            context["error"] = error
        else:
            first, now = answer.predictions
            target = subject_words(version.signature)
            context |= {
                "shown": shown_answer(now.output),
                "subject": subject_of(first, now, target),
                "difference": difference(first, now, target),
                "contributions": contributions_of(
                    now.explanation, changed.row, target, version.evaluation.get("explanations")
                ),
            }
        return self.answered(
            "predictor/predictions/_what_if_result.html",
            "predictor/predictions/what_if.html",
            context,
        )
