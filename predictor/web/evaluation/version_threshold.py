"""The decision threshold page: makes a new version with another threshold, without training."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from ...errors import MlwebError
from ...ml.types.schema import Task
from ...models import ModelVersion, WorkspaceRole
from ...services import registry
from ..pages.model_page import ModelPage
from ..pages.refusals import refused
from ..training.form_threshold import PREFIX, NewThresholdForm, ThresholdForm, shown_from_rule
from .report_parts import Decision
from .threshold_explorer import ExploreForm, ThresholdExplorer


class VersionThreshold(ModelPage):
    field_names = tuple(f"{PREFIX}-{name}" for name in NewThresholdForm.base_fields)
    query_names = tuple(ExploreForm.base_fields)
    required_role = WorkspaceRole.MEMBER

    def get(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        self.load_model(slug)
        version = self.version(number)
        rule = (version.evaluation.get("decision") or {}).get("rule") or {"by": "f1"}
        form = NewThresholdForm(shown=shown_from_rule(rule), signature=version.signature)
        return self.page(number, form)

    def post(self, request: HttpRequest, workspace: str, slug: str, number: int) -> HttpResponse:
        self.load_model(slug)
        form = NewThresholdForm(request.POST, signature=self.version(number).signature)
        if not form.is_valid() or form.rule is None:
            return self.page(number, form, status=400)
        try:
            new_version = registry.publish_with_threshold(
                model_version=self.version(number),
                rule=form.rule,
                positive_class=form.cleaned_data["positive_class"],
                by=request.user,
            )
        except MlwebError as error:
            return self.page(number, form, error=error)
        messages.success(
            request,
            _("Version %(number)s predicts “%(class)s” from %(threshold)s. Make it champion to let it serve.")
            % {
                "number": new_version.number,
                "class": new_version.signature.positive_name,
                "threshold": f"{new_version.threshold:.4g}",
            },
        )
        return redirect("version-detail", self.workspace.slug, slug, new_version.number)

    def page(self, number: int, form: ThresholdForm, status: int = 200, **more: Any) -> HttpResponse:
        version = self.version(number)
        context = {
            "model": self.registered_model,
            "version": version,
            "form": form,
            "decision": Decision.of(version),
            **self.explored(version),
            **more,
        }
        response = render(self.request, "predictor/evaluation/version_threshold.html", context, status=status)
        return refused(response, more.get("error"))

    def explored(self, version: ModelVersion) -> dict[str, Any]:
        """The thresholds to choose from; else why there are none."""
        if version.task != Task.BINARY:
            sentence = _("A threshold decides between two classes. This version has another task.")
            return {"explorer": None, "refusal": sentence}
        form = ExploreForm(self.request.GET.dict(), version=version)
        try:
            return {"explorer": ThresholdExplorer(version, form), "explore": form}
        except MlwebError as error:
            return {"explorer": None, "refusal": error.message}
