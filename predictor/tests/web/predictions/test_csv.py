from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from predictor.models import ModelVersion, PredictionLog, User
from predictor.tests.web.prediction_pages import url


def upload(client: Client, text: str, **more: str) -> Any:
    file = SimpleUploadedFile("rows.csv", text.encode())
    return client.post(url("predict-csv", "article"), {"file": file, **more})


def test_a_file_comes_back_with_its_predictions(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)

    page = upload(client, "x2,x1,note\n2,1,=1+1\n4,3,b\n").content.decode()

    key = re.search(r'predict-csv/([\w-]+)/"', page)
    assert "2 rows predicted by version 1" in page
    assert key
    response = client.get(url("predict-csv-download", "article", key[1]))
    lines = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert lines[0][:4] == ["x2", "x1", "note", "prediction"]
    assert lines[1][:4] == ["2", "1", "'=1+1", "-0.4"]
    assert "attachment" in response["Content-Disposition"]


def test_a_result_is_for_the_person_who_asked(
    client: Client, viewer: User, member: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)
    key = re.search(r'predict-csv/([\w-]+)/"', upload(client, "x1,x2\n1,2\n").content.decode())
    assert key
    client.force_login(member)

    assert client.get(url("predict-csv-download", "article", key[1])).status_code == 404


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("x1,x2\n1,2\nabc,2\n", "Row 2, column “x1”"),
        ("", "empty"),
        ("a,b\n1,2\n", "lacks the columns “x1”, “x2”"),
    ],
)
def test_a_bad_file_is_refused_with_row_and_column(
    client: Client, viewer: User, linear: ModelVersion, text: str, sentence: str
) -> None:
    client.force_login(viewer)

    response = upload(client, text)

    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert not PredictionLog.objects.exists()


def test_no_file_and_another_kind_of_file_are_refused(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    assert client.post(url("predict-csv", "article"), {}).status_code == 400
    png = SimpleUploadedFile("rows.csv", b"\x89PNG\r\n\x1a\n" + b"0" * 100)
    assert client.post(url("predict-csv", "article"), {"file": png}).status_code == 415


def test_an_undeclared_encoding_is_refused_with_the_way_out_filled_in(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)
    content = "x1,x2,Straße\n1,2,Köln\n".encode("cp1252")

    refused = client.post(url("predict-csv", "article"), {"file": SimpleUploadedFile("a.csv", content)})
    suggestion = re.search(r'name="encoding" value="([^"]+)"', refused.content.decode())
    assert refused.status_code == 400
    assert suggestion

    accepted = client.post(
        url("predict-csv", "article"),
        {"file": SimpleUploadedFile("a.csv", content), "encoding": suggestion[1]},
    )
    assert "1 row predicted by version 1" in accepted.content.decode()


def test_ragged_rows_are_refused_by_number_and_left_out_on_request(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)
    text = "x1,x2\n1,2\n3,4,5\n5,6\n"

    refused = upload(client, text)
    accepted = upload(client, text, skip_bad_rows="on")

    assert refused.status_code == 400
    assert re.search(r'name="skip_bad_rows"[^>]* checked', refused.content.decode())
    assert "2 rows predicted by version 1" in accepted.content.decode()
