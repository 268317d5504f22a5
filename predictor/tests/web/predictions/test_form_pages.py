"""Form settings, published forms, examples, previews and scenarios on the pages of a model."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from predictor.models import ModelVersion, PredictionLog, PublishedForm, User
from predictor.services.registry import form_settings
from predictor.tests.web.prediction_pages import form_data, url
from predictor.web.predictions import scenarios

HTMX = {"HX-Request": "true"}


def typical(client: Client) -> dict[str, str]:
    data = form_data(client.get(url("predict", "churn")).content.decode())
    data.pop("do", None)
    return data


def test_a_preview_answers_and_is_not_logged(client: Client, viewer: User, version: ModelVersion) -> None:
    client.force_login(viewer)
    data = typical(client)

    preview = client.post(url("predict", "churn"), {**data, "do": "preview"}, headers=HTMX).content.decode()
    assert not PredictionLog.objects.exists()
    logged = client.post(url("predict", "churn"), data, headers=HTMX).content.decode()

    assert "not logged" in preview
    assert 'id="explore"' not in preview
    assert 'id="answer-brief" hx-swap-oob' in preview
    assert PredictionLog.objects.count() == 1
    assert url("prediction-detail", PredictionLog.objects.get().pk) in logged


def test_scenarios_stand_side_by_side_and_are_removed(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    data = typical(client)

    client.post(url("predict", "churn"), {**data, "f0": "20", "do": "pin"})
    page = client.post(
        url("predict", "churn"), {**data, "f0": "77", "do": "pin"}, headers=HTMX
    ).content.decode()

    assert 'id="pins" hx-swap-oob' in page
    assert re.search(r'<td class="wrap">20</td>\s*<td class="wrap is-added">77</td>', page)
    assert not PredictionLog.objects.exists()
    page = client.post(url("predict", "churn"), {**data, "do": "unpin-0"}).content.decode()
    assert "Scenario 1" in page
    assert "Scenario 2" not in page
    page = client.post(url("predict", "churn"), {**data, "do": "clear"}, headers=HTMX).content.decode()
    assert "Scenario" not in page
    assert client.post(url("predict", "churn"), {**data, "do": "unpin-x"}).status_code == 200


def test_at_most_six_scenarios_of_five_models_are_kept(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    data = typical(client)

    found = [client.post(url("predict", "churn"), {**data, "do": "pin"}).status_code for _ in range(7)]

    assert found == [200] * 6 + [409]
    session: dict[str, Any] = {}
    for pk in range(9):
        scenarios.pin(session, pk, row={"a": pk}, answer={"label": "x"})
    assert list(session["pinned"]) == ["4", "5", "6", "7", "8"]
    with pytest.raises(scenarios.TooLarge):
        scenarios.pin(session, 99, row={"a": "x" * 60_000}, answer={})


def test_the_form_starts_with_an_example_or_an_own_row(
    client: Client, viewer: User, version: ModelVersion
) -> None:
    client.force_login(viewer)
    client.post(url("predict", "churn"), {**typical(client), "f0": "44"})

    page = client.get(url("predict", "churn")).content.decode()
    example = client.get(url("predict", "churn"), {"example": "class-1"})

    assert "A typical “&lt;b&gt;leave&lt;/b&gt;”" in page
    assert f"from={PredictionLog.objects.get().pk}" in page
    assert "Filled with a training row" in example.content.decode()
    assert client.get(url("predict", "churn"), {"example": "class-9"}).status_code == 404


def test_settings_change_the_form_and_hold_on_the_server(
    client: Client, member: User, version: ModelVersion
) -> None:
    client.force_login(member)
    form_settings.change(
        registered_model=version.registered_model,
        fields={
            "plan": {"label": "Tariff", "unit": "EUR", "help": "As in the contract", "order": 1},
            "member": {"locked": False},
            "shop": {"hidden": True, "locked": "shop 3"},
            "age": {"minimum": 21},
        },
        by=member,
    )

    page = client.get(url("predict", "churn")).content.decode()
    form = page[page.index('id="row-form"') :]
    assert form.index("Tariff") < form.index('for="f0"')
    assert "As in the contract" in form
    assert 'name="f1"' not in form
    assert 'name="f4"' not in form
    client.post(url("predict", "churn"), {**typical(client), "f1": "true", "f4": "shop 9"})
    inputs = PredictionLog.objects.get().inputs
    assert (inputs["member"], inputs["shop"]) == (False, "shop 3")
    refused = client.post(url("predict", "churn"), {**typical(client), "f0": "20"})
    assert refused.status_code == 400
    assert "The smallest allowed value is 21" in refused.content.decode()


def test_a_member_changes_a_column_and_the_page_says_who(
    client: Client, member: User, version: ModelVersion
) -> None:
    client.force_login(member)
    page = client.get(url("form-field", "churn", 0)).content.decode()
    assert 'value="age"' in page

    sent = {
        "column": "age", "label": "Age <b>", "unit": "years", "order": "3", "minimum": "18",
        "is_locked": "on", "locked": "30", "choices": "30\n40",
    }  # fmt: skip
    answer = client.post(url("form-field", "churn", 0), sent, follow=True)

    assert form_settings.of(version.registered_model).to_json()["age"] == {
        "label": "Age <b>", "unit": "years", "order": 3, "locked": 30, "minimum": 18.0, "choices": ["30", "40"],
    }  # fmt: skip
    text = answer.content.decode()
    assert "Age &lt;b&gt;" in text
    assert "by member@example.org" in text
    for bad in ({"locked": "x"}, {"maximum": "1"}, {"column": "other"}, {"order": "-1"}):
        assert client.post(url("form-field", "churn", 0), {**sent, **bad}).status_code == 400
    assert client.get(url("form-field", "churn", 99)).status_code == 404


def test_an_admin_publishes_and_sees_the_link_once(
    client: Client, admin: User, version: ModelVersion
) -> None:
    client.force_login(admin)
    assert client.get(url("published-form-list", "churn")).status_code == 200
    sent = {
        "title": "Leave?", "wording": "Hi\r\nyou", "version": "champion", "columns": ["0", "3"], "shows": "answer",
        "lifetime": "30", "requests_per_minute": "100", "requests_per_minute_of_address": "10",
        "frame_origins": "https://a.example\nhttps://b.example",
    }  # fmt: skip

    page = client.post(url("published-form-list", "churn"), sent).content.decode()

    link = re.search(r"http://testserver(/f/[A-Za-z0-9_-]{43}/)", page)
    row = PublishedForm.objects.get()
    assert link is not None
    assert Client().get(link[1]).status_code == 200
    assert (row.columns, row.created_by, row.wording) == (["age", "plan"], admin, "Hi\nyou")
    assert row.frame_origins == ["https://a.example", "https://b.example"]
    assert link[1] not in client.get(url("published-form-list", "churn")).content.decode()
    bad = client.post(url("published-form-list", "churn"), {**sent, "frame_origins": "*"})
    assert bad.status_code == 400
    assert "An origin is written as" in bad.content.decode()

    edit = url("published-form-edit", "churn", row.pk)
    assert 'value="Leave?"' in client.get(edit).text
    assert client.post(edit, {**sent, "frame_origins": "*"}).status_code == 400
    assert client.post(edit, {**sent, "title": "Leaves soon?", "lifetime": "kept"}).status_code == 302
    ended = row.expires_at
    row.refresh_from_db()
    assert (row.title, row.expires_at) == ("Leaves soon?", ended)
    assert "Leaves soon?" in Client().get(link[1]).text

    client.post(url("published-form-change", "churn", row.pk), {"do": "off"})
    assert Client().get(link[1]).status_code == 410
    client.post(url("published-form-change", "churn", row.pk), {"do": "on"})
    assert Client().get(link[1]).status_code == 200
    client.post(url("published-form-change", "churn", row.pk), {"do": "revoke"})
    assert Client().get(link[1]).status_code == 410
    assert "revoked" in client.get(url("published-form-list", "churn")).content.decode()
    assert client.get(edit).status_code == 404
