"""What a training run says while it works, and how it spends its time."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..types.warnings import TrainingWarning

Emit = Callable[..., None]


@dataclass
class Reporter:
    """Writes events as JSON lines (see train.py) and keeps the warnings for the result."""

    started_at: float = field(default_factory=time.monotonic)
    warnings: list[TrainingWarning] = field(default_factory=list)

    def emit(self, event: str, **details: Any) -> None:
        seconds = round(time.monotonic() - self.started_at, 3)
        line = json.dumps({"event": event, "seconds": seconds, **details}, allow_nan=False)
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    def progress(self, fraction: float, message: str) -> None:
        self.emit("progress", fraction=round(min(max(fraction, 0.0), 1.0), 3), message=message)

    def warn(self, warning: TrainingWarning) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)
            self.emit("warning", **warning.to_json())


@dataclass(frozen=True)
class Deadline:
    """A moment on the clock that all processes of this machine share (time.monotonic)."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(time.monotonic() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds until then; less than 0 once it is past."""
        return self.at - time.monotonic()

    def allows(self, seconds: float) -> bool:
        """Whether something that takes so long would end in time: what is optional is left out else."""
        return seconds <= self.remaining


@dataclass(frozen=True)
class Clock:
    """A budget in seconds of wall time that began at `started_at` (time.monotonic)."""

    started_at: float
    budget_seconds: float

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.started_at

    @property
    def remaining(self) -> float:
        return self.budget_seconds - self.elapsed

    @property
    def deadline(self) -> Deadline:
        """When the budget ends."""
        return Deadline(self.started_at + self.budget_seconds)
