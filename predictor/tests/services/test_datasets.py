from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import (
    Conflict,
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
from predictor.models import Dataset, JobStatus, ModelVersion, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import artifact_references, artifacts, datasets, ingest_child, samples

CSV = b"name,age\n" + b"".join(b"x%d,%d\n" % (number, number * 7 % 31) for number in range(40))


def load(workspace: Workspace, content: bytes = CSV, filename: str = "people.csv", **more: Any) -> Dataset:
    more.setdefault("by", None)
    return datasets.import_csv(workspace=workspace, source=io.BytesIO(content), filename=filename, **more)


def left_behind(settings: Settings) -> list[str]:
    """What lies in the data folder besides locks."""
    files = [path for path in Path(settings.DATA_DIR).rglob("*") if path.is_file()]
    return sorted(path.name for path in files if path.suffix != ".lock" and path.name != ".lock")


# --- Importing ----------------------------------------------------------------------------------------------


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


def test_an_upload_is_taken_without_a_copy(workspace: Workspace, settings: Settings) -> None:
    with TemporaryUploadedFile("a.csv", "text/csv", len(CSV), None) as upload:
        upload.write(CSV)  # not flushed: the service has to see to that
        dataset = datasets.import_csv(workspace=workspace, source=upload, filename="a.csv", by=None)
        stored = artifacts.path_of(dataset.sha256)
        assert os.stat(upload.temporary_file_path()).st_ino == stored.stat().st_ino
    assert stored.read_bytes() == CSV


def test_a_file_of_somebody_else_is_copied(workspace: Workspace, tmp_path: Path) -> None:
    source = tmp_path / "mine [1]*.csv"
    source.write_bytes(CSV)
    dataset = datasets.import_csv(workspace=workspace, source=source, filename=source.name, by=None)
    source.write_bytes(b"changed")
    assert artifacts.verified_path(dataset.sha256).read_bytes() == CSV


def test_the_same_file_is_the_same_dataset(workspace: Workspace, other_workspace: Workspace) -> None:
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
    run = ingest_child.run

    def counted(source: Path, *rest: Any) -> Any:
        reads.append(source)
        return run(source, *rest)

    monkeypatch.setattr(ingest_child, "run", counted)
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


def test_a_dataset_whose_bytes_were_lost_comes_back(workspace: Workspace) -> None:
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
        (b"a,b\n1,inf\n2,3\n", InvalidTable),
    ],
)
def test_a_refused_file_leaves_nothing(
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


def test_a_file_that_takes_too_long_is_given_up(workspace: Workspace, settings: Settings) -> None:
    settings.INGEST_TIMEOUT_SECONDS = 0.01
    with pytest.raises(TooLarge, match="longer than"):
        load(workspace)
    assert left_behind(settings) == []


def test_a_reader_that_dies_is_a_refusal_without_its_traceback(
    workspace: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_child, "MODULE", "predictor.no_such_module")
    with pytest.raises(InvalidTable, match="ended unexpectedly") as caught:
        load(workspace)
    assert "Traceback" not in str(caught.value)
    assert left_behind(settings) == []


def test_what_a_killed_process_left_is_swept(settings: Settings) -> None:
    work = Path(settings.WORK_DIR)
    code = (
        "import fcntl, sys, time\nfile = open(sys.argv[1] + '/.lock', 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\ntime.sleep(60)"
    )
    dead, alive = work / "import-dead", work / "import-alive"
    processes = []
    for folder in (dead, alive):
        folder.mkdir()
        (folder / "source.csv").write_bytes(CSV)
        process = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        processes.append(process)
        long_ago = time.time() - 1_000
        os.utime(folder, (long_ago, long_ago))
    processes[0].kill()
    processes[0].wait()
    try:
        assert ingest_child.sweep() == 1
        assert alive.exists()
        assert not dead.exists()
    finally:
        processes[1].kill()
        for process in processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def test_the_reading_child_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    assert "secret" not in " ".join(ingest_child.child_environment().values())


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


def a_run(dataset: Dataset, status: str = JobStatus.SUCCEEDED) -> TrainingRun:
    model = RegisteredModel.objects.create(workspace=dataset.workspace, slug="churn", name="Churn")
    return TrainingRun.objects.create(
        workspace=dataset.workspace, dataset=dataset, registered_model=model, target="age", task="regression",
        budget_seconds=10, seed=0, status=status,
    )  # fmt: skip


def a_version(run: TrainingRun) -> ModelVersion:
    return ModelVersion.objects.create(
        registered_model=run.registered_model, number=3, training_run=run, dataset=run.dataset, task="regression",
        estimator="linear", signature_json={}, artifacts={"model.onnx": {"digest": run.dataset.sha256, "n_bytes": 1}},
        is_compiled=True,
    )  # fmt: skip


def test_deleting_removes_row_and_bytes(
    workspace: Workspace, admin: User, settings: Settings, django_capture_on_commit_callbacks: Any
) -> None:
    dataset = load(workspace)
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(dataset=dataset, by=admin)
    assert not Dataset.objects.exists()
    assert left_behind(settings) == []


def test_bytes_that_another_workspace_needs_stay(
    workspace: Workspace, other_workspace: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    mine, theirs = load(workspace), load(other_workspace)
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(dataset=mine, by=None)
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
def test_nothing_is_deleted_under_a_run_that_is_at_work(workspace: Workspace, keep_metadata: bool) -> None:
    dataset = load(workspace)
    a_run(dataset, JobStatus.RUNNING)
    with pytest.raises(Conflict, match="still reading"):
        datasets.delete(dataset=dataset, by=None, keep_metadata=keep_metadata)


def test_the_bytes_can_go_and_the_description_stay(
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


def test_files_that_no_row_names_are_removed_after_a_day(workspace: Workspace, settings: Settings) -> None:
    dataset = load(workspace)
    version = a_version(a_run(dataset))
    version.artifacts = {"model.onnx": {"digest": artifacts.put_bytes(b"onnx"), "n_bytes": 4}}
    version.save()
    orphan = artifacts.put_bytes(b"orphan")
    for path in Path(settings.ARTIFACT_DIR).glob("??/*"):
        os.utime(path, (0, 0))
    assert artifact_references.remove_unreferenced_files() == 1
    assert not artifacts.exists(orphan)
    assert artifacts.exists(dataset.sha256)
    assert artifacts.exists(version.artifacts["model.onnx"]["digest"])
    Dataset.objects.update(data_removed_at=timezone.now())
    assert artifact_references.remove_unreferenced_files() == 2


# --- Samples ------------------------------------------------------------------------------------------------


def test_samples_have_what_the_page_shows() -> None:
    assert len({sample.key for sample in samples.SAMPLES}) == len(samples.SAMPLES) >= 4
    for sample in samples.SAMPLES:
        assert sample.title
        assert sample.summary
        assert sample.source
        assert sample.licence
        assert sample.target in sample.columns


@pytest.mark.parametrize(
    ("key", "loader"),
    [
        ("iris", "load_iris"),
        ("wine", "load_wine"),
        ("breast-cancer", "load_breast_cancer"),
        ("diabetes", "load_diabetes"),
        ("digits", "load_digits"),
    ],
)
def test_a_sample_is_the_table_that_scikit_learn_loads(key: str, loader: str) -> None:
    import numpy as np
    from sklearn import datasets as bundled

    sample = samples.find_sample(key)
    header, *rows = list(csv.reader(io.StringIO(samples.sample_csv(sample).decode())))
    known = getattr(bundled, loader)(**({"scaled": False} if key == "diabetes" else {}))
    assert tuple(header) == sample.columns
    assert np.allclose(np.array([row[:-1] for row in rows], dtype=float), known.data)
    targets = [sample.labels.index(row[-1]) if sample.labels else float(row[-1]) for row in rows]
    assert np.allclose(targets, known.target)


def test_the_sample_of_a_series_holds_every_month_once() -> None:
    header, *rows = list(
        csv.reader(io.StringIO(samples.sample_csv(samples.find_sample("passengers")).decode()))
    )
    assert header == ["month", "passengers"]
    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert (len(rows), rows[0], rows[-1]) == (144, ["1949-01-01", "112"], ["1960-12-01", "432"])
    # As R prints it: mean(AirPassengers) is 280.2986.
    assert sum(int(row[1]) for row in rows) / len(rows) == pytest.approx(280.2986, abs=1e-4)


def test_a_sample_is_imported_once_with_its_source(workspace: Workspace, member: User) -> None:
    dataset = samples.add_sample(workspace=workspace, key="iris", by=member)
    assert (dataset.name, dataset.n_rows, dataset.filename) == ("Iris", 150, "iris.csv")
    assert "Fisher" in dataset.source
    assert dataset.licence
    assert samples.add_sample(workspace=workspace, key="iris", by=member) == dataset
    with pytest.raises(NotFound):
        samples.add_sample(workspace=workspace, key="nope", by=member)


# --- The command --------------------------------------------------------------------------------------------


def test_the_command_imports_and_prints_json(workspace: Workspace, tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV.replace(b",", b";") + b"ragged\n")
    call_command(
        "import_dataset", str(path), "--workspace", "acme", "--skip-bad-rows", "--json", "--name", "P"
    )
    told = json.loads(capsys.readouterr().out)
    assert (told["name"], told["n_rows"], told["options"]["delimiter"]) == ("P", 40, ";")
    assert told["options"]["n_rejected"] == 1
    assert told["id"] == Dataset.objects.get().pk


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{path}", "--workspace", "nope"], "no workspace"),
        (["{path}.missing", "--workspace", "acme"], "cannot be read"),
        (["{path}", "--workspace", "acme", "--encoding", "utf-16"], "not utf-16"),
        (["{path}", "--workspace", "acme", "--delimiter", "xyz"], "delimiter"),
    ],
)
def test_the_command_says_what_is_wrong(
    workspace: Workspace, tmp_path: Path, arguments: list[str], said: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(CSV)
    with pytest.raises(CommandError, match=said):
        call_command("import_dataset", *(each.format(path=path) for each in arguments))
