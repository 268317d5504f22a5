"""Explanations of a prediction: next to the form's answer, and on the page of a logged prediction."""

from __future__ import annotations

import pytest
from django.test import Client

from predictor.models import ModelVersion, PredictionLog, User
from predictor.tests.web.prediction_pages import form_data, log_row, url
from predictor.tests.web.served_versions import EVIL_NUMBER
from predictor.web.predictions.contributions import N_BARS, contributions_of


def test_the_form_shows_an_explanation_and_the_log_stores_it(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    data = form_data(client.get(url("predict", "churn")).content.decode())

    page = client.post(url("predict", "churn"), data).content.decode()

    logged = PredictionLog.objects.get()
    explanation, output = logged.output["explanation"], logged.output
    summed = explanation["base"] + sum(explanation["contributions"].values())
    assert summed == pytest.approx(max(output["probabilities"].values()), abs=1e-6)
    kept = client.get(url("prediction-detail", logged.pk)).content.decode()
    for text in (page, kept):
        assert "Why this answer" in text
        assert "Probability of “" in text
        assert EVIL_NUMBER not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_version_without_background_rows_answers_and_says_why_it_cannot_explain(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    page = client.post(url("predict", "article"), {"f0": "1", "f1": "2"}).content.decode()

    assert "−0.4" in page or "-0.4" in page
    assert "stored without the training rows" in page
    assert "explanation" not in PredictionLog.objects.get().output


def test_a_logged_row_without_explanation_has_no_chart(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    page = client.get(url("prediction-detail", log_row(linear).pk)).content.decode()

    assert "Why this answer" not in page


def test_bars_lead_from_the_mean_to_the_answer() -> None:
    found = contributions_of(
        {"base": 10.0, "class": None, "contributions": {"a": -1.0, "b": 4.0}}, {"a": 3, "b": None}, "price"
    )

    assert found is not None
    assert (found.of, found.base, found.answer) == ("price", "10", "13")
    b, a = found.steps
    assert [(each.name, each.value, each.said, each.is_up) for each in (b, a)] == [
        ("b", "missing", "+4", True),
        ("a", "3", "−1", False),
    ]
    assert (found.base_at, b.x, b.x + b.width) == (0.0, 0.0, 100.0)
    assert (a.x, a.x + a.width, found.answer_at) == (75.0, 100.0, 75.0)


def test_many_columns_are_drawn_as_one_remainder() -> None:
    changes = {f"c{place}": float(place) for place in range(20)}
    found = contributions_of({"base": 0.0, "class": "x", "contributions": changes}, {}, "y")

    assert found is not None
    assert len(found.steps) == N_BARS + 1
    assert found.steps[-1].name == "12 other columns"
    assert len(found.rest) == 12
    assert found.steps[-1].said == "+6600.0 points"
