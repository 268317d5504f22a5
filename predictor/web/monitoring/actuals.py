"""Actual values: a form on a row of the log, and a page to upload a file of them."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views import View

from ...errors import MlwebError
from ...i18n.translation import translated
from ...ml.types.schema import Signature, label_text
from ...models import ActualSource, PredictionLog, WorkspaceRole
from ...services.monitoring import actual_files, actuals
from ...services.monitoring.actuals import GivenActual, Receipt
from ...services.predictions import CsvOptions
from ...templatetags.mlweb import number
from ..pages.access import WorkspaceMixin
from ..pages.refusals import refused

MAX_CHOICES = 200


class ActualForm(forms.Form):
    """The actual value of one prediction: a class, or a number."""

    value = forms.CharField(label=gettext_lazy("Actual value"), max_length=500)
    known_at = forms.DateTimeField(
        label=gettext_lazy("Known since"),
        required=False,
        help_text=gettext_lazy("In UTC. Empty: now."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "60"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"],
    )

    def __init__(self, *args: Any, signature: Signature, **kwargs: Any):
        super().__init__(*args, **kwargs)
        names = signature.class_names
        if 0 < len(names) <= MAX_CHOICES and signature.task.is_classification:
            choices = [("", _("Choose …")), *((name, name) for name in names)]
            self.fields["value"] = forms.ChoiceField(label=_("Actual value"), choices=choices)
        elif not signature.task.is_classification:
            self.fields["value"].widget.attrs["inputmode"] = "decimal"


class PredictionActual(WorkspaceMixin, View):
    """Storing the actual value of one row of the log."""

    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]
    field_names = ("value", "known_at")

    def post(self, request: HttpRequest, workspace: str, pk: uuid.UUID) -> HttpResponse:
        rows = PredictionLog.objects.select_related("model_version").defer("model_version__evaluation")
        row = self.get_visible_or_404(rows, pk=pk)
        form = ActualForm(request.POST, signature=row.model_version.signature)
        if not form.is_valid():
            for errors in form.errors.values():
                messages.error(request, str(errors[0]))
        else:
            given = GivenActual(
                1, form.cleaned_data["value"], prediction=pk, known_at=form.cleaned_data["known_at"]
            )
            receipt = actuals.record(
                self.workspace, [given], source=ActualSource.FORM, by=self.membership.user
            )
            if receipt.faults:
                messages.error(request, translated(receipt.faults[0].message))
            elif receipt.unchanged:
                messages.info(request, _("This value was stored already."))
            else:
                messages.success(request, _("The actual value is stored."))
        return redirect("prediction-detail", self.workspace.slug, pk)


def actual_context(row: PredictionLog) -> dict[str, Any]:
    """What the page of a logged row shows of its actual value; nothing where no value can come true."""
    signature = row.model_version.signature
    if not signature.target:
        return {}
    history = actuals.history_of(row.pk)
    current = next((each for each in history if each.is_current), None)
    initial = {"value": label_text(current.value)} if current else {}
    return {
        "form": ActualForm(signature=signature, initial=initial),
        "history": history,
        "current": current,
        "is_right": _is_right(signature, row.output, current),
        "error": _error(signature, row.output, current),
    }


def _is_right(signature: Signature, output: Any, current: Any) -> bool | None:
    if current is None or not signature.task.is_classification:
        return None
    return label_text(output.get("prediction")) == label_text(current.value)


def _error(signature: Signature, output: Any, current: Any) -> float | None:
    """The prediction less the actual value."""
    prediction = output.get("prediction") if isinstance(output, dict) else None
    if current is None or signature.task.is_classification or not isinstance(prediction, int | float):
        return None
    return float(prediction) - float(current.value)


class ActualsForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File of actual values"),
        allow_empty_file=True,
        max_length=4_000,
        error_messages={"required": gettext_lazy("Choose a file first.")},
        widget=forms.FileInput(attrs={"accept": ".csv,.tsv,.txt,.jsonl,.ndjson"}),
        help_text=gettext_lazy(
            "CSV or JSON lines with “prediction”, or “request_id” and “row_number”, and “value”."
        ),
    )


class Actuals(WorkspaceMixin, View):
    """Upload a file of actual values; the newest ones, and those that wait for their predictions."""

    query_names = ("waiting",)
    field_names = ("file",)
    takes_file = True
    template = "predictor/monitoring/actuals.html"

    def get_required_role(self) -> WorkspaceRole:
        return WorkspaceRole.MEMBER if self.request.method == "POST" else WorkspaceRole.VIEWER

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        return self.page(ActualsForm())

    def post(self, request: HttpRequest, workspace: str) -> HttpResponse:
        form = ActualsForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.page(form, status=400)
        path = Path(form.cleaned_data["file"].temporary_file_path())
        try:
            given = actual_files.read(path, options=CsvOptions())
            receipt = actuals.record(self.workspace, given, source=ActualSource.FILE, by=self.membership.user)
        except MlwebError as error:
            return self.page(form, error=error)
        return self.page(ActualsForm(), receipt=receipt, sentence=receipt_sentence(receipt))

    def page(self, form: ActualsForm, *, status: int = 200, **more: Any) -> HttpResponse:
        only_waiting = self.request.GET.get("waiting") == "1"
        context = {
            "form": form,
            "rows": actuals.newest(self.workspace, only_waiting=only_waiting),
            "only_waiting": only_waiting,
            "can_write": self.membership.can(WorkspaceRole.MEMBER),
            **more,
        }
        return refused(render(self.request, self.template, context, status=status), more.get("error"))


def receipt_sentence(receipt: Receipt) -> str:
    """What became of the values of a file."""
    parts = [
        ngettext("%(n)s value was read.", "%(n)s values were read.", receipt.received)
        % {"n": number(receipt.received)},
        ngettext(
            "%(n)s was stored with its prediction.",
            "%(n)s were stored with their predictions.",
            receipt.matched,
        )
        % {"n": number(receipt.matched)},
    ]
    if receipt.corrected:
        parts.append(
            ngettext("%(n)s replaced another value.", "%(n)s replaced other values.", receipt.corrected)
            % {"n": number(receipt.corrected)}
        )
    if receipt.unchanged:
        parts.append(
            ngettext("%(n)s was stored already.", "%(n)s were stored already.", receipt.unchanged)
            % {"n": number(receipt.unchanged)}
        )
    return " ".join(parts)
