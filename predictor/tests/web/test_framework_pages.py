"""Pages that the frameworks would show in their own look: those of allauth, and answers without content."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import get_resolver

from predictor.models import User


def allauth_paths() -> list[str]:
    """Every address below /accounts/ that needs no key."""
    (pages,) = (
        each
        for each in get_resolver().url_patterns
        if str(each.pattern) == "accounts/" and hasattr(each, "url_patterns")
    )
    found = []

    def walk(patterns: list, start: str) -> None:
        for each in patterns:
            if hasattr(each, "url_patterns"):
                walk(each.url_patterns, start + str(each.pattern))
            elif "(?P" not in str(each.pattern):
                found.append(start + str(each.pattern))

    walk(pages.url_patterns, "/accounts/")
    return [*found, "/accounts/confirm-email/nothing/", "/accounts/password/reset/key/1-nothing/"]


@pytest.mark.parametrize("is_signed_in", [False, True])
def test_every_page_of_allauth_is_in_our_frame(client: Client, member: User, is_signed_in: bool) -> None:
    if is_signed_in:
        client.force_login(member)
    for path in allauth_paths():
        response = client.get(path, follow=True)
        body = response.content.decode()
        if response.status_code == 200 and response["Content-Type"].startswith("text/html"):
            assert 'class="page' in body, path
            assert "mlweb/css/mlweb" in body, path
            headings = re.findall(r"<h1[^>]*>(.*?)</h1>", body, re.S)
            assert len(headings) == 1, path
            # The words of the framework are in title case.
            assert not re.search(r"[a-z] (?:Address|Password|Email|Confirm|Sign)", headings[0]), path


def test_an_address_that_only_takes_forms_is_still_a_page(client: Client, member: User) -> None:
    client.force_login(member)

    response = client.get("/w/acme/comments/1/delete/", headers={"Accept": "text/html"})
    refused = client.put("/w/acme/datasets/", headers={"Accept": "text/html"})
    of_program = client.put("/w/acme/datasets/", headers={"Accept": "application/json"})

    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert "This address opens in another way" in response.content.decode()
    assert refused.status_code == 405
    assert "GET" in refused["Allow"]
    assert "This address opens in another way" in refused.content.decode()
    assert of_program.content == b""
