"""Datasets: import a CSV file, preview, download, delete."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from ...errors import Conflict, InvalidInput, NotFound, TooLarge, quoted
from ...ml.csv_files.surrounding_lines import LineOptions
from ...ml.tables.ingest_request import ImportOptions, IngestReport
from ...models import Dataset
from .. import artifacts, quotas
from ..artifact_references import remove_bytes
from . import ingest_process
from .stored_data import needs_data

if TYPE_CHECKING:
    from ...models import User, Workspace

__all__ = [
    "ImportOptions",
    "LineOptions",
    "Preview",
    "delete",
    "import_csv",
    "open_original",
    "preview",
    "read_again",
]

MAX_LABEL = 200
COPY_BLOCK = 1 << 20


@dataclass(frozen=True)
class Preview:
    """The first rows of a table: JSON scalars, dates as ISO 8601 text, None for a missing value."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def import_csv(
    *,
    workspace: Workspace,
    source: Path | UploadedFile[Any] | IO[bytes],
    filename: str,
    name: str = "",
    options: ImportOptions | None = None,
    by: User | None,
    origin: str = "",
    licence: str = "",
) -> Dataset:
    """Import a CSV file as a dataset; returns the existing one for the same bytes and the same options.

    `origin` and `licence` say where a bundled sample comes from. Raises InvalidTable (or its
    subclasses RaggedRows and UnknownEncoding), UnsupportedContent, TooLarge and OverQuota; then nothing is stored.
    """
    options, label = options or ImportOptions(), clean_filename(filename)
    name = _clean_name(name, label)
    with ingest_process.scratch_folder() as scratch:
        path = _local_file(source, scratch)
        sha256 = artifacts.digest_of(path)
        options_key = options_digest(options)
        with ingest_process.one_at_a_time(
            hashlib.sha256(f"{workspace.pk} {sha256} {options_key}".encode()).hexdigest()
        ):
            existing = _existing(workspace, sha256, options_key)
            if existing is not None:
                return existing
            quotas.require_room_for_dataset(workspace, path.stat().st_size)
            report, parquet = ingest_process.run(path, scratch, options)
            fields = {
                "name": name,
                "filename": label,
                "source": origin,
                "licence": licence,
                "n_bytes": path.stat().st_size,
                "options": _detected_options(options, report),
                "created_by": by,
                **_table_fields(report),
            }
            return _store(workspace, path, parquet, sha256, options_key, fields)


def read_again(*, dataset: Dataset, lines: LineOptions, by: User | None) -> Dataset:
    """Import the bytes of a dataset with other lines around its table; returns the dataset that they become.

    Raises NotFound when the data was removed, and the errors of `import_csv`.
    """
    needs_data(dataset)
    known = ImportOptions.from_json(dataset.options)
    # With one column, the delimiter may have been found in the wrong lines.
    is_split = dataset.n_columns > 1
    options = replace(
        known,
        delimiter=known.delimiter if is_split else "",
        decimal=known.decimal if is_split else "",
        **asdict(lines),
    )
    return import_csv(
        workspace=dataset.workspace,
        source=artifacts.path_of(dataset.sha256),
        filename=dataset.filename,
        name=dataset.name,
        options=options,
        by=by,
    )


def preview(dataset: Dataset, limit: int = 20) -> Preview:
    """The first rows. Raises NotFound when the data was removed."""
    from ...ml.tables import stored_tables

    needs_data(dataset)
    zones = {
        each.name: each.reading.zone
        for each in dataset.schema.columns
        if each.reading is not None and each.storage == "TIMESTAMP"
    }
    columns = tuple(dataset.schema.names)
    path = artifacts.path_of(dataset.parquet_digest)
    rows = stored_tables.preview(path, limit, names=columns, zones=zones)
    return Preview(columns, tuple(tuple(row[column] for column in columns) for row in rows))


def open_original(dataset: Dataset) -> BinaryIO:
    """The uploaded bytes, unchanged. Raises NotFound when they were removed."""
    needs_data(dataset)
    return artifacts.open(dataset.sha256)


@transaction.atomic
def delete(*, dataset: Dataset, by: User | None, keep_metadata: bool = False, for_good: bool = False) -> None:
    """Put the dataset into the trash of its workspace; with `for_good` or without a trash delete row and bytes.

    Raises Conflict, with the reason, while a training run or a model version uses it. `keep_metadata` deletes
    only the bytes, for good, and keeps the row, so that versions still say what they were trained on.
    """
    rows = Dataset.with_trash.all() if for_good else Dataset.objects.all()
    locked = rows.select_for_update().filter(pk=dataset.pk).first()
    if locked is None:
        raise NotFound("The dataset is not there any more.")
    runs = locked.training_runs.all()
    if runs.unfinished().exists():
        raise Conflict("A training run is still reading this dataset. Cancel it, or wait for its end.")
    if keep_metadata:
        locked.data_removed_at = locked.data_removed_at or timezone.now()
        locked.save(update_fields=["data_removed_at"])
        dataset.data_removed_at = locked.data_removed_at
    else:
        _refuse_while_needed(locked, runs.count())
        if settings.TRASH_DAYS and not for_good:
            locked.deleted_at = dataset.deleted_at = timezone.now()
            locked.deleted_by = by
            locked.save(update_fields=["deleted_at", "deleted_by"])
            return
        locked.delete()
    digests = (locked.sha256, locked.parquet_digest)
    transaction.on_commit(lambda: remove_bytes(digests))


def options_digest(options: ImportOptions) -> str:
    """SHA-256 of the import options: the same file read with other options is another dataset."""
    return hashlib.sha256(json.dumps(options.to_json(), sort_keys=True).encode()).hexdigest()


def clean_filename(filename: str) -> str:
    """A file name as a label: its last part, printable, of bounded length; never a path."""
    last = re.split(r"[/\\]", filename)[-1]
    label = " ".join(_printable(last).split())
    if len(label) > MAX_LABEL:
        stem, dot, suffix = label.rpartition(".")
        keeps_suffix = bool(dot) and len(suffix) <= 10
        label = f"{stem[: MAX_LABEL - 12]}….{suffix}" if keeps_suffix else label[: MAX_LABEL - 1] + "…"
    return label if label.strip(". ") else "table.csv"


def _printable(text: str) -> str:
    """Text without control, direction, zero-width, surrogate and unassigned characters."""
    kept = (
        each for each in text if each.isspace() or unicodedata.category(each) not in ("Cc", "Cf", "Cs", "Cn")
    )
    return unicodedata.normalize("NFC", "".join(kept))


def _clean_name(name: str, label: str) -> str:
    cleaned = " ".join(_printable(name).split())
    if len(cleaned) > MAX_LABEL:
        raise InvalidInput(
            f"The name {quoted(cleaned)} is longer than {MAX_LABEL} characters.", limit=MAX_LABEL
        )
    return cleaned or label.rpartition(".")[0].strip() or label


def _local_file(source: Path | UploadedFile[Any] | IO[bytes], scratch: Path) -> Path:
    """A file that nobody else writes to: the temporary file of an upload, else a copy."""
    temporary = getattr(source, "temporary_file_path", None)
    path = Path(temporary()) if temporary else source if isinstance(source, Path) else None
    if path is not None:
        _refuse_size(path.stat().st_size)
        if temporary:
            _flush(source)
        if temporary or Path(settings.UPLOAD_DIR).resolve() in path.resolve().parents:
            return path
        with path.open("rb") as file:
            return _copied(file, scratch)
    stream: Any = source
    if stream.seekable():
        stream.seek(0)
    return _copied(stream, scratch)


def _flush(upload: Any) -> None:
    # The last bytes may still be in a buffer of this process, and another process reads the file.
    upload.file.flush()


def _copied(stream: IO[bytes], scratch: Path) -> Path:
    copy, n_bytes = scratch / "source.csv", 0
    with copy.open("wb") as file:
        while block := stream.read(COPY_BLOCK):
            n_bytes += len(block)
            _refuse_size(n_bytes)
            file.write(block)
    return copy


def _refuse_size(n_bytes: int) -> None:
    limit = settings.MAX_UPLOAD_BYTES
    if n_bytes > limit:
        raise TooLarge(f"The file is larger than {limit:,} bytes, the limit for uploads.", limit=limit)


def _existing(workspace: Workspace, sha256: str, options_key: str) -> Dataset | None:
    """The dataset of these bytes and options, if its files exist."""
    dataset = (
        Dataset.objects.with_data()
        .filter(workspace=workspace, sha256=sha256, options_digest=options_key)
        .first()
    )
    if dataset is None or not (artifacts.exists(sha256) and artifacts.exists(dataset.parquet_digest)):
        return None
    return dataset


def _table_fields(report: IngestReport) -> dict[str, Any]:
    return {
        "n_rows": report.n_rows,
        "n_columns": len(report.schema.columns),
        "schema_json": report.schema.to_json(),
        "warnings": list(report.warnings),
    }


def _detected_options(options: ImportOptions, report: IngestReport) -> Mapping[str, Any]:
    lines = report.lines
    detected = replace(
        options,
        encoding=report.encoding,
        delimiter=report.delimiter,
        decimal=report.decimal,
        skip_lines=lines.skip_lines or options.skip_lines,
        comment=lines.comment or options.comment,
        units_lines=lines.units_lines or options.units_lines,
        footer_lines=lines.footer_lines or options.footer_lines,
    )
    found: dict[str, Any] = {**detected.to_json(), "n_rejected": report.n_rejected}
    if lines.n_skipped:
        found |= {
            "n_skipped_lines": lines.n_skipped,
            "skipped_lines": [asdict(each) for each in lines.skipped],
        }
    if report.left_out:
        found["left_out"] = dict(report.left_out)
    if lines.proposals:
        found["proposals"] = [asdict(each) for each in lines.proposals]
    return found


def _store(
    workspace: Workspace, path: Path, parquet: Path, sha256: str, options_key: str, fields: Mapping[str, Any]
) -> Dataset:
    with artifacts.keeping():
        artifacts.put(path, may_link=True, digest=sha256)
        parquet_digest = artifacts.put(parquet, may_link=True)
        key = {"workspace": workspace, "sha256": sha256, "options_digest": options_key}
        try:
            with transaction.atomic():
                return Dataset.objects.create(**key, parquet_digest=parquet_digest, **fields)
        except IntegrityError:
            # Another host was faster, or the files of this row were missing: then they are stored again now.
            existing = Dataset.objects.with_data().filter(**key).first()
            if existing is None:
                raise
            if not artifacts.exists(existing.parquet_digest):
                existing.parquet_digest = parquet_digest
                existing.save(update_fields=["parquet_digest"])
            return existing


def _refuse_while_needed(dataset: Dataset, n_runs: int) -> None:
    versions = list(dataset.model_versions.select_related("registered_model")[:6])
    if versions:
        named = ", ".join(f"{each.registered_model.slug} {each.number}" for each in versions[:5])
        more = " and more" if len(versions) > 5 else ""
        raise Conflict(
            f"Model versions were trained on this dataset: {named}{more}. It cannot be deleted while they exist."
        )
    if n_runs:
        runs = "A training run" if n_runs == 1 else f"{n_runs:,} training runs"
        raise Conflict(f"{runs} used this dataset, so it cannot be deleted.")
