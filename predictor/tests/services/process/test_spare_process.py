from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from predictor.errors import InvalidTable
from predictor.models import Workspace
from predictor.services.datasets import datasets, ingest_process
from predictor.services.datasets.ingest_process import spare_reader
from predictor.services.process import spare_process as module
from predictor.tests.services.datasets.uploads import CSV, load
from predictor.tests.waiting import exit_code

MODULE = ingest_process.MODULE


@pytest.fixture(autouse=True)
def _no_spare() -> Iterator[None]:
    spare_reader.end()
    yield
    spare_reader.end()


def the_spare() -> subprocess.Popen[bytes]:
    assert spare_reader.process is not None
    return spare_reader.process


def test_the_next_file_is_read_by_the_process_that_waited(workspace: Workspace, settings: Settings) -> None:
    first = load(workspace)
    waiting = the_spare()

    second = load(workspace, CSV + b"Zoe,7\n")

    assert exit_code(waiting) == 0
    assert the_spare() is not waiting
    assert second.n_rows == first.n_rows + 1
    assert list(Path(settings.WORK_DIR).glob("import-*")) == []


def test_a_file_that_is_refused_is_refused_by_a_spare_process_too(workspace: Workspace) -> None:
    load(workspace)
    with pytest.raises(InvalidTable, match="does not fit the header"):
        load(workspace, b"a,b\n1,2\n3,4\n5,6\n7\n")


def test_a_spare_process_reads_one_file_only(settings: Settings, tmp_path: Path) -> None:
    spare_reader.start(MODULE)
    taken = spare_reader.take(tmp_path / "request.json")

    assert spare_reader.take(tmp_path / "request.json") is None
    assert taken is not None
    assert exit_code(taken) == 1  # there is no such request


def test_a_dead_spare_process_is_not_used(workspace: Workspace) -> None:
    spare_reader.start(MODULE)
    the_spare().kill()
    the_spare().wait()

    assert load(workspace).n_rows


def test_there_is_one_spare_process(settings: Settings) -> None:
    spare_reader.start(MODULE)
    waiting = the_spare()
    spare_reader.start(MODULE)

    assert the_spare() is waiting


def test_an_idle_process_ends_by_itself(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0)
    spare_reader.start(MODULE)

    assert exit_code(the_spare()) == 0


def test_it_ends_with_the_process_that_started_it(settings: Settings) -> None:
    spare_reader.start(MODULE)
    spare = the_spare()
    assert spare.stdin is not None
    spare.stdin.close()

    assert exit_code(spare) == 0


def test_the_time_limit_holds_for_a_spare_process(workspace: Workspace, settings: Settings) -> None:
    load(workspace)
    waiting = the_spare()
    settings.INGEST_TIMEOUT_SECONDS = 0.0001
    with pytest.raises(Exception, match="longer than"):
        ingest_process.run(Path("/dev/zero"), settings.WORK_DIR, datasets.ImportOptions())
    assert waiting.returncode == -9
