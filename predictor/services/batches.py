"""Batch predictions: ask for one, cancel it, fetch its result, drop what is no longer kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ..errors import Conflict, Forbidden, InvalidInput, InvalidRows, NotFound, TooLarge
from ..ml.inputs.csv_rows import CsvOptions
from ..ml.inputs.json_lines_rows import write_json_lines
from ..models import BatchFormat, BatchPrediction, Membership, RegisteredModel, WorkspaceRole, uuid7
from . import artifact_references, artifacts, batch_files, datasets, jobs, registry, serving
from .answers import coverage_for
from .batch_job import BATCHES
from .leases import OnChange

if TYPE_CHECKING:
    from ..models import ApiToken, Dataset, User

__all__ = [
    "BATCHES",
    "CsvOptions",
    "cancel",
    "download_name",
    "drop_old_files",
    "media_type",
    "open_result",
    "run_here",
    "start",
]

# Up to here a file is looked at before the answer; of a greater one, its beginning.
LOOKED_AT_BYTES = 64 << 20
HEAD_BYTES = 4 << 20
WAIT_SECONDS = 0.5


def start(
    *,
    registered_model: RegisteredModel,
    source: Path | Dataset | Sequence[Mapping[str, Any]],
    filename: str = "",
    kind: str = "",
    options: CsvOptions | None = None,
    version: int | str | None = None,
    strict: bool = False,
    coverage: float | None = None,
    by: User | None,
    token: ApiToken | None = None,
    request_id: str = "",
    may_link: bool = True,
) -> BatchPrediction:
    """A queued batch of the rows of a file (CSV, Parquet or JSON lines), of a dataset, or of these rows.

    `kind` says the format where the file does not tell. `may_link`: the file may be kept by a link, for nobody writes
    to it afterwards.
    `strict`: one row that is doubtful refuses the whole file, before any is answered.
    Raises what is wrong with the file as a whole at once: InvalidTable, InvalidRows, TooLarge, UnsupportedContent;
    NotFound and NotServable as `predict`.
    """
    chosen = registry.serving_version(registered_model, version)
    served = serving.served(chosen)
    coverage_for(served.predictor, coverage)
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="batch-look-") as scratch:
        path, fields = _found(source, filename, kind, options, registered_model, Path(scratch))
        _look(path, fields, served, Path(scratch))
        with artifacts.keeping():
            digest = artifacts.put(path, may_link=may_link)
            with transaction.atomic():
                batch = BatchPrediction.objects.create(
                    workspace_id=registered_model.workspace_id,
                    registered_model=registered_model,
                    model_version=chosen,
                    n_bytes=path.stat().st_size,
                    is_strict=strict,
                    coverage=coverage,
                    source_digest=digest,
                    request_id=request_id or uuid7().hex,
                    progress_message="Waiting for a worker",
                    created_by=by,
                    api_token=token,
                    **fields,
                )
                jobs.ring(BATCHES, batch.pk)
    return batch


def cancel(*, batch: BatchPrediction, by: User) -> BatchPrediction:
    """End a waiting batch at once, a running one within seconds. Who asked for it may, and members may.

    Raises Forbidden, and Conflict when it ended by itself. What was answered stays in the log.
    """
    if batch.created_by_id != by.pk:
        membership = Membership.objects.filter(workspace=batch.workspace_id, user=by).first()
        if membership is None or not membership.can(WorkspaceRole.MEMBER):
            raise Forbidden("Only who asked for this batch, and members of the workspace, may stop it.")
    jobs.cancel(BATCHES, batch)
    return batch


def run_here(*, on_change: OnChange | None = None, **asked: Any) -> BatchPrediction:
    """As `start`, then carried out to its end: in this process, unless a worker was faster."""
    batch = start(**asked)
    held = jobs.claim(BATCHES, batch.pk, on_change=on_change)
    if held is not None:
        jobs.perform(BATCHES, held)
    batch.refresh_from_db()
    while not batch.is_final:
        time.sleep(WAIT_SECONDS)
        batch.refresh_from_db()
    return batch


def open_result(batch: BatchPrediction) -> BinaryIO:
    """The result's bytes. Raises Conflict while there is none, NotFound when it is no longer kept."""
    if batch.result_removed_at is not None:
        days = settings.BATCH_RESULT_DAYS
        raise NotFound(f"Results are kept for {days:,} days, and this one is gone; predict the file again.")
    if not batch.result_digest:
        raise Conflict(f"There is no result: the batch is {batch.status}.")
    return artifacts.open(batch.result_digest)


def media_type(batch: BatchPrediction) -> str:
    """The result's kind, for a Content-Type."""
    return batch_files.MEDIA_TYPES[BatchFormat(batch.format)]


def download_name(batch: BatchPrediction) -> str:
    return f"{batch.registered_model.slug}-batch-{batch.pk}.{batch.format}"


def drop_old_files() -> None:
    """Drop the sources of ended batches, and results that are older than MLWEB_BATCH_RESULT_DAYS."""
    ended = BatchPrediction.objects.finished()
    _drop("source_digest", ended.exclude(source_digest=""))
    before = timezone.now() - timedelta(days=settings.BATCH_RESULT_DAYS)
    old = ended.exclude(result_digest="").filter(finished_at__lt=before)
    _drop("result_digest", old, result_removed_at=timezone.now())


def _drop(name: str, rows: Any, **changes: Any) -> None:
    found = dict(rows.values_list("pk", name))
    if found:
        BatchPrediction.objects.filter(pk__in=found).update(**{name: ""}, **changes)
        artifact_references.remove_bytes(set(found.values()))


def _found(
    source: Path | Dataset | Sequence[Mapping[str, Any]],
    filename: str,
    kind: str,
    options: CsvOptions | None,
    registered_model: RegisteredModel,
    scratch: Path,
) -> tuple[Path, dict[str, Any]]:
    """The file, and the fields of the row that describe it."""
    if isinstance(source, Path):
        if source.stat().st_size > settings.MAX_UPLOAD_BYTES:
            limit = settings.MAX_UPLOAD_BYTES
            raise TooLarge(f"The file may hold {limit:,} bytes.", limit=limit)
        label = datasets.clean_filename(filename)
        found = batch_files.format_of(source, label, kind)
        how = asdict(options or CsvOptions()) if found is BatchFormat.CSV else {}
        return source, {"filename": label, "format": found, "options": how}
    if isinstance(source, Sequence):
        if not source:
            raise InvalidRows("There is no row to predict; send at least one.")
        path = scratch / "rows.jsonl"
        write_json_lines(iter(source), path)
        return path, {"filename": "rows.jsonl", "format": BatchFormat.JSONL}
    if source.workspace_id != registered_model.workspace_id:
        raise InvalidInput("The registered model and the dataset belong to different workspaces.")
    if not source.has_data:
        raise InvalidInput("The data of this dataset was removed; upload it again.")
    names = ("encoding", "delimiter", "decimal", "skip_bad_rows")
    how = {name: source.options[name] for name in names if source.options.get(name) is not None}
    fields = {"filename": source.filename, "format": BatchFormat.CSV, "options": how, "dataset": source}
    return artifacts.path_of(source.sha256), fields


def _look(path: Path, fields: Mapping[str, Any], served: serving.Served, scratch: Path) -> None:
    """Raises what would end the batch at its first rows; the whole file is the worker's to read."""
    kind, looked_at = fields["format"], path
    if path.stat().st_size > LOOKED_AT_BYTES and kind is not BatchFormat.PARQUET:
        looked_at = scratch / "head"
        with path.open("rb") as file:
            looked_at.write_bytes(_whole_lines(file))
    rows = batch_files.open_rows(looked_at, kind, served, fields.get("options", {}), scratch=scratch)
    batch_files.refuse_hopeless(rows)


def _whole_lines(file: IO[bytes]) -> bytes:
    head = file.read(HEAD_BYTES)
    return head[: head.rfind(b"\n") + 1] or head
