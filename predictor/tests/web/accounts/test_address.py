"""An address is proved by a link in a mail, and only for the account that is signed in."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from predictor.models import User
from predictor.web.accounts import address


@pytest.fixture(autouse=True)
def _no_mail_limit_from_other_tests() -> None:
    cache.clear()


@pytest.fixture
def unproved(viewer: User) -> User:
    User.objects.filter(pk=viewer.pk).update(is_address_proved=False)
    viewer.refresh_from_db()
    return viewer


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def link_of_the_mail() -> str:
    (sent,) = mail.outbox
    found = re.search(r"http://testserver(/settings/address/\S+/)", str(sent.body))
    assert found
    return found[1]


def test_the_link_in_the_mail_proves_the_address_of_the_account(unproved: User) -> None:
    client = signed_in(unproved)
    assert "not proved yet" in client.get("/settings/address/").content.decode()

    client.post("/settings/address/")
    link = link_of_the_mail()
    assert mail.outbox[0].to == [unproved.email]
    assert "This address is mine" in client.get(link).content.decode()
    unproved.refresh_from_db()
    assert not unproved.is_address_proved
    client.post(link)

    unproved.refresh_from_db()
    assert unproved.is_address_proved
    assert "Your address is proved" in client.get("/settings/address/").content.decode()


def test_nobody_else_proves_it(unproved: User, member: User) -> None:
    signed_in(unproved).post("/settings/address/")
    link = link_of_the_mail()

    assert Client().post(link).status_code == 302
    assert signed_in(member).post(link).status_code == 400

    unproved.refresh_from_db()
    assert not unproved.is_address_proved


def test_a_link_for_another_address_or_a_forged_one_does_not_work(unproved: User) -> None:
    key = address.key_for(unproved)
    User.objects.filter(pk=unproved.pk).update(email="changed@example.org")
    unproved.refresh_from_db()
    client = signed_in(unproved)

    for each in (key, key[:-2] + "xx", "x"):
        assert client.post(f"/settings/address/{each}/").status_code == 400
        assert "does not work" in client.get(f"/settings/address/{each}/").content.decode()


def test_one_mail_in_three_minutes_is_sent(unproved: User) -> None:
    client = signed_in(unproved)

    for _ in range(3):
        client.post("/settings/address/")

    assert len(mail.outbox) == 1
