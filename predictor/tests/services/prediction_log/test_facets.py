from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from predictor.models import ModelVersion, RegisteredModel, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import facets, summary
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)
WARNING = {"code": "missing", "column": "x1", "message": "It is missing."}


@pytest.fixture
def versions(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[ModelVersion]:
    for module in (facets, summary):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: NOW))
    models = [RegisteredModel.objects.create(workspace=workspace, slug=slug, name=slug) for slug in "ab"]
    return [publish(models[0]), publish(models[0]), publish(models[1])]


def predicted(version: ModelVersion, days: float, n: int = 1, **more: object) -> None:
    at = NOW - timedelta(days=days)
    for place in range(n):
        start = first_id_at(at + timedelta(milliseconds=place + 10 * version.pk))
        log_row(version, pk=start, created_at=at, **more)


def test_each_filter_is_counted_in_the_last_thirty_days(
    versions: list[ModelVersion], workspace: Workspace
) -> None:
    first, second, other = versions
    predicted(first, 1, 3, source="api")
    predicted(second, 2, 2, source="form", warnings=[WARNING])
    predicted(other, 3, 4, source="batch")
    predicted(first, 31, 5)
    summary.run()

    every = facets.facets_of(workspace)
    of_one = facets.facets_of(workspace, model="a")
    of_version = facets.facets_of(workspace, model="a", version=2)

    assert every.models == {"a": 5, "b": 4}
    assert (every.n_rows, every.n_with_warnings, every.since) == (9, 2, NOW - timedelta(days=30))
    assert every.sources == {"api": 3, "form": 2, "batch": 4}
    assert of_one.versions == {1: 3, 2: 2}
    assert (of_one.n_rows, of_one.models) == (5, {"a": 5, "b": 4})
    assert (of_version.n_rows, of_version.sources) == (2, {"form": 2})
    assert of_version.warnings == {"missing": 2}


def test_days_can_be_chosen_and_other_workspaces_are_not_counted(
    versions: list[ModelVersion], workspace: Workspace, other_workspace: Workspace
) -> None:
    predicted(versions[0], 40, 5)
    predicted(versions[0], 1, 1)
    summary.run()

    found = facets.facets_of(workspace, since=NOW - timedelta(days=50), until=NOW - timedelta(days=39))

    assert found.n_rows == 5
    assert facets.facets_of(other_workspace).n_rows == 0


def test_at_most_so_many_hours_are_read_and_it_is_said(
    versions: list[ModelVersion], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(facets, "MAX_HOURS", 2)
    for days in (1, 2, 3):
        predicted(versions[0], days)
    summary.run()

    found = facets.facets_of(workspace)

    assert found.n_rows == 2
    assert found.since == (NOW - timedelta(days=2)).replace(minute=0)
