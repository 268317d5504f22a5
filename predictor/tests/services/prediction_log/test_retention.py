from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import InvalidInput
from predictor.models import ModelVersion, PredictionHour, PredictionLog, PredictionTotal, User, Workspace
from predictor.models.prediction_log import first_id_at, moment_of
from predictor.services import registry
from predictor.services.prediction_log import retention
from predictor.tests import predicting


@pytest.fixture
def version(workspace: Workspace, member: User) -> ModelVersion:
    return registry.register_linear(workspace=workspace, name="m", coefficients=[1], intercept=0, by=member)


def log(version: ModelVersion, days_ago: float) -> None:
    predicting.predict(version.registered_model, rows=[{"x1": 1}], by=None)
    newest = PredictionLog.objects.order_by("-id")[:1].get()
    PredictionLog.objects.filter(pk=newest.pk).delete()
    newest.pk = first_id_at(timezone.now() - timedelta(days=days_ago))
    newest.save(force_insert=True)


def test_rows_past_their_retention_time_are_deleted_and_others_stay(
    version: ModelVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 2)
    for days_ago in (400, 91, 90.5, 89, 1):
        log(version, days_ago)
    settings.LOG_RETENTION_DAYS = 90

    assert retention.prune() == 3
    assert PredictionLog.objects.count() == 2
    assert retention.prune() == 0


def test_without_the_setting_everything_is_kept(version: ModelVersion) -> None:
    log(version, 10_000)

    assert retention.prune() == 0


def test_the_command_prints_how_many_rows_were_deleted(version: ModelVersion) -> None:
    log(version, 8)
    said = io.StringIO()

    call_command("prune", days=7, stdout=said)

    assert said.getvalue() == "1 rows of the prediction log were deleted.\n"
    with pytest.raises(CommandError, match="not -1"):
        call_command("prune", days=-1)
    with pytest.raises(InvalidInput):
        retention.prune(days=10**9)


def test_deleted_rows_stay_counted_and_the_summary_has_a_retention_time_of_its_own(
    version: ModelVersion, settings: Settings
) -> None:
    for days_ago in (40, 20, 20, 1):
        log(version, days_ago)
    assert retention.prune(days=10) == 3
    assert sum(PredictionHour.objects.values_list("n_rows", flat=True)) == 4

    settings.SUMMARY_RETENTION_DAYS = 30
    # Rows of this test have the time of their prediction, today, in `created_at`.
    PredictionHour.objects.update(hour=F("hour") - timedelta(days=31))
    n_deleted = retention.prune_summary()

    assert n_deleted >= 1
    assert not PredictionHour.objects.exists()
    assert PredictionTotal.objects.get().n_rows == 4
    settings.SUMMARY_RETENTION_DAYS = 0
    assert retention.prune_summary() == 0


def test_a_rows_id_holds_its_time(version: ModelVersion) -> None:
    predicting.predict(version.registered_model, rows=[{"x1": 1}], by=None)

    row = PredictionLog.objects.get()
    assert row.created_at == moment_of(row.pk)
    assert abs(row.created_at - timezone.now()) < timedelta(minutes=5)
