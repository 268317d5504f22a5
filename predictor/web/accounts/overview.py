"""The overview of a workspace: its models, what runs now, and what needs a person. It never reads through the log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Max, Prefetch, Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from ...models import (
    CHAMPION,
    BatchPrediction,
    Dataset,
    JobStatus,
    ModelAlias,
    ModelVersion,
    PredictionLog,
    PredictionTotal,
    RegisteredModel,
    TrainingRun,
    Workspace,
)
from ...services.datasets import samples
from ...services.operations import attention, health
from ...services.prediction_log import activity, summary
from ...services.prediction_log.activity import Counts, Period
from ...templatetags.mlweb import counted
from ..charts.chart_tags import bars
from ..pages.metric_words import Figure, headline_metric

N_SHOWN = 5
N_MODELS = 12
N_AT_WORK = 10
VERSION_COLUMNS = ("number", "registered_model_id", "task", "estimator", "metrics", "created_at")


@dataclass(frozen=True)
class ModelRow:
    """A model with its champion and its predictions of the last 30 days."""

    model: RegisteredModel
    champion: ModelVersion | None
    quality: Figure | None
    is_held_out: bool
    total: Counts
    last_at: datetime | None
    bars: Sequence[Mapping[str, float]]
    words: str


def overview_of(workspace: Workspace) -> dict[str, Any]:
    """The template's context."""
    models = _models(workspace)
    days = activity.of_models(models)
    rows = list(_model_rows(models, days))
    at_work = _at_work(workspace)
    is_waiting = any(job.status == JobStatus.QUEUED and health.waits_long(job) for job in at_work)
    return {
        "samples": samples.SAMPLES,
        "models": rows,
        "champions": [row for row in rows if row.champion],
        "has_more_models": len(rows) == N_MODELS,
        "at_work": at_work,
        "attention": attention.of_workspace(workspace, models, days),
        "runs": _latest_runs(workspace),
        "predictions": _latest_predictions(workspace),
        "counted_to": summary.counted_to(workspace),
        "latest_dataset": Dataset.objects.filter(workspace=workspace).with_data().only("id", "name").first(),
        "n_datasets": Dataset.objects.filter(workspace=workspace).count(),
        "n_runs": TrainingRun.objects.filter(workspace=workspace).count(),
        "n_models": RegisteredModel.objects.filter(workspace=workspace, last_version_number__gt=0).count(),
        "n_predictions": _n_predictions(workspace),
        "n_jobs_without_worker": health.n_jobs_without_worker() if is_waiting else 0,
    }


def _models(workspace: Workspace) -> list[RegisteredModel]:
    """Models with versions: those that were asked last, then the newest, each with its champion."""
    champions = (
        ModelAlias.objects.filter(alias=CHAMPION)
        .select_related("model_version")
        .only("alias", "registered_model_id", *(f"model_version__{name}" for name in VERSION_COLUMNS))
    )
    return list(
        RegisteredModel.objects.filter(workspace=workspace, last_version_number__gt=0)
        .defer("description")
        .annotate(last_at=Max("versions__prediction_total__last_at"))
        .order_by(F("last_at").desc(nulls_last=True), "-pk")
        .prefetch_related(Prefetch("aliases", champions, to_attr="champions"))[:N_MODELS]
    )


def _model_rows(
    models: Sequence[RegisteredModel], days: Mapping[int, Sequence[Period]]
) -> Iterator[ModelRow]:
    for model in models:
        champion = model.champions[0].model_version if model.champions else None  # type: ignore[attr-defined]
        periods = days[model.pk]
        total = sum((each.counts for each in periods), Counts())
        yield ModelRow(
            model=model,
            champion=champion,
            quality=headline_metric(champion) if champion else None,
            is_held_out=champion is not None and champion.task not in ("clustering", "anomaly"),
            total=total,
            last_at=model.last_at,  # type: ignore[attr-defined]
            bars=list(bars([each.counts.n_rows for each in periods])) if total.n_rows else (),
            words=_words(periods, total),
        )


def _words(periods: Sequence[Period], total: Counts) -> str:
    """What the small chart shows, for those who do not see it."""
    most = max(periods, key=lambda each: each.counts.n_rows)
    return _("%(predictions)s in %(days)s; most, %(most)s, on %(day)s") % {
        "predictions": counted(total.n_rows, "prediction"),
        "days": counted(len(periods), "day"),
        "most": f"{most.counts.n_rows:,}",
        "day": date_format(most.start, _("j F")),
    }


def _at_work(workspace: Workspace) -> list[TrainingRun | BatchPrediction]:
    """Unfinished runs and batches: running ones first."""
    shown = ("pk", "status", "progress", "progress_message", "queued_at", "registered_model__slug",
             "registered_model__name")  # fmt: skip
    of_run = ("target", "task", "is_cancel_requested", "attempts")
    runs = TrainingRun.objects.filter(workspace=workspace).unfinished().select_related("registered_model")
    batches = (
        BatchPrediction.objects.filter(workspace=workspace).unfinished().select_related("registered_model")
    )
    jobs: list[TrainingRun | BatchPrediction] = [
        *runs.only(*shown, *of_run).order_by("-status", "pk")[:N_AT_WORK],
        *batches.only(*shown, "filename", "n_rows_done", "n_rows_total").order_by("-status", "pk")[
            :N_AT_WORK
        ],
    ]
    for job in jobs:
        job.is_run = isinstance(job, TrainingRun)  # type: ignore[union-attr]
    return sorted(jobs, key=lambda job: job.status != JobStatus.RUNNING)


def _latest_runs(workspace: Workspace) -> list[TrainingRun]:
    return list(
        TrainingRun.objects.filter(workspace=workspace)
        .select_related("dataset")
        .only("status", "target", "task", "queued_at", "workspace_id", "dataset__name")[:N_SHOWN]
    )


def _latest_predictions(workspace: Workspace) -> list[PredictionLog]:
    """The newest rows of the log: a few steps in an index."""
    return list(
        PredictionLog.objects.filter(workspace=workspace)
        .select_related("model_version__registered_model")
        .only(
            "output", "source", "created_at", "model_version__number", "model_version__registered_model__name"
        )[:N_SHOWN]
    )


def _n_predictions(workspace: Workspace) -> int:
    totals = PredictionTotal.objects.filter(model_version__registered_model__workspace=workspace)
    return totals.aggregate(n=Sum("n_rows"))["n"] or 0
