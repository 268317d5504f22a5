"""The log of a job's attempts: when each began, which worker made it, how it ended."""

from __future__ import annotations

import os
import socket
from typing import Any

from django.utils import timezone

# Attempts that ended like this count towards MLWEB_JOB_MAX_ATTEMPTS; a planned stop of the worker does not.
DEATHS = ("lost", "died")


def begun_attempt() -> dict[str, Any]:
    """The log entry of an attempt that begins now, in this process."""
    return {
        "began_at": now_text(),
        "worker": f"{socket.gethostname()}:{os.getpid()}",
        "ended_at": None,
        "outcome": None,
    }


def deaths(attempt_log: list[dict[str, Any]]) -> int:
    return sum(attempt["outcome"] in DEATHS for attempt in attempt_log)


def with_lost_attempts(attempt_log: list[dict[str, Any]], n_attempts: int) -> list[dict[str, Any]]:
    """The first `n_attempts` entries of the log; an attempt without an outcome is marked as lost."""
    log = [
        attempt if attempt["outcome"] else {**attempt, "ended_at": now_text(), "outcome": "lost"}
        for attempt in attempt_log
    ]
    return log[:n_attempts]


def now_text() -> str:
    return timezone.now().isoformat(timespec="seconds")
