from __future__ import annotations

import hashlib
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from predictor.errors import (
    Conflict,
    InfiniteNumbers,
    InvalidInput,
    InvalidTable,
    MlwebError,
    NotFound,
    RaggedRows,
    TooLarge,
    UnknownEncoding,
    UnsupportedContent,
)
from predictor.ml.types.schema import Role
from predictor.models import Dataset, JobStatus, User, Workspace
from predictor.services import artifacts
from predictor.services.datasets import datasets, ingest_process

from .uploads import CSV, a_run, a_version, left_behind, load

# --- Importing ----------------------------------------------------------------------------------------------


def test_the_preview_shows_times_of_a_zone_with_their_offset(workspace: Workspace, member: User) -> None:
    cells = ["2024-03-30T00:00+01:00", "2024-03-31T00:00+01:00", "2024-04-01T00:00+02:00"] * 4
    text = "at,n\n" + "".join(f"{cell},{place}\n" for place, cell in enumerate(cells))
    dataset = load(workspace, text.encode(), by=member)

    assert [row[0] for row in datasets.preview(dataset, 3).rows] == [
        "2024-03-30T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00",
    ]  # fmt: skip


def test_a_csv_becomes_a_dataset(workspace: Workspace, member: User, settings: Settings) -> None:
    dataset = load(workspace, by=member, name=" My  people ")
    assert (dataset.name, dataset.filename, dataset.created_by) == ("My people", "people.csv", member)
    assert (dataset.n_rows, dataset.n_columns, dataset.n_bytes) == (40, 2, len(CSV))
    assert dataset.schema["age"].role is Role.NUMERIC
    assert dataset.options["encoding"] == "utf-8"
    assert dataset.options["delimiter"] == ","
    assert datasets.preview(dataset, 1) == datasets.Preview(("name", "age"), (("x0", 0),))
    with datasets.open_original(dataset) as file:
        assert file.read() == CSV
    assert left_behind(settings) == sorted([dataset.sha256, dataset.parquet_digest])


def test_an_upload_is_stored_without_a_copy(workspace: Workspace, settings: Settings) -> None:
    with TemporaryUploadedFile("a.csv", "text/csv", len(CSV), None) as upload:
        upload.write(CSV)  # not flushed: the service has to flush it
        dataset = datasets.import_csv(workspace=workspace, source=upload, filename="a.csv", by=None)
        stored = artifacts.path_of(dataset.sha256)
        assert os.stat(upload.temporary_file_path()).st_ino == stored.stat().st_ino
    assert stored.read_bytes() == CSV


def test_a_file_outside_the_upload_folder_is_copied(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "mine [1]*.csv"
    source.write_bytes(CSV)
    dataset = datasets.import_csv(workspace=workspace, source=source, filename=source.name, by=None)
    source.write_bytes(b"changed")
    assert artifacts.verified_path(dataset.sha256).read_bytes() == CSV


def test_the_same_file_gives_the_same_dataset(workspace: Workspace, other_workspace: Workspace) -> None:
    first = load(workspace)
    assert load(workspace, filename="again.csv", name="another name") == first
    assert load(other_workspace) != first
    assert load(workspace, options=datasets.ImportOptions(skip_bad_rows=True)) != first
    assert load(workspace, CSV + b"y,1\n") != first
    assert Dataset.objects.count() == 4


@pytest.mark.django_db(transaction=True)
def test_the_same_file_many_times_at_once_is_read_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    run = ingest_process.run

    def counted(source: Path, *rest: Any) -> Any:
        reads.append(source)
        return run(source, *rest)

    monkeypatch.setattr(ingest_process, "run", counted)
    found: list[Any] = []

    def work() -> None:
        try:
            found.append(load(workspace).pk)
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {Dataset.objects.get().pk}
    assert len(reads) == 1


def test_a_dataset_of_another_host_is_found_by_the_constraint(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(workspace)
    existing = datasets._existing
    answers = iter([None])
    monkeypatch.setattr(datasets, "_existing", lambda *key: next(answers, existing(*key)))
    assert load(workspace) == first


def test_a_dataset_whose_files_are_missing_is_restored_by_an_import(workspace: Workspace) -> None:
    dataset = load(workspace)
    artifacts.remove(dataset.sha256)
    artifacts.remove(dataset.parquet_digest)
    with pytest.raises(NotFound):
        datasets.open_original(dataset)
    assert load(workspace) == dataset
    dataset.refresh_from_db()
    assert datasets.preview(dataset, 1).rows == (("x0", 0),)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", InvalidTable),
        (b"a,b\n", InvalidTable),
        (b"a,a\n1,2\n", InvalidTable),
        (b"a,b\n1,2,3\n", RaggedRows),
        ("a,b\né,ü\n".encode("latin-1"), UnknownEncoding),
        (b"\x89PNG\r\n\x1a\n" + bytes(50), UnsupportedContent),
        (b",".join(b"c%d" % number for number in range(1_500)) + b"\n", TooLarge),
        (b"a,b\n1," + b"x" * 70_000 + b"\n", TooLarge),
        (b"a,b\n1,inf\n2,3\n", InfiniteNumbers),
    ],
)
def test_a_refused_file_leaves_no_files(
    workspace: Workspace, settings: Settings, content: bytes, kind: type[MlwebError]
) -> None:
    with pytest.raises(kind) as caught:
        load(workspace, content)
    assert type(caught.value) is kind
    assert not Dataset.objects.exists()
    assert left_behind(settings) == []


def test_a_stream_over_the_limit_is_not_read_to_its_end(workspace: Workspace, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 3_000_000

    class Endless(io.RawIOBase):
        n_read = 0

        def seekable(self) -> bool:
            return False

        def read(self, n: int = -1) -> bytes:
            Endless.n_read += n
            return b"x" * n

    with pytest.raises(TooLarge, match="3,000,000"):
        datasets.import_csv(workspace=workspace, source=Endless(), filename="x.csv", by=None)
    assert Endless.n_read < 6_000_000
    assert left_behind(settings) == []


# --- Names --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("filename", "label"),
    [
        ("people.csv", "people.csv"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\x.csv", "x.csv"),
        ("a\0b.csv", "ab.csv"),
        ("gpj.\u202evsc.csv", "gpj.vsc.csv"),
        ("line\nbreak.csv", "line break.csv"),
        ("e\u0301.csv", "é.csv"),
        ("", "table.csv"),
        ("..", "table.csv"),
        ("\u200b", "table.csv"),
        ("/", "table.csv"),
        ("<b>.csv", "<b>.csv"),
    ],
)
def test_a_file_name_is_only_a_label(filename: str, label: str) -> None:
    assert datasets.clean_filename(filename) == label


def test_a_long_file_name_keeps_its_ending() -> None:
    label = datasets.clean_filename("x" * 400 + ".csv")
    assert len(label) <= 200
    assert label.endswith("….csv")


def test_a_name_that_is_too_long_is_refused(workspace: Workspace, settings: Settings) -> None:
    with pytest.raises(InvalidInput, match="longer than 200"):
        load(workspace, name="x" * 201)
    assert left_behind(settings) == []


def test_hostile_column_names_are_kept_literally(workspace: Workspace) -> None:
    dataset = load(workspace, b"<script>,{{7*7}},__proto__\n1,2,3\n4,5,6\n")
    assert dataset.schema.names == ("<script>", "{{7*7}}", "__proto__")
    assert datasets.preview(dataset, 1).rows == ((1, 2, 3),)


# --- Deleting -----------------------------------------------------------------------------------------------


def test_deleting_removes_row_and_bytes(
    workspace: Workspace, admin: User, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    dataset = load(workspace)
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(dataset=dataset, by=admin, for_good=True)
    assert not Dataset.with_trash.exists()
    assert left_behind(settings) == []


def test_bytes_that_another_workspace_needs_stay(
    workspace: Workspace, other_workspace: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    mine, theirs = load(workspace), load(other_workspace)
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(dataset=mine, by=None, for_good=True)
    assert datasets.preview(theirs, 1).rows == (("x0", 0),)
    with datasets.open_original(theirs) as file:
        assert file.read() == CSV


def test_a_dataset_that_a_version_needs_is_not_deleted(workspace: Workspace) -> None:
    dataset = load(workspace)
    a_version(a_run(dataset))
    with pytest.raises(Conflict, match="churn 3"):
        datasets.delete(dataset=dataset, by=None)
    assert datasets.preview(dataset, 1).rows


def test_a_dataset_that_a_run_used_is_not_deleted(workspace: Workspace) -> None:
    dataset = load(workspace)
    a_run(dataset)
    with pytest.raises(Conflict, match="A training run used"):
        datasets.delete(dataset=dataset, by=None)


@pytest.mark.parametrize("keep_metadata", [False, True])
def test_a_dataset_of_a_running_run_is_not_deleted(workspace: Workspace, keep_metadata: bool) -> None:
    dataset = load(workspace)
    a_run(dataset, JobStatus.RUNNING)
    with pytest.raises(Conflict, match="still reading"):
        datasets.delete(dataset=dataset, by=None, keep_metadata=keep_metadata)


def test_the_data_can_be_deleted_and_the_description_kept(
    workspace: Workspace, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    dataset = load(workspace)
    a_run(dataset)
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(dataset=dataset, by=None, keep_metadata=True)
    dataset.refresh_from_db()
    assert not dataset.has_data
    assert dataset.n_rows == 40
    assert left_behind(settings) == []
    for look in (datasets.open_original, datasets.preview):
        with pytest.raises(NotFound, match="was removed"):
            look(dataset)
    assert load(workspace) != dataset


# --- The command --------------------------------------------------------------------------------------------


def test_the_command_imports_and_prints_json(workspace: Workspace, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV.replace(b",", b";") + b"ragged\n")
    call_command(
        "import_dataset", str(path), "--workspace", "acme", "--skip-bad-rows", "--json", "--name", "P"
    )
    imported = json.loads(capsys.readouterr().out)
    assert (imported["name"], imported["n_rows"], imported["options"]["delimiter"]) == ("P", 40, ";")
    assert imported["options"]["n_rejected"] == 1
    assert imported["id"] == Dataset.objects.get().pk


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["{path}", "--workspace", "nope"], "no workspace"),
        (["{path}.missing", "--workspace", "acme"], "cannot be read"),
        (["{path}", "--workspace", "acme", "--encoding", "utf-16"], "not utf-16"),
        (["{path}", "--workspace", "acme", "--delimiter", "xyz"], "delimiter"),
    ],
)
def test_the_command_says_what_is_wrong(
    workspace: Workspace, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    with pytest.raises(CommandError, match=sentence):
        call_command("import_dataset", *(each.format(path=path) for each in arguments))


# --- Lines around the table ---------------------------------------------------------------------------------
REPORT = b"Sales in June\n\nname,age\n" + CSV.split(b"\n", 1)[1] + b"Total,99\n"


def test_options_about_lines_leave_older_digests_as_they_are() -> None:
    # As it was stored before there were such options.
    known = '{"decimal": "", "delimiter": "", "encoding": "", "infinite_as_missing": false, "skip_bad_rows": false}'

    assert datasets.options_digest(datasets.ImportOptions()) == hashlib.sha256(known.encode()).hexdigest()
    assert datasets.options_digest(datasets.ImportOptions(skip_lines=0)) != datasets.options_digest(
        datasets.ImportOptions()
    )


def test_a_dataset_is_read_again_with_other_lines(workspace: Workspace, member: User) -> None:
    first = load(workspace, REPORT)
    again = datasets.read_again(dataset=first, lines=datasets.LineOptions(footer_lines=1), by=member)

    assert (first.n_rows, again.n_rows) == (41, 40)
    assert first.sha256 == again.sha256
    assert again.created_by == member
    assert datasets.read_again(dataset=first, lines=datasets.LineOptions(footer_lines=1), by=member) == again


def test_a_dataset_whose_data_was_removed_is_not_read_again(workspace: Workspace) -> None:
    dataset = load(workspace, REPORT)
    datasets.delete(dataset=dataset, by=None, keep_metadata=True)

    with pytest.raises(NotFound):
        datasets.read_again(dataset=dataset, lines=datasets.LineOptions(), by=None)


def test_the_command_takes_the_options_about_lines(
    workspace: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(b"! a note\nx,y\nu,v\n1,2\n! another\n3,4\n5,6\n")
    options = {"skip_lines": 1, "units_lines": 1, "footer_lines": 1, "comment": "!"}

    call_command("import_dataset", str(path), workspace=workspace.slug, json=True, **options)

    answer = json.loads(capsys.readouterr().out)
    assert (answer["n_rows"], answer["options"]["n_skipped_lines"]) == (2, 4)
    assert [each["name"] for each in answer["columns"]] == ["x", "y"]
