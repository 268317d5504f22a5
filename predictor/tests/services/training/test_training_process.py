"""The process that fits, with small programs in its place."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from pytest_django import Settings

from predictor.services.training import training_process
from predictor.services.training.training_process import FittingChild, read_event
from predictor.tests.waiting import ENDLESS, wait_for_end


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], FittingChild]:
    monkeypatch.setattr(training_process, "POLL_SECONDS", 0.02)

    def make(program: str) -> FittingChild:
        made = FittingChild(tmp_path / "request.json", tmp_path)
        made._command = [sys.executable, "-c", program]
        return made

    return make


def do_nothing() -> None:
    pass


@contextmanager
def input_of_the_tests(content: bytes) -> Iterator[None]:
    """Standard input of this process, which a child inherits if nothing else is said."""
    reading, writing = os.pipe()
    before = os.dup(0)
    os.write(writing, content)
    os.close(writing)
    os.dup2(reading, 0)
    try:
        yield
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)


# --- Events --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b'{"event": "progress", "fraction": 0.5}', {"event": "progress", "fraction": 0.5}),
        ('{"event": "warning", "column": "größe"}\r'.encode(), {"event": "warning", "column": "größe"}),
        (b"", {}),
        (b"  \r", {}),
        (b"Epoch 1 of 3", {}),
        (b'{"fraction": 0.5}', {}),
        (b'["event"]', {}),
        (b'"event"', {}),
        (b"null", {}),
        (b'{"event": "progress"', {}),
        (b'{"event": "\xff"}', {}),
    ],
)
def test_an_event_is_an_object_with_its_name(line: bytes, event: dict[str, Any]) -> None:
    assert read_event(line) == event


def test_what_a_library_prints_is_logged_shortened(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")

    read_event(b"x" * 1_000)
    read_event(b" ")

    (record,) = caplog.records
    assert len(record.getMessage()) < 300


def test_events_come_whole_and_in_order_whatever_is_printed_between(child: Any) -> None:
    program = """
import os
os.write(1, b'{"event": "a", "n": 1}\\nnoise\\n\\n{"event"')
os.write(1, b': "b"}\\n' + b''.join(b'{"event": "c", "n": %d}\\n' % n for n in range(5000)))
os.write(1, b'{"event": "cut off"')
"""
    with child(program) as running:
        events = [event for event in running.events(do_nothing) if event]

        assert running.wait(do_nothing) == 0

    assert events[:2] == [{"event": "a", "n": 1}, {"event": "b"}]
    assert [event["n"] for event in events[2:]] == list(range(5_000))


def test_a_quiet_child_yields_empty_events_and_is_checked(child: Any) -> None:
    checks: list[int] = []

    with child("import sys; sys.stdin.read();" + ENDLESS) as running:
        events = running.events(lambda: checks.append(1))
        quiet = [next(events) for _ in range(3)]

    assert quiet == [{}] * 3
    assert len(checks) == 3


@pytest.mark.parametrize("verb", ["events", "wait"])
def test_a_check_that_raises_ends_the_child(child: Any, verb: str) -> None:
    class Cancelled(Exception):
        pass

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled), child(ENDLESS) as running:
        list(running.events(cancel)) if verb == "events" else running.wait(cancel)

    assert not psutil.pid_exists(running.pid)


# --- The process ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("program", "code"),
    [("", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL)],
)
def test_the_exit_code_tells_how_it_ended(child: Any, program: str, code: int) -> None:
    with child(program) as running:
        assert list(filter(None, running.events(do_nothing))) == []

        assert running.wait(do_nothing) == code
        running.kill()  # of a dead one: no error
    running.kill()


def test_a_child_has_its_own_session_no_input_and_no_secrets(
    child: Any, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    program = """
import json, os, sys
facts = {"input": sys.stdin.read(), "session": os.getsid(0) == os.getpid(), "folder": os.getcwd(),
         "secret": "SECRET_KEY" in os.environ, "threads": os.environ["OMP_NUM_THREADS"]}
print(json.dumps({"event": "facts", **facts}))
"""
    with input_of_the_tests(b"secret"), child(program) as running:
        (facts,) = filter(None, running.events(do_nothing))

    assert facts == {
        "event": "facts", "input": "", "session": True, "folder": str(settings.BASE_DIR), "secret": False,
        "threads": "1",
    }  # fmt: skip


def test_predictions_have_priority_over_a_fit(child: Any) -> None:
    with child(ENDLESS) as running:
        niceness = psutil.Process(running.pid).nice()

    # Only root may lower it below that of the tests.
    assert niceness == (5 if os.geteuid() == 0 else max(5, os.nice(0)))


def test_it_runs_the_module_with_request_and_work_folder(tmp_path: Path) -> None:
    command = FittingChild(tmp_path / "request.json", tmp_path)._command

    assert command == [
        sys.executable, "-m", "predictor.ml.training.train", str(tmp_path / "request.json"), str(tmp_path),
    ]  # fmt: skip


# --- Last words ----------------------------------------------------------------------------------------------
def test_the_last_words_of_all_attempts_are_kept(child: Any) -> None:
    for word in ("first", "zweite größe"):
        with child(f"import sys; sys.stderr.write({word + chr(10)!r})") as running:
            running.wait(do_nothing)

    assert running.last_words() == "first\nzweite größe\n"
    assert running.last_words(limit=8) == "größe\n"


def test_last_words_are_readable_whatever_was_written(tmp_path: Path) -> None:
    fitting = FittingChild(tmp_path / "request.json", tmp_path)
    assert fitting.last_words() == ""

    (tmp_path / "stderr.log").write_bytes(b"\xff\xfe" + b"x" * 5_000)

    assert fitting.last_words() == "x" * 4_000
    assert fitting.last_words(limit=5_002)[:2] == "��"


# --- A process that is started ahead -------------------------------------------------------------------------
@pytest.fixture
def _spare() -> Iterator[None]:
    training_process.keep_one_ahead()
    yield
    training_process._is_kept.clear()
    training_process.spare_trainer.end()


@pytest.mark.usefixtures("_spare")
def test_a_worker_trains_in_the_process_that_waited(tmp_path: Path) -> None:
    waiting = training_process.spare_trainer.process
    assert waiting is not None
    (tmp_path / "request.json").write_text("{}", "utf-8")
    with FittingChild(tmp_path / "request.json", tmp_path) as fitting:
        events = list(fitting.events(do_nothing))
        assert fitting.pid == waiting.pid
        assert fitting.wait(do_nothing) == 2  # an empty request cannot be read

    assert [each["event"] for each in events if each] == ["failed"]
    following = training_process.spare_trainer.process
    assert following is not None
    assert following.pid != waiting.pid


@pytest.mark.usefixtures("_spare")
def test_what_a_waiting_process_says_goes_to_the_folder_of_its_run(tmp_path: Path) -> None:
    with FittingChild(tmp_path / "missing.json", tmp_path) as fitting:
        assert fitting.wait(do_nothing) == 2
    assert (tmp_path / "stderr.log").exists()


def test_without_a_worker_no_process_waits(tmp_path: Path, child: Callable[[str], FittingChild]) -> None:
    with child("pass") as fitting:
        fitting.wait(do_nothing)
    assert training_process.spare_trainer.process is None


def test_a_process_that_was_started_ahead_outlives_the_thread_that_asked_for_it(tmp_path: Path) -> None:
    """A worker's thread may end while the process works for another: it dies with the thread that started it."""
    asking = threading.Thread(target=training_process.spare_trainer.start, args=(training_process.MODULE,))
    asking.start()
    wait_for_end(asking)
    waiting = training_process.spare_trainer.process
    assert waiting is not None
    try:
        with FittingChild(tmp_path / "request.json", tmp_path) as fitting:
            assert fitting.pid == waiting.pid
            assert fitting.wait(do_nothing) == 2  # there is no such request; killed, it would be -9
    finally:
        training_process.spare_trainer.end()
