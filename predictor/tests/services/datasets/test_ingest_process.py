from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pytest_django import Settings

from predictor.errors import Conflict, InvalidTable, TooLarge
from predictor.models import Workspace
from predictor.services.datasets import datasets, ingest_process
from predictor.services.datasets.ingest_process import spare_reader
from predictor.tests.waiting import ENDLESS

from .uploads import CSV, left_behind, load


@pytest.fixture(autouse=True)
def without_spare() -> None:
    """A process that an earlier test started ahead would do the work of the one that a test looks at."""
    spare_reader.end()


def test_reading_a_file_has_a_time_limit(workspace: Workspace, settings: Settings) -> None:
    settings.INGEST_TIMEOUT_SECONDS = 0.01
    with pytest.raises(TooLarge, match="longer than"):
        load(workspace)
    assert left_behind(settings) == []


def test_a_reading_process_that_dies_gives_an_error_without_traceback(
    workspace: Workspace, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_process, "MODULE", "predictor.no_such_module")
    with pytest.raises(InvalidTable, match="ended unexpectedly") as caught:
        load(workspace)
    assert "Traceback" not in str(caught.value)
    assert left_behind(settings) == []


def test_folders_of_killed_processes_are_removed(settings: Settings) -> None:
    work = Path(settings.WORK_DIR)
    code = (
        "import fcntl, sys\nfile = open(sys.argv[1] + '/.lock', 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('locked', flush=True)\n" + ENDLESS
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
        assert ingest_process.sweep() == 1
        assert alive.exists()
        assert not dead.exists()
    finally:
        processes[1].kill()
        for process in processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


# --- The temporary folder ------------------------------------------------------------------------------------
def is_locked(path: Path) -> bool:
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@pytest.mark.parametrize("error", [None, KeyboardInterrupt, ZeroDivisionError])
def test_a_scratch_folder_is_locked_while_it_is_used_and_then_removed(
    settings: Settings, error: type[BaseException] | None
) -> None:
    folder = None
    try:
        with ingest_process.scratch_folder() as folder:
            (folder / "deep").mkdir()
            assert folder.parent == settings.WORK_DIR
            assert is_locked(folder / ingest_process.LOCK)
            if error is not None:
                raise error
    except (KeyboardInterrupt, ZeroDivisionError):
        pass

    assert folder is not None
    assert not folder.exists()


def made_long_ago(path: Path) -> Path:
    long_ago = time.time() - 2 * ingest_process.YOUNG_SECONDS
    os.utime(path, (long_ago, long_ago))
    return path


def test_only_old_folders_of_imports_are_swept(settings: Settings) -> None:
    work = Path(settings.WORK_DIR)
    young, never_locked, of_a_run = (work / name for name in ("import-young", "import-old", "run-7"))
    for folder in (young, never_locked, of_a_run):
        folder.mkdir()
    for path in (never_locked, of_a_run):
        made_long_ago(path)
    (work / "import-file").write_text("no folder")
    made_long_ago(work / "import-file")

    assert ingest_process.sweep() == 1

    assert sorted(path.name for path in work.iterdir()) == ["import-file", "import-young", "run-7"]


def test_a_new_scratch_folder_sweeps_those_left_behind(settings: Settings) -> None:
    left = Path(settings.WORK_DIR) / "import-left"
    left.mkdir()
    made_long_ago(left)

    with ingest_process.scratch_folder():
        assert not left.exists()


# --- The child process ---------------------------------------------------------------------------------------
class Child:
    """Stands for `subprocess.Popen`: it notes how it was started and ended."""

    started: ClassVar[list[tuple[list[str], dict[str, Any]]]] = []
    outcome: ClassVar[Any] = 0

    def __init__(self, command: list[str], **options: Any):
        self.calls: list[str] = []
        Child.started.append((command, options))
        Child.newest = self

    newest: ClassVar[Any] = None

    def wait(self, timeout: float | None = None) -> int:
        self.calls.append("wait" if timeout is None else f"wait {timeout:g}")
        if timeout is not None and isinstance(Child.outcome, BaseException):
            raise Child.outcome
        return Child.outcome if isinstance(Child.outcome, int) else -9

    def kill(self) -> None:
        self.calls.append("kill")


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> type[Child]:
    monkeypatch.setattr(ingest_process.subprocess, "Popen", Child)
    monkeypatch.setattr(Child, "started", [])
    monkeypatch.setattr(Child, "outcome", 0)
    return Child


def run_in(folder: Path) -> None:
    ingest_process.run(folder / "source.csv", folder, datasets.ImportOptions())


def test_the_child_gets_its_own_session_and_temporary_folder_and_no_input(
    child: type[Child], tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")

    with pytest.raises(InvalidTable):  # the stub writes no result
        run_in(tmp_path)

    ((command, options),) = child.started
    assert command[:3] == [sys.executable, "-m", "predictor.ml.tables.ingest"]
    assert Path(command[3]).parent == tmp_path
    assert options["env"]["TMPDIR"] == str(tmp_path)
    assert "SECRET_KEY" not in options["env"]
    assert options["start_new_session"]
    assert (options["stdin"], options["stdout"]) == (subprocess.DEVNULL, subprocess.DEVNULL)


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (subprocess.TimeoutExpired("x", 1), TooLarge),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (0, InvalidTable),
        (-9, InvalidTable),
    ],
)
def test_the_child_is_dead_when_the_call_ends(
    child: type[Child], tmp_path: Path, settings: Settings, outcome: Any, error: type[BaseException]
) -> None:
    settings.INGEST_TIMEOUT_SECONDS = 1_234
    child.outcome = outcome

    with pytest.raises(error) as ended:
        run_in(tmp_path)

    assert child.newest.calls == ["wait 1234", "kill", "wait"]
    if isinstance(ended.value, TooLarge):
        assert ended.value.message == "Reading the file took longer than 1,234 seconds. Split it."
        assert ended.value.limit == 1_234


def test_an_exit_code_is_an_error_even_beside_a_result(
    child: type[Child], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    child.outcome = 3
    (tmp_path / "result.json").write_text("{}")

    with pytest.raises(InvalidTable, match="ended unexpectedly"):
        run_in(tmp_path)

    assert "Reading an upload ended with 3" in caplog.text


@pytest.mark.parametrize(("n_cores", "n_threads"), [(None, 1), (1, 1), (3, 3), (4, 4), (64, 4)])
def test_limits_are_those_of_the_settings_with_one_to_four_threads(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, n_cores: int | None, n_threads: int
) -> None:
    names = ("MAX_UPLOAD_BYTES", "MAX_TABLE_ROWS", "MAX_TABLE_COLUMNS", "MAX_CELL_BYTES", "INGEST_MEMORY_MB")
    for value, name in enumerate(names, start=11):
        setattr(settings, name, value)
    monkeypatch.setattr(ingest_process.os, "cpu_count", lambda: n_cores)

    limits = ingest_process.limits()

    assert (limits.max_bytes, limits.max_rows, limits.max_columns) == (11, 12, 13)
    assert (limits.max_cell_bytes, limits.memory_mb, limits.n_threads) == (14, 15, n_threads)


# --- Locks ---------------------------------------------------------------------------------------------------
def test_a_file_that_is_being_read_waits_and_another_one_does_not(settings: Settings) -> None:
    settings.INGEST_TIMEOUT_SECONDS = 0.05
    mine, other = "000000ff" + "0" * 56, "000000fe" + "0" * 56

    with ingest_process.one_at_a_time(mine):
        with ingest_process.one_at_a_time(other):
            pass
        with (
            pytest.raises(Conflict, match="Too many files are being read"),
            ingest_process.one_at_a_time(mine),
        ):
            pass

    with ingest_process.one_at_a_time(mine):
        pass


def test_there_are_no_more_locks_than_files_may_be_open(settings: Settings) -> None:
    for number in range(300):
        with ingest_process.one_at_a_time(f"{number:08x}"):
            pass

    assert len(list((Path(settings.WORK_DIR) / "locks").glob("file-*.lock"))) == ingest_process.N_FILE_LOCKS


@pytest.mark.parametrize(("n_cores", "n_slots"), [(None, 1), (1, 1), (2, 1), (6, 3)])
def test_half_as_many_children_at_once_as_cores(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, n_cores: int | None, n_slots: int
) -> None:
    settings.INGEST_TIMEOUT_SECONDS = 0.05
    monkeypatch.setattr(ingest_process.os, "cpu_count", lambda: n_cores)
    slots = [ingest_process._slot() for _ in range(n_slots + 1)]
    for slot in slots[:-1]:
        slot.__enter__()

    with pytest.raises(Conflict):
        slots[-1].__enter__()
    slots[0].__exit__(None, None, None)

    with ingest_process._slot():
        pass
    for slot in slots[1:-1]:
        slot.__exit__(None, None, None)
