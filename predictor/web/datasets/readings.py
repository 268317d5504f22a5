"""The page of a column's reading: how its cells become values, a preview of another reading, and the changes."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views import View

from ...errors import LosesCells, MlwebError
from ...i18n.translation import translated
from ...ml.types.reading import Reading
from ...ml.types.reading_choice import MAX_LOST_SHARE
from ...models import Dataset, WorkspaceRole
from ...services.datasets import readings
from ..pages.access import WorkspaceMixin
from ..pages.refusals import refused
from .reading_form import WORDS, ReadingForm
from .reading_words import line_of

N_CHANGES = 20


class ColumnReadingPage(WorkspaceMixin, View):
    """Everybody may look and try; members may change. The column is named by its place: its name can be any text."""

    query_names = tuple(ReadingForm.base_fields)
    field_names = (*ReadingForm.base_fields, "step")

    def get(self, request: HttpRequest, workspace: str, pk: int, place: int) -> HttpResponse:
        dataset, column = self.load(pk, place)
        if "kind" in request.GET:
            # A link to a preview has only the reading.
            asked = request.GET.copy()
            asked.setdefault("max_lost_percent", str(round(100 * MAX_LOST_SHARE)))
            return self.tried(dataset, column, place, ReadingForm(asked, label_suffix=""))
        return self.show(dataset, column, place, ReadingForm.of(dataset.schema[column]))

    def post(self, request: HttpRequest, workspace: str, pk: int, place: int) -> HttpResponse:
        dataset, column = self.load(pk, place)
        form = ReadingForm(request.POST, label_suffix="")
        if request.POST.get("step") != "apply":
            return self.tried(dataset, column, place, form)
        self.require(WorkspaceRole.MEMBER)
        if not form.is_valid():
            return self.show(dataset, column, place, form, status=400)
        try:
            change = readings.change_reading(
                dataset=dataset,
                column=column,
                reading=form.reading,
                max_lost_share=form.max_lost_share,
                by=request.user,
            )
        except MlwebError as error:
            if isinstance(error, LosesCells):
                return refused(self.tried(dataset, column, place, form), error)
            place_error(form, error)
            return refused(self.show(dataset, column, place, form), error)
        messages.success(request, f"“{column}”: {line_of(change.after).sentence}")
        return redirect("column-reading", self.workspace.slug, dataset.pk, place)

    def load(self, pk: int, place: int) -> tuple[Dataset, str]:
        dataset = self.get_visible_or_404(Dataset, pk=pk)
        names = dataset.schema.names
        if place >= len(names):
            raise Http404(_("There is no such column."))
        return dataset, names[place]

    def tried(self, dataset: Dataset, column: str, place: int, form: ReadingForm) -> HttpResponse:
        """The page with what the reading in the form would do."""
        if not form.is_valid():
            return self.show(dataset, column, place, form, status=400)
        try:
            preview = readings.preview_reading(
                dataset=dataset, column=column, reading=form.reading, max_lost_share=form.max_lost_share
            )
        except MlwebError as error:
            place_error(form, error)
            return refused(self.show(dataset, column, place, form), error)
        return self.show(
            dataset,
            column,
            place,
            form,
            preview=preview,
            preview_line=line_of(preview.after, is_preview=True),
        )

    def show(
        self, dataset: Dataset, column: str, place: int, form: ReadingForm, status: int = 200, **more: Any
    ) -> HttpResponse:
        context: dict[str, Any] = {
            "dataset": dataset,
            "column": dataset.schema[column],
            "place": place,
            "form": form,
        }
        try:
            found = readings.reading_of(dataset=dataset, column=column)
        except MlwebError as error:
            context |= {"line": line_of(dataset.schema[column]), "problem": error.message}
        else:
            line = line_of(found.column)
            proposals = [Proposal(each.reading, each.n_unreadable) for each in found.proposals] or [
                Proposal(each, 0) for each in (found.evidence.others if found.evidence else ())
            ]
            examples = line.examples or found.examples
            context |= {
                "line": line,
                "examples": examples,
                "evidence": found.evidence,
                "proposals": proposals,
            }
        changes = readings.changes_of(dataset).filter(column=column)[:N_CHANGES]
        context |= {"changes": [(each, line_of(each.after)) for each in changes], **more}
        context["undoable"] = next(
            (each.number for each in changes if each.undoes_id is None and not each.undone_at), None
        )
        return render(self.request, "predictor/datasets/reading.html", context, status=status)


class ReadingUndo(WorkspaceMixin, View):
    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, pk: int, change: int) -> HttpResponse:
        dataset = self.get_visible_or_404(Dataset, pk=pk)
        try:
            undo = readings.undo_change(dataset=dataset, number=change, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("dataset-detail", self.workspace.slug, pk)
        messages.success(
            request,
            _("Undone. “%(column)s”: %(sentence)s")
            % {"column": undo.column, "sentence": line_of(undo.after).sentence},
        )
        return redirect("column-reading", self.workspace.slug, pk, dataset.schema.names.index(undo.column))


class Proposal:
    """Another reading of the column, as a link to its preview."""

    def __init__(self, reading: Reading, n_unreadable: int):
        self.words, self.n_unreadable = reading.words, n_unreadable
        data = reading.to_json()
        parts = {name: data[name] for name in data if name in ReadingForm.base_fields}
        lines = {name: "\n".join(parts[name]) for name in WORDS if name in parts}
        self.query = urlencode({**parts, **lines}, doseq=True)


def place_error(form: ReadingForm, error: MlwebError) -> None:
    form.add_error(error.field if error.field in form.fields else None, translated(error.message))
