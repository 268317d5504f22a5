"""CSV prediction page: a preview of the first answers, and the whole result as a download kept for one day."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...errors import MlwebError, NotFound, RaggedRows, TooLarge, UnknownEncoding
from ...models import CHAMPION, ModelVersion, PredictionSource, RegisteredModel
from ...services import batches, predictions, registry
from ..datasets.forms import LINES, UploadForm
from ..pages.coverage_words import coverage_choices
from ..pages.model_page import ModelPage, caller_of
from ..pages.refusals import refused
from .predict import version_choices
from .row_form import RowForm

OPTIONS = ("encoding", "delimiter", "decimal", "skip_bad_rows", *LINES)


class CsvForm(UploadForm):
    """A file and how to read it, as for a dataset, and the version that answers."""

    name = None
    infinite_as_missing = None
    version = forms.ChoiceField(label=gettext_lazy("Version"), required=False)
    coverage = forms.TypedChoiceField(
        label=gettext_lazy("Coverage"),
        required=False,
        coerce=float,
        empty_value=None,
        initial="0.9",
        help_text=gettext_lazy("How often the added interval, or set of classes, holds the true value."),
    )

    def __init__(self, *args: Any, versions: list[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["version"].choices = versions
        self.fields["coverage"].choices = [
            (value, words) for value, words, _is_chosen in coverage_choices("")
        ]
        self.fields["file"].help_text = _("With a header line. Columns are found by name, in any order.")

    @property
    def coverage_asked(self) -> float | None:
        """None for the default: versions without intervals or sets accept that, too."""
        coverage: float | None = self.cleaned_data["coverage"]
        return None if coverage == float(self.fields["coverage"].initial) else coverage

    @property
    def options(self) -> predictions.PredictionOptions:
        version = self.cleaned_data["version"] or CHAMPION
        return predictions.PredictionOptions(version=version, coverage=self.coverage_asked)

    @property
    def how(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in OPTIONS}

    @property
    def has_how(self) -> bool:
        return any(self[name].value() for name in OPTIONS)

    def with_values(self, data: QueryDict) -> CsvForm:
        """The same form with other values."""
        return CsvForm(data, self.files, versions=self.fields["version"].choices)


class PredictCsv(ModelPage):
    query_names = ("version",)
    field_names = tuple(CsvForm.base_fields)
    takes_file = True
    template = "predictor/predictions/predict_csv.html"

    def get(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        self.load_model(slug)
        form = CsvForm(
            versions=version_choices(self), initial={"version": request.GET.get("version", CHAMPION)}
        )
        return self.page(form)

    def post(self, request: HttpRequest, workspace: str, slug: str) -> HttpResponse:
        model = self.load_model(slug)
        form = CsvForm(request.POST, request.FILES, versions=version_choices(self))
        if not form.is_valid():
            return self.page(form, status=400)
        file = form.cleaned_data["file"]
        try:
            answer = predictions.predict_csv(
                registered_model=model,
                file=file.file,
                csv_options=predictions.CsvOptions(**form.how),
                options=form.options,
                caller=caller_of(request, PredictionSource.CSV),
            )
        except TooLarge:
            return self.become_batch(model, form)
        except MlwebError as error:
            remedied = with_remedy(form, error)
            return self.page(remedied, error=error, is_remedied=remedied is not form)
        added = added_columns(answer.columns)
        # The answers first: in a wide table they would be out of sight.
        columns = sorted(answer.columns, key=lambda name: name not in added)
        preview = [[(row.get(name), name in added) for name in columns] for row in answer.preview]
        return self.page(form, answer=answer, columns=columns, preview=preview, added=added)

    def become_batch(self, model: RegisteredModel, form: CsvForm) -> HttpResponse:
        """Start a batch instead: a worker predicts a file that takes too long for one request."""
        file = form.cleaned_data["file"]
        try:
            batch = batches.start(
                registered_model=model,
                data=Path(file.temporary_file_path()),
                filename=file.name,
                csv_options=predictions.CsvOptions(**form.how),
                options=form.options,
                caller=caller_of(self.request, PredictionSource.BATCH),
            )
        except MlwebError as error:
            return self.page(form, error=error)
        messages.info(self.request, _("The file is too large to wait for it, so a worker predicts it."))
        return redirect("batch-detail", self.workspace.slug, model.slug, batch.pk)

    def page(self, form: CsvForm, *, status: int = 200, **more: Any) -> HttpResponse:
        version = champion_of(self.registered_model)
        context = {
            "model": self.registered_model,
            "form": form,
            "version": version,
            "fields": RowForm(version.signature).inputs if version else [],
            **more,
        }
        return refused(render(self.request, self.template, context, status=status), more.get("error"))


def champion_of(model: RegisteredModel) -> ModelVersion | None:
    try:
        return registry.version_of(model)
    except NotFound:
        return None


def added_columns(columns: Sequence[str]) -> set[str]:
    """The columns added after the file's own: the last `prediction` and those after it."""
    positions = [index for index, name in enumerate(columns) if name == "prediction"]
    return set(columns[positions[-1] :]) if positions else set()


def with_remedy(form: CsvForm, error: MlwebError) -> CsvForm:
    """The form with the option that avoids the error set, where there is one. The file has to be chosen again."""
    if isinstance(error, UnknownEncoding) and error.suggestion:
        option, value = "encoding", error.suggestion
    elif isinstance(error, RaggedRows) and error.option:
        option, value = "skip_bad_rows", "on"
    else:
        return form
    data = form.data.copy()
    data[option] = value
    return form.with_values(data)


class PredictCsvDownload(ModelPage):
    """The result of an earlier upload, for the user who uploaded it."""

    is_file = True

    def get(self, request: HttpRequest, workspace: str, slug: str, key: str) -> HttpResponseBase:
        self.load_model(slug)
        try:
            path = predictions.open_csv_result(workspace=self.workspace, key=key, by=request.user)
        except NotFound as error:
            raise Http404(error.message) from None
        response = FileResponse(path.open("rb"), as_attachment=True, filename=f"{slug}-predictions.csv")
        response["Content-Type"] = "text/csv; charset=utf-8"
        return response
