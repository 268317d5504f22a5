"""CSV → Parquet, with what was found in it. Runs as a child: `python -m predictor.ml.tables.ingest REQUEST.json`.

The child process isolates the server from a hostile or huge file: it has a memory limit, spills to its scratch
folder, can be killed at any moment, and leaves nothing but that folder. It writes the report or the error to
`result` of the request and exits with code 0 in both cases.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import MlwebError, TooLarge, quoted
from ..execution.error_json import error_to_json
from ..execution.json_files import write_json
from ..types.reading import Reading, ValueKind
from ..types.schema import ColumnProfile, Role, TableSchema
from .category_spellings import with_joined_spellings
from .column_readings import with_found_readings
from .csv_dialect import Dialect, find_dialect
from .csv_encoding import TextFile, open_text
from .deciding_cells import with_deciding_cells
from .ingest_reader import Reader
from .ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from .profiling import profile
from .type_inference import counted, typing_warnings


def ingest_csv(
    source: Path,
    destination: Path,
    options: ImportOptions = ImportOptions(),
    limits: ImportLimits = ImportLimits(),
    *,
    scratch: Path,
) -> IngestReport:
    """Convert the CSV file `source` to Parquet and return a profile of its columns.

    `scratch` is an existing folder for decoded copies and for what DuckDB spills; `destination` is in it.
    Raises the errors of `open_text` and `find_dialect`, RaggedRows, InvalidTable and TooLarge.
    """
    text = open_text(source, scratch, encoding=options.encoding, max_bytes=limits.max_bytes)
    dialect = find_dialect(
        text.path,
        delimiter=options.delimiter,
        decimal=options.decimal,
        max_columns=limits.max_columns,
        max_name_characters=limits.max_name_characters,
    )
    reader = Reader(text, dialect, options, limits, scratch)
    with reader.connection:
        plans, evidence, is_exact = reader.write(destination)
        n_rejected = reader.n_rejected
    schema = profile(
        destination, [plan.name for plan in plans], memory_mb=limits.memory_mb, n_threads=limits.n_threads
    )
    if schema.n_rows > limits.max_rows:
        raise TooLarge(
            f"The table has {schema.n_rows:,} rows; the limit is {limits.max_rows:,}.", limit=limits.max_rows
        )
    column_warnings = [
        typing_warnings(plan, evidence[plan.index], n_seen=reader.n_sampled, is_exact=is_exact)
        for plan in plans
    ]
    schema = _with_warnings(schema, column_warnings)
    schema = _with_boolean_spellings(schema, [evidence[plan.index].boolean_spelling for plan in plans])
    schema = with_found_readings(destination, schema, decimal=dialect.decimal)
    schema = with_deciding_cells(schema, decimal=dialect.decimal)
    schema = with_joined_spellings(destination, schema)
    return IngestReport(
        schema=schema,
        encoding=text.encoding,
        delimiter=dialect.delimiter,
        decimal=dialect.decimal,
        n_rejected=n_rejected,
        warnings=_table_warnings(text, dialect, n_rejected, schema),
    )


def _with_warnings(schema: TableSchema, column_warnings: Sequence[tuple[str, ...]]) -> TableSchema:
    columns: list[ColumnProfile] = [
        replace(column, warnings=(*typed, *(each for each in column.warnings if each not in typed)))
        for column, typed in zip(schema.columns, column_warnings, strict=True)
    ]
    return replace(schema, columns=tuple(columns))


def _with_boolean_spellings(schema: TableSchema, spellings: Sequence[tuple[str, ...]]) -> TableSchema:
    """The schema with the spelling of truth values in the reading of their columns, where it is not true and false."""
    columns = tuple(
        replace(column, reading=Reading(ValueKind.BOOLEAN, spellings=spelling))
        if spelling and column.storage == "BOOLEAN" and column.role is Role.BOOLEAN
        else column
        for column, spelling in zip(schema.columns, spellings, strict=True)
    )
    return replace(schema, columns=columns)


def _table_warnings(
    text: TextFile, dialect: Dialect, n_rejected: int, schema: TableSchema
) -> tuple[str, ...]:
    warnings = list(dialect.warnings)
    if n_rejected:
        warnings.append(f"{counted(n_rejected, 'row')} left out, as asked: not of the header's width.")
    if text.has_mixed_newlines:
        warnings.append("The file mixes several kinds of line ends; each was taken as the end of a line.")
    for column in schema.columns:
        warnings += [f"{quoted(column.name)}: {warning}" for warning in column.warnings]
    return tuple(warnings)


def main(arguments: Sequence[str]) -> int:
    request = IngestRequest.read(Path(arguments[0]))
    try:
        report = ingest_csv(
            request.source, request.destination, request.options, request.limits, scratch=request.scratch
        )
        answer: dict[str, Any] = {"report": report.to_json()}
    except MlwebError as error:
        answer = {"error": error_to_json(error)}
    write_json(request.result, answer)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
