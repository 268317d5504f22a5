"""The page with the slider of thresholds: figures of the server, with and without scripts."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.test import Client

from predictor.ml.calibration.decision_thresholds import Scores
from predictor.models import ModelVersion, RegisteredModel, User
from predictor.services.registry.version_thresholds import scores_of
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.served_versions import publish_served


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return publish_served(model)


def held_out(version: ModelVersion) -> tuple[Any, Any]:
    scores: Scores = scores_of(version)
    return scores.for_class(version.signature.positive).held_out


def test_a_threshold_shows_counts_and_cost(client: Client, member: User, version: ModelVersion) -> None:
    client.force_login(member)
    query = {"value": "0.4", "false_positive": "2", "false_negative": "10"}

    response = client.get(url("version-threshold", "churn", version.number), query)

    is_positive, score = held_out(version)
    hits, alarms = int((is_positive & (score >= 0.4)).sum()), int((~is_positive & (score >= 0.4)).sum())
    figures = response.context["explorer"].figures
    cost = 2 * alarms + 10 * (int(is_positive.sum()) - hits)
    assert (figures["hits"], figures["alarms"], figures["cost"]) == (str(hits), str(alarms), f"{cost:,}")
    assert f'<strong data-figure="hits">{hits}</strong> of <strong>{is_positive.sum()}</strong>' in re.sub(
        r"\s+", " ", response.content.decode()
    )


def test_each_step_of_the_slider_has_the_figures_of_its_threshold(
    client: Client, member: User, version: ModelVersion
) -> None:
    client.force_login(member)
    page = client.get(url("version-threshold", "churn", version.number))
    steps = json.loads(page.context["explorer"].steps_json)

    is_positive, score = held_out(version)
    assert 100 < len(steps["values"]) <= 500
    for step in range(0, len(steps["values"]), 40):
        hits = int((is_positive & (score >= steps["values"][step])).sum())
        assert steps["texts"]["hits"][step] == str(hits)
        assert steps["none"][step] is (hits == 0)
    # The step is looked up by the script; what it shows first is what the server shows.
    assert len(page.content) < 120_000


def test_a_threshold_that_catches_none_is_red(client: Client, member: User, version: ModelVersion) -> None:
    client.force_login(member)
    path = url("version-threshold", "churn", version.number)

    none = client.get(path, {"value": "0.99999"}).content.decode()
    some = client.get(path, {"value": "0.2"}).content.decode()

    assert 'class="threshold-outcome is-none"' in none
    assert re.search(r'<div class="note note-bad" data-none>', none)
    assert "This rule catches none of the" in none
    assert 'class="threshold-outcome"' in some
    assert re.search(r'<div class="note note-bad" data-none hidden>', some)


def test_the_button_makes_the_version_that_was_looked_at(
    client: Client, member: User, version: ModelVersion
) -> None:
    client.force_login(member)
    path = url("version-threshold", "churn", version.number)
    shown = client.get(path, {"value": "0.35"}).context["explorer"]

    client.post(path, {name: str(value) for name, value in shown.hidden})

    made = ModelVersion.objects.order_by("-number").first()
    assert made is not None
    assert (made.threshold, made.made_from) == (0.35, version)
    reported = made.evaluation["decision"]["held_out"]
    assert (str(reported["true_positive"]), str(reported["false_positive"])) == (
        shown.figures["hits"], shown.figures["alarms"],
    )  # fmt: skip


def test_the_choice_of_a_rule_keeps_its_rule(client: Client, member: User, version: ModelVersion) -> None:
    client.force_login(member)
    path = url("version-threshold", "churn", version.number)
    query = {"false_positive": "1", "false_negative": "9"}
    costs = next(
        each
        for each in client.get(path, query).context["explorer"].choices
        if str(each["title"]) == "Lowest cost"
    )

    hidden = dict(client.get(path, {**query, "value": costs["value"]}).context["explorer"].hidden)

    assert (hidden["threshold-by"], hidden["threshold-false_negative"]) == ("cost", 9.0)


@pytest.mark.parametrize(
    "query",
    [{"value": "2"}, {"value": "x"}, {"value": "nan"}, {"false_positive": "-1"}, {"false_negative": "inf"},
     {"by": "luck"}, {"positive_class": "nobody"}, {"at_least": "1"}],
)  # fmt: skip
def test_a_wrong_number_is_named_and_the_rest_is_shown(
    client: Client, member: User, version: ModelVersion, query: dict[str, str]
) -> None:
    client.force_login(member)

    response = client.get(url("version-threshold", "churn", version.number), query)

    assert response.status_code == 200
    assert 'class="text-bad" role="alert"' in response.content.decode()
    assert response.context["explorer"].figures["hits"]


def test_other_tasks_and_versions_without_scores_say_why_there_is_no_slider(
    client: Client, member: User, model: RegisteredModel
) -> None:
    publish(model)
    publish(model, task="binary")
    client.force_login(member)

    regression, old = (client.get(url("version-threshold", "churn", number)) for number in (1, 2))

    assert "A threshold decides between two classes." in regression.content.decode()
    assert "stored without out-of-fold predictions" in old.content.decode()
    assert 'method="post"' not in regression.content.decode().split("<main", 1)[1].split("</main>")[0]


def test_a_viewer_may_not_change_the_threshold(client: Client, viewer: User, version: ModelVersion) -> None:
    client.force_login(viewer)

    assert client.get(url("version-threshold", "churn", version.number)).status_code == 403
