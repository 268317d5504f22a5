"""Pages are compressed for browsers; answers of programs and streams are not."""

from __future__ import annotations

import gzip

import pytest
from django.test import Client

from predictor.models import User, Workspace

pytestmark = pytest.mark.django_db
BROWSER = {"Accept-Encoding": "gzip, deflate, br"}


def test_a_page_is_compressed_and_each_time_of_another_length(client: Client, viewer: User) -> None:
    client.force_login(viewer)

    plain = client.get("/w/acme/datasets/")
    packed = [client.get("/w/acme/datasets/", headers=BROWSER) for _ in range(8)]

    assert "Content-Encoding" not in plain
    assert {each["Content-Encoding"] for each in packed} == {"gzip"}
    assert "Accept-Encoding" in packed[0]["Vary"]
    assert "</html>" in gzip.decompress(packed[0].content).decode()
    assert len(packed[0].content) < len(plain.content) / 2
    assert len({len(each.content) for each in packed}) > 1


def test_answers_of_programs_and_files_are_not_compressed(
    client: Client, viewer: User, workspace: Workspace
) -> None:
    client.force_login(viewer)
    for path in ("/api/schema", "/api/v1/acme/models", "/w/acme/predictions/export/"):
        answer = client.get(path, headers=BROWSER)
        assert answer.status_code == 200
        assert "Content-Encoding" not in answer
