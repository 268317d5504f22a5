from __future__ import annotations

from io import StringIO

import pytest
from django.conf import settings as live_settings
from django.core.management import call_command
from pytest_django import Settings

from predictor.models import User, Workspace, WorkspaceRole
from predictor.services.accounts import first_start

pytestmark = pytest.mark.django_db


def bootstrap() -> str:
    out = StringIO()
    call_command("bootstrap", stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def _asked(settings: Settings) -> None:
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "first@example.org", ""


def test_the_password_is_shown_once_and_opens_the_door() -> None:
    first, second = bootstrap(), bootstrap()

    line = next(line for line in first.splitlines() if "password  " in line)
    password = line.split("password")[1].strip("│ ")
    assert len(password) >= 16
    assert second == ""
    user = User.objects.get()
    assert user.email == "first@example.org"
    assert user.check_password(password)
    assert user.is_superuser
    assert Workspace.objects.get(slug="default").role_of(user) == WorkspaceRole.ADMIN


def test_a_given_password_is_taken_and_not_shown(settings: Settings) -> None:
    settings.ADMIN_PASSWORD = "given on purpose"

    shown = bootstrap()

    assert "first@example.org" in shown
    assert "given on purpose" not in shown
    assert User.objects.get().check_password("given on purpose")


def test_an_address_that_is_there_keeps_its_password(settings: Settings) -> None:
    bootstrap()
    settings.ADMIN_EMAIL, settings.ADMIN_PASSWORD = "First@Example.org", "another one"
    bootstrap()
    assert not User.objects.get().check_password("another one")


def test_another_address_makes_another_admin_only_with_a_password(settings: Settings) -> None:
    bootstrap()
    settings.ADMIN_EMAIL = "second@example.org"
    assert bootstrap() == ""
    assert User.objects.count() == 1
    settings.ADMIN_PASSWORD = "given on purpose"
    bootstrap()
    assert User.objects.count() == 2


def test_a_workspace_that_was_renamed_does_not_come_back() -> None:
    first_start.prepare(email="first@example.org")
    Workspace.objects.update(slug="research")
    first_start.prepare(email="first@example.org")
    assert [workspace.slug for workspace in Workspace.objects.all()] == ["research"]


def test_the_key_is_readable_by_its_owner_only() -> None:
    from mlweb.data_folder import secret_key_from

    path = live_settings.DATA_DIR / "key"
    assert secret_key_from(path) == secret_key_from(path)
    assert len(path.read_text()) > 50
    assert oct(path.stat().st_mode)[-3:] == "600"
