"""Files of a batch prediction: detecting their format and reading their rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from ...errors import InvalidInput, InvalidRows, InvalidTable, quoted, quoted_list
from ...ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from ...ml.inputs.json_lines_rows import JsonLinesRows, looks_like_json_lines
from ...ml.inputs.parquet_rows import ParquetRows
from ...ml.inputs.row_chunks import BulkSource
from ...models import BatchFormat
from ..predictions.loaded_versions import LoadedVersion

MEDIA_TYPES = {
    BatchFormat.CSV: "text/csv; charset=utf-8",
    BatchFormat.PARQUET: "application/vnd.apache.parquet",
    BatchFormat.JSONL: "application/x-ndjson",
}
SUFFIXES = {".parquet": BatchFormat.PARQUET, ".jsonl": BatchFormat.JSONL, ".ndjson": BatchFormat.JSONL}
# A line of JSON may hold this many cells of the greatest size.
CELLS_A_LINE = 16


def format_of(path: Path, filename: str, requested: str = "") -> BatchFormat:
    """The requested format, else the one detected from the first bytes and the file name. Raises InvalidInput."""
    if requested:
        if requested not in BatchFormat.values:
            raise InvalidInput(
                f"There is no format {quoted(requested)}. Choose one of {quoted_list(BatchFormat.values)}."
            )
        return BatchFormat(requested)
    with path.open("rb") as file:
        head = file.read(4_096)
    if head.startswith(b"PAR1"):
        return BatchFormat.PARQUET
    if looks_like_json_lines(head):
        return BatchFormat.JSONL
    return SUFFIXES.get(Path(filename).suffix.lower(), BatchFormat.CSV)


def open_rows(
    path: Path, kind: BatchFormat, served: LoadedVersion, options: Mapping[str, Any], *, scratch: Path
) -> BulkSource:
    """The rows of the file. Raises InvalidTable, InvalidRows, TooLarge, UnsupportedContent."""
    if kind is BatchFormat.CSV:
        limits = CsvLimits(
            max_bytes=settings.MAX_UPLOAD_BYTES,
            max_rows=settings.MAX_BATCH_ROWS,
            max_columns=settings.MAX_TABLE_COLUMNS,
            max_cell_bytes=settings.MAX_CELL_BYTES,
        )
        csv_options = CsvOptions(**options)
        return CsvRows(path, served.signature, csv_options, limits, scratch=scratch, is_lenient=True)
    if kind is BatchFormat.PARQUET:
        return ParquetRows(
            path,
            served.signature,
            max_rows=settings.MAX_BATCH_ROWS,
            max_columns=settings.MAX_TABLE_COLUMNS,
            max_cell_bytes=settings.MAX_CELL_BYTES,
        )
    return JsonLinesRows(
        path,
        served.checker,
        max_rows=settings.MAX_BATCH_ROWS,
        max_line_bytes=CELLS_A_LINE * settings.MAX_CELL_BYTES,
    )


def require_predictable_rows(rows: BulkSource) -> None:
    """Raises InvalidTable when there is no row, InvalidRows when no row of the first chunk can be predicted."""
    first = next(rows.bulk_chunks(), None)
    if first is None:
        raise InvalidTable("The file holds no rows.")
    if not first.places:
        messages = " ".join(list(first.errors.values())[:5])
        raise InvalidRows(f"None of the first {first.n_rows:,} rows can be predicted. {messages}")
