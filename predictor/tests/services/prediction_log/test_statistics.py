from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from predictor.models import ModelVersion, PredictionLog, RegisteredModel, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import statistics, summary
from predictor.services.prediction_log.statistics import VersionStatistics
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row

NOON = datetime(2026, 1, 2, 12, 0, 0, 250_000, tzinfo=UTC)
NOON_MS = 1_767_355_200_250  # date -u -d 2026-01-02T12:00:00.250 +%s%3N


@pytest.fixture
def models(workspace: Workspace) -> list[RegisteredModel]:
    """The second comes first by its slug."""
    return [RegisteredModel.objects.create(workspace=workspace, slug=slug, name=slug) for slug in ("b", "a")]


def test_rows_requests_and_time_are_counted_from_the_log(models: list[RegisteredModel]) -> None:
    version = publish(models[0])
    log_row(version, row_number=1, latency_ms=1.5, created_at=NOON - timedelta(days=1))
    for number in (1, 2, 3):  # one request of three rows: its time counts once
        log_row(version, row_number=number, latency_ms=2.25, created_at=NOON)

    assert statistics.of_versions(models) == [
        VersionStatistics(
            model="b", version=1, n_rows=4, n_requests=2, last_at_ms=NOON_MS, total_ns=3_750_000
        )
    ]


def test_a_version_that_was_never_asked_has_zeros(models: list[RegisteredModel]) -> None:
    publish(models[0])

    assert statistics.of_versions(models) == [VersionStatistics("b", 1, 0, 0, 0, 0)]


def test_versions_are_ordered_by_slug_and_number_and_archived_ones_left_out(
    models: list[RegisteredModel],
) -> None:
    for model in models:
        for _ in range(3):
            log_row(publish(model))
    ModelVersion.objects.filter(registered_model=models[0], number=2).update(archived_at=timezone.now())

    found = statistics.of_versions(models)

    assert [(each.model, each.version) for each in found] == [
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("b", 1),
        ("b", 3),
    ]
    assert {each.n_rows for each in found} == {1}


def test_only_the_versions_asked_for_are_counted_archived_or_not(models: list[RegisteredModel]) -> None:
    first, second, third = (publish(models[0]) for _ in range(3))
    for version in (first, second, third):
        log_row(version)
    ModelVersion.objects.filter(pk=third.pk).update(archived_at=timezone.now())

    found = statistics.of_versions(models, [third, first])

    assert [(each.version, each.n_rows) for each in found] == [(1, 1), (3, 1)]


def test_no_versions_have_no_statistics(models: list[RegisteredModel]) -> None:
    publish(models[0])

    assert statistics.of_versions([]) == []
    assert statistics.of_versions(models, []) == []
    assert statistics.of_versions(models[1:]) == []


def test_the_number_of_queries_does_not_grow(
    models: list[RegisteredModel], django_assert_num_queries: Any
) -> None:
    for model in models:
        log_row(publish(model))

    with django_assert_num_queries(2):
        statistics.of_versions(models)


def test_counted_uncounted_late_and_deleted_rows_are_one_sum(
    models: list[RegisteredModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(models[0])
    monkeypatch.setattr(summary, "timezone", SimpleNamespace(now=lambda: NOON))
    old, counted, late, new = (
        {"pk": first_id_at(NOON + timedelta(hours=hours)), "created_at": NOON, "latency_ms": 1.0}
        for hours in (-48, -3, -5, 1)
    )
    log_row(version, **old)
    log_row(version, **counted)
    retention_time = NOON - timedelta(days=1)
    summary.run()
    PredictionLog.objects.filter(pk__lt=first_id_at(retention_time)).delete()
    log_row(version, **late)
    log_row(version, **new)

    found = statistics.of_versions(models)

    assert found == [VersionStatistics("b", 1, 4, 4, NOON_MS, 4_000_000)]
    summary.run()
    assert statistics.of_versions(models) == found
