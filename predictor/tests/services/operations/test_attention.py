from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from predictor.models import (
    BatchPrediction,
    Dataset,
    JobStatus,
    ModelAlias,
    RegisteredModel,
    TrainingRun,
    Workspace,
)
from predictor.services.operations import attention
from predictor.services.operations.attention import Attention
from predictor.services.prediction_log.activity import Counts, Period
from predictor.tests.services.versions import publish
from predictor.tests.web.tables import bare_dataset, make_run


def found(workspace: Workspace, days: dict[int, list[Period]] | None = None) -> Attention:
    models = list(RegisteredModel.objects.filter(workspace=workspace)) if days else []
    return attention.of_workspace(workspace, models, days or {})


def failed(dataset: Dataset, days_ago: float = 1) -> TrainingRun:
    ended = timezone.now() - timedelta(days=days_ago)
    return make_run(dataset, status=JobStatus.FAILED, error="No rows.", finished_at=ended)


def thirty_days(before: tuple[int, int], now: tuple[int, int]) -> list[Period]:
    """All rows (n, with warnings) of a part on its last day."""
    days = [Counts() for _ in range(30)]
    days[22], days[29] = (Counts(n_rows=n, n_with_warnings=warned) for n, warned in (before, now))
    return [Period(datetime(2026, 3, 1, tzinfo=UTC), each) for each in days]


def test_nothing_needs_anybody_in_a_new_workspace(workspace: Workspace) -> None:
    assert found(workspace).n == 0


def test_failed_runs_until_a_later_one_succeeds(workspace: Workspace, other_workspace: Workspace) -> None:
    dataset = bare_dataset(workspace)
    failed(dataset, days_ago=40)
    failed(bare_dataset(other_workspace, 2))
    recent = failed(dataset)

    assert list(found(workspace).failed_runs) == [recent]
    make_run(dataset, status=JobStatus.SUCCEEDED)
    assert found(workspace).failed_runs == []


def test_failed_batches(workspace: Workspace) -> None:
    version = publish(RegisteredModel.objects.create(workspace=workspace, slug="m", name="M"))
    batch = BatchPrediction.objects.create(
        workspace=workspace, registered_model=version.registered_model, model_version=version, filename="a.csv",
        format="csv", n_bytes=1, request_id="r", status=JobStatus.FAILED, error="Broken.", finished_at=timezone.now(),
    )  # fmt: skip

    assert list(found(workspace).failed_batches) == [batch]


def test_models_that_have_versions_and_no_champion(workspace: Workspace) -> None:
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")
    assert found(workspace).models_without_champion == []
    publish(model)
    assert found(workspace).models_without_champion == []

    ModelAlias.objects.all().delete()

    assert list(found(workspace).models_without_champion) == [model]


@pytest.mark.parametrize(
    ("before", "now", "is_named"),
    [
        ((1_000, 100), (200, 60), True),  # 10 % became 30 %
        ((1_000, 0), (100, 5), True),
        ((1_000, 100), (200, 20), False),
        ((1_000, 10), (200, 8), False),  # 1 % became 4 %: less than five points more
        ((1_000, 400), (200, 120), False),  # 40 % became 60 %: less than twice
        ((1_000, 0), (99, 50), False),  # too few rows to say
        ((99, 0), (200, 100), False),
    ],
)
def test_a_rising_share_of_warnings(
    workspace: Workspace, before: tuple[int, int], now: tuple[int, int], is_named: bool
) -> None:
    model = RegisteredModel.objects.create(workspace=workspace, slug="m", name="M")

    rising = found(workspace, {model.pk: thirty_days(before, now)}).rising_warnings

    assert [each.registered_model for each in rising] == ([model] if is_named else [])


def test_tables_read_with_warnings_until_somebody_trains(workspace: Workspace) -> None:
    bare_dataset(workspace)
    doubtful = bare_dataset(workspace, 2, warnings=["Column a: 01/02/2024 may be two days."])

    assert list(found(workspace).doubtful_datasets) == [doubtful]
    make_run(doubtful)
    assert found(workspace).doubtful_datasets == []


def test_each_list_is_bounded(workspace: Workspace) -> None:
    dataset = bare_dataset(workspace)
    for _ in range(attention.SHOWN + 3):
        failed(dataset)

    assert len(found(workspace).failed_runs) == attention.SHOWN
