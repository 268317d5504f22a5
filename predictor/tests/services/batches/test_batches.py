from __future__ import annotations

import csv
import io
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from django.db import IntegrityError, transaction
from django.test import override_settings
from django.utils import timezone

from predictor.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    InvalidRows,
    InvalidTable,
    NotFound,
    NotLogged,
    TooLarge,
)
from predictor.models import (
    BatchFormat,
    BatchPrediction,
    JobStatus,
    ModelVersion,
    PredictionLog,
    User,
    Workspace,
)
from predictor.services import batches, datasets, jobs, prediction_log, registry
from predictor.services.batches import batch_files, batch_job
from predictor.services.operations import upkeep
from predictor.services.predictions import loaded_versions
from predictor.tests import predicting
from predictor.tests.web.served_versions import EVIL_CATEGORY, EVIL_NUMBER, publish_served

CSV_ROWS = "x1,x2,note\n1,2,=1+1\nabc,2,\n3,,b\n1,2\n5,6,c\n"


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> None:
    loaded_versions.forget_all()


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )


def file(folder: Path, content: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def start(version: ModelVersion, source: Any, **more: Any) -> BatchPrediction:
    more.setdefault("by", version.created_by)
    more.setdefault("filename", source.name if isinstance(source, Path) else "")
    return predicting.start_batch(version.registered_model, source, **more)


def finish(batch: BatchPrediction) -> BatchPrediction:
    assert jobs.run(batches.BATCHES, batch.pk)
    batch.refresh_from_db()
    return batch


def done(version: ModelVersion, source: Any, **more: Any) -> BatchPrediction:
    return finish(start(version, source, **more))


def result(batch: BatchPrediction) -> bytes:
    assert batch.status == JobStatus.SUCCEEDED, (batch.error, batch.traceback)
    with batches.open_result(batch) as opened:
        return opened.read()


def table(batch: BatchPrediction) -> list[list[str]]:
    return list(csv.reader(io.StringIO(result(batch).decode())))


# --- Formats -----------------------------------------------------------------------------------------------
def test_bad_rows_of_a_csv_get_an_error_and_the_others_a_prediction(
    linear: ModelVersion, tmp_path: Path
) -> None:
    batch = done(linear, file(tmp_path, CSV_ROWS))

    head, good, text, gap, ragged, last = table(batch)
    assert head == ["x1", "x2", "note", "prediction", "warnings", "error"]
    escaped = "Written with an apostrophe, so that no spreadsheet runs it as a formula: “note”."
    assert good == ["1", "2", "'=1+1", "-0.4", escaped, ""]
    assert text[3:] == ["", "", "Row 2, column “x1”: “abc” is not a number."]
    assert gap[3]
    assert "no value" in gap[4]
    assert ragged == ["1", "2", "", "", "", "Row 4 has 2 cells instead of 3."]
    assert last[3] == "2.8"
    assert (batch.n_rows_done, batch.n_rows_total, batch.n_errors, batch.n_warnings) == (5, 5, 2, 1)
    assert [each["row"] for each in batch.row_errors] == [2, 4]
    assert batch.warnings == ["The model does not use “note”."]


def test_only_answered_rows_are_logged_each_once(linear: ModelVersion, tmp_path: Path) -> None:
    batch = done(linear, file(tmp_path, CSV_ROWS), request_id="r-1")

    rows = list(PredictionLog.objects.filter(request_id="r-1").order_by("id"))
    assert [row.row_number for row in rows] == [1, 3, 5]
    assert rows[0].inputs == {"x1": 1, "x2": 2}
    assert (rows[0].source, rows[0].actor, rows[0].model_version) == ("batch", batch.created_by, linear)


def test_json_lines_come_back_as_json_lines(linear: ModelVersion, tmp_path: Path) -> None:
    lines = '{"x1": 1, "x2": 2}\n\n{"x1": 1, "x2"\n{"x1": [1], "x2": 2}\n[1]\n{"x1": 1, "x1": 2, "x2": 3}\n'

    batch = done(linear, file(tmp_path, lines, "rows.jsonl"))

    rows = [orjson.loads(line) for line in result(batch).splitlines()]
    assert rows[0] == {"input": {"x1": 1, "x2": 2}, "prediction": -0.4, "warnings": []}
    assert [each["error"].split(":")[0] for each in rows[1:]] == [
        "Line 3 is not valid JSON",
        "Row 3, column “x1”",
        "Line 5 is not an object {column",
        "Line 6 holds the name “x1” twice.",
    ]
    assert (batch.n_rows_done, batch.n_errors) == (5, 4)


def test_parquet_comes_back_as_parquet_with_its_own_columns(linear: ModelVersion, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT i AS x1, 2.0 AS x2, [i] AS l FROM range(5000) t(i)) TO '{path}'")

    batch = done(linear, path)

    (tmp_path / "result.parquet").write_bytes(result(batch))
    found = duckdb.sql(f"SELECT * FROM '{tmp_path}/result.parquet' LIMIT 1 OFFSET 4321")
    assert found.columns == ["x1", "x2", "l", "prediction", "warnings", "error"]
    assert found.fetchall()[0][:4] == (4321, 2, [4321], pytest.approx(0.5 * 4321 - 0.9))
    assert PredictionLog.objects.count() == 5000


def test_rows_can_be_given_as_they_are(linear: ModelVersion) -> None:
    batch = done(linear, [{"x1": 1, "x2": 2}, {"x1": None, "x2": 3}])

    assert next(orjson.loads(line)["prediction"] for line in result(batch).splitlines()) == -0.4


def test_a_classifiers_result_has_the_fields_of_a_single_prediction(
    workspace: Workspace, member: User, tmp_path: Path
) -> None:
    model = registry.get_or_create_model(workspace=workspace, name_or_slug="churn", by=member)
    version = publish_served(model)
    rows = [
        {"age": 30, "member": True, "joined": "2020-01-02", "plan": "plus", "shop": "shop 1",
         "__proto__": "two words", EVIL_NUMBER: 0.5, EVIL_CATEGORY: "b"},
        {"age": 500, "member": None, "joined": None, "plan": "new", "shop": "shop 2",
         "__proto__": "x", EVIL_NUMBER: -0.5, EVIL_CATEGORY: "a"},
    ]  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    single = predicting.predict(model, rows=rows, by=member).predictions

    batch = done(version, file(tmp_path, text.getvalue()), by=member)

    found = list(csv.DictReader(io.StringIO(result(batch).decode())))
    logged = list(PredictionLog.objects.filter(source="batch").order_by("row_number"))
    for one, cells, row in zip(single, found, logged, strict=True):
        assert row.output == one.output
        assert row.warnings == one.warnings_as_json
        assert cells["prediction"] == str(one.prediction)
        assert one.probabilities
        assert {name: float(cells[f"probability_{name}"]) for name in one.probabilities} == one.probabilities
        assert cells["warnings"] == " ".join(f"“{each.column}”: {each.message}" for each in one.warnings)


# --- InvalidValue at once ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "content", "kind", "sentence"),
    [
        ("rows.csv", b"", InvalidTable, "empty"),
        ("rows.csv", b"x1,x2\n", InvalidTable, "no rows"),
        ("rows.csv", b"a,b\n1,2\n", InvalidRows, "lacks the columns “x1”, “x2”"),
        ("rows.csv", b"x1,x2\na,2\nb,2\n", InvalidRows, "None of the first 2 rows"),
        ("rows.jsonl", b'{"a": 1}\n', InvalidRows, "column “x1”: the column is missing"),
        ("rows.jsonl", b"\n\n", InvalidTable, "no rows"),
        ("rows.parquet", b"PAR1\x15\x00\x00 cut off", InvalidTable, "not a Parquet file"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused_at_once(
    linear: ModelVersion, tmp_path: Path, name: str, content: bytes, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence):
        start(linear, file(tmp_path, content, name))

    assert not BatchPrediction.objects.exists()


def test_a_cell_that_unpacks_to_too_much_is_refused_at_once(linear: ModelVersion, tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS x1, repeat('9', 70_000) AS x2 FROM range(5000)) TO '{path}'")
    assert path.stat().st_size < 1 << 20

    with pytest.raises(TooLarge, match="A cell of the column “x2” is longer than 65,536 bytes") as refused:
        start(linear, path)

    assert refused.value.limit == 65_536
    assert not BatchPrediction.objects.exists()


def test_an_unknown_format_and_an_unsupported_coverage_are_refused(
    linear: ModelVersion, tmp_path: Path
) -> None:
    path = file(tmp_path, CSV_ROWS)
    with pytest.raises(InvalidInput, match="xlsx"):
        start(linear, path, kind="xlsx")
    with pytest.raises(InvalidInput):
        start(linear, path, coverage=2.0)


def test_strict_refuses_the_whole_file_before_a_row_is_answered(linear: ModelVersion, tmp_path: Path) -> None:
    rows = "x1,x2\n" + "1,2\n" * 2_500 + "1,\n"

    batch = done(linear, file(tmp_path, rows), strict=True)

    assert batch.status == JobStatus.FAILED
    assert "Row 2,501" in batch.error
    assert not PredictionLog.objects.exists()


@override_settings(MAX_BATCH_ROWS=3)
def test_too_many_rows_end_the_batch_with_the_limit(linear: ModelVersion, tmp_path: Path) -> None:
    batch = done(linear, [{"x1": 1, "x2": 2}] * 3)
    assert batch.status == JobStatus.SUCCEEDED

    with pytest.raises(Exception, match="3 rows"):
        start(linear, [{"x1": 1, "x2": 2}] * 4)


# --- Interrupted -------------------------------------------------------------------------------------------
class Killed(BaseException):
    """Ends the attempt like a kill: no outcome is written."""


@pytest.mark.parametrize("commits_each_chunk", [True, False])
def test_an_interrupted_batch_resumes_without_repeating_a_row(
    linear: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commits_each_chunk: bool
) -> None:
    rows = "x1,x2\n" + "".join(f"{number},2\n" for number in range(7_000))
    monkeypatch.setattr(batch_job, "COMMIT_SECONDS", 0.0 if commits_each_chunk else 1_000.0)
    batch = start(linear, file(tmp_path, rows))
    append, calls = prediction_log.append, 0

    def dies(*args: Any, **more: Any) -> None:
        nonlocal calls
        calls += 1
        append(*args, **more)
        if calls == 5:  # in the middle of the third chunk
            raise Killed

    monkeypatch.setattr(prediction_log, "append", dies)
    with pytest.raises(Killed):
        jobs.run(batches.BATCHES, batch.pk)
    assert PredictionLog.objects.count() == 5_000
    batch.refresh_from_db()
    assert batch.n_rows_done == (4_000 if commits_each_chunk else 0)
    BatchPrediction.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    jobs.sweep(batches.BATCHES)
    finish(batch)

    found = table(batch)[1:]
    assert [int(row[0]) for row in found] == list(range(7_000))
    numbers = PredictionLog.objects.order_by("id").values_list("row_number", flat=True)
    assert list(numbers) == list(range(1, 7_001))
    assert [each["outcome"] for each in batch.attempt_log] == ["lost", "succeeded"]


def test_a_batch_whose_rows_cannot_be_logged_is_tried_again(
    linear: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = start(linear, file(tmp_path, "x1,x2\n1,2\n"))

    def full(*args: Any, **more: Any) -> None:
        raise NotLogged("The disk is full.", retry_seconds=1)

    with monkeypatch.context() as patched:
        patched.setattr(prediction_log, "append", full)
        assert jobs.run(batches.BATCHES, batch.pk)
    batch.refresh_from_db()
    assert batch.status == JobStatus.QUEUED

    finish(batch)

    assert batch.n_rows_done == PredictionLog.objects.count() == 1
    assert [each["outcome"] for each in batch.attempt_log] == ["died", "succeeded"]


def test_a_batch_without_its_work_file_restarts_and_logs_no_row_twice(
    linear: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_job, "COMMIT_SECONDS", 0.0)
    batch = start(linear, file(tmp_path, "x1,x2\n" + "1,2\n" * 5_000))

    def dies(self: Any, chunk: Any) -> None:
        if chunk.first_row > 4_000:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(batch_job.BatchAttempt, "check", dies)
        with pytest.raises(Killed):
            jobs.run(batches.BATCHES, batch.pk)
    (batch_job.workdir_of(batch.pk) / "result.partial").unlink()
    BatchPrediction.objects.update(status="queued", owner="", lease_until=None)

    assert len(table(finish(batch))) == 5_001
    assert PredictionLog.objects.count() == 5_000


class Endless:
    """A source that never ends; `alive` are its chunks that are still referenced."""

    names: tuple[str, ...] = ("x1", "x2")
    n_rows_total = None
    share_read = 0.5

    def __init__(self, chunk: Any, on_last: Callable[[], Any]):
        self._chunk, self._on_last = chunk, on_last
        self.alive: weakref.WeakSet[Any] = weakref.WeakSet()
        self.n_made = self.most_alive = 0

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[Any]:
        while True:
            self.n_made += 1
            if self.n_made == 30:
                self._on_last()
            chunk = replace(self._chunk, first_row=self._chunk.n_rows * self.n_made)
            self.alive.add(chunk)
            self.most_alive = max(self.most_alive, len(self.alive))
            yield chunk


def test_at_most_two_chunks_are_in_memory(
    linear: ModelVersion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, "x1,x2\n" + "1,2\n" * 100)
    rows = batch_files.open_rows(path, BatchFormat.CSV, loaded_versions.load(linear), {}, scratch=tmp_path)
    batch = start(linear, path)
    held = jobs.claim(batches.BATCHES, batch.pk)
    assert held is not None

    def cancel() -> None:
        batches.cancel(batch=batch, by=linear.created_by)
        held.look()

    source = Endless(next(rows.bulk_chunks()), cancel)
    monkeypatch.setattr(batch_files, "open_rows", lambda *args, **more: source)
    jobs.perform(batches.BATCHES, held)

    batch.refresh_from_db()
    assert batch.status == JobStatus.CANCELLED
    assert (source.n_made, PredictionLog.objects.count()) == (30, 2_900)
    assert source.most_alive <= 2
    assert not batch_job.workdir_of(batch.pk).exists()


# --- Cancel, result, upkeep --------------------------------------------------------------------------------
def test_only_its_creator_and_members_cancel_a_queued_batch(
    linear: ModelVersion, viewer: User, member: User, tmp_path: Path
) -> None:
    batch = start(linear, file(tmp_path, CSV_ROWS), by=member)
    with pytest.raises(Forbidden):
        batches.cancel(batch=batch, by=viewer)

    batches.cancel(batch=batch, by=member)

    assert batch.status == JobStatus.CANCELLED
    with pytest.raises(Conflict, match="no result"):
        batches.open_result(batch)


def test_old_results_and_used_sources_are_deleted_and_needed_files_stay(
    linear: ModelVersion, tmp_path: Path
) -> None:
    old, new = (done(linear, file(tmp_path, f"x1,x2\n{number},2\n")) for number in (1, 2))
    waiting = start(linear, file(tmp_path, "x1,x2\n1,2\n"))
    BatchPrediction.objects.filter(pk=old.pk).update(finished_at=timezone.now() - timedelta(days=8))

    upkeep.tidy()

    for batch in (old, new, waiting):
        batch.refresh_from_db()
    assert (old.source_digest, old.result_digest) == ("", "")
    with pytest.raises(NotFound, match="kept for 7 days"):
        batches.open_result(old)
    assert table(new)[1][2] == "0.1"
    assert len(table(finish(waiting))) == 2


def test_the_database_refuses_a_success_without_a_result(linear: ModelVersion, tmp_path: Path) -> None:
    batch = start(linear, file(tmp_path, CSV_ROWS))

    with pytest.raises(IntegrityError), transaction.atomic():
        BatchPrediction.objects.filter(pk=batch.pk).update(status="succeeded")
    with pytest.raises(IntegrityError), transaction.atomic():
        BatchPrediction.objects.filter(pk=batch.pk).update(n_errors=1)


def test_batches_of_another_workspace_are_not_visible(
    linear: ModelVersion, stranger: User, member: User, tmp_path: Path
) -> None:
    start(linear, file(tmp_path, CSV_ROWS))

    assert BatchPrediction.objects.visible_to(member).count() == 1
    assert not BatchPrediction.objects.visible_to(stranger).exists()


def test_a_row_that_is_no_csv_does_not_end_the_batch(linear: ModelVersion, tmp_path: Path) -> None:
    rows = "x1,x2,note\n1,2,a\n3,4," + "y" * 200_000 + "\n5,6,b\n"

    batch = done(linear, file(tmp_path, rows))

    found = table(batch)[1:]
    assert [row[3] for row in found] == ["-0.4", "", "2.8"]
    assert "row 2, column “note”, holds more than" in found[1][-1]


def test_the_lines_around_a_dataset_are_no_rows_of_its_batch(
    linear: ModelVersion, member: User, tmp_path: Path
) -> None:
    content = "A report\n\nx1,x2\n[m],[m]\n1.5,2\n3.5,4.5\nTotal\n"
    path = file(tmp_path, content)
    dataset = datasets.import_csv(
        workspace=linear.registered_model.workspace, source=path, filename="report.csv", by=member
    )

    of_dataset, of_file = done(linear, dataset), done(linear, path)

    assert dataset.n_rows == 2
    assert [row[2] for row in table(of_dataset)[1:]] == [row[2] for row in table(of_file)[1:]]
    assert len(table(of_dataset)) == 3
    assert any("2 lines above the header" in each for each in of_dataset.warnings)
