"""Which requests may bring a file, and what becomes of the name and of one that is too large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import Settings

from predictor.models import Dataset, User, Workspace

CSV = b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(30))


def files_in(settings: Any) -> list[Path]:
    return [path for path in Path(settings.UPLOAD_DIR).rglob("*") if path.is_file()]


def uploaded(client: Client, path: str, filename: str = "t.csv", content: bytes = CSV) -> Any:
    return client.post(path, {"file": SimpleUploadedFile(filename, content, "text/csv")})


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/password/reset/", "/w/acme/datasets/upload/"]
)
def test_nobody_who_is_not_signed_in_sends_a_file(
    path: str, settings: Settings, workspace: Workspace
) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/accounts/login/")

    answer = uploaded(client, path)

    assert answer.status_code == 400
    assert files_in(settings) == []


def test_a_page_that_takes_no_file_takes_none(member: User, settings: Settings) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(member)
    client.get("/settings/tokens/new/")

    answer = uploaded(client, "/settings/tokens/new/")

    assert answer.status_code == 400
    assert files_in(settings) == []


def test_a_form_larger_than_a_body_is_refused_before_it_is_read(settings: Settings, db: None) -> None:
    settings.MAX_BODY_BYTES = 1_000
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get("/accounts/login/")

    answer = client.post("/accounts/login/", {"login": "x" * 2_000})

    assert answer.status_code in (400, 413)


@pytest.mark.parametrize(
    "filename", ["a." + "e" * 250, "a." + "é" * 130, "t.csv.gz", "t.[ab]*", "t.'); DROP"]
)
def test_the_name_of_an_upload_never_reaches_the_file_system(
    member: User, workspace: Workspace, filename: str
) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(member)

    answer = uploaded(client, "/w/acme/datasets/upload/", filename)

    assert answer.status_code == 302
    assert Dataset.objects.get(workspace=workspace).n_rows == 30


def test_a_file_over_the_limit_is_refused_by_the_page(member: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 50
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(member)
    client.get("/w/acme/datasets/upload/")

    answer = uploaded(client, "/w/acme/datasets/upload/")

    assert answer.status_code in (400, 413)
    assert files_in(settings) == []
