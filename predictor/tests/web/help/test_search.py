from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from predictor.models import User, Workspace
from predictor.tests.web.tables import upload


@pytest.fixture
def dataset_name(workspace: Workspace, admin: User) -> str:
    return upload(workspace, admin).name


def hits(client: Client, text: str) -> list[tuple[str, str, str]]:
    answer = client.get(reverse("search-hits", args=["acme"]), {"q": text}).json()
    return [(each["kind"], each["title"], each["url"]) for each in answer["hits"]]


def test_a_dataset_is_found_with_the_action_to_train_on_it(
    client: Client, member: User, dataset_name: str
) -> None:
    client.force_login(member)

    kinds = [kind for kind, _, _ in hits(client, dataset_name)]

    assert kinds == ["dataset", "action"]
    for _, _, url in hits(client, dataset_name):
        assert client.get(url).status_code == 200


def test_a_viewer_is_offered_no_action_that_they_may_not_do(
    client: Client, viewer: User, dataset_name: str
) -> None:
    client.force_login(viewer)

    answer = client.get(reverse("search-places", args=["acme"])).json()

    assert [kind for kind, _, _ in hits(client, dataset_name)] == ["dataset"]
    assert {each["title"] for each in answer["places"] if each["kind"] == "action"} == {"Create a token"}


def test_every_page_that_is_offered_can_be_opened(client: Client, admin: User) -> None:
    client.force_login(admin)

    for each in client.get(reverse("search-places", args=["acme"])).json()["places"]:
        assert client.get(each["url"]).status_code in (200, 302), each["url"]


def test_the_search_page_works_without_scripts(client: Client, member: User, dataset_name: str) -> None:
    client.force_login(member)

    page = client.get(reverse("search", args=["acme"]), {"q": dataset_name}).content.decode()
    pages = client.get(reverse("search", args=["acme"]), {"q": "glossary"}).content.decode()
    nothing = client.get(reverse("search", args=["acme"]), {"q": "<script>"}).content.decode()

    assert f"</i> {dataset_name}</a>" in page
    assert 'href="/help/glossary/"' in pages
    assert "Nothing found" in nothing
    assert "<script>&" not in nothing
