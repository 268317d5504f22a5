from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, override_settings
from django.utils import timezone

from predictor.models import BatchPrediction, Dataset, ModelVersion, User
from predictor.services import batches, datasets, jobs
from predictor.tests.web.prediction_pages import unescaped, url
from predictor.web.batches import status_sentence

ROWS = b"x1,x2,note\n1,2,=1+1\n<b>,2,\n"


def post(client: Client, content: bytes = ROWS, **more: Any) -> Any:
    file = SimpleUploadedFile("rows.csv", content)
    return client.post(url("batch-list", "article"), {"file": file, **more})


def test_a_file_becomes_a_batch_whose_page_follows_it(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)

    response = post(client)

    batch = BatchPrediction.objects.get()
    where = ("article", batch.pk)
    assert response.headers["Location"] == url("batch-detail", *where)
    waiting = client.get(url("batch-detail", *where)).content.decode()
    assert "It begins as soon as a worker is free" in waiting
    assert "every 1s" in waiting
    assert client.get(url("batch-result", *where)).status_code == 302
    jobs.run(batches.BATCHES, batch.pk)
    moved = client.get(url("batch-progress", *where), headers={"HX-Request": "true"}).content.decode()
    assert "2 rows in" in moved
    assert "every 1s" not in moved
    assert "“&lt;b&gt;” is not a number" in moved
    result = client.get(url("batch-result", *where))
    assert "attachment" in result["Content-Disposition"]
    assert b"'=1+1" in b"".join(result.streaming_content)  # type: ignore[attr-defined]
    assert "rows.csv" in client.get(url("batch-list", "article")).content.decode()


def test_progress_without_a_change_is_204(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)
    post(client)
    page = client.get(url("batch-detail", "article", BatchPrediction.objects.get().pk))

    seen = page.context["fingerprint"]

    progress = url("batch-progress", "article", page.context["batch"].pk)
    assert client.get(progress, {"seen": seen}).status_code == 204


def test_the_rows_of_a_dataset_can_be_predicted(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)
    file = SimpleUploadedFile("t.csv", b"x1;x2\n" + b"1,5;2,0\n" * 3)
    dataset = datasets.import_csv(
        workspace=linear.registered_model.workspace, source=file, filename="t.csv", by=viewer
    )

    client.post(url("batch-list", "article"), {"dataset": dataset.pk})

    batch = BatchPrediction.objects.get()
    jobs.run(batches.BATCHES, batch.pk)
    batch.refresh_from_db()
    assert (batch.status, batch.n_rows_done, batch.dataset) == ("succeeded", 3, dataset)
    with batches.open_result(batch) as result:
        assert b'"1,5","2,0",-0.15,,' in result.read()
    assert Dataset.objects.get() == dataset


@pytest.mark.parametrize(
    ("content", "more", "status", "sentence"),
    [
        (b"a,b\n1,2\n", {}, 400, "lacks the columns"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 99, {}, 415, "PNG"),
        (ROWS, {"dataset": "77"}, 400, "Select a valid choice"),
    ],
)
def test_an_invalid_batch_is_refused_in_the_form(
    client: Client, viewer: User, linear: ModelVersion,
    content: bytes, more: dict[str, str], status: int, sentence: str,
) -> None:  # fmt: skip
    client.force_login(viewer)

    response = post(client, content, **more)

    assert response.status_code == status
    assert sentence in response.content.decode()


def test_the_suggested_encoding_is_filled_in(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)
    content = ("x1,x2,note\n" + "1,2,Müller Straße\n" * 30).encode("cp1252")

    refused = post(client, content)
    page = refused.content.decode()
    accepted = post(client, content, encoding=refused.context["form"]["encoding"].value())

    assert refused.status_code == 400
    assert refused.context["form"]["encoding"].value() == "cp1252"
    assert "That is set below now; choose the file again." in page
    assert 'name="dataset"' in page
    assert accepted.status_code == 302


def test_a_batch_is_cancelled_by_its_creator(client: Client, viewer: User, linear: ModelVersion) -> None:
    client.force_login(viewer)
    post(client)
    batch = BatchPrediction.objects.get()

    client.post(url("batch-cancel", "article", batch.pk))

    batch.refresh_from_db()
    assert batch.status == "cancelled"


@override_settings(MAX_PREDICTION_CSV_ROWS=2)
def test_a_csv_that_is_too_large_to_wait_for_becomes_a_batch(
    client: Client, viewer: User, linear: ModelVersion
) -> None:
    client.force_login(viewer)
    file = SimpleUploadedFile("rows.csv", b"x1,x2\n" + b"1,2\n" * 3)

    page = client.post(url("predict-csv", "article"), {"file": file}, follow=True)

    assert "a worker predicts it" in page.content.decode()
    assert BatchPrediction.objects.get().created_by == viewer


def test_a_batch_says_how_it_ended() -> None:
    began_at = timezone.now() - timedelta(hours=2)
    took = {"started_at": began_at, "finished_at": began_at + timedelta(seconds=75), "n_rows_done": 1200}

    done = status_sentence(BatchPrediction(status="succeeded", **took))
    stopped = status_sentence(BatchPrediction(status="cancelled", **took))

    assert done == "1,200 rows in 1 min 15 s."
    assert unescaped(stopped) == "Stopped on request an hour ago. What was answered until then is in the log."
