"""Health checks: readiness of this process, and warnings that do not affect predictions."""

from __future__ import annotations

import logging
import os
import secrets
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from ...models import BatchPrediction, Completion, Job, TrainingRun
from ..prediction_log import group_commit
from ..process import draining

logger = logging.getLogger(__name__)

OK = "ok"
JOBS = (TrainingRun, BatchPrediction)
_migrated: set[str] = set()


LOG_MAY_LAG_SECONDS = 10.0
# A worker that is free claims a queued job within one or two sweeps.
MAY_WAIT_SECONDS = 30


def check() -> dict[str, str]:
    """Readiness checks by name: "ok", or the problem in a few words without secrets."""
    return {
        "database": _database(),
        "storage": _storage(),
        "disk": _disk(),
        "prediction log": _prediction_log(),
        "traffic": _traffic(),
    }


def remarks() -> dict[str, str]:
    """Problems that do not stop predictions."""
    try:
        n_jobs = n_jobs_without_worker()
    except DatabaseError:
        return {}
    return {"worker": f"{n_jobs} jobs wait, and no worker is at work"} if n_jobs else {}


def n_jobs_without_worker() -> int:
    """How many jobs have waited longer than MAY_WAIT_SECONDS while no worker holds any job.

    A completion of a report waits for a moment without other work, so it is no sign.
    """
    if any(
        kind.objects.running().filter(lease_until__gte=timezone.now()).exists()
        for kind in (*JOBS, Completion)
    ):
        return 0
    return sum(kind.objects.queued().filter(queued_at__lt=_since()).count() for kind in JOBS)


def waits_long(job: Job) -> bool:
    return job.queued_at < _since()


def _since() -> datetime:
    return timezone.now() - timedelta(seconds=MAY_WAIT_SECONDS)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
        return _migrations()
    except DatabaseError:
        logger.warning("The database does not answer.", exc_info=True)
        return "does not answer"


def _migrations() -> str:
    # Applied migrations stay applied while this process lives, and the check takes 20 ms.
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "has migrations to apply"
        _migrated.add(name)
    return OK


def _disk() -> str:
    try:
        free = shutil.disk_usage(settings.DATA_DIR).free
    except OSError:
        return "cannot be read"
    return OK if free >= settings.MIN_FREE_DISK_MB * 1024**2 else "is full"


def _prediction_log() -> str:
    """The lag of this process's log writer."""
    lag = group_commit.writer().status().oldest_seconds
    return OK if lag < LOG_MAY_LAG_SECONDS else f"waits for the database since {lag:.0f} s"


def _traffic() -> str:
    is_ending = draining.is_draining() or draining.is_machine_draining()
    return "is to go elsewhere: this server is about to stop" if is_ending else OK


def _storage() -> str:
    path = Path(settings.ARTIFACT_DIR) / f".ready-{secrets.token_hex(8)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, b"ready")
        finally:
            os.close(descriptor)
            path.unlink(missing_ok=True)
    except OSError:
        logger.warning("The artifact storage cannot be written to.", exc_info=True)
        return "cannot be written to"
    return OK
