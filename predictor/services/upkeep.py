"""What processes that died left behind, removed; safe to run at any time, on any machine."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from django.conf import settings

from . import artifact_references, batches, csv_predictions, idempotency, ingest_child, training
from .jobs import JobKind

# Waiting for the same file, waiting for a place, and reading may each take as long as an import may. After one
# more, no process can be at work on an upload that nothing was written to.
UPLOAD_GRACE = 4


def tidy() -> None:
    """Remove delivered messages, uploads that were cut off, folders of ended jobs, old results of
    predictions, files without a row."""
    purge_delivered_messages(settings.CELERY_BROKER_URL)
    remove_abandoned_uploads()
    remove_old_workdirs(training.TRAINING, "run-")
    remove_old_workdirs(batches.BATCHES, "batch-")
    batches.drop_old_files()
    idempotency.forget_old()
    csv_predictions.remove_old_results()
    ingest_child.sweep()
    artifact_references.remove_unreferenced_files()


def purge_delivered_messages(broker_url: str) -> int:
    """The database broker keeps each message that it delivered; returns how many were removed."""
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
    """Folders of jobs that ended or are gone: a worker can die between the end of a job and its clean-up."""
    folders = {path: path.name.removeprefix(prefix) for path in Path(settings.WORK_DIR).glob(f"{prefix}*")}
    numbers = {int(number) for number in folders.values() if number.isdecimal()}
    unfinished = set(kind.rows.unfinished().filter(pk__in=numbers).values_list("pk", flat=True))
    for path, number in folders.items():
        if number.isdecimal() and int(number) not in unfinished:
            shutil.rmtree(path, ignore_errors=True)
