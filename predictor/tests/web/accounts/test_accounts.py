from __future__ import annotations

import base64
import hashlib
import hmac
import re
import struct

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from predictor.models import ApiToken, Scope, User, Workspace
from predictor.services.accounts import tokens

PASSWORD = "a long enough secret"
# The half minute since 1970 that sign-in codes are for.
COUNTER = 60_000_000


@pytest.fixture(autouse=True)
def _no_rate_limits_from_other_tests() -> None:
    cache.clear()


def sign_in(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post("/accounts/login/", {"login": email, "password": password}).status_code


def confirm(client: Client) -> None:
    """Enter the password again, as the pages about the account require."""
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})


def test_people_sign_in_with_their_address_in_any_case(client: Client, viewer: User) -> None:
    assert sign_in(client, "VIEWER@example.org") == 302
    assert client.get("/w/acme/members/").status_code == 200


def test_signing_in_leads_back_to_the_page_that_was_asked_for(client: Client, viewer: User) -> None:
    asked = client.get("/w/acme/members/")

    assert asked.status_code == 302
    assert asked["Location"] == "/accounts/login/?next=/w/acme/members/"


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(client: Client, viewer: User) -> None:
    pages = [
        client.post("/accounts/login/", {"login": email, "password": "wrong"}).content.decode()
        for email in ("viewer@example.org", "nobody@example.org")
    ]
    errors = [re.findall(r'class="alert[^>]*>\s*(.*?)</', page, re.S) for page in pages]

    assert errors[0] == errors[1] != []


def test_after_five_wrong_passwords_the_right_one_waits(client: Client, viewer: User) -> None:
    for _ in range(5):
        sign_in(client, "viewer@example.org", "wrong")

    assert sign_in(client, "viewer@example.org") == 200
    assert (
        "Too many failed login attempts"
        in client.post(
            "/accounts/login/", {"login": "viewer@example.org", "password": PASSWORD}
        ).content.decode()
    )


def test_an_inactive_user_cannot_sign_in(client: Client, viewer: User) -> None:
    viewer.is_active = False
    viewer.save()

    sign_in(client, "viewer@example.org")
    assert client.get("/w/acme/members/").status_code == 302


def test_sign_up_is_closed_and_says_so(client: Client, db: None) -> None:
    page = client.get("/accounts/signup/")
    posted = client.post(
        "/accounts/signup/", {"email": "a@b.org", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert "Sign-up is closed" in page.content.decode()
    assert "Sign-up is closed" in posted.content.decode()
    assert not User.objects.exists()
    assert "signup" not in client.get("/accounts/login/").content.decode()


def test_sign_up_opens_where_the_operator_says_so(client: Client, db: None, settings: Settings) -> None:
    settings.IS_SIGN_UP_OPEN = True

    assert "/accounts/signup/" in client.get("/accounts/login/").content.decode()
    client.post("/accounts/signup/", {"email": "a@b.org", "password1": PASSWORD, "password2": PASSWORD})
    assert User.objects.get().email == "a@b.org"


def test_an_address_is_changed_only_after_it_is_verified(client: Client, viewer: User) -> None:
    sign_in(client, "viewer@example.org")
    confirm(client)
    client.post("/accounts/email/", {"action_add": "", "email": "boss@example.org"})
    assert EmailAddress.objects.filter(email="boss@example.org", verified=False).exists()

    client.post("/accounts/email/", {"action_primary": "", "email": "boss@example.org"})

    viewer.refresh_from_db()
    assert viewer.email == "viewer@example.org"
    page = client.get("/accounts/email/").text
    assert 'value="boss@example.org"' in page
    assert "not proved" in page


def test_the_admin_panel_has_no_sign_in_page_of_its_own(client: Client, viewer: User) -> None:
    assert client.get("/admin/login/")["Location"].startswith("/accounts/login/")
    sign_in(client, "viewer@example.org")
    assert client.get("/admin/login/").status_code == 403


@pytest.mark.parametrize(
    "path",
    ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"],
)
def test_pages_before_sign_in_use_the_projects_layout(client: Client, db: None, path: str) -> None:
    page = client.get(path).content.decode()

    assert "mlweb/css/mlweb.css" in page
    assert "style=" not in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    "path",
    ["/accounts/password/change/", "/accounts/email/", "/accounts/2fa/", "/accounts/logout/"],
)
def test_pages_of_ones_own_account_use_the_projects_layout(client: Client, viewer: User, path: str) -> None:
    sign_in(client, "viewer@example.org")
    page = client.get(path)

    assert page.status_code == 200
    assert "mlweb/css/accounts.css" in page.content.decode()


def test_two_factor_authentication_is_set_up_without_a_mail_server(client: Client, viewer: User) -> None:
    sign_in(client, "viewer@example.org")
    assert client.get("/accounts/2fa/totp/activate/").status_code == 302
    confirm(client)
    page = client.get("/accounts/2fa/totp/activate/")

    assert page.status_code == 200
    assert "account-image" in page.content.decode()


def test_the_pages_of_two_step_sign_in_use_the_words_of_the_site(
    client: Client, viewer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "allauth.mfa.totp.internal.auth.yield_hotp_counters_from_time", lambda: iter([COUNTER])
    )
    sign_in(client, "viewer@example.org")
    asked_again = client.get("/accounts/2fa/totp/activate/", follow=True).content.decode()
    confirm(client)
    off = client.get("/accounts/2fa/").content.decode()
    setting_up = client.get("/accounts/2fa/totp/activate/")
    secret = setting_up.context["form"].secret

    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    on = client.get("/accounts/2fa/").content.decode()
    codes = client.get("/accounts/2fa/recovery-codes/").content.decode()
    new_codes = client.get("/accounts/2fa/recovery-codes/generate/").content.decode()
    turning_off = client.get("/accounts/2fa/totp/deactivate/").content.decode()
    other = Client()
    step = other.post(
        "/accounts/login/", {"login": "viewer@example.org", "password": PASSWORD}, follow=True
    ).content.decode()
    turned_off = client.post("/accounts/2fa/totp/deactivate/", follow=True).content.decode()

    assert "Confirm that it is you" in asked_again
    assert "your password alone signs you in" in off
    assert "10 codes left" in on
    assert "10 of 10 codes are left" in codes
    assert "The codes that you have now stop working." in new_codes
    assert "Turn off two-step sign-in?" in turning_off
    assert "Enter the code that your app shows now, or one of your recovery codes." in step
    assert "Two-step sign-in is off." in turned_off
    for page in (asked_again, off, setting_up.content.decode(), on, codes, new_codes, turning_off, step):
        assert "Two-Factor" not in page
        assert "reauthenticate to" not in page


def code_of(secret: str) -> str:
    """The code of the half minute COUNTER: RFC 4226 with SHA-1 and six digits."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", COUNTER), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4]) & 0x7FFFFFFF) % 1_000_000:06}"


def test_a_form_without_its_token_is_refused_on_a_page_of_the_site(viewer: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(viewer)

    page = client.post("/accounts/logout/")

    assert page.status_code == 403
    text = page.content.decode()
    assert "load the page again" in text
    assert "allow cookies" in text
    assert "mlweb/css/mlweb.css" in text
    assert "CSRF" not in text
    assert client.get("/accounts/password/change/").status_code == 200


def test_error_pages_need_neither_request_nor_context(settings: Settings) -> None:
    from django.template.loader import get_template

    for name in ("400.html", "500.html"):
        assert "To the first page" in get_template(name).render()


@pytest.mark.parametrize(("more", "is_usable"), [({}, False), ({"keep_tokens": "on"}, True)])
def test_a_new_password_ends_api_tokens_unless_they_are_kept(
    client: Client, viewer: User, workspace: Workspace, more: dict[str, str], is_usable: bool
) -> None:
    made = tokens.create_token(user=viewer, workspace=workspace, name="t", scopes=[Scope.READ])
    sign_in(client, viewer.email)

    page = client.get("/accounts/password/change/").content.decode()
    new = {"password1": "another long secret 7", "password2": "another long secret 7"}
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, **new, **more})

    assert "Keep my API tokens" in page
    viewer.refresh_from_db()
    assert viewer.check_password("another long secret 7")
    assert ApiToken.objects.usable().filter(pk=made.token.pk).exists() == is_usable
