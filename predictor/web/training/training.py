"""Training run pages: start a run, follow it, cancel it, start it again."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import View

from ...errors import MlwebError
from ...i18n.translation import translated
from ...ml.types import positive_class
from ...ml.types.monotone import monotone_sentences
from ...ml.types.run_options.row_weighting import weighting_sentences
from ...ml.types.schema import Role, Task
from ...ml.types.split import SplitBy
from ...ml.types.threshold_rule import ThresholdRule
from ...models import Dataset, JobStatus, TrainingRun, WorkspaceRole
from ...services import training
from ...services.training import estimator_catalogue
from ...templatetags.mlweb import counted, duration, job_sentence, status_word
from ..pages.access import WorkspaceMixin
from ..pages.metric_words import Figure, key_metrics, metric_of
from ..pages.refusals import refused
from ..pages.tables import Choice, Column, ListTable
from .form import TrainingRunForm, field_names, model_names
from .form_directions import direction_words
from .form_forecast import forecast_words
from .initial_values import shown_from_run
from .words import TASK_TITLES

# Lists leave out what can be long.
LISTED = (
    "id", "target", "task", "estimator", "status", "progress", "queued_at", "started_at", "finished_at",
    "budget_seconds", "workspace_id", "dataset__name", "registered_model__name", "registered_model__slug",
    "model_version__number", "model_version__training_run_id", "created_by__email",
)  # fmt: skip


class TrainingRunCreate(WorkspaceMixin, View):
    """The training form. htmx reloads the parts that depend on target, task and estimator after each change."""

    query_names = ("again", "target", "without")
    field_names = None
    required_role = WorkspaceRole.MEMBER

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.dataset(pk)
        if not dataset.has_data:
            messages.error(
                request,
                _("The data of “%(name)s” was deleted; upload it again to train on it.")
                % {"name": dataset.name},
            )
            return redirect("dataset-detail", self.workspace.slug, dataset.pk)
        if request.htmx:
            form = TrainingRunForm(dataset=dataset, shown=request.GET)
            return render(
                request, "predictor/training/_task_options.html", {"form": form, "is_swapped": True}
            )
        return self.show(TrainingRunForm(dataset=dataset, shown=self.first_values(dataset)))

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.dataset(pk)
        self.refuse_unknown_fields(field_names(dataset), ("refresh",))
        form = TrainingRunForm(request.POST, dataset=dataset)
        # "Show its settings" is for browsers without js, where the form cannot follow each change.
        if "refresh" in request.POST:
            return self.show(TrainingRunForm(dataset=form.dataset, shown=request.POST))
        if not form.is_valid():
            return self.show(form, status=400)
        try:
            run = training.start_run(
                dataset=form.dataset,
                options=form.options,
                registered_model=form.cleaned_data["registered_model"],
                by=request.user,
            )
        except MlwebError as error:
            form.add_service_error(error)
            return refused(self.show(form), error)
        return redirect("training-run-detail", self.workspace.slug, run.pk)

    def dataset(self, pk: int) -> Dataset:
        return self.get_visible_or_404(Dataset, pk=pk)

    def first_values(self, dataset: Dataset) -> dict[str, Any]:
        """Initial values: all of them from `?again=<run>`, or the target from `?target=<column>`.

        `?without=<place>` leaves out one column of the run, by its place from 1.
        """
        again = self.request.GET.get("again", "")
        if again.isascii() and again.isdigit() and len(again) < 18:
            runs = TrainingRun.objects.filter(dataset=dataset, pk=int(again)).select_related(
                "registered_model"
            )
            if run := runs.first():
                run.dataset = dataset
                return {**shown_from_run(run), **self.left_out(dataset)}
        return {name: self.request.GET[name] for name in ("target",) if name in self.request.GET}

    def left_out(self, dataset: Dataset) -> dict[str, Any]:
        place = self.request.GET.get("without", "")
        is_place = place.isascii() and place.isdecimal() and len(place) < 10
        if not is_place or not 1 <= int(place) <= dataset.n_columns:
            return {}
        return {f"role-{int(place) - 1}": Role.IDENTIFIER.value}

    def show(self, form: TrainingRunForm, status: int = 200) -> HttpResponse:
        context = {"form": form, "dataset": form.dataset, "model_names": model_names(form.dataset)}
        return render(self.request, "predictor/training/create.html", context, status=status)


RUNS = ListTable(
    caption=gettext_lazy("Training runs"),
    columns=(
        Column(gettext_lazy("Run"), "run", ("id",)),
        Column(gettext_lazy("Target and dataset"), "target", ("target", "dataset__name", "id")),
        Column(gettext_lazy("Estimator"), "estimator", ("estimator", "id")),
        Column(gettext_lazy("Model"), "model", ("registered_model__name", "id")),
        Column(gettext_lazy("Status"), "status", ("status", "id")),
        Column(gettext_lazy("Took"), is_number=True),
        Column(gettext_lazy("Asked for"), "queued", ("queued_at", "id")),
    ),
    default="-queued",
    search_label=gettext_lazy("Search by target, dataset or model"),
    search=("target", "dataset__name", "registered_model__name"),
    choices=(
        Choice("status", gettext_lazy("Status"), [(each, status_word(each)) for each in JobStatus.values]),
    ),
    csv_name="training-runs",
    csv_heads=(
        "run",
        "target",
        "task",
        "dataset",
        "model",
        "version",
        "estimator",
        "status",
        "asked_for",
        "by",
    ),
    csv_row=lambda run: (
        run.pk,
        run.target,
        run.task,
        run.dataset.name,
        run.registered_model.slug,
        getattr(getattr(run, "model_version", None), "number", None),
        run.estimator or "auto",
        run.status,
        run.queued_at.isoformat(),
        run.created_by,
    ),
)


class TrainingRunList(WorkspaceMixin, View):
    query_names = RUNS.query_names

    def get(self, request: HttpRequest, workspace: str) -> HttpResponse:
        runs = TrainingRun.objects.filter(workspace=self.workspace)
        related = ("dataset", "registered_model", "model_version", "created_by")
        table = RUNS.shown(request, runs.select_related(*related).only(*LISTED))
        if table.wants_csv:
            return table.csv_response()
        page = table.page
        titles = {info.key: translated(info.title) for info in estimator_catalogue.catalogue()}
        context = {
            "table": table,
            "page": page,
            "titles": titles,
            "has_datasets": page.paginator.count > 0
            or Dataset.objects.filter(workspace=self.workspace).with_data().exists(),
        }
        return render(request, "predictor/training/list.html", context)


class RunPage(WorkspaceMixin, View):
    def run(self, pk: int) -> TrainingRun:
        rows = TrainingRun.objects.select_related(
            "dataset", "registered_model", "model_version", "created_by"
        )
        rows = rows.defer("model_version__signature_json", "model_version__artifacts")
        return self.get_visible_or_404(rows, pk=pk)


class TrainingRunDetail(RunPage):
    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        return render(request, "predictor/training/detail.html", self.context_of(self.run(pk)))

    def context_of(self, run: TrainingRun) -> dict[str, Any]:
        titles = {info.key: translated(info.title) for info in estimator_catalogue.catalogue()}
        board, positive = board_of(run), positive_class_of(run)
        return {
            "run": run,
            "status_sentence": status_sentence(run, board),
            "estimator_title": titles.get(run.estimator, _("Auto")),
            "task_title": TASK_TITLES[Task(run.task)].lower(),
            "positive_class": positive,
            "decided_by": _("A threshold that %(sentence_on)s")
            % {"sentence_on": translated(ThresholdRule.from_json(run.threshold).sentence_on(positive))}
            if run.threshold
            else "",
            "tested_on": _("later periods")
            if run.task == Task.FORECASTING
            else translated(SplitBy.from_json(run.split).words),
            "forecast": forecast_words(run.forecast),
            "directions": direction_words(run.monotone),
            "can_read_traceback": self.membership.user_id == run.created_by_id,
            "can_start_again": run.is_final and run.dataset.has_data,
            "fingerprint": fingerprint_of(run),
            "board": board,
            "findings": estimator_catalogue.findings(run) if run.is_final else [],
            **outcome_of(run, positive),
        }


def positive_class_of(run: TrainingRun) -> str:
    """The positive class of a run for two classes: as asked, as its version has it, or as proposed."""
    if run.positive_class or run.task != Task.BINARY:
        return run.positive_class
    version = getattr(run, "model_version", None)
    decision = version.evaluation.get("decision") if version else None
    if decision:
        return str(decision["positive"])
    counts = positive_class.counts_in(run.dataset.schema[run.target])
    return positive_class.proposed(counts) if counts else _("positive class")


class TrainingRunProgress(TrainingRunDetail):
    """The progress fragment, polled by htmx. 204 when nothing has changed: the page keeps its content."""

    query_names = ("seen",)

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        run = self.run(pk)
        if request.GET.get("seen") == fingerprint_of(run):
            return HttpResponse(status=204)
        context = {**self.context_of(run), "is_swapped": True}
        return render(request, "predictor/training/_progress.html", context)


class TrainingRunCancel(RunPage):
    required_role = WorkspaceRole.MEMBER
    http_method_names = ["post"]

    def post(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        run = self.run(pk)
        try:
            training.cancel(run=run, by=request.user)
        except MlwebError as error:
            messages.info(request, error.message)
        return redirect("training-run-detail", self.workspace.slug, run.pk)


@dataclass(frozen=True)
class BoardLine:
    """A candidate as a line of the leaderboard."""

    title: str
    figures: tuple[str, ...]
    spread: str
    seconds: float
    predict_ms: float | None
    size_bytes: int | None
    weight: float | None
    is_kept: bool
    status: str
    note: str


@dataclass(frozen=True)
class Board:
    headings: tuple[str, ...]
    lines: tuple[BoardLine, ...]
    metric: str

    @property
    def order(self) -> str:
        metric = metric_of(self.metric)
        if metric.is_smaller_better:
            return _("Best first, by %(title)s on rows that the fit had not seen; smaller is better.") % {
                "title": translated(metric.title)
            }
        return _("Best first, by %(title)s; larger is better.") % {"title": translated(metric.title)}


def board_of(run: TrainingRun) -> Board | None:
    """The candidates so far, best first."""
    if not run.leaderboard:
        return None
    names = [run.leaderboard[0].get("metric") or ""]
    names += [name for name in ("r2", "roc_auc") if any(name in entry for entry in run.leaderboard)]
    lines = tuple(
        BoardLine(
            title=entry.get("title") or entry.get("estimator") or entry.get("key", ""),
            figures=tuple(
                metric_of(name).shown(entry.get("score" if position == 0 else name))
                for position, name in enumerate(names)
            ),
            spread="" if entry.get("spread") is None else f"{entry['spread']:.2g}",
            seconds=entry.get("fit_seconds") or 0.0,
            predict_ms=entry.get("predict_ms"),
            size_bytes=entry.get("size_bytes"),
            weight=entry.get("weight"),
            is_kept=bool(entry.get("weight")),
            status=entry.get("status") or "done",
            note=entry.get("note") or "",
        )
        for entry in run.leaderboard
    )
    return Board(tuple(translated(metric_of(name).title) for name in names), lines, names[0])


def status_sentence(run: TrainingRun, board: Board | None) -> str:
    """Where the run stands: waiting, what it does, or how it ended."""
    n_tried = len(board.lines) if board else 0
    return job_sentence(
        run,
        succeeded=_("%(candidates)s tried in %(time)s.")
        % {"candidates": counted(n_tried, "candidate"), "time": duration(run.elapsed)},
        after_stop=_("Nothing was published."),
    )


def outcome_of(run: TrainingRun, positive: str) -> dict[str, Any]:
    """The result of a finished run: its version, the verdict, key metrics, what was asked of its rows and columns."""
    version = getattr(run, "model_version", None)
    if version is None:
        return {"version": None}
    figures = [
        Figure(metric, float(run.metrics[metric.name]))
        for metric in key_metrics(run.task)
        if isinstance(run.metrics.get(metric.name), int | float)
    ]
    return {
        "version": version,
        "verdict": version.report.get("verdict"),
        "figures": figures,
        "promises": [*weighting_sentences(version.report), *monotone_sentences(version.report, positive)],
    }


def fingerprint_of(run: TrainingRun) -> str:
    """A short hash of what the page shows: it changes when the page would."""
    parts = (
        run.status,
        run.progress,
        run.progress_message,
        run.attempts,
        run.is_cancel_requested,
        run.leaderboard,
    )
    return sha256(repr(parts).encode()).hexdigest()[:16]
