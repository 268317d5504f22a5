from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.test import Client

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services.prediction_log import activity, summary
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row, url

NOW = datetime(2026, 3, 18, 10, 30, tzinfo=UTC)


@pytest.fixture
def version(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> ModelVersion:
    for module in (activity, summary):
        monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: NOW))
    version = publish(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn"))
    for hours, n in ((1, 3), (30, 2), (24 * 100, 5)):
        for place in range(n):
            at = NOW - timedelta(hours=hours, milliseconds=place)
            log_row(
                version, pk=first_id_at(at), created_at=at, warnings=[{"code": "a"}] if place == 2 else []
            )
    summary.run()
    return version


@pytest.mark.parametrize(
    ("query", "words", "description"),
    [
        (
            "",
            "the last 30 days",
            "5 predictions in 2 days; most, 3, in the day of 18 Mar 2026. 20 % with warnings.",
        ),
        (
            "range=day",
            "the last 24 hours",
            "3 predictions in 1 hour; most, 3, in the hour of 18 Mar 2026, 09:00 to 10:00",
        ),
        ("range=year", "the last year", "10 predictions in 2 weeks; most, 5, in the week of"),
        ("day=2026-03-17", "Predictions on 17 Mar 2026 (UTC)", "2 predictions in 1 hour"),
        ("range=century", "the last 30 days", "5 predictions"),
        ("day=2026-02-31", "the last 30 days", "5 predictions"),
        ("day=0001-01-01", "the last 30 days", "5 predictions"),
        ("day=9998-12-31", "31 Dec 9998 (UTC)", "No predictions on 31 Dec 9998"),
        ("day=9999-12-31", "the last 30 days", "5 predictions"),
    ],
)
def test_the_page_draws_the_range_that_was_chosen(
    client: Client, viewer: User, version: ModelVersion, query: str, words: str, description: str
) -> None:
    client.force_login(viewer)

    page = client.get(f"{url('model-monitor', 'churn')}?{query}").text

    assert words in page
    assert description in page


def test_the_chart_is_an_image_with_words_and_a_table(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)

    page = " ".join(client.get(url("model-monitor", "churn")).text.split())

    assert 'aria-labelledby="activity-chart-title activity-chart-desc"' in page
    assert "<title>18 Mar 2026: 3 predictions, 1 with warnings</title>" in page
    assert '<a href="/w/acme/models/churn/monitor/?day=2026-03-17#activity">17 Mar 2026</a>' in page
    assert "Asked by REST API (5)." in page
    assert "style=" not in page[page.index('id="activity"') :]


def test_a_model_without_predictions_says_so(client: Client, viewer: User, workspace: Workspace) -> None:
    publish(RegisteredModel.objects.create(workspace=workspace, slug="new", name="New"))
    client.force_login(viewer)

    assert "No predictions in the last 30 days." in client.get(url("model-monitor", "new")).text
