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

from ...errors import InvalidRows, NotLogged, StrictRows
from ...ml.inputs.row_chunks import BulkChunk
from ...models import BatchFormat, BatchPrediction, JobStatus, PredictionSource
from .. import artifacts, prediction_log
from ..jobs.queue import ClaimedJob, JobKind, WorkerDied
from ..predictions import loaded_versions
from ..predictions.bulk_answers import BulkAnswerer, BulkAnswers, Logged
from ..predictions.file_prediction import FilePrediction, file_warnings, parts
from ..predictions.options import Caller
from ..predictions.result_writer import ResultWriter
from . import batch_files

# Seconds between two commits of the progress: the work that a kill can lose.
COMMIT_SECONDS = 1.0
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

    def perform(self, claimed: ClaimedJob) -> None:
        related = ("model_version__registered_model", "created_by", "api_token")
        batch = BatchPrediction.objects.select_related(*related).get(pk=claimed.pk)
        folder = workdir_of(batch.pk)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        BatchAttempt(claimed, batch, folder).run()

    def clean_up(self, pk: int) -> None:
        shutil.rmtree(workdir_of(pk), ignore_errors=True)


BATCHES = BatchJob()


def workdir_of(pk: int) -> Path:
    return Path(settings.WORK_DIR) / f"{PREFIX}{pk}"


class BatchAttempt:
    """One attempt at a batch, and its policy: rows with errors stay in the result, all others are logged at once."""

    def __init__(self, claimed: ClaimedJob, batch: BatchPrediction, folder: Path):
        self._claimed, self._batch, self._folder = claimed, batch, folder
        kind = BatchFormat(batch.format)
        loaded = loaded_versions.load(batch.model_version)
        self._source = artifacts.path_of(batch.source_digest)
        rows = batch_files.open_rows(self._source, kind, loaded, batch.options, scratch=folder)
        is_csv = kind is BatchFormat.CSV
        answerer = BulkAnswerer(loaded, batch.coverage, is_neutralised=is_csv)
        self._prediction = FilePrediction(rows, answerer, ResultWriter(kind, rows, answerer))
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
            self._file = file
            self._prediction.run(self, file, skip=self._batch.n_rows_done)
            self._commit()
        self._publish(self._prediction.writer.finished(self._source, work))

    def check(self, chunk: BulkChunk) -> None:
        self._claimed.check()

    def log(self, logged: Logged, latency_ms: float) -> None:
        batch = self._batch
        rows = logged.rows(self._caller, batch.model_version, base=batch.log_base, latency_ms=latency_ms)
        for part in parts(rows):
            try:
                prediction_log.append(part, is_durable=True)
            except NotLogged as error:
                raise WorkerDied("The prediction log could not be written.") from error

    def advance(self, chunk: BulkChunk, answers: BulkAnswers) -> None:
        batch = self._batch
        batch.n_rows_done += chunk.n_rows
        batch.n_errors += len(chunk.errors) + answers.n_without
        batch.n_warnings += len(chunk.warnings)
        batch.row_errors = [*batch.row_errors, *self._errors_of(chunk, answers)][:N_ERRORS_SHOWN]
        if time.monotonic() - self._committed_at >= COMMIT_SECONDS:
            self._commit()

    def _go_back_to_committed(self, file: IO[bytes]) -> None:
        batch = self._batch
        if not batch.n_rows_done or os.fstat(file.fileno()).st_size < batch.n_bytes_done:
            # First attempt, or the work file is missing: another machine, or a lost disk.
            file.truncate(0)
            file.write(self._prediction.writer.head)
            batch.n_rows_done = batch.n_errors = batch.n_warnings = 0
            batch.row_errors = []
        else:
            file.truncate(batch.n_bytes_done)
            file.seek(batch.n_bytes_done)

    def _refuse_doubtful_rows(self) -> None:
        """Check a strict batch as a whole before its first prediction. Raises InvalidRows, StrictRows."""
        self._claimed.update(progress_message="Checking every row")
        for chunk in self._prediction.rows.bulk_chunks():
            self._claimed.check()
            if chunk.errors:
                raise InvalidRows(" ".join(list(chunk.errors.values())[:5]))
            if chunk.warnings:
                messages = [
                    f"Row {chunk.first_row + place:,}: {warnings[0].sentence}"
                    for place, warnings in sorted(chunk.warnings.items())[:5]
                ]
                raise StrictRows(f"These rows have warnings, and strict refuses them. {' '.join(messages)}")

    def _errors_of(self, chunk: BulkChunk, answers: BulkAnswers) -> Sequence[dict[str, Any]]:
        if len(self._batch.row_errors) >= N_ERRORS_SHOWN or not (chunk.errors or answers.n_without):
            return ()
        messages = dict(chunk.errors)
        for index, (place, cells) in enumerate(zip(chunk.places, answers.cells, strict=True)):
            if cells == self._prediction.answerer.none:
                messages[place] = f"Row {chunk.first_row + place:,}: {answers.reason(index)}"
        return [
            {"row": chunk.first_row + place, "message": messages[place][:500]} for place in sorted(messages)
        ]

    def _commit(self) -> None:
        file = self._file
        file.flush()
        os.fsync(file.fileno())
        batch = self._batch
        batch.n_bytes_done = file.tell()
        self._claimed.update(
            progress=min(self._prediction.rows.share_read, 0.999),
            progress_message=f"{batch.n_rows_done:,} rows predicted",
            n_rows_total=self._prediction.rows.n_rows_total,
            **{name: getattr(batch, name) for name in COMMITTED},
        )
        self._committed_at = time.monotonic()

    def _publish(self, result: Path) -> None:
        self._claimed.check()
        with artifacts.keeping():
            digest = artifacts.put(result, may_link=True)
            self._claimed.finish(
                JobStatus.SUCCEEDED,
                outcome="succeeded",
                progress=1.0,
                progress_message="Finished",
                n_rows_total=self._batch.n_rows_done,
                warnings=list(file_warnings(self._prediction.rows)),
                result_digest=digest,
                result_bytes=result.stat().st_size,
            )


COMMITTED = ("n_rows_done", "n_bytes_done", "n_errors", "n_warnings", "row_errors")
