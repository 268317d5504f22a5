"""Multiprocess metrics: counters and gauges of each process in a memory-mapped file that the others read.

Counting is an addition under a lock (0.25 µs). The process that is asked for the sums reads the files of all
processes. A process holds a lock on its file while it lives; the file of a dead one is added to `retired` and removed,
so that no counter ever decreases.
`docs/adr/0013-metrics-of-our-own.md` says why this is not a library.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import mmap
import os
import secrets
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)

INTERFACES = ("api", "article", "v2", "v1", "mlflow", "web", "admin", "health", "static")
# The interface through which rows were predicted: the sources of the prediction log.
SOURCES = ("form", "csv", "api", "article", "v2", "kserve", "mlflow", "command", "batch", "link")
# Kinds of jobs, and how one ends.
KINDS = ("batch", "training", "completion")
ENDS = ("succeeded", "failed", "cancelled")
# Upper bounds of the histogram buckets in seconds; one more bucket has no bound.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FIRST_STATUS, N_STATUSES = 100, 500

COUNTERS = (
    "busy_refusals",
    "rate_limited",
    "version_hits",
    "version_loads",
    "version_load_failures",
    "log_commits",
    "log_rows",
    "log_failed_rows",
    "log_wait_seconds",
    "log_requests",
    *(f"rows_{source}" for source in SOURCES),
    *(f"{kind}_{end}" for kind in KINDS for end in ENDS),
)
# Values of a live process: those of dead ones are not added.
GAUGES = (
    "requests_in_flight",
    "predictions_in_progress",
    "predictions_waiting",
    "versions_in_memory",
    "log_waiting_rows",
)

CELL = {name: place for place, name in enumerate((*COUNTERS, *GAUGES))}
_FIRST_GAUGE = len(COUNTERS)
_REQUESTS = len(CELL)
_BUCKETS = _REQUESTS + len(INTERFACES) * N_STATUSES
_SECONDS = _BUCKETS + len(INTERFACES) * (len(BOUNDS) + 1)
N_CELLS = _SECONDS + len(INTERFACES)
_INTERFACE = {interface: place for place, interface in enumerate(INTERFACES)}

# In files of another version of this list, the cells have another meaning.
_LAYOUT = hashlib.sha256(repr((INTERFACES, BOUNDS, COUNTERS, GAUGES)).encode()).hexdigest()[:8]
SUFFIX = f".{_LAYOUT}.meters"
RETIRED = f"retired.{_LAYOUT}.sum"
N_BYTES = N_CELLS * 8


class Meters:
    """The counters and gauges of one process, as an array of float64 cells."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock = threading.Lock()
        self._file, memory = _own_file(folder)
        self.cells = memoryview(memory).cast("d")

    def add(self, cell: int, amount: float = 1.0) -> None:
        with self._lock:
            self.cells[cell] += amount

    def put(self, cell: int, value: float) -> None:
        self.cells[cell] = value

    def request_ended(self, interface: str, status: int, seconds: float) -> None:
        place = _INTERFACE[interface]
        bucket = _BUCKETS + place * (len(BOUNDS) + 1) + bisect_left(BOUNDS, seconds)
        cells = self.cells
        with self._lock:
            cells[_REQUESTS + place * N_STATUSES + status - FIRST_STATUS] += 1
            cells[bucket] += 1
            cells[_SECONDS + place] += seconds
            cells[_IN_FLIGHT] -= 1

    @property
    def is_shared(self) -> bool:
        return self._file is not None

    def leave(self) -> None:
        """Close the file after a fork: it and its lock belong to the parent."""
        if self._file is not None:
            os.close(self._file)


_IN_FLIGHT = CELL["requests_in_flight"]


class Totals:
    """The sums over all processes of this machine, dead ones included."""

    def __init__(self, cells: Sequence[float]):
        self._cells = cells

    def value(self, name: str) -> float:
        return self._cells[CELL[name]]

    def requests(self) -> Iterator[tuple[str, int, float]]:
        """(interface, status, count) for each combination that occurred."""
        for place, interface in enumerate(INTERFACES):
            start = _REQUESTS + place * N_STATUSES
            for status in range(N_STATUSES):
                if count := self._cells[start + status]:
                    yield interface, status + FIRST_STATUS, count

    def buckets(self, interface: str) -> Sequence[float]:
        """Cumulative histogram: the requests within each of BOUNDS (seconds), then all of them."""
        start = _BUCKETS + _INTERFACE[interface] * (len(BOUNDS) + 1)
        total, counts = 0.0, []
        for count in self._cells[start : start + len(BOUNDS) + 1]:
            total += count
            counts.append(total)
        return counts

    def seconds(self, interface: str) -> float:
        return self._cells[_SECONDS + _INTERFACE[interface]]


def totals() -> Totals:
    """The sums over all processes now. Moves the counters of dead processes to `retired`."""
    own = meters()
    sums = array("d", bytes(N_BYTES))
    folder = own.folder
    with _files_in_order(folder):
        for path in folder.glob("*.meters"):
            if not _retire_if_dead(path, folder):
                _add(sums, _read(path), gauges=True)
        _add(sums, _read(folder / RETIRED), gauges=False)
    if not own.is_shared:
        _add(sums, own.cells, gauges=True)
    return Totals(sums)


def count(name: str, amount: float = 1.0) -> None:
    """Add to a counter of this process."""
    meters().add(CELL[name], amount)


def group_ended(n_rows: int, n_failed: int, n_requests: int, waited_seconds: float) -> None:
    """Count one transaction of the prediction log; `waited_seconds` is the sum over its requests."""
    own = meters()
    own.add(CELL["log_commits"])
    own.add(CELL["log_rows"], n_rows)
    own.add(CELL["log_failed_rows"], n_failed)
    own.add(CELL["log_requests"], n_requests)
    own.add(CELL["log_wait_seconds"], waited_seconds)


def rows_predicted(source: str, n_rows: int) -> None:
    """Count rows that were predicted and logged."""
    meters().add(CELL[f"rows_{source}"], n_rows)


def job_ended(kind: str, end: str) -> None:
    """Count a job of one of KINDS that reached one of ENDS."""
    meters().add(CELL[f"{kind}_{end}"])


def note(name: str, value: float) -> None:
    """Set a gauge of this process."""
    meters().put(CELL[name], value)


_meters: Meters | None = None
_making = threading.Lock()


def meters() -> Meters:
    """The meters of this process, created on first use."""
    global _meters  # noqa: PLW0603 (one for each process)
    if _meters is None:
        with _making:
            if _meters is None:
                _meters = Meters(Path(settings.DATA_DIR) / "meters")
    return _meters


def _begin_anew() -> None:
    global _meters, _making
    old, _meters, _making = _meters, None, threading.Lock()
    if old is not None:
        old.leave()


os.register_at_fork(after_in_child=_begin_anew)


def _own_file(folder: Path) -> tuple[int | None, mmap.mmap]:
    """A locked file for this process and its memory map; (None, anonymous memory) when no file can be created."""
    name = f"{os.getpid()}-{secrets.token_hex(4)}"
    hidden = folder / f".{name}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        # Allocate the blocks now: on a full disk, a later write to the map would kill the process with SIGBUS.
        os.posix_fallocate(file, 0, N_BYTES)
        fcntl.flock(file, fcntl.LOCK_EX)
        # The final name appears only now, when the file is locked.
        hidden.rename(folder / f"{name}{SUFFIX}")
        return file, mmap.mmap(file, N_BYTES)
    except OSError:
        logger.warning("What this process counts is not shared with the others.", exc_info=True)
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
        return None, mmap.mmap(-1, N_BYTES)


@contextmanager
def _files_in_order(folder: Path) -> Iterator[None]:
    """Lock out other readers: two at once could add the same dead process twice."""
    try:
        file = (folder / "lock").open("ab")
    except OSError:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _retire_if_dead(path: Path, folder: Path) -> bool:
    """Whether the process of this file is dead; if so, add its counters to `retired` and delete the file."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if path.name.endswith(SUFFIX):
            sums = _read(folder / RETIRED) or array("d", bytes(N_BYTES))
            _add(sums, _read(path), gauges=False)
            written = folder / ".retired"
            written.write_bytes(sums.tobytes())
            written.rename(folder / RETIRED)
        path.unlink()
        return True


def _read(path: Path) -> array[float] | None:
    """The cells in a file; None when it is missing or has another layout."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return array("d", content) if len(content) == N_BYTES else None


def _add(sums: array[float], cells: Sequence[float] | None, *, gauges: bool) -> None:
    for place, value in enumerate(cells or ()):
        if value and (gauges or not _FIRST_GAUGE <= place < _REQUESTS):
            sums[place] += value
