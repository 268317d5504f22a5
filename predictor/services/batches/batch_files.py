"""Files of a batch prediction: detecting their format, reading their rows, writing the result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from ...errors import InvalidInput, InvalidRows, InvalidTable, quoted, quoted_list
from ...ml.inputs.column_checker import json_text
from ...ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from ...ml.inputs.json_lines_rows import JsonLinesRows, looks_like_json_lines
from ...ml.inputs.parquet_rows import ParquetRows, write_beside
from ...ml.inputs.row_chunks import BulkChunk, BulkSource
from ...ml.tables.csv_writing import csv_lines, exported_cell, quoted_cell
from ...models import BatchFormat
from ..predictions.bulk_answers import BulkAnswerer, BulkAnswers, free_names, warnings_as_json
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


def refuse_hopeless(rows: BulkSource) -> None:
    """Raises InvalidTable when there is no row, InvalidRows when no row of the first chunk can be predicted."""
    first = next(rows.bulk_chunks(), None)
    if first is None:
        raise InvalidTable("The file holds no rows.")
    if not first.places:
        messages = " ".join(list(first.errors.values())[:5])
        raise InvalidRows(f"None of the first {first.n_rows:,} rows can be predicted. {messages}")


class Result:
    """Writer of a batch result: the bytes of each chunk for a work file, and the finished file."""

    def __init__(self, kind: BatchFormat, rows: BulkSource, answerer: BulkAnswerer):
        self._kind, self._answerer = kind, answerer
        self._own = rows.names
        self._added = tuple(free_names([*answerer.added, "warnings", "error"], rows.names))
        self._cell = exported_cell if kind is BatchFormat.CSV else quoted_cell

    @property
    def head(self) -> bytes:
        """The bytes before the first row: the header of a CSV file, else nothing."""
        return csv_lines([[*self._own, *self._added]]) if self._kind is BatchFormat.CSV else b""

    def chunk(self, chunk: BulkChunk, answers: BulkAnswers) -> bytes:
        """The rows of a chunk with their predictions, warnings and errors."""
        texts = self._json(chunk, answers) if self._kind is BatchFormat.JSONL else self._cells(chunk, answers)
        end = "\n" if self._kind is BatchFormat.JSONL else "\r\n"
        return end.join((*texts, "")).encode()

    def _cells(self, chunk: BulkChunk, answers: BulkAnswers) -> Iterator[str]:
        all_warnings, errors, none = chunk.warnings, chunk.errors, self._answerer.none
        cells = iter(answers.cells)
        is_csv = self._kind is BatchFormat.CSV
        for place, line in enumerate(chunk.lines):
            own = f"{line}," if is_csv else ""
            if place in errors:
                yield f"{own}{none},,{self._cell(errors[place])}"
            elif place in all_warnings:
                warnings = " ".join(each.message for each in all_warnings[place])
                yield f"{own}{next(cells)},{self._cell(warnings)},"
            else:
                yield f"{own}{next(cells)},,"

    def _json(self, chunk: BulkChunk, answers: BulkAnswers) -> Iterator[str]:
        all_warnings, errors = chunk.warnings, chunk.errors
        members = iter(answers.members)
        for place, line in enumerate(chunk.lines):
            if place in errors:
                yield f'{{"input":{line},"prediction":null,"error":{json_text(errors[place])}}}'
            elif place in all_warnings:
                yield f'{{"input":{line},{next(members)},"warnings":{warnings_as_json(all_warnings[place])}}}'
            else:
                yield f'{{"input":{line},{next(members)},"warnings":[]}}'

    def finished(self, source: Path, work: Path) -> Path:
        """The result to download: the work file, or a Parquet file joined from `source` and it."""
        if self._kind is not BatchFormat.PARQUET:
            return work
        result = work.with_name("result.parquet")
        kinds = [*self._answerer.kinds, "VARCHAR", "VARCHAR"]
        write_beside(source, work, result, names=self._added, kinds=kinds)
        return result
