"""Completion job: a child process computes parts of a report, this process adds them to the version's report at once.

It has the lowest priority: it begins when no training run and no batch waits or runs, and stops within seconds when
one does. Parts that were finished are kept in its work folder until it ends, so it goes on from there.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from ...errors import Conflict, MlwebError, quoted
from ...ml.completion.complete import part_path, read_part
from ...ml.completion.work import Work
from ...ml.types.left_out import Part
from ...models import BatchPrediction, Completion, JobStatus, ModelVersion, TrainingRun
from .. import artifacts
from ..jobs.leases import StopReason
from ..jobs.queue import ClaimedJob, JobKind, JobStopped, WorkerDied
from .training_job import RunFailed, request_of, signal_name
from .training_process import FittingChild

MODULE = "predictor.ml.completion.complete"
PREFIX = "completion-"
# Every interruption by other work counts as an attempt.
MAX_ATTEMPTS = 100
# Seconds between two looks for other work, and between two writes of the progress.
LOOK_SECONDS = WRITE_SECONDS = 1.0
CRASHED = "It stopped because of a fault of mlweb or of the machine; its owner can read the details."


class CompletionJob(JobKind):
    name = "completion"
    model = Completion

    def __init__(self) -> None:
        super().__init__()
        # One at a time in a process, whosever it is.
        self.turn_slots = self.slots

    @property
    def hard_limit(self) -> timedelta:
        return timedelta(seconds=settings.COMPLETION_HARD_LIMIT_SECONDS)

    def may_begin(self) -> bool:
        return not is_other_work_to_do()

    def perform(self, held: ClaimedJob) -> None:
        related = ("dataset", "training_run__dataset", "registered_model")
        version = ModelVersion.objects.select_related(*related).get(completion=held.pk)
        completion = Completion.objects.get(pk=held.pk)
        require_data(version)
        if completion.attempts > MAX_ATTEMPTS:
            raise Conflict(f"Other work interrupted it {MAX_ATTEMPTS} times; start it when less is going on.")
        held.update(progress_message="Reading the table")
        workdir = prepare_workdir(completion, version)
        error: MlwebError | None = None
        try:
            compute(held, workdir)
        except RunFailed as failure:
            require_data(version)
            error = failure
        except JobStopped as stopped:
            if stopped.reason is not StopReason.TOO_LONG:
                raise
            seconds = self.hard_limit.total_seconds()
            error = RunFailed(f"It did not end within {seconds:g} seconds.")
        add_parts(held, completion, workdir, error)

    def clean_up(self, pk: int) -> None:
        shutil.rmtree(workdir_of(pk), ignore_errors=True)


COMPLETIONS = CompletionJob()


def workdir_of(pk: int) -> Path:
    return Path(settings.WORK_DIR) / f"{PREFIX}{pk}"


def is_other_work_to_do() -> bool:
    """Whether a training run or a batch waits or runs."""
    return TrainingRun.objects.unfinished().exists() or BatchPrediction.objects.unfinished().exists()


def require_data(version: ModelVersion) -> None:
    """Raises Conflict when the data of the version were deleted."""
    if version.dataset is None:
        raise Conflict("The dataset of this version was deleted.")
    version.dataset.refresh_from_db(fields=["data_removed_at"])
    if not version.dataset.has_data:
        raise Conflict(f"The data of {quoted(version.dataset.name)} were deleted.")


def prepare_workdir(completion: Completion, version: ModelVersion) -> Path:
    """The folder of the job with its work; it keeps the parts that earlier attempts at the same work finished."""
    workdir = workdir_of(completion.pk)
    work = json.dumps(work_of(completion, version).to_json(), sort_keys=True)
    path = workdir / "work.json"
    if workdir.exists() and (not path.exists() or path.read_text("utf-8") != work):
        shutil.rmtree(workdir)
    workdir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        partial = workdir / "work.json.partial"
        partial.write_text(work, "utf-8")
        os.replace(partial, path)
    return workdir


def work_of(completion: Completion, version: ModelVersion) -> Work:
    run = version.training_run
    if run is None:
        raise Conflict("This version has no training run.")
    return Work(
        request=request_of(run),
        parts=tuple(part for part in Part if part.value in completion.parts),
        report=version.report,
        files={name: artifacts.path_of(file["digest"]) for name, file in version.artifacts.items()},
        digests={name: file["digest"] for name, file in version.artifacts.items()},
        leaderboard=run.leaderboard or [],
    )


def compute(held: ClaimedJob, workdir: Path) -> None:
    """Run the child to its end. Raises RunFailed, WorkerDied, or JobStopped after killing it."""
    failure: dict[str, Any] = {}
    written_at = -WRITE_SECONDS
    check = considerate(held.check)
    with FittingChild(workdir / "work.json", workdir, module=MODULE) as child:
        for event in child.events(check):
            if event.get("event") == "failed":
                failure = event
            if event.get("event") == "progress" and time.monotonic() - written_at >= WRITE_SECONDS:
                held.update(progress=event["fraction"], progress_message=str(event["message"])[:300])
                written_at = time.monotonic()
        code = child.wait(check)
        chatter = child.last_words()
    if code < 0:
        raise WorkerDied(
            f"The computing process was killed ({signal_name(-code)}); a lack of memory can be the reason."
        )
    if failure or code != 0:
        traceback = failure.get("traceback") or f"Exit code {code}.\n{chatter}"
        raise RunFailed(failure.get("message") or CRASHED, traceback)


def considerate(check: Callable[[], None]) -> Callable[[], None]:
    """`check`, which also stops the job when other work is to be done; it looks once a second."""
    looked_at = -LOOK_SECONDS

    def check_both() -> None:
        nonlocal looked_at
        check()
        if time.monotonic() - looked_at >= LOOK_SECONDS:
            looked_at = time.monotonic()
            if is_other_work_to_do():
                raise JobStopped(StopReason.GAVE_WAY)

    return check_both


def add_parts(held: ClaimedJob, completion: Completion, workdir: Path, error: MlwebError | None) -> None:
    """End the job with the parts that are finished, in one write: a report has all of them or none."""
    if held.reason_to_stop is StopReason.CANCELLED:
        raise JobStopped(StopReason.CANCELLED)
    supplement, computed = dict(completion.supplement), dict(completion.computed)
    refusals = dict(completion.refusals)
    for part in Part:
        result = read_part(part_path(workdir, part)) if part.value in completion.parts else {}
        if "report" in result:
            supplement |= result["report"]
            computed[part.value] = timezone.now().isoformat(timespec="seconds")
        elif "refusal" in result:
            refusals[part.value] = result["refusal"]
    fields: dict[str, Any] = {"supplement": supplement, "computed": computed, "refusals": refusals}
    if error is None:
        held.finish(
            JobStatus.SUCCEEDED, outcome="succeeded", progress=1.0, progress_message="Finished", **fields
        )
    else:
        traceback = getattr(error, "traceback", "")
        held.finish(JobStatus.FAILED, outcome="failed", error=error.message, traceback=traceback, **fields)
