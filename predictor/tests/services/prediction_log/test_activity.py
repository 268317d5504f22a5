from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from pytest_django import DjangoAssertNumQueries

from predictor.errors import InvalidInput
from predictor.models import ModelVersion, RegisteredModel, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import activity, summary
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row

# A Wednesday.
NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)


@pytest.fixture
def version(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    for module in (activity, summary):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: NOW))
    return publish(RegisteredModel.objects.create(workspace=workspace, slug="m", name="M"))


def predicted(version: ModelVersion, at: datetime, n: int = 1, **more: object) -> None:
    for place in range(n):
        log_row(version, pk=first_id_at(at + timedelta(milliseconds=place)), created_at=at, **more)


def test_the_last_24_hours_end_with_the_one_that_is_not_over(version: ModelVersion) -> None:
    predicted(version, NOW - timedelta(minutes=10), 3)
    predicted(version, datetime(2026, 3, 17, 11, 0, tzinfo=UTC), 2)
    predicted(version, datetime(2026, 3, 17, 10, 59, tzinfo=UTC))  # before them
    summary.run()

    found = activity.of_model(version.registered_model, span="day")

    assert (found.unit, len(found.periods)) == ("hour", 24)
    assert (found.since, found.until) == (
        datetime(2026, 3, 17, 11, tzinfo=UTC),
        datetime(2026, 3, 18, 11, tzinfo=UTC),
    )
    assert [each.counts.n_rows for each in found.periods] == [2, *[0] * 22, 3]


def test_the_hours_of_one_day(version: ModelVersion) -> None:
    predicted(version, datetime(2026, 3, 10, 23, 59, 59, tzinfo=UTC))
    predicted(version, datetime(2026, 3, 11, 0, 0, tzinfo=UTC))
    summary.run()

    found = activity.of_model(version.registered_model, span="day", day=date(2026, 3, 10))

    assert [each.counts.n_rows for each in found.periods] == [*[0] * 23, 1]


def test_thirty_days_are_days_of_utc(version: ModelVersion) -> None:
    predicted(version, datetime.fromisoformat("2026-03-18T00:30+02:00"))  # the 17th in UTC
    predicted(version, datetime(2026, 2, 17, 0, 0, tzinfo=UTC), 2)
    predicted(version, datetime(2026, 2, 16, 23, 59, tzinfo=UTC))
    summary.run()

    found = activity.of_model(version.registered_model)

    assert found.periods[0].start == datetime(2026, 2, 17, tzinfo=UTC)
    assert [each.counts.n_rows for each in found.periods] == [2, *[0] * 27, 1, 0]


def test_weeks_begin_on_monday(version: ModelVersion) -> None:
    predicted(version, datetime(2026, 3, 15, 23, 0, tzinfo=UTC))  # a Sunday
    predicted(version, datetime(2026, 3, 16, 1, 0, tzinfo=UTC), 2)
    summary.run()

    found = activity.of_model(version.registered_model, span="year")

    assert (found.unit, len(found.periods)) == ("week", 53)
    assert found.periods[-1].start == datetime(2026, 3, 16, tzinfo=UTC)
    assert [each.counts.n_rows for each in found.periods[-2:]] == [1, 2]


def test_versions_are_added_up_or_read_alone(version: ModelVersion) -> None:
    second = publish(version.registered_model)
    predicted(version, NOW - timedelta(hours=1), output={"prediction": 3.0}, warnings=[{"code": "missing"}])
    predicted(second, NOW - timedelta(hours=2), 2, source="form", latency_ms=4.0, row_number=1)
    summary.run()

    both = activity.of_model(version.registered_model)
    alone = activity.of_model(version.registered_model, version=version)

    assert (both.total.n_rows, both.total.n_with_warnings, both.outcomes) == (3, 1, None)
    assert both.total.mean_latency_ms == pytest.approx((1.0 + 4.0 + 4.0) / 3)
    assert (both.sources, both.warnings) == ({"api": 1, "form": 2}, {"missing": 1})
    assert alone.total.n_rows == 1
    assert alone.total.warning_share == 1
    assert alone.total.mean_score == 3
    assert alone.outcomes is not None
    assert (alone.outcomes.score_min, alone.outcomes.score_max) == (3, 3)


def test_an_unknown_range_is_refused(version: ModelVersion) -> None:
    with pytest.raises(InvalidInput, match="day, 30d, year, not 'century'"):
        activity.of_model(version.registered_model, span="century")


def test_nothing_was_predicted(version: ModelVersion) -> None:
    found = activity.of_model(version.registered_model, version=version)

    assert (found.total.n_rows, found.total.warning_share, found.outcomes) == (0, None, None)


def test_the_days_of_many_models_take_one_statement(
    version: ModelVersion, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    other = publish(
        RegisteredModel.objects.create(workspace=version.registered_model.workspace, slug="o", name="O")
    )
    predicted(version, NOW - timedelta(days=29))
    predicted(other, NOW - timedelta(hours=3), 2)
    summary.run()
    both = [version.registered_model, other.registered_model]

    with django_assert_num_queries(1):
        found = activity.of_models(both)

    assert [each.counts.n_rows for each in found[both[0].pk]] == [1, *[0] * 29]
    assert [each.counts.n_rows for each in found[both[1].pk]] == [*[0] * 29, 2]
    assert activity.last_predicted_at(both)[both[1].pk] == NOW - timedelta(hours=3)
