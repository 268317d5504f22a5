from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from predictor.models import PersonalSettings, User
from predictor.web.help.glossary import GLOSSARY, matching
from predictor.web.help.page_help import HELP, help_of
from predictor.web.help.tags import term
from predictor.web.urls import urlpatterns


def test_every_page_has_a_help_text() -> None:
    without = [pattern.name for pattern in urlpatterns if help_of(pattern.name or "") is None]

    assert without == []


@pytest.mark.parametrize(
    ("url_name", "key"),
    [
        ("prediction-list", "log"),
        ("predict", "predict"),
        ("predict-csv", "files"),
        ("dataset-list", "datasets"),
        ("dataset-detail", "dataset"),
        ("training-run-detail", "run"),
        ("version-compare", "compare"),
        ("batch-list", "files"),
        ("account_change_password", "account"),
    ],
)
def test_a_page_has_the_help_of_its_longest_name(url_name: str, key: str) -> None:
    found = help_of(url_name)

    assert found is not None
    assert found.key == key


def test_help_texts_are_short_and_use_known_terms() -> None:
    assert len(GLOSSARY) >= 80
    for each in HELP:
        assert len(each.purpose) == 3, each.key
        assert each.next, each.key
        assert len(each.terms) == len(each.term_keys)
        assert all(len(str(sentence).split()) <= 20 for sentence in (*each.purpose, *each.next)), each.key
    assert len({each.anchor for each in GLOSSARY.values()}) == len(GLOSSARY)


def test_the_help_page_has_each_help_once(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    page = client.get(reverse("help")).content.decode()

    for each in HELP:
        assert page.count(f'id="{each.key}"') == 1


def test_a_page_links_to_its_own_help(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    page = client.get(reverse("model-list", args=["acme"])).content.decode()

    assert reverse("help-page", args=["models"]) in page


def test_the_panel_is_a_part_and_without_scripts_a_page(client: Client, viewer: User) -> None:
    client.force_login(viewer)
    url = reverse("help-page", args=["version"])

    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    page = client.get(url).content.decode()

    assert "<html" not in part
    assert "<html" in page
    assert client.get(reverse("help-page", args=["nothing"])).status_code == 404


def test_the_glossary_is_searched(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    page = client.get(reverse("glossary"), {"q": "log-loss"}).content.decode()

    assert 'id="term-log-loss"' in page
    assert 'id="term-recall"' not in page
    assert matching("no such term at all") == []


def test_a_term_links_to_its_entry() -> None:
    link = term("log-loss")

    assert re.search(r'href="/help/glossary/#term-log-loss"', link)
    assert "Log-loss</a>" in link


def test_keys_are_switched_off_and_on_for_the_person(client: Client, viewer: User, member: User) -> None:
    client.force_login(viewer)
    client.post(reverse("keys-switch"), {"keys": "off"})

    page = client.get(reverse("help")).content.decode()

    assert 'data-keys="off"' in page
    assert PersonalSettings.of(member).has_keys
    client.post(reverse("keys-switch"), {"keys": "on"})
    assert PersonalSettings.of(viewer).has_keys
