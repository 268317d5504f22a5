"""Training job: a child process fits, this process monitors it and stores its progress and result."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from ...errors import TrainingFailed
from ...ml.types.training_request import TrainingLimits, TrainingRequest
from ...ml.types.warnings import TrainingWarning
from ...models import JobStatus, TrainingRun
from .. import artifacts, registry
from ..jobs.queue import ClaimedJob, JobKind, WorkerDied
from . import completion_requests
from .training_process import FittingChild

WARNING_FIELDS = [each.name for each in fields(TrainingWarning)]
# The page polls once a second, so more frequent writes to the row have no use.
WRITE_SECONDS = 1.0
CRASHED = (
    "Training crashed. This is a fault of mlweb or of the machine; the run's owner can read the details."
)


class RunFailed(TrainingFailed):
    """A run that ended without a model version; `traceback` is for its owner."""

    def __init__(self, message: str, traceback: str = ""):
        super().__init__(message)
        self.traceback = traceback


class TrainingJob(JobKind):
    name = "training"
    model = TrainingRun

    @property
    def n_slots(self) -> int:
        return settings.TRAINING_SLOTS

    @property
    def hard_limit(self) -> timedelta:
        return timedelta(seconds=settings.TRAINING_HARD_LIMIT_SECONDS)

    def perform(self, held: ClaimedJob) -> None:
        run = TrainingRun.objects.select_related("dataset", "registered_model", "created_by").get(pk=held.pk)
        workdir = prepare_workdir(run)
        # A worker that died between the last fit and the commit left a complete result: commit that.
        if not (workdir / "result.json").exists():
            fit(held, workdir)
        publish(held, run, workdir)

    def clean_up(self, pk: int) -> None:
        shutil.rmtree(workdir_of(pk), ignore_errors=True)


TRAINING = TrainingJob()


def workdir_of(pk: int) -> Path:
    return Path(settings.WORK_DIR) / f"run-{pk}"


def prepare_workdir(run: TrainingRun) -> Path:
    """The folder of the run with its request; it keeps files of earlier attempts of the same request."""
    workdir, request = workdir_of(run.pk), json.dumps(request_of(run).to_json(), sort_keys=True)
    path = workdir / "request.json"
    if workdir.exists() and (not path.exists() or path.read_text("utf-8") != request):
        shutil.rmtree(workdir)
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        partial = workdir / "request.json.partial"
        partial.write_text(request, "utf-8")
        os.replace(partial, path)
    return workdir


def request_of(run: TrainingRun) -> TrainingRequest:
    return TrainingRequest.of(
        run,
        parquet=str(artifacts.path_of(run.dataset.parquet_digest)),
        schema=run.dataset.schema_at(run.n_reading_changes),
        limits=TrainingLimits(
            n_threads=settings.TRAINING_THREADS, max_memory_bytes=settings.TRAINING_MEMORY_MB * 1024**2
        ),
    )


def fit(held: ClaimedJob, workdir: Path) -> None:
    """Run the child until result.json is complete. Raises RunFailed, WorkerDied, or JobStopped after killing it."""
    notes = ProgressNotes(held)
    with FittingChild(workdir / "request.json", workdir) as child:
        for event in child.events(held.check):
            notes.take(event)
        code = child.wait(held.check)
        chatter = child.last_words()
    notes.flush()
    if code < 0:
        raise WorkerDied(
            f"The fitting process was killed ({signal_name(-code)}); a lack of memory can be the reason."
        )
    if notes.failure is not None:
        raise RunFailed(notes.failure.get("message") or CRASHED, notes.failure.get("traceback") or "")
    if code != 0 or not (workdir / "result.json").exists():
        raise RunFailed(CRASHED, f"Exit code {code}.\n{chatter}")


def publish(held: ClaimedJob, run: TrainingRun, workdir: Path) -> None:
    """Store the files, then end the run and add the version in one transaction, so that it happens once."""
    held.check()
    result = json.loads((workdir / "result.json").read_text("utf-8"))
    with artifacts.keeping():
        stored = {
            name: {
                "digest": artifacts.put(workdir / file["path"], may_link=True),
                "n_bytes": file["size_bytes"],
            }
            for name, file in result["artifacts"].items()
        }
        with transaction.atomic():
            held.finish(
                JobStatus.SUCCEEDED,
                outcome="succeeded",
                progress=1.0,
                progress_message="Finished",
                leaderboard=result["leaderboard"],
                metrics=result["metrics"],
                warnings=result["warnings"],
            )
            version = registry.publish(run=run, result=result, artifacts=stored, by=run.created_by)
            completion_requests.queue_after(version)


def signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


class ProgressNotes:
    """Writes the child's events to the row, at most once a second."""

    def __init__(self, held: ClaimedJob):
        self._held = held
        self._pending: dict[str, Any] = {}
        self._written_at = -WRITE_SECONDS
        self._warnings: list[dict[str, Any]] = []
        self.failure: dict[str, Any] | None = None

    def take(self, event: dict[str, Any]) -> None:
        """Handle one event; an empty one only checks whether a write is due."""
        kind = event.get("event")
        if kind in ("started", "progress"):
            self._pending["progress_message"] = str(event.get("message", ""))[:300]
            if "fraction" in event:
                self._pending["progress"] = min(max(float(event["fraction"]), 0.0), 1.0)
        elif kind == "candidate":
            self._pending["leaderboard"] = event.get("leaderboard", [])
        elif kind == "warning":
            self._warnings.append({name: event[name] for name in WARNING_FIELDS if name in event})
            self._pending["warnings"] = self._warnings
        elif kind == "failed":
            self.failure = event
        if time.monotonic() - self._written_at >= WRITE_SECONDS:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self._held.update(**self._pending)
            self._pending = {}
            self._written_at = time.monotonic()
