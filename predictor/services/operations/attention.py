"""What in a workspace needs a person: failed work, models that nobody can call, rising warnings, doubtful tables.

Each rule is plain and bounded: it looks at DAYS days and names at most SHOWN rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from ...models import (
    CHAMPION,
    BatchPrediction,
    Dataset,
    JobStatus,
    ModelAlias,
    RegisteredModel,
    TrainingRun,
    Workspace,
)
from ..prediction_log.activity import Counts, Period

DAYS = 14
SHOWN = 5
# Warnings rise: in the last week at least a twentieth of the rows more than in the weeks before, and twice the share,
# with at least a hundred rows in both.
WEEK = 7
MIN_ROWS, MIN_RISE, MIN_RATIO = 100, 0.05, 2.0


@dataclass(frozen=True)
class RisingWarnings:
    """The share of rows with warnings in the last seven days, and in the weeks before."""

    registered_model: RegisteredModel
    share: float
    share_before: float


@dataclass(frozen=True)
class Attention:
    """The rows that need a person, newest first."""

    failed_runs: Sequence[TrainingRun]
    failed_batches: Sequence[BatchPrediction]
    models_without_champion: Sequence[RegisteredModel]
    rising_warnings: Sequence[RisingWarnings]
    doubtful_datasets: Sequence[Dataset]

    @property
    def n(self) -> int:
        return sum(map(len, vars(self).values()))


def of_workspace(
    workspace: Workspace, models: Iterable[RegisteredModel], days: Mapping[int, Sequence[Period]]
) -> Attention:
    """`days`: the last days of these models, of `activity.of_models`."""
    since = timezone.now() - timedelta(days=DAYS)
    return Attention(
        failed_runs=list(_failed_runs(workspace, since)),
        failed_batches=list(_failed_batches(workspace, since)),
        models_without_champion=list(_without_champion(workspace)),
        rising_warnings=list(_rising(models, days))[:SHOWN],
        doubtful_datasets=list(_doubtful(workspace, since)),
    )


def _failed_runs(workspace: Workspace, since: datetime) -> Iterable[TrainingRun]:
    """Runs that failed, and no later one of the same model succeeded."""
    later = TrainingRun.objects.filter(
        registered_model=OuterRef("registered_model"), pk__gt=OuterRef("pk"), status=JobStatus.SUCCEEDED
    )
    failed = TrainingRun.objects.filter(workspace=workspace, status=JobStatus.FAILED, finished_at__gte=since)
    shown = ("pk", "target", "task", "error", "finished_at", "registered_model__name", "workspace_id")
    return failed.exclude(Exists(later)).select_related("registered_model").only(*shown)[:SHOWN]


def _failed_batches(workspace: Workspace, since: datetime) -> Iterable[BatchPrediction]:
    failed = BatchPrediction.objects.filter(
        workspace=workspace, status=JobStatus.FAILED, finished_at__gte=since
    )
    shown = ("pk", "filename", "error", "finished_at", "registered_model__slug", "registered_model__name")
    return failed.select_related("registered_model").only(*shown)[:SHOWN]


def _without_champion(workspace: Workspace) -> Iterable[RegisteredModel]:
    champions = ModelAlias.objects.filter(registered_model=OuterRef("pk"), alias=CHAMPION)
    models = RegisteredModel.objects.filter(workspace=workspace, last_version_number__gt=0)
    return models.exclude(Exists(champions)).only("pk", "slug", "name").order_by("-pk")[:SHOWN]


def _rising(
    models: Iterable[RegisteredModel], days: Mapping[int, Sequence[Period]]
) -> Iterator[RisingWarnings]:
    for model in models:
        periods = days[model.pk]
        before, now = (_sum(part) for part in (periods[:-WEEK], periods[-WEEK:]))
        if min(before.n_rows, now.n_rows) < MIN_ROWS:
            continue
        share, share_before = now.n_with_warnings / now.n_rows, before.n_with_warnings / before.n_rows
        if share - share_before >= MIN_RISE and share >= MIN_RATIO * share_before:
            yield RisingWarnings(model, share, share_before)


def _sum(periods: Iterable[Period]) -> Counts:
    return sum((each.counts for each in periods), Counts())


def _doubtful(workspace: Workspace, since: datetime) -> Iterable[Dataset]:
    """Tables that were read with warnings, and neither changed in their readings nor trained with."""
    datasets = Dataset.objects.filter(workspace=workspace, created_at__gte=since).with_data()
    untouched = datasets.filter(training_runs=None, reading_changes=None).exclude(warnings=[])
    return untouched.only("pk", "name", "warnings", "created_at")[:SHOWN]
