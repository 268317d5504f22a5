"""The process that reads an upload: started in a folder of its own, bounded in number, killed when it lasts.

What a dead process left is found by its lock, which the system drops with the process, and removed.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from ..errors import Conflict, InvalidTable, TooLarge
from ..ml.tables.ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from .child_environment import child_environment

logger = logging.getLogger(__name__)

MODULE = "predictor.ml.tables.ingest"
PREFIX = "import-"
LOCK = ".lock"
POLL_SECONDS = 0.02
N_FILE_LOCKS = 256
# Between the making of a folder and the taking of its lock lie microseconds.
YOUNG_SECONDS = 60


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder below WORK_DIR that is gone afterwards, also after this process was killed (`sweep`)."""
    sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=settings.WORK_DIR))
    try:
        with (folder / LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> int:
    """Removes the folders of imports whose process is dead; returns how many."""
    n_removed = 0
    for folder in Path(settings.WORK_DIR).glob(PREFIX + "*"):
        with suppress(OSError):
            if time.time() - folder.stat().st_mtime < YOUNG_SECONDS or _is_locked(folder / LOCK):
                continue
            shutil.rmtree(folder)
            n_removed += 1
    return n_removed


def run(source: Path, scratch: Path, options: ImportOptions) -> tuple[IngestReport, Path]:
    """What the child says about `source`, and the Parquet file it wrote into `scratch`.

    Raises its refusal; TooLarge when it took too long; InvalidTable when it died.
    """
    request = IngestRequest(source=source, scratch=scratch, options=options, limits=limits())
    with _slot(), (scratch / "stderr.log").open("wb") as chatter:
        child = subprocess.Popen(
            [sys.executable, "-m", MODULE, str(request.write())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=chatter,
            cwd=settings.BASE_DIR,
            env={**child_environment(), "TMPDIR": str(scratch)},
            start_new_session=True,
        )
        try:
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
        words = (scratch / "stderr.log").read_bytes()[-2_000:].decode("utf-8", "replace")
        logger.error("Reading an upload ended with %s: %s", code, words)
        raise InvalidTable(
            "The file could not be read: the reading process ended unexpectedly. Try again, or split it."
        )
    return request.answer(), request.destination


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
    """The same file sent fifty times at once is read once: the others wait, then find the dataset."""
    number = int(key[:8], 16) % N_FILE_LOCKS
    with _locks().joinpath(f"file-{number}.lock").open("w") as lock:
        _wait_for([lock.fileno()])
        yield


@contextmanager
def _slot() -> Iterator[None]:
    """One of a few: each child may take its memory limit and every core."""
    n_slots = max(1, (os.cpu_count() or 1) // 2)
    files = [_locks().joinpath(f"slot-{number}.lock").open("w") for number in range(n_slots)]
    try:
        _wait_for([file.fileno() for file in files])
        yield
    finally:
        for file in files:
            file.close()


def _wait_for(descriptors: list[int]) -> None:
    """Takes the first lock that is free. Raises Conflict when none is for as long as an import may take."""
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
