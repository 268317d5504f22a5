"""The child process that parses an upload: in its own folder, limited in number, killed at a time limit.

The operating system releases the file lock of a dead process, which shows whose folders can be removed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from ...errors import Conflict, InvalidTable, TooLarge
from ...ml.tables.ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from ..process.child_environment import child_environment
from ..process.spare_process import SpareProcess

logger = logging.getLogger(__name__)

MODULE = "predictor.ml.tables.ingest"
spare_reader = SpareProcess()
PREFIX = "import-"
LOCK = ".lock"
POLL_SECONDS = 0.02
N_FILE_LOCKS = 256
# A younger folder may not be locked yet: between creating and locking it lie microseconds.
YOUNG_SECONDS = 60


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A temporary folder below WORK_DIR, removed afterwards; if this process is killed, by `sweep`."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=settings.WORK_DIR))
    try:
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> int:
    """Remove the folders of imports whose process is dead; return how many."""
    n_removed = 0
    for folder in Path(settings.WORK_DIR).glob(PREFIX + "*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < YOUNG_SECONDS or _is_locked(folder / LOCK):
                continue
            shutil.rmtree(folder)
            n_removed += 1
    return n_removed


def run(source: Path, scratch: Path, options: ImportOptions) -> tuple[IngestReport, Path]:
    """Parse `source` in a child process: its report, and the Parquet file it wrote into `scratch`.

    Raises the error that the child reports; TooLarge when it took too long; InvalidTable when it died.
    """
    request = IngestRequest(source=source, scratch=scratch, options=options, limits=limits())
    with _slot(), (scratch / "stderr.log").open("wb") as stderr:
        written = request.write()
        child = spare_reader.take(written) or subprocess.Popen(
            [sys.executable, "-m", MODULE, str(written)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            cwd=settings.BASE_DIR,
            env={**child_environment(), "TMPDIR": str(scratch)},
            start_new_session=True,
        )
        try:
            _sleep_until_end(child)
            code = child.wait(settings.INGEST_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            limit = settings.INGEST_TIMEOUT_SECONDS
            raise TooLarge(
                f"Reading the file took longer than {limit:,} seconds. Split it.", limit=limit
            ) from None
        finally:
            child.kill()
            child.wait()
    if code != 0 or not request.result.exists():
        last_output = (scratch / "stderr.log").read_bytes()[-2_000:].decode("utf-8", "replace")
        logger.error("Reading an upload ended with %s: %s", code, last_output)
        raise InvalidTable(
            "The file could not be read: the reading process ended unexpectedly. Try again, or split it."
        )
    report = request.answer()
    spare_reader.start(MODULE)
    return report, request.destination


def _sleep_until_end(child: subprocess.Popen[bytes]) -> None:
    """Wait for the end without the pauses of `Popen.wait`, which are up to 50 ms; where the system can do that."""
    with suppress(AttributeError, OSError):
        descriptor = os.pidfd_open(child.pid)
        try:
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll(settings.INGEST_TIMEOUT_SECONDS * 1_000)
        finally:
            os.close(descriptor)


def limits() -> ImportLimits:
    return ImportLimits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_rows=settings.MAX_TABLE_ROWS,
        max_columns=settings.MAX_TABLE_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
        memory_mb=settings.INGEST_MEMORY_MB,
        n_threads=max(1, min(4, os.cpu_count() or 1)),
    )


@contextmanager
def one_at_a_time(key: str) -> Iterator[None]:
    """A lock per file: the same file sent fifty times at once is parsed once; the others wait and find the dataset."""
    number = int(key[:8], 16) % N_FILE_LOCKS
    with _locks().joinpath(f"file-{number}.lock").open("w") as lock:
        _wait_for([lock.fileno()])
        yield


@contextmanager
def _slot() -> Iterator[None]:
    """A semaphore over processes, made of file locks: each child may use its memory limit and every core."""
    n_slots = max(1, (os.cpu_count() or 1) // 2)
    files = [_locks().joinpath(f"slot-{number}.lock").open("w") for number in range(n_slots)]
    try:
        _wait_for([file.fileno() for file in files])
        yield
    finally:
        for file in files:
            file.close()


def _wait_for(descriptors: list[int]) -> None:
    """Take the first free lock. Raises Conflict after INGEST_TIMEOUT_SECONDS."""
    deadline = time.monotonic() + settings.INGEST_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for descriptor in descriptors:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
        time.sleep(POLL_SECONDS)
    raise Conflict("Too many files are being read at this moment. Try again in a few minutes.")


def _locks() -> Path:
    folder = Path(settings.WORK_DIR) / "locks"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
