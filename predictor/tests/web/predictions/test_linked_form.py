"""The published page, as a person and as an attacker finds it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from mlweb.logs import shown_path
from predictor.models import ModelVersion, PredictionLog, PublishedForm, Shows, User
from predictor.services.accounts import rate_limits
from predictor.services.predictions import published_forms
from predictor.services.predictions.published_forms import NewForm
from predictor.services.registry import form_settings
from predictor.tests.web.served_versions import EVIL_NUMBER, SHOPS
from predictor.web.predictions import linked_form
from predictor.web.predictions.wording import formatted

POSTED = {
    "f0": "33",
    "f1": "false",
    "f2": "2021-02-03",
    "f3": "plus",
    "f4": "shop 7",
    "f5": "two",
    "f6": "0.5",
    "f7": "a",
}


def path_of(version: ModelVersion, by: User, **more: Any) -> str:
    new = replace(NewForm("Will they leave?"), **more)
    token = published_forms.create(registered_model=version.registered_model, new=new, by=by).token
    return f"/f/{token}/"


def test_anybody_with_the_link_predicts_without_any_cookie(version: ModelVersion, admin: User) -> None:
    client = Client(enforce_csrf_checks=True)
    path = path_of(version, admin, shows=Shows.PROBABILITIES)

    page = client.get(path)
    answer = client.post(path, POSTED)

    assert (page.status_code, answer.status_code) == (200, 200)
    assert "&lt;b&gt;leave&lt;/b&gt;" in answer.content.decode()
    assert answer.content.decode().count('<svg class="bar"') == 2
    # The colours of the bars stand there.
    assert "mlweb/css/charts" in answer.content.decode()
    assert not client.cookies
    assert "Cookie" not in page.get("Vary", "")
    assert "csrf" not in page.content.decode()
    row = PredictionLog.objects.get()
    assert (row.source, row.actor, row.inputs["age"], row.inputs["plan"]) == ("link", None, 33, "plus")


def test_a_signed_in_person_is_nobody_there(
    client: Client, viewer: User, version: ModelVersion, admin: User
) -> None:
    client.force_login(viewer)

    client.post(path_of(version, admin), POSTED)

    assert PredictionLog.objects.get().actor is None


def test_it_tells_nothing_of_training_rows(client: Client, version: ModelVersion, admin: User) -> None:
    path = path_of(version, admin)

    pages = client.get(path).content.decode() + client.post(path, {**POSTED, "f0": "9999"}).content.decode()

    assert not any(shop in pages.replace("shop 7", "") for shop in SHOPS if shop != "shop 7")
    for words in (
        "18 to 90",
        "2019",
        "2020",
        "categories",
        "word one",
        "nearest",
        "Training",
        "acme",
        "Churn",
        "version",
    ):
        assert words not in pages, words
    assert "Use the answer with care" in pages


def test_the_answer_alone_is_shown_unless_more_was_chosen(
    client: Client, version: ModelVersion, admin: User
) -> None:
    plain = client.post(path_of(version, admin), POSTED).content.decode()
    why = client.post(path_of(version, admin, shows=Shows.EXPLANATION), POSTED).content.decode()

    assert '<svg class="bar"' not in plain
    assert "Why this answer" not in plain
    assert "Why this answer" in why


def test_an_explanation_names_no_hidden_column_and_no_fixed_value(
    client: Client, version: ModelVersion, admin: User
) -> None:
    form_settings.change(
        registered_model=version.registered_model,
        fields={"shop": {"hidden": True, "locked": "shop 41"}, "age": {"label": "Years of life"}},
        by=admin,
    )
    path = path_of(version, admin, shows=Shows.EXPLANATION, columns=("age", "plan"))

    page = client.post(path, {"f0": "33", "f3": "plus", "f4": "shop 1"}).content.decode()

    assert "everything else" in page
    assert "Years of life" in page
    assert "shop" not in page
    assert "member" not in page
    inputs = PredictionLog.objects.get().inputs
    assert (inputs["shop"], inputs[EVIL_NUMBER]) == ("shop 41", 0.25)


def test_the_headers_keep_the_token_and_other_sites_away(
    client: Client, version: ModelVersion, admin: User
) -> None:
    own = client.get(path_of(version, admin))
    shared = client.get(path_of(version, admin, frame_origins=("https://intranet.example.org",)))
    missing = client.get("/f/" + "x" * 43 + "/")

    for answer in (own, shared, missing):
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert answer["Cache-Control"] == "no-store"
        assert "default-src 'self'" in answer["Content-Security-Policy"]
    for answer in (own, missing):
        assert answer["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert "X-Frame-Options" not in shared
    assert "frame-ancestors https://intranet.example.org" in shared["Content-Security-Policy"]
    assert "X-Frame-Options" in client.get("/accounts/login/")


def test_a_closed_page_is_plain_and_cannot_be_told_from_an_expired_one(
    client: Client, version: ModelVersion, admin: User
) -> None:
    path = path_of(version, admin, frame_origins=("https://intranet.example.org",))
    form = PublishedForm.objects.get()
    published_forms.revoke(form=form, by=admin)

    answers = [client.get(path), client.post(path, POSTED), client.get(f"{path}manifest.webmanifest")]

    for answer in answers:
        assert answer.status_code == 410
        assert "Will they leave" not in answer.content.decode()
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert not PredictionLog.objects.exists()


def test_one_address_cannot_use_up_the_page_of_others(
    client: Client, version: ModelVersion, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "now", lambda: 1_000.0)
    path = path_of(version, admin, requests_per_minute_of_address=2, requests_per_minute=5)

    def status(address: str) -> int:
        return client.get(path, REMOTE_ADDR=address).status_code

    assert [status("192.0.2.1") for _ in range(9)] == [200, 200, *[429] * 7]
    # All of an IPv6 /64 network is one caller.
    assert [status(f"2001:db8::{n}") for n in range(1, 4)] == [200, 200, 429]
    assert [status("192.0.2.9") for _ in range(2)] == [200, 429]  # the fifth in total was the last
    refused = client.get(path, REMOTE_ADDR="192.0.2.77")
    assert int(refused["Retry-After"]) >= 1
    assert "used too often" in refused.content.decode()


def test_who_tries_tokens_is_refused(client: Client, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limits, "now", lambda: 1_000.0)

    found = [client.get(f"/f/{n:043d}/").status_code for n in range(125)]

    assert found == [404] * 120 + [429] * 5


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_are_refused(client: Client, version: ModelVersion, admin: User, method: str) -> None:
    assert getattr(client, method)(path_of(version, admin)).status_code == 405


def test_a_long_body_and_unknown_fields_are_refused(
    client: Client, version: ModelVersion, admin: User
) -> None:
    path = path_of(version, admin)

    assert client.post(path, {**POSTED, "f5": "x" * linked_form.MAX_BODY_BYTES}).status_code == 413
    assert client.post(path, {**POSTED, "version": "2"}).status_code == 400
    assert client.post(path, {**POSTED, "f99": "2"}).status_code == 400
    assert not PredictionLog.objects.exists()


def test_a_fault_is_shown_at_its_field_and_the_typed_values_stay(
    client: Client, version: ModelVersion, admin: User
) -> None:
    answer = client.post(path_of(version, admin), {**POSTED, "f0": "<i>old</i>"})

    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'id="f0-error"' in page
    assert 'value="&lt;i&gt;old&lt;/i&gt;"' in page


def test_the_caller_cannot_choose_the_request_id_in_the_log(
    client: Client, version: ModelVersion, admin: User
) -> None:
    client.post(path_of(version, admin), POSTED, headers={"X-Request-ID": "somebody-elses"})

    assert PredictionLog.objects.get().request_id.startswith("link-")


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One\ntwo\n\n\nthree", "<p>One<br>two</p><p>three</p>"),
        ("- a\n* b", "<ul><li>a</li><li>b</li></ul>"),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("[x](javascript:y) **<img src=x>**", "<p>[x](javascript:y) <strong>&lt;img src=x&gt;</strong></p>"),
        ("*" * 3_000, f"<p>{'*' * 3_000}</p>"),
        ("", ""),
    ],
)  # fmt: skip
def test_the_wording_is_escaped_and_formatted(text: str, html: str) -> None:
    assert formatted(text) == html


def test_title_and_wording_carry_no_script(client: Client, version: ModelVersion, admin: User) -> None:
    evil = '"><script>alert(1)</script>'

    page = client.get(path_of(version, admin, title=evil, wording=evil)).content.decode()

    assert "<script>alert" not in page
    assert not re.search(r"<script>|style=|onclick", page)


def test_the_manifest_puts_the_page_on_a_home_screen(
    client: Client, version: ModelVersion, admin: User
) -> None:
    path = path_of(version, admin)

    answer = client.get(f"{path}manifest.webmanifest")

    assert answer["Content-Type"] == "application/manifest+json"
    assert (answer.json()["start_url"], answer.json()["display"]) == (path, "standalone")
    assert f'<link rel="manifest" href="{path}manifest.webmanifest">' in client.get(path).content.decode()


@pytest.mark.parametrize(
    ("path", "shown"),
    [("/f/secret/", "/f/…/"), ("/f/secret", "/f/…/"), ("/f/secret/manifest.webmanifest", "/f/…/manifest.webmanifest"),
     ("/forecast/", "/forecast/"), ("/w/f/x/", "/w/f/x/")],
)  # fmt: skip
def test_logs_do_not_hold_the_token(path: str, shown: str) -> None:
    assert shown_path(path) == shown


def test_a_refusal_is_logged_without_the_token(
    client: Client, version: ModelVersion, admin: User, caplog: pytest.LogCaptureFixture
) -> None:
    from mlweb.logs import WithoutLinks

    path = path_of(version, admin)
    client.post(path, {"f0": "x"})

    records = [each for each in caplog.records if each.name == "django.request"]
    assert len(records) == 1
    WithoutLinks().filter(records[0])
    assert path.split("/")[2] not in records[0].getMessage()
    assert "/f/…/" in records[0].getMessage()
