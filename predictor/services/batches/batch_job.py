"""Batch prediction job: predicts chunk by chunk, with checkpoints, so that it can resume after a kill.

Predictions are appended to a work file and logged at once; the progress and all counts are committed every second.
An attempt after a kill truncates the work file to the committed length and continues there. The rows after that point
are predicted and logged again, with ids derived from their row numbers, so that the log holds them only once.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from ...errors import InvalidRows, NotLogged, StrictRows, quoted_list
from ...ml.inputs.row_chunks import BulkChunk, BulkSource
from ...models import BatchFormat, BatchPrediction, JobStatus, PredictionSource
from .. import artifacts, prediction_log
from ..jobs.queue import ClaimedJob, JobKind, WorkerDied
from ..prediction_log.log_rows import LogRow
from ..predictions import loaded_versions
from ..predictions.bulk_answers import BulkAnswerer, BulkAnswers, Logged
from ..predictions.options import Caller
from ..predictions.row_answers import NOT_A_NUMBER
from . import batch_files

# Seconds between two commits of the progress: the work that a kill can lose.
COMMIT_SECONDS = 1.0
# Most rows in one transaction of the log, for which other writers wait.
LOGGED_AT_ONCE = 1_000
N_ERRORS_SHOWN = 100
PREFIX = "batch-"


class BatchJob(JobKind):
    name = "batch"
    model = BatchPrediction

    @property
    def n_slots(self) -> int:
        return settings.BATCH_SLOTS

    @property
    def hard_limit(self) -> timedelta:
        return timedelta(seconds=settings.BATCH_HARD_LIMIT_SECONDS)

    def perform(self, held: ClaimedJob) -> None:
        related = ("model_version__registered_model", "created_by", "api_token")
        batch = BatchPrediction.objects.select_related(*related).get(pk=held.pk)
        folder = workdir_of(batch.pk)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        BatchWork(held, batch, folder).run()

    def clean_up(self, pk: int) -> None:
        shutil.rmtree(workdir_of(pk), ignore_errors=True)


BATCHES = BatchJob()


def workdir_of(pk: int) -> Path:
    return Path(settings.WORK_DIR) / f"{PREFIX}{pk}"


class BatchWork:
    """One attempt at a batch."""

    def __init__(self, held: ClaimedJob, batch: BatchPrediction, folder: Path):
        self._held, self._batch, self._folder = held, batch, folder
        kind = BatchFormat(batch.format)
        served = loaded_versions.load(batch.model_version)
        self._source = artifacts.path_of(batch.source_digest)
        self._rows: BulkSource = batch_files.open_rows(
            self._source, kind, served, batch.options, scratch=folder
        )
        is_csv = kind is BatchFormat.CSV
        self._answerer = BulkAnswerer(served, batch.coverage, is_neutralised=is_csv)
        self._result = batch_files.Result(kind, self._rows, self._answerer)
        self._caller = Caller(
            by=batch.created_by,
            source=PredictionSource.BATCH,
            token=batch.api_token,
            request_id=batch.request_id,
        )
        self._committed_at = time.monotonic()

    def run(self) -> None:
        """Predict the remaining rows, and end the job."""
        work = self._folder / "result.partial"
        with work.open("r+b" if work.exists() else "x+b") as file:
            self._go_back_to_committed(file)
            if self._batch.is_strict and not self._batch.n_rows_done:
                self._refuse_doubtful_rows()
            for chunk in self._rows.bulk_chunks(skip=self._batch.n_rows_done):
                self._held.check()
                self._take(chunk, file)
                if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
                    self._commit(file)
            self._commit(file)
        self._publish(self._result.finished(self._source, work))

    def _go_back_to_committed(self, file: IO[bytes]) -> None:
        batch = self._batch
        if not batch.n_rows_done or os.fstat(file.fileno()).st_size < batch.n_bytes_done:
            # First attempt, or the work file is missing: another machine, or a lost disk.
            file.truncate(0)
            file.write(self._result.head)
            batch.n_rows_done = batch.n_errors = batch.n_warnings = 0
            batch.row_errors = []
        else:
            file.truncate(batch.n_bytes_done)
            file.seek(batch.n_bytes_done)

    def _refuse_doubtful_rows(self) -> None:
        """Check a strict batch as a whole before its first prediction. Raises InvalidRows, StrictRows."""
        self._held.update(progress_message="Checking every row")
        for chunk in self._rows.bulk_chunks():
            self._held.check()
            if chunk.errors:
                raise InvalidRows(" ".join(list(chunk.errors.values())[:5]))
            if chunk.warnings:
                said = [
                    f"Row {chunk.first_row + place:,}: {warnings[0].message}"
                    for place, warnings in sorted(chunk.warnings.items())[:5]
                ]
                raise StrictRows(f"These rows are doubtful, and strict was asked for. {' '.join(said)}")

    def _take(self, chunk: BulkChunk, file: IO[bytes]) -> None:
        batch, started = self._batch, time.perf_counter()
        answers = self._answerer.answer(chunk)
        file.write(self._result.chunk(chunk, answers))
        latency_ms = round((time.perf_counter() - started) * 1000, 3)
        rows = Logged.of(chunk, answers).rows(
            self._caller, batch.model_version, base=batch.log_base, latency_ms=latency_ms
        )
        for start in range(0, len(rows), LOGGED_AT_ONCE):
            self._log(rows[start : start + LOGGED_AT_ONCE])
        batch.n_rows_done += chunk.n_rows
        batch.n_errors += len(chunk.errors) + answers.n_without
        batch.n_warnings += len(chunk.warnings)
        batch.row_errors = [*batch.row_errors, *self._errors_of(chunk, answers)][:N_ERRORS_SHOWN]

    def _log(self, rows: Sequence[LogRow]) -> None:
        try:
            prediction_log.append(rows, is_durable=True)
        except NotLogged as error:
            raise WorkerDied("The prediction log could not be written.") from error

    def _errors_of(self, chunk: BulkChunk, answers: BulkAnswers) -> Sequence[dict[str, Any]]:
        if len(self._batch.row_errors) >= N_ERRORS_SHOWN or not (chunk.errors or answers.n_without):
            return ()
        found = dict(chunk.errors)
        for place, cells in zip(chunk.places, answers.cells, strict=True):
            if cells == self._answerer.none:
                found[place] = f"Row {chunk.first_row + place:,}: {NOT_A_NUMBER}"
        return [{"row": chunk.first_row + place, "message": found[place][:500]} for place in sorted(found)]

    def _commit(self, file: IO[bytes]) -> None:
        file.flush()
        os.fsync(file.fileno())
        batch = self._batch
        batch.n_bytes_done = file.tell()
        self._held.update(
            progress=min(self._rows.share_read, 0.999),
            progress_message=f"{batch.n_rows_done:,} rows predicted",
            n_rows_total=self._rows.n_rows_total,
            **{name: getattr(batch, name) for name in COMMITTED},
        )
        self._committed_at = time.monotonic()

    def _publish(self, result: Path) -> None:
        self._held.check()
        with artifacts.keeping():
            digest = artifacts.put(result, may_link=True)
            self._held.finish(
                JobStatus.SUCCEEDED,
                outcome="succeeded",
                progress=1.0,
                progress_message="Finished",
                n_rows_total=self._batch.n_rows_done,
                warnings=self._file_warnings(),
                result_digest=digest,
                result_bytes=result.stat().st_size,
            )

    def _file_warnings(self) -> list[str]:
        found = []
        if unused := getattr(self._rows, "unused", ()):
            found.append(f"The model does not use {quoted_list(unused)}.")
        if n_left_out := getattr(self._rows, "n_left_out", 0):
            found.append(f"{n_left_out:,} rows with more or fewer cells than the header were left out.")
        return found


COMMITTED = ("n_rows_done", "n_bytes_done", "n_errors", "n_warnings", "row_errors")
