"""Housekeeping: remove files and rows left by dead processes. Safe at any time, on any machine."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from .. import artifact_references, batches, notices, training
from ..datasets import ingest_process, trash
from ..jobs.queue import JobKind
from ..predictions import csv_predictions
from . import idempotency

# An import may wait for the same file, wait for a slot, and read, each for INGEST_TIMEOUT_SECONDS. After one more
# such time, no process can still use an upload that nothing was written to.
UPLOAD_GRACE = 4


def tidy() -> None:
    """Remove delivered messages, incomplete uploads, folders of finished jobs, old results, and files without a row."""
    purge_delivered_messages(settings.CELERY_BROKER_URL)
    remove_abandoned_uploads()
    remove_old_workdirs(training.TRAINING, "run-")
    remove_old_workdirs(batches.BATCHES, "batch-")
    remove_old_workdirs(training.COMPLETIONS, "completion-")
    batches.drop_old_files()
    idempotency.forget_old()
    notices.forget_old()
    trash.empty_old()
    csv_predictions.remove_old_results()
    ingest_process.sweep()
    artifact_references.remove_unreferenced_files()


def purge_delivered_messages(broker_url: str) -> int:
    """Delete delivered messages, which the database broker keeps; return how many."""
    if not broker_url.startswith("sqla+"):
        return 0
    from sqlalchemy import create_engine, inspect, text

    engine = create_engine(broker_url.removeprefix("sqla+"))
    try:
        if not inspect(engine).has_table("kombu_message"):
            return 0
        with engine.begin() as connection:
            return connection.execute(text("DELETE FROM kombu_message WHERE NOT visible")).rowcount
    finally:
        engine.dispose()


def remove_abandoned_uploads() -> None:
    before = time.time() - UPLOAD_GRACE * settings.INGEST_TIMEOUT_SECONDS
    for path in Path(settings.UPLOAD_DIR).iterdir():
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def remove_old_workdirs(kind: JobKind, prefix: str) -> None:
    """Remove folders of finished or deleted jobs: a worker can die between the end of a job and its clean-up."""
    folders = {path: path.name.removeprefix(prefix) for path in Path(settings.WORK_DIR).glob(f"{prefix}*")}
    numbers = {int(number) for number in folders.values() if number.isdecimal()}
    unfinished = set(kind.rows.unfinished().filter(pk__in=numbers).values_list("pk", flat=True))
    for path, number in folders.items():
        if number.isdecimal() and int(number) not in unfinished:
            shutil.rmtree(path, ignore_errors=True)
