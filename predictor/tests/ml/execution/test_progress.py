from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from predictor.ml.execution import progress
from predictor.ml.execution.progress import Clock, Deadline, Reporter
from predictor.ml.types.warnings import TrainingWarning

NOW = 1_000.0


@pytest.fixture(autouse=True)
def _stopped_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: NOW))


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


# --- Progress events ----------------------------------------------------------------------------------------


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    Reporter(started_at=NOW - 1.23456).emit("started", message="two\nlines", n_rows=3)

    assert events(capsys) == [{"event": "started", "seconds": 1.235, "message": "two\nlines", "n_rows": 3}]


@pytest.mark.parametrize(
    ("fraction", "reported"), [(-0.1, 0.0), (0.0, 0.0), (0.12345, 0.123), (1.0, 1.0), (1.7, 1.0)]
)
def test_progress_is_a_share_between_0_and_1(
    capsys: pytest.CaptureFixture[str], fraction: float, reported: float
) -> None:
    Reporter(started_at=NOW).progress(fraction, "Fitting.")

    assert events(capsys) == [
        {"event": "progress", "seconds": 0.0, "fraction": reported, "message": "Fitting."}
    ]


def test_a_number_that_json_cannot_hold_is_not_written(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Reporter(started_at=NOW).emit("candidate", score=float("nan"))

    assert events(capsys) == []


def test_a_warning_is_reported_once_and_kept_for_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = Reporter(started_at=NOW)
    leak, same_text = TrainingWarning("It leaks.", "age"), TrainingWarning("It leaks.", "income")

    for warning in (leak, same_text, TrainingWarning("It leaks.", "age")):
        reporter.warn(warning)

    assert reporter.warnings == [leak, same_text]
    assert [(each["event"], each["message"], each["column"]) for each in events(capsys)] == [
        ("warning", "It leaks.", "age"),
        ("warning", "It leaks.", "income"),
    ]


# --- Time ---------------------------------------------------------------------------------------------------


def test_a_deadline_allows_work_that_ends_in_time() -> None:
    assert Deadline.after(60.0).allows(30.0)
    assert Deadline.after(60.0).allows(60.0)
    assert not Deadline.after(60.0).allows(90.0)
    assert not Deadline.after(-1.0).allows(0.0)


def test_the_remaining_time_is_negative_after_the_deadline() -> None:
    assert Deadline.after(5.0) == Deadline(NOW + 5.0)
    assert Deadline(NOW + 5.0).remaining == 5.0
    assert Deadline(NOW - 5.0).remaining == -5.0


def test_a_clock_counts_from_its_start_to_the_end_of_its_budget() -> None:
    clock = Clock(started_at=NOW - 20.0, budget_seconds=60.0)

    assert (clock.elapsed, clock.remaining) == (20.0, 40.0)
    assert clock.deadline == Deadline(NOW + 40.0)
