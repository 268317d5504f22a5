from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import pytest

from predictor.services.jobs import attempts


def attempt(outcome: str | None, number: int = 1) -> dict[str, Any]:
    ended_at = "2026-01-01T00:00:05+00:00" if outcome else None
    return {
        "began_at": f"2026-01-01T00:00:0{number}+00:00",
        "worker": "a:1",
        "ended_at": ended_at,
        "outcome": outcome,
    }


@pytest.mark.parametrize(
    ("outcomes", "n_deaths"),
    [
        ([], 0),
        ([None], 0),
        (["succeeded", "failed", "cancelled", "hard limit", "worker was stopped"], 0),
        (["lost"], 1),
        (["died", "worker was stopped", "lost", "died"], 3),
    ],
)
def test_only_lost_and_died_attempts_count_as_deaths(outcomes: list[str | None], n_deaths: int) -> None:
    assert attempts.deaths([attempt(each) for each in outcomes]) == n_deaths


def test_an_attempt_that_begins_names_its_host_and_process_and_has_no_outcome() -> None:
    entry = attempts.begun_attempt()

    assert entry["worker"] == f"{socket.gethostname()}:{os.getpid()}"
    assert (entry["outcome"], entry["ended_at"]) == (None, None)
    assert datetime.fromisoformat(entry["began_at"]).utcoffset() == timedelta(0)


def test_an_attempt_without_an_outcome_is_marked_as_lost_and_others_stay() -> None:
    log = [attempt("died", 1), attempt(None, 2)]

    died, lost = attempts.with_lost_attempts(log, 2)

    assert died == attempt("died", 1)
    assert {**lost, "ended_at": None} == {**attempt(None, 2), "outcome": "lost"}
    assert datetime.fromisoformat(lost["ended_at"]).utcoffset() == timedelta(0)
    assert log == [attempt("died", 1), attempt(None, 2)]  # the caller's log is not changed


@pytest.mark.parametrize(("n_attempts", "n_kept"), [(0, 0), (1, 1), (2, 2), (5, 2)])
def test_the_log_is_cut_to_the_number_of_attempts(n_attempts: int, n_kept: int) -> None:
    log = [attempt("lost", 1), attempt("died", 2)]

    assert attempts.with_lost_attempts(log, n_attempts) == log[:n_kept]
