"""How much other work on the machine slows a process down: seconds that pass for each second of computing."""

from __future__ import annotations

import time
from dataclasses import dataclass

# Less computing than this tells nothing.
LEAST_SECONDS = 0.1
MAX_SLOWDOWN = 20.0


@dataclass(frozen=True)
class Slowdown:
    """A measurement that began at `wall` seconds (time.monotonic), when the process had computed for `cpu` seconds."""

    wall: float
    cpu: float

    @classmethod
    def begin(cls) -> Slowdown:
        return cls(time.monotonic(), time.process_time())

    def now(self) -> float:
        """Seconds per second of computing since the beginning, 1 at least; waiting for a processor or a disk counts."""
        cpu = time.process_time() - self.cpu
        if cpu < LEAST_SECONDS:
            return 1.0
        return min(max((time.monotonic() - self.wall) / cpu, 1.0), MAX_SLOWDOWN)
