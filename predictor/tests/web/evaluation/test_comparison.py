"""The page that compares versions, and promotion with what it changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, RegisteredModel, User
from predictor.services import registry
from predictor.tests.services.registry.test_comparison import examples, judged
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.served_versions import publish_served
from predictor.web.evaluation.comparison_charts import overlaid_charts


def three(model: RegisteredModel) -> list[ModelVersion]:
    y, poor, good = examples(Task.REGRESSION)
    return [judged(model, Task.REGRESSION, y, each) for each in (poor, good, poor * 1.0)]


def test_three_versions_stand_side_by_side(client: Client, viewer: User, model: RegisteredModel) -> None:
    three(model)
    client.force_login(viewer)

    response = client.get(url("version-compare", "churn"), {"version": ["1", "2", "3"]})

    page = response.content.decode()
    assert [each.number for each in response.context["versions"]] == [1, 2, 3]
    assert "Version 2 is better than version 1" in page
    assert ">better<" in page
    assert page.count("no clear difference") >= 1
    assert "0 of 200 (0 %)" in page  # version 3 answers as version 1 does


def test_the_base_is_chosen(client: Client, viewer: User, model: RegisteredModel) -> None:
    three(model)
    client.force_login(viewer)

    page = client.get(url("version-compare", "churn"), {"version": ["1", "2"], "base": "2"}).content.decode()

    assert "Compared with version 2" in page
    assert ">worse<" in page


def test_an_older_link_with_two_versions_still_works(
    client: Client, viewer: User, model: RegisteredModel
) -> None:
    three(model)
    client.force_login(viewer)

    response = client.get(url("version-compare", "churn"), {"a": "2", "b": "1"})

    assert [each.number for each in response.context["versions"]] == [2, 1]


@pytest.mark.parametrize("query", [{}, {"version": "1"}, {"a": "1", "b": "1"}])
def test_fewer_than_two_versions_open_the_choice(
    client: Client, viewer: User, model: RegisteredModel, query: dict[str, str]
) -> None:
    three(model)
    client.force_login(viewer)

    page = client.get(url("version-compare", "churn"), query).content.decode()

    assert '<details class="panel" id="choose" open>' in page
    assert page.count('type="checkbox" name="version"') == 3
    assert 'id="verdict"' not in page


def test_more_than_ten_versions_are_refused(client: Client, viewer: User, model: RegisteredModel) -> None:
    for _ in range(11):
        publish(model)
    client.force_login(viewer)

    response = client.get(url("version-compare", "churn"), {"version": list(range(1, 12))})

    assert response.status_code == 400
    assert "2 to 10 different versions can be compared." in response.content.decode()


@pytest.mark.parametrize(
    "query", [{"version": ["1", "x"]}, {"version": ["1", "99"]}, {"version": ["1", "٣"]}]
)
def test_versions_that_do_not_exist_are_404(
    client: Client, viewer: User, model: RegisteredModel, query: Any
) -> None:
    publish(model)
    client.force_login(viewer)

    assert client.get(url("version-compare", "churn"), query).status_code == 404


def test_the_page_needs_as_many_queries_for_ten_versions_as_for_two(
    client: Client, viewer: User, model: RegisteredModel, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        publish(model)
    client.force_login(viewer)

    for numbers in (["1", "2"], [str(each) for each in range(1, 11)]):
        with django_assert_max_num_queries(14):
            client.get(url("version-compare", "churn"), {"version": numbers})


def test_curves_of_all_versions_are_in_one_chart(model: RegisteredModel, member: User) -> None:
    first = publish_served(model)
    rule = {"by": "fixed", "value": 0.9}
    other = registry.publish_with_threshold(model_version=first, rule=rule, by=member)

    charts = {each.id: each for each in overlaid_charts([first, other])}

    assert set(charts) >= {"roc", "precision-recall", "calibration"}
    assert [each["name"] for each in charts["roc"].data["series"]] == ["Version 1", "Version 2"]
    roc = first.evaluation["per_class"][1]["roc"]
    expected = [
        list(each) for each in zip(roc["false_positive_rate"], roc["true_positive_rate"], strict=True)
    ]
    assert charts["roc"].data["series"][0]["points"] == expected


def test_promotion_says_what_changes_for_callers(
    client: Client, member: User, model: RegisteredModel
) -> None:
    signature = Signature(
        "y", Task.REGRESSION, (FeatureField("age", Role.NUMERIC), FeatureField("größe", Role.NUMERIC))
    )
    publish(model)
    publish(model, signature=signature.to_json())
    client.force_login(member)

    page = client.get(url("alias-set", "churn", "champion"), {"version": "2"}).content.decode()

    assert "New columns that callers have to send: " in page
    assert "“größe”" in page
    assert "can break requests" in page
    assert "Columns that are no longer read" in page
    assert f"{url('version-compare', 'churn')}?version=1&amp;version=2" in page
    client.post(url("alias-set", "churn", "champion"), {"version": "2"})
    back = client.get(url("alias-roll-back", "churn", "champion")).content.decode()
    assert "champion will serve version 1 again, in place of version 2." in back
    assert "Columns that are no longer read" in back


def test_promotion_of_an_equal_version_changes_nothing_for_callers(
    client: Client, member: User, model: RegisteredModel
) -> None:
    publish(model)
    publish(model)
    client.force_login(member)

    page = client.get(url("alias-set", "churn", "champion"), {"version": "2"}).content.decode()

    assert "Nothing changes for callers" in page
