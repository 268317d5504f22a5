from __future__ import annotations

import csv
import io
import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import url


@pytest.fixture
def versions(workspace: Workspace, member: User) -> list[ModelVersion]:
    """Six versions; the third serves under two aliases, the fifth is archived, the sixth is not compiled."""
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    made = [publish(model) for _ in range(6)]
    for place, version in enumerate(made):
        version.metrics = {**version.metrics, "r2": (place * 5 % 6) / 10}
        version.estimator = f"Forest {place % 2}"
        version.task = "regression"
        version.is_compiled = place < 5
        version.save()
    for alias in ("champion", "second"):
        registry.set_alias(registered_model=model, alias=alias, model_version=made[2], by=member)
    ModelVersion.objects.filter(pk=made[4].pk).update(archived_at=made[4].created_at)
    return made


def numbers(client: Client, query: str = "") -> list[int]:
    page = client.get(url("model-versions", "churn") + query).content.decode()
    return [int(each) for each in re.findall(r"/versions/(\d+)/\">Version \d+</a>", page)]


def test_versions_sort_by_their_metrics_and_come_newest_first(
    client: Client, viewer: User, versions: list[ModelVersion]
) -> None:
    client.force_login(viewer)

    assert numbers(client) == [6, 5, 4, 3, 2, 1]
    by_r2 = sorted(range(1, 7), key=lambda number: (number - 1) * 5 % 6)
    assert numbers(client, "?sort=r2") == by_r2
    assert numbers(client, "?sort=-r2") == by_r2[::-1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?state=aliased", [3]),
        ("?state=archived", [5]),
        ("?state=active", [6, 4, 3, 2, 1]),
        ("?engine=False", [6]),
        ("?q=forest+1", [6, 4, 2]),
        ("?q=forest+1&state=aliased", []),
        ("?before=3", [2, 1]),
    ],
)
def test_versions_are_filtered(
    client: Client, viewer: User, versions: list[ModelVersion], query: str, expected: list[int]
) -> None:
    client.force_login(viewer)

    assert numbers(client, query) == expected


def test_versions_are_chosen_for_comparison_and_come_as_a_file(
    client: Client,
    viewer: User,
    versions: list[ModelVersion],
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    client.force_login(viewer)

    with django_assert_max_num_queries(17):
        page = client.get(url("model-versions", "churn")).content.decode()
    rows = list(
        csv.reader(
            io.StringIO(
                client.get(url("model-versions", "churn") + "?format=csv&state=archived").content.decode()
            )
        )
    )

    boxes = re.findall(r'type="checkbox" form="compare-versions" name="version" value="(\d+)"', page)
    assert boxes == ["6", "5", "4", "3", "2", "1"]
    assert f'id="compare-versions" method="get" action="{url("version-compare", "churn")}"' in page
    assert [row[0] for row in rows] == ["version", "5"]
    assert len(rows[0]) == len(rows[1])


def test_hidden_columns_are_kept_and_the_head_says_their_places(
    client: Client, viewer: User, versions: list[ModelVersion]
) -> None:
    client.force_login(viewer)
    address = url("model-versions", "churn")

    page = client.get(address, {"col": ["number", "r2"]}).content.decode()
    again = client.get(address).content.decode()
    every = client.get(address, {"col": ["number", "estimator", "r2", "rmse", "mae", "served", "made"]})

    assert 'data-hide="2 4 5 6 7"' in page
    assert 'data-hide="2 4 5 6 7"' in again
    assert "data-hide" not in every.content.decode()
