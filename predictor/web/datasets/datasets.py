"""Dataset pages: list, upload (after an error with a suggested option), detail, download, delete."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from ...errors import InfiniteNumbers, MlwebError, Problem, RaggedRows, UnknownEncoding, quoted
from ...i18n.translation import translated
from ...ml.types.schema import canonical_text
from ...models import Dataset, TrainingRun, WorkspaceRole
from ...services import datasets
from ...services.datasets import samples
from ...templatetags.mlweb import counted
from ..pages.access import WorkspaceMixin
from ..pages.labels import TAG, with_tags
from ..pages.refusals import refused
from ..pages.tables import Column, ListTable
from .forms import LINES, LinesForm, UploadForm
from .reading_words import cards_of, remarks_of

COLUMNS_PER_PAGE = 60
PREVIEW_ROWS = 10
# A preview is a first look; a thousand columns would only make it slow.
PREVIEW_COLUMNS = 60
LONG_CELL = 30
NUMBERS = ("BIGINT", "DOUBLE", "HUGEINT")
DELIMITERS = {
    ",": gettext_lazy("comma"), ";": gettext_lazy("semicolon"), "\t": gettext_lazy("tab"), "|": gettext_lazy("bar"),
}  # fmt: skip
DECIMALS = {".": gettext_lazy("point"), ",": gettext_lazy("comma")}
DATASETS = ListTable(
    caption=gettext_lazy("Datasets"),
    columns=(
        Column(gettext_lazy("Name"), "name", ("name", "id")),
        Column(gettext_lazy("Rows"), "rows", ("n_rows", "id"), is_number=True),
        Column(gettext_lazy("Columns"), "columns", ("n_columns", "id"), is_number=True),
        Column(gettext_lazy("File"), "size", ("n_bytes", "id"), is_number=True),
        Column(gettext_lazy("Uploaded"), "created", ("created_at", "id")),
    ),
    default="-created",
    search_label=gettext_lazy("Search by name"),
    search=("name", "filename"),
    choices=(TAG,),
    csv_name="datasets",
    csv_heads=("id", "name", "filename", "rows", "columns", "bytes", "uploaded", "by"),
    csv_row=lambda each: (
        each.pk,
        each.name,
        each.filename,
        each.n_rows,
        each.n_columns,
        each.n_bytes,
        each.created_at.isoformat(),
        each.created_by,
    ),
)


class DatasetList(WorkspaceMixin, View):
    query_names = DATASETS.query_names

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        rows = Dataset.objects.filter(workspace=self.workspace).select_related("created_by")
        table = with_tags(DATASETS, rows).shown(request, rows.defer("schema_json", "options", "warnings"))
        if table.wants_csv:
            return table.csv_response()
        context = {"table": table, "page": table.page, "samples": samples.SAMPLES}
        return render(request, "predictor/datasets/list.html", context)


@dataclass(frozen=True)
class Remedy:
    """A suggestion after a rejected upload: one option of the form, and the label of its button."""

    option: str
    value: str
    label: str


class DatasetUpload(WorkspaceMixin, View):
    """The upload form. It works without JavaScript; with it the upload shows progress. An error offers a remedy."""

    field_names = tuple(UploadForm.base_fields)
    takes_file = True

    required_role = WorkspaceRole.MEMBER

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        return self.show(UploadForm())

    def post(self, request: HttpRequest, workspace: str) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            sentences = [str(each) for errors in form.errors.values() for each in errors]
            return self.refuse(form, " ".join(sentences))
        upload, began_at = form.cleaned_data["file"], timezone.now()
        try:
            dataset = datasets.import_csv(
                workspace=self.workspace,
                source=upload,
                filename=upload.name,
                name=form.cleaned_data["name"],
                options=datasets.ImportOptions(**form.options),
                by=request.user,
            )
        except MlwebError as error:
            return refused(self.refuse(form, error.message, error), error)
        url = reverse("dataset-detail", args=[self.workspace.slug, dataset.pk])
        if dataset.created_at < began_at:
            messages.info(
                request,
                _("This file was uploaded before, as “%(name)s”. Here it is.") % {"name": dataset.name},
            )
        else:
            size = _("%(n_rows)s rows, %(n_columns)s columns") % {
                "n_rows": f"{dataset.n_rows:,}",
                "n_columns": f"{dataset.n_columns:,}",
            }
            messages.success(
                request, _("“%(name)s” is here: %(size)s.") % {"name": dataset.name, "size": size}
            )
        return JsonResponse({"url": url}, status=201) if self.is_by_script else redirect(url)

    @property
    def is_by_script(self) -> bool:
        return self.request.headers.get("X-Requested-With") == "XMLHttpRequest"

    def refuse(self, form: UploadForm, message: str, error: MlwebError | None = None) -> HttpResponse:
        message, remedy = translated(message), remedy_for(error)
        problems = (
            [translated(spoken(each)) for each in error.problems[:5]]
            if error and len(error.problems) > 1
            else []
        )
        if self.is_by_script:
            answer = {"message": message, "problems": problems, "remedy": asdict(remedy) if remedy else None}
            return JsonResponse(answer, status=400)
        if error is not None:
            form.add_error("file", message)
        if remedy:
            form = form.with_option(remedy.option, remedy.value)
        return self.show(form, status=400, remedy=remedy, problems=problems)

    def show(self, form: UploadForm, status: int = 200, **more: Any) -> HttpResponse:
        context = {
            "form": form,
            "samples": samples.SAMPLES,
            "max_bytes": settings.MAX_UPLOAD_BYTES,
            "max_columns": settings.MAX_TABLE_COLUMNS,
            "max_cell_bytes": settings.MAX_CELL_BYTES,
            **more,
        }
        return render(self.request, "predictor/datasets/upload.html", context, status=status)


def spoken(problem: Problem) -> str:
    """A problem as a sentence, with its pointer in front unless the sentence names it."""
    is_named = not problem.pointer or problem.pointer.casefold() in problem.detail.casefold()
    return problem.detail if is_named else f"{problem.pointer}: {problem.detail}"


def remedy_for(error: MlwebError | None) -> Remedy | None:
    if isinstance(error, UnknownEncoding) and error.suggestion:
        return Remedy(
            "encoding", error.suggestion, _("Read it as %(suggestion)s") % {"suggestion": error.suggestion}
        )
    if isinstance(error, RaggedRows) and error.option:
        return remedy_for_rows(error)
    if isinstance(error, InfiniteNumbers):
        return Remedy("infinite_as_missing", "on", _("Take them as missing"))
    return None


def remedy_for_rows(error: RaggedRows) -> Remedy:
    lines = "line" if error.value == "1" else _("%(value)s lines") % {"value": error.value}
    if error.option == "skip_lines":
        return Remedy(error.option, error.value, _("Skip the first %(lines)s") % {"lines": lines})
    if error.option == "footer_lines":
        return Remedy(error.option, error.value, _("Leave out the last %(lines)s") % {"lines": lines})
    return Remedy("skip_bad_rows", "on", _("Leave these rows out"))


class DatasetFromSample(WorkspaceMixin, View):
    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, key: str) -> HttpResponse:
        try:
            dataset = samples.add_sample(workspace=self.workspace, key=key, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("dataset-upload", self.workspace.slug)
        messages.success(
            request,
            _("“%(name)s” is here. Have a look, then choose what to predict.") % {"name": dataset.name},
        )
        return redirect("dataset-detail", self.workspace.slug, dataset.pk)


class DatasetDetail(WorkspaceMixin, View):
    query_names = ("page",)

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.get_visible_or_404(Dataset.objects.select_related("created_by"), pk=pk)
        columns = Paginator(dataset.schema.columns, COLUMNS_PER_PAGE).get_page(request.GET.get("page"))
        columns.object_list = cards_of(columns.object_list, first=columns.start_index() - 1)
        runs = (
            TrainingRun.objects.filter(dataset=dataset)
            .select_related("registered_model", "model_version")
            .only("id", "target", "task", "status", "queued_at", "registered_model__name", "registered_model__slug",
                  "model_version__number", "model_version__training_run_id")
        )  # fmt: skip
        context = {
            "dataset": dataset,
            "lead": lead_of(dataset),
            "columns": columns,
            "runs": runs[:5],
            "n_left_out": max(0, dataset.n_columns - PREVIEW_COLUMNS),
            "options": options_of(dataset),
            "skipped_lines": dataset.options.get("skipped_lines", ()),
            "n_skipped_lines": dataset.options.get("n_skipped_lines", 0),
            "proposals": proposals_of(dataset),
            "lines_form": LinesForm(initial={name: dataset.options.get(name) for name in LINES}),
            "warnings": own_warnings(dataset),
            "n_doubtful": sum(bool(remarks_of(column)) for column in dataset.schema.columns),
            **preview_of(dataset),
        }
        return render(request, "predictor/datasets/detail.html", context)


class DatasetReadAgain(WorkspaceMixin, View):
    """Reads the file of a dataset with other lines around its table; the result is another dataset."""

    field_names = tuple(LinesForm.base_fields)
    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.get_visible_or_404(Dataset, pk=pk)
        form = LinesForm(request.POST)
        if not form.is_valid():
            messages.error(request, " ".join(str(each) for errors in form.errors.values() for each in errors))
            return redirect("dataset-detail", self.workspace.slug, pk)
        lines = datasets.LineOptions(**{name: form.cleaned_data[name] for name in LINES})
        try:
            again = datasets.read_again(dataset=dataset, lines=lines, by=request.user)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("dataset-detail", self.workspace.slug, pk)
        messages.success(
            request,
            _("Read again: %(n_rows)s rows, %(n_columns)s columns.")
            % {"n_rows": f"{again.n_rows:,}", "n_columns": f"{again.n_columns:,}"},
        )
        return redirect("dataset-detail", self.workspace.slug, again.pk)


@dataclass(frozen=True)
class LinesProposal:
    """Lines that may be no rows, as a sentence, and the fields of the form that leave them out."""

    reason: str
    label: str
    fields: dict[str, Any]


def proposals_of(dataset: Dataset) -> list[LinesProposal]:
    known = {name: dataset.options.get(name) for name in LINES}
    return [
        LinesProposal(
            each["reason"],
            _("Leave it out")
            if each["value"] == 1
            else _("Leave these %(value)s lines out") % {"value": f"{each['value']:,}"},
            {
                name: value
                for name, value in {**known, each["option"]: each["value"]}.items()
                if value is not None
            },
        )
        for each in dataset.options.get("proposals", ())
    ]


def lead_of(dataset: Dataset) -> str:
    """How large the table is, when it was uploaded, and by whom."""
    size = _("%(rows)s and %(columns)s") % {
        "rows": counted(dataset.n_rows, "row"),
        "columns": counted(dataset.n_columns, "column"),
    }
    person = _(" by %(created_by)s") % {"created_by": dataset.created_by} if dataset.created_by else ""
    return _("%(size)s, uploaded %(naturaltime)s%(person)s.") % {
        "size": size,
        "naturaltime": naturaltime(dataset.created_at),
        "person": person,
    }


@dataclass(frozen=True)
class Cell:
    """A value of the preview as text; None for a missing value."""

    text: str | None
    is_number: bool

    @property
    def is_long(self) -> bool:
        return self.text is not None and len(self.text) > LONG_CELL


def preview_of(dataset: Dataset) -> dict[str, Any]:
    """The first rows, or the sentence that says why there are none to show."""
    if not dataset.has_data:
        return {}
    try:
        preview = datasets.preview(dataset, limit=PREVIEW_ROWS)
    except MlwebError as error:
        return {"preview_error": error.message}
    columns = dataset.schema.columns[:PREVIEW_COLUMNS]
    are_numbers = [column.storage in NUMBERS for column in columns]
    return {
        "preview_columns": [
            Cell(column.name, is_number) for column, is_number in zip(columns, are_numbers, strict=True)
        ],
        "preview_rows": [
            [
                Cell(canonical_text(value), is_number)
                for value, is_number in zip(row, are_numbers, strict=False)
            ]
            for row in preview.rows
        ],
    }


def options_of(dataset: Dataset) -> list[tuple[str, str]]:
    """The import options in words."""
    options = dataset.options
    facts = [
        (_("Encoding"), options.get("encoding")),
        (_("Between cells"), DELIMITERS.get(options.get("delimiter", ""), options.get("delimiter"))),
        (_("Decimal mark"), DECIMALS.get(options.get("decimal", ""))),
    ]
    if options.get("n_rejected"):
        facts.append((_("Rows left out"), f"{options['n_rejected']:,}"))
    if left_out := options.get("left_out"):
        facts.append(
            (
                _("Columns left out"),
                _("%(columns)s: without a name and without a cell") % {"columns": ", ".join(left_out)},
            )
        )
    if options.get("infinite_as_missing"):
        facts.append((_("Infinite numbers"), _("taken as missing")))
    return [(title, str(value)) for title, value in facts if value]


def own_warnings(dataset: Dataset) -> list[str]:
    """The warnings about the whole table, without those at a column and those that a proposal repeats."""
    reasons = tuple(each["reason"] for each in dataset.options.get("proposals", ()))
    of_columns = {
        f"{quoted(column.name)}: {text}" for column in dataset.schema.columns for text in column.warnings
    }
    return [each for each in dataset.warnings if each not in of_columns and not each.startswith(reasons)]


class DatasetDownload(WorkspaceMixin, View):
    """The uploaded file, for members: a viewer sees what the pages show of it."""

    is_file = True
    required_role = WorkspaceRole.MEMBER

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponseBase:
        dataset = self.get_visible_or_404(Dataset, pk=pk)
        try:
            file = datasets.open_original(dataset)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("dataset-detail", self.workspace.slug, dataset.pk)
        # The file is untrusted: always a download, never a page of this site (cross-site scripting).
        return FileResponse(
            file, as_attachment=True, filename=dataset.filename, content_type="application/octet-stream"
        )


class DatasetDelete(WorkspaceMixin, View):
    field_names = ("keep",)
    required_role = WorkspaceRole.ADMIN

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        rows = Dataset.objects.annotate(
            n_runs=Count("training_runs", distinct=True), n_versions=Count("model_versions", distinct=True)
        )
        dataset = self.get_visible_or_404(rows, pk=pk)
        context = {"dataset": dataset, "n_trash_days": settings.TRASH_DAYS}
        return render(request, "predictor/datasets/delete.html", context)

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.get_visible_or_404(Dataset, pk=pk)
        name, keeps_description = dataset.name, request.POST.get("keep") == "description"
        try:
            datasets.delete(dataset=dataset, by=request.user, keep_metadata=keeps_description)
        except MlwebError as error:
            messages.error(request, error.message)
            return redirect("dataset-detail", self.workspace.slug, pk)
        if dataset.is_in_trash:
            undo = reverse("trash-restore", args=[self.workspace.slug, pk])
            sentence = _("“%(name)s” is in the trash.") % {"name": name}
            messages.success(request, sentence, extra_tags=f"undo:{undo}")
        elif keeps_description:
            messages.success(request, _("The rows of “%(name)s” were deleted.") % {"name": name})
        else:
            messages.success(request, _("“%(name)s” was deleted.") % {"name": name})
        return redirect("dataset-list", self.workspace.slug)
