"""One piece of heavy work at once in each process: the next waits for a short time, then is refused."""

from __future__ import annotations

import threading
from types import TracebackType

from ...errors import Busy

WAIT_SECONDS = 2
RETRY_SECONDS = 3


class Turn:
    """A context manager. `refusal`: the sentence for those who do not get their turn in time (Busy)."""

    def __init__(self, refusal: str):
        self._refusal = refusal
        self._semaphore = threading.BoundedSemaphore()

    def __enter__(self) -> None:
        if not self._semaphore.acquire(timeout=WAIT_SECONDS):
            raise Busy(f"{self._refusal}; try again in a few seconds.", retry_seconds=RETRY_SECONDS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._semaphore.release()
