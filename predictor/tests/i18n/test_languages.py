"""Which language an answer is in: pages, problem documents, commands."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client, RequestFactory
from django.utils import translation
from pytest_django import Settings

from predictor.http.problems import problem
from predictor.i18n import languages
from predictor.i18n import translation as patterns
from predictor.i18n.translation import Catalogue

CHINESE = {
    "You may not do this.": "您无权执行此操作。",
    "Forbidden": "禁止访问",
    "There is no account {email}.": "没有账户 {email}。",
    "There is no account yet. Start mlweb once (make run), or run manage.py migrate and manage.py bootstrap: "
    "that makes the first account.": "还没有账户。",
}


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "catalogue_of", lambda language: Catalogue(CHINESE))


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("", "en"),
        ("C", "en"),
        ("de_DE.UTF-8", "en"),
        ("zh_CN.UTF-8", "zh-hans"),
        ("zh_Hans", "zh-hans"),
        ("en_GB", "en"),
    ],
)
def test_the_language_of_a_terminal(locale: str, code: str) -> None:
    assert languages.of_terminal(locale) == code


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("accepted", "code"),
    [
        (None, "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-hans"),
        ("de", "en"),
        ("en-GB,zh;q=0.5", "en"),
        ("zh", "zh-hans"),
    ],
)
def test_a_page_is_in_the_language_of_the_browser(client: Client, accepted: str | None, code: str) -> None:
    response = client.get("/accounts/login/", headers={"accept-language": accepted} if accepted else {})

    assert response["Content-Language"] == code
    assert "Accept-Language" in response["Vary"]
    assert f'<html lang="{code}">' in response.text


@pytest.mark.django_db
def test_a_choice_stays(client: Client) -> None:
    response = client.post("/language/", {"language": "zh-hans", "next": "/accounts/login/"})

    assert (response.status_code, response["Location"]) == (302, "/accounts/login/")
    assert client.get("/accounts/login/")["Content-Language"] == "zh-hans"
    client.post("/language/", {"language": "en"})
    assert client.get("/accounts/login/", headers={"accept-language": "zh"})["Content-Language"] == "en"


@pytest.mark.django_db
def test_the_choice_leads_to_no_other_site(client: Client) -> None:
    response = client.post("/language/", {"language": "zh-hans", "next": "https://evil.example/"})

    assert response["Location"] == "/"


@pytest.mark.django_db
def test_the_language_ends_with_the_request(client: Client) -> None:
    client.get("/accounts/login/", headers={"accept-language": "zh"})

    assert translation.get_language() == "en"


def test_a_problem_is_in_the_language_that_is_asked_for() -> None:
    request = RequestFactory().get("/x", headers={"accept-language": "zh-CN"})
    places = [{"detail": "You may not do this.", "pointer": "/rows"}]

    response = problem(403, "You may not do this.", request=request, places=places)

    assert response.data["type"] == "urn:mlweb:problem:forbidden"
    assert (response.data["title"], response.data["detail"]) == ("禁止访问", "您无权执行此操作。")
    assert response.data["errors"] == [{"detail": "您无权执行此操作。", "pointer": "/rows"}]
    assert (response["Content-Language"], response["Vary"]) == ("zh-hans", "Accept-Language")


@pytest.mark.parametrize("headers", [{}, {"accept-language": "en"}, {"accept-language": "de-DE,de"}])
def test_a_problem_in_english_is_as_ever(headers: dict[str, str]) -> None:
    response = problem(403, "You may not do this.", request=RequestFactory().get("/x", headers=headers))

    assert (response.data["title"], response.data["detail"]) == ("Forbidden", "You may not do this.")
    assert not {"Content-Language", "Vary"} & set(response.headers)


@pytest.mark.django_db
def test_commands_speak_the_language_of_the_terminal(settings: Settings) -> None:
    settings.TERMINAL_LOCALE = "zh_CN.UTF-8"
    with pytest.raises(CommandError, match=r"^还没有账户。$"):
        call_command(
            "create_token", email="nobody@example.org", name="t", scope=["read"], stdout=io.StringIO()
        )
    settings.TERMINAL_LOCALE = "C"
    with pytest.raises(CommandError, match=r"^There is no account yet"):
        call_command(
            "create_token", email="nobody@example.org", name="t", scope=["read"], stdout=io.StringIO()
        )
