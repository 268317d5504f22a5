from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.test import override_settings
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from predictor.models import Membership, User, Workspace, WorkspaceRole
from predictor.services.accounts import rate_limits
from predictor.services.prediction_log import group_commit
from predictor.services.process import short_cache

# Hypothesis measures time by default: 200 ms for an example, and how long it takes to draw ten.
hypothesis_settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("no clock")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as in production: in memory, threads would share one cache and lock whole tables."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """The log's writer has a connection of its own; PostgreSQL drops no database while one is open."""
    yield
    group_commit.writer().close()


@pytest.fixture(scope="session")
def live_server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """One server for all tests of a process; static files come from their sources."""
    with override_settings(STATIC_ROOT=tmp_path_factory.mktemp("static")):
        server = LiveServer("127.0.0.1")
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _own_folders(settings: Settings, tmp_path: Path) -> None:
    """Each test has a data folder of its own and plain static files."""
    settings.DATA_DIR = tmp_path / "var"
    settings.TERMINAL_LOCALE = ""
    for name in ("ARTIFACT_DIR", "WORK_DIR", "UPLOAD_DIR"):
        folder = settings.DATA_DIR / name.removesuffix("_DIR").lower()
        folder.mkdir(parents=True)
        setattr(settings, name, folder)
    settings.STATIC_ROOT = settings.DATA_DIR / "static"
    settings.STATIC_ROOT.mkdir()
    settings.FILE_UPLOAD_TEMP_DIR = settings.UPLOAD_DIR
    settings.TOKEN_REQUESTS_PER_MINUTE = 0
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="acme", name="Acme")


@pytest.fixture
def other_workspace(db: None) -> Workspace:
    return Workspace.objects.create(slug="other", name="Other")


def person(email: str, workspace: Workspace, role: WorkspaceRole) -> User:
    user = User.objects.create_user(email, "a long enough secret", is_address_proved=True)
    Membership.objects.create(workspace=workspace, user=user, role=role)
    return user


@pytest.fixture
def viewer(workspace: Workspace) -> User:
    return person("viewer@example.org", workspace, WorkspaceRole.VIEWER)


@pytest.fixture
def member(workspace: Workspace) -> User:
    return person("member@example.org", workspace, WorkspaceRole.MEMBER)


@pytest.fixture
def admin(workspace: Workspace) -> User:
    return person("admin@example.org", workspace, WorkspaceRole.ADMIN)


@pytest.fixture
def stranger(other_workspace: Workspace) -> User:
    """A user of another workspace."""
    return person("stranger@example.org", other_workspace, WorkspaceRole.ADMIN)


@pytest.fixture(autouse=True)
def _empty_caches() -> None:
    """Clear the caches: rows of an earlier test must not be seen in the next one, nor its wrong tokens counted."""
    short_cache.forget_all()
    rate_limits._wrong_tokens = rate_limits.InMemory()
    rate_limits._wrong_links, rate_limits._links = rate_limits.InMemory(), rate_limits.InMemory()
