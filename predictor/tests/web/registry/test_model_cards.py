"""The model card as a page, as a file, and through the API."""

from __future__ import annotations

from django.test import Client

from predictor.models import ModelVersion, RegisteredModel, User
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.served_versions import EVIL_NUMBER


def test_the_page_and_the_file_say_the_same(client: Client, viewer: User, version: ModelVersion) -> None:
    client.force_login(viewer)

    page = client.get(url("version-card", "churn", 1)).content.decode()
    file = client.get(url("version-card-markdown", "churn", 1))

    for heading in ("Intended use", "Data", "Features", "Metrics", "Limits and warnings", "Technique"):
        assert f">{heading}</h2>" in page
        assert f"\n## {heading}\n" in file.content.decode()
    assert EVIL_NUMBER not in page
    assert "Write what it is for" not in page
    assert file["Content-Type"] == "text/markdown; charset=utf-8"
    assert file["Content-Disposition"] == 'attachment; filename="churn-1.md"'


def test_members_write_what_it_is_for(
    client: Client, member: User, model: RegisteredModel, version: ModelVersion
) -> None:
    client.force_login(member)

    page = client.post(
        url("version-card", "churn", 1),
        {"description": "For letters.\r\n<i>Not</i> for prices."},
        follow=True,
    ).content.decode()
    refused = client.post(url("version-card", "churn", 1), {"description": "x" * 10_001}, follow=True)

    model.refresh_from_db()
    assert model.description == "For letters.\n<i>Not</i> for prices."
    assert "&lt;i&gt;Not&lt;/i&gt; for prices." in page
    assert "at most 10,000 characters" in refused.content.decode()


def test_viewers_do_not(client: Client, viewer: User, model: RegisteredModel, version: ModelVersion) -> None:
    client.force_login(viewer)

    assert client.post(url("version-card", "churn", 1), {"description": "x"}).status_code == 403
    model.refresh_from_db()
    assert model.description == ""


def test_the_api_gives_markdown(client: Client, viewer: User, version: ModelVersion) -> None:
    client.force_login(viewer)
    address = "/api/v1/acme/models/churn/versions/1/card"

    found = client.get(address)

    assert found["Content-Type"] == "text/markdown; charset=utf-8"
    assert found.content.decode() == client.get(url("version-card-markdown", "churn", 1)).content.decode()
    assert client.get(address, headers={"Accept": "text/markdown"}).status_code == 200
    assert client.get(address.replace("/1/", "/9/")).status_code == 404
