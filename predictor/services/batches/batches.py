"""Batch predictions: start, cancel, open the result, delete files that are no longer kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as fields_of
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ...errors import Conflict, Forbidden, InvalidInput, InvalidRows, NotFound, TooLarge
from ...ml.inputs.csv_rows import CsvOptions
from ...ml.inputs.json_lines_rows import write_json_lines
from ...models import BatchFormat, BatchPrediction, Membership, RegisteredModel, WorkspaceRole
from .. import artifact_references, artifacts, datasets, jobs, quotas, registry
from ..jobs.leases import OnChange
from ..predictions import loaded_versions
from ..predictions.options import Caller, PredictionOptions
from ..predictions.row_answers import coverage_for
from . import batch_files
from .batch_job import BATCHES

if TYPE_CHECKING:
    from ...models import Dataset, User

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

# Before we accept a batch, a file up to CHECKED_BYTES is checked; of a larger one, the first HEAD_BYTES.
CHECKED_BYTES = 64 << 20
HEAD_BYTES = 4 << 20
WAIT_SECONDS = 0.5


def start(
    *,
    registered_model: RegisteredModel,
    data: Path | Dataset | Sequence[Mapping[str, Any]],
    filename: str = "",
    kind: str = "",
    csv_options: CsvOptions = CsvOptions(),
    options: PredictionOptions = PredictionOptions(),
    caller: Caller,
    may_link: bool = True,
) -> BatchPrediction:
    """Queue a batch prediction for the rows of a file (CSV, Parquet or JSON lines), of a dataset, or these rows.

    `kind` is the format when the file does not show it. `may_link`: the file may be stored as a hard link, because
    nobody writes to it afterwards. Of the options it takes `version`, `coverage` and `strict`: one row with a warning
    refuses the whole file, before any prediction.
    Raises errors of the file as a whole at once: InvalidTable, InvalidRows, TooLarge, UnsupportedContent; NotFound
    and NotServable as `predict`; OverQuota.
    """
    model_version = registry.serving_version(registered_model, options.version)
    served = loaded_versions.load(model_version)
    coverage_for(served.predictor, options.coverage)
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="batch-look-") as scratch:
        path, fields = _source_file(data, filename, kind, csv_options, registered_model, Path(scratch))
        _check_beginning(path, fields, served, Path(scratch))
        quotas.require_room_for_batch(registered_model.workspace, caller.by, path.stat().st_size)
        with artifacts.keeping():
            digest = artifacts.put(path, may_link=may_link)
            with transaction.atomic():
                batch = BatchPrediction.objects.create(
                    workspace_id=registered_model.workspace_id,
                    registered_model=registered_model,
                    model_version=model_version,
                    n_bytes=path.stat().st_size,
                    is_strict=options.strict,
                    coverage=options.coverage,
                    source_digest=digest,
                    request_id=caller.request_id,
                    progress_message="Waiting for a worker",
                    created_by=caller.by,
                    api_token=caller.token,
                    **fields,
                )
                jobs.notify_workers(BATCHES, batch.pk)
    return batch


def cancel(*, batch: BatchPrediction, by: User) -> BatchPrediction:
    """End a queued batch at once, a running one within seconds. Its creator and members of the workspace may.

    Raises Forbidden, and Conflict when it has finished. Predictions made until then stay in the log.
    """
    if batch.created_by_id != by.pk:
        membership = Membership.objects.filter(workspace=batch.workspace_id, user=by).first()
        if membership is None or not membership.can(WorkspaceRole.MEMBER):
            raise Forbidden("Only who asked for this batch, and members of the workspace, may stop it.")
    jobs.cancel(BATCHES, batch)
    return batch


def run_here(*, on_change: OnChange | None = None, **arguments: Any) -> BatchPrediction:
    """Start a batch (arguments of `start`) and wait for its end. It runs here, unless a worker claims it first."""
    batch = start(**arguments)
    claimed = jobs.claim(BATCHES, batch.pk, on_change=on_change)
    if claimed is not None:
        jobs.perform(BATCHES, claimed)
    batch.refresh_from_db()
    while not batch.is_final:
        time.sleep(WAIT_SECONDS)
        batch.refresh_from_db()
    return batch


def open_result(batch: BatchPrediction) -> BinaryIO:
    """Open the result for reading. Raises Conflict while there is none, NotFound when it is no longer kept."""
    if batch.result_removed_at is not None:
        days = settings.BATCH_RESULT_DAYS
        raise NotFound(f"Results are kept for {days:,} days, and this one is gone; predict the file again.")
    if not batch.result_digest:
        raise Conflict(f"There is no result: the batch is {batch.status}.")
    return artifacts.open(batch.result_digest)


def media_type(batch: BatchPrediction) -> str:
    """The media type of the result, for a Content-Type header."""
    return batch_files.MEDIA_TYPES[BatchFormat(batch.format)]


def download_name(batch: BatchPrediction) -> str:
    return f"{batch.registered_model.slug}-batch-{batch.pk}.{batch.format}"


def drop_old_files() -> None:
    """Delete the sources of finished batches, and results older than MLWEB_BATCH_RESULT_DAYS."""
    ended = BatchPrediction.objects.finished()
    _drop("source_digest", ended.exclude(source_digest=""))
    before = timezone.now() - timedelta(days=settings.BATCH_RESULT_DAYS)
    old = ended.exclude(result_digest="").filter(finished_at__lt=before)
    _drop("result_digest", old, result_removed_at=timezone.now())


def _drop(name: str, rows: Any, **changes: Any) -> None:
    digests = dict(rows.values_list("pk", name))
    if digests:
        BatchPrediction.objects.filter(pk__in=digests).update(**{name: ""}, **changes)
        artifact_references.remove_bytes(set(digests.values()))


def _source_file(
    data: Path | Dataset | Sequence[Mapping[str, Any]],
    filename: str,
    kind: str,
    csv_options: CsvOptions,
    registered_model: RegisteredModel,
    scratch: Path,
) -> tuple[Path, dict[str, Any]]:
    """The file, and the fields of the row that describe it."""
    if isinstance(data, Path):
        if data.stat().st_size > settings.MAX_UPLOAD_BYTES:
            limit = settings.MAX_UPLOAD_BYTES
            raise TooLarge(f"The file may hold {limit:,} bytes.", limit=limit)
        label = datasets.clean_filename(filename)
        file_format = batch_files.format_of(data, label, kind)
        reading = asdict(csv_options) if file_format is BatchFormat.CSV else {}
        return data, {"filename": label, "format": file_format, "options": reading}
    if isinstance(data, Sequence):
        if not data:
            raise InvalidRows("There is no row to predict; send at least one.")
        path = scratch / "rows.jsonl"
        write_json_lines(iter(data), path)
        return path, {"filename": "rows.jsonl", "format": BatchFormat.JSONL}
    if data.workspace_id != registered_model.workspace_id:
        raise InvalidInput("The registered model and the dataset belong to different workspaces.")
    if not data.has_data:
        raise InvalidInput("The data of this dataset was removed; upload it again.")
    names = [each.name for each in fields_of(CsvOptions)]
    reading = {name: data.options[name] for name in names if data.options.get(name) is not None}
    fields = {
        "filename": data.filename,
        "format": BatchFormat.CSV,
        "options": reading,
        "dataset": data,
    }
    return artifacts.path_of(data.sha256), fields


def _check_beginning(
    path: Path, fields: Mapping[str, Any], served: loaded_versions.LoadedVersion, scratch: Path
) -> None:
    """Raises errors of the first rows, which would end the batch; the worker reads the whole file."""
    kind, checked_path = fields["format"], path
    if path.stat().st_size > CHECKED_BYTES and kind is not BatchFormat.PARQUET:
        checked_path = scratch / "head"
        with path.open("rb") as file:
            checked_path.write_bytes(_whole_lines(file))
    rows = batch_files.open_rows(checked_path, kind, served, fields.get("options", {}), scratch=scratch)
    batch_files.require_predictable_rows(rows)


def _whole_lines(file: IO[bytes]) -> bytes:
    head = file.read(HEAD_BYTES)
    return head[: head.rfind(b"\n") + 1] or head
