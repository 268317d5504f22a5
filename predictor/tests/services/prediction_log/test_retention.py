from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import InvalidInput
from predictor.models import ModelVersion, PredictionLog, User, Workspace
from predictor.models.prediction_log import first_id_at, moment_of
from predictor.services import registry
from predictor.services.prediction_log import log_pages, retention
from predictor.services.prediction_log.prediction_log import LogSearch
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


# --- The indexes behind the log page -----------------------------------------------------------------------
SEARCHES: dict[str, tuple[dict[str, Any], str]] = {
    "newest": ({}, "prediction_log_workspace_id"),
    "older": ({"before": True}, "prediction_log_workspace_id"),
    "one version": ({"model": "m"}, "prediction_log_version_id"),
    "a time": ({"since": datetime(2026, 1, 1, tzinfo=UTC)}, "prediction_log_workspace_id"),
    "a request": ({"request_id": "r"}, "prediction_log_request_id"),
    "a text": ({"text": "berlin"}, "prediction_log_workspace_id"),
}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL plans by what the tables hold.")
@pytest.mark.parametrize("name", SEARCHES)
def test_log_pages_use_an_index_without_sorting(
    version: ModelVersion, workspace: Workspace, name: str
) -> None:
    wanted, index = SEARCHES[name]
    before = first_id_at(timezone.now()) if wanted.pop("before", False) else None
    plans = explained(lambda: log_pages.page(workspace, LogSearch(**wanted), before=before))

    assert index in plans
    assert "SCAN predictor_predictionlog" not in plans
    assert "TEMP B-TREE" not in plans


def explained(ask: Any) -> str:
    """The plans of all queries on the log that `ask` makes."""
    asked: list[tuple[str, Any]] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        ask()
    plans = []
    with connection.cursor() as cursor:
        for sql, params in asked:
            if "predictor_predictionlog" in sql:
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
                plans += [row[3] for row in cursor.fetchall()]
    return "\n".join(plans)


def test_a_request_is_found_however_old_it_is(
    version: ModelVersion, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_pages, "WINDOW", 3)
    model = version.registered_model
    for number in range(6):
        predicting.predict(model, rows=[{"x1": 1}], by=None, request_id=f"r-{number}")

    page = log_pages.page(workspace, LogSearch(request_id="r-0"))

    assert [row.request_id for row in page.rows] == ["r-0"]
    assert (page.older, page.searched_back_to) == (None, None)


def test_a_rows_id_holds_its_time(version: ModelVersion) -> None:
    predicting.predict(version.registered_model, rows=[{"x1": 1}], by=None)

    row = PredictionLog.objects.get()
    assert row.created_at == moment_of(row.pk)
    assert abs(row.created_at - timezone.now()) < timedelta(minutes=5)
