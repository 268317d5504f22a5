"""CSV → Parquet, with what was found in it. Runs as a child: `python -m predictor.ml.tables.ingest REQUEST.json`.

The child process isolates the server from a hostile or huge file: it has a memory limit, spills to its scratch
folder, can be killed at any moment, and leaves nothing but that folder. It writes the report or the error to
`result` of the request and exits with code 0 in both cases.
"""

from __future__ import annotations

import os
import select
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import MlwebError, TooLarge, quoted
from ..csv_files.csv_blanks import without_blanks_at_quotes
from ..csv_files.csv_dialect import Dialect, find_dialect
from ..csv_files.csv_encoding import TextFile, open_text
from ..csv_files.surrounding_lines import SurroundingLines, open_table
from ..execution.error_json import error_to_json
from ..execution.json_files import write_json
from ..types.reading import Reading, ValueKind
from ..types.schema import ColumnProfile, Role, TableSchema
from .category_spellings import with_joined_spellings
from .column_readings import with_found_readings, with_typed_readings, with_zones
from .deciding_cells import with_deciding_cells
from .duckdb_connection import WIDE
from .ingest_reader import Reader
from .ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from .profiling import profile
from .type_inference import counted, typing_warnings

# Columns without name and cell that are listed.
MAX_LEFT_OUT = 20


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
    opened = open_table(
        open_text(source, scratch, encoding=options.encoding, max_bytes=limits.max_bytes),
        scratch,
        options.lines,
        delimiter=options.delimiter,
    )
    text = opened.text
    dialect = find_dialect(
        text.path,
        delimiter=opened.delimiter,
        decimal=options.decimal,
        max_columns=limits.max_columns,
        max_name_characters=limits.max_name_characters,
    )
    text = without_blanks_at_quotes(text, dialect, scratch)
    reader = Reader(text, dialect, options, limits, scratch, doubtful_header=opened.lines.doubtful_header)
    with reader.connection:
        schema = _table_schema(reader, dialect, destination, limits)
    return IngestReport(
        schema=schema,
        encoding=text.encoding,
        delimiter=dialect.delimiter,
        decimal=dialect.decimal,
        n_rejected=reader.n_rejected,
        warnings=_table_warnings(text, dialect, opened.lines, reader.n_rejected, schema),
        lines=opened.lines,
        left_out={
            f"column {len(dialect.names) + number}": "It has neither a name nor a cell."
            for number in range(1, min(dialect.n_empty_columns, MAX_LEFT_OUT) + 1)
        },
    )


def _table_schema(reader: Reader, dialect: Dialect, destination: Path, limits: ImportLimits) -> TableSchema:
    """Write the Parquet file; return the profile of its columns with warnings and readings. Raises TooLarge."""
    plans, evidence, is_exact = reader.write(destination)
    doubtful, zones = reader.doubtful_numbers(plans), reader.zones(plans, evidence)
    reader.connection.execute("DROP TABLE IF EXISTS sample")
    # The optimizer of a connection for a wide table is not the one for a profile.
    shared = reader.connection if len(plans) <= WIDE else None
    names = [plan.name for plan in plans]
    schema = profile(
        destination, names, memory_mb=limits.memory_mb, n_threads=limits.n_threads, connection=shared
    )
    if schema.n_rows > limits.max_rows:
        raise TooLarge(
            f"The table has {schema.n_rows:,} rows; the limit is {limits.max_rows:,}.", limit=limits.max_rows
        )
    column_warnings = [
        (
            *typing_warnings(plan, evidence[plan.index], n_seen=reader.n_sampled, is_exact=is_exact),
            *([doubtful[plan.index]] if plan.index in doubtful else []),
        )
        for plan in plans
    ]
    schema = replace(_with_warnings(schema, column_warnings), decimal=dialect.decimal)
    schema = with_zones(with_typed_readings(schema, decimal=dialect.decimal), zones)
    schema = with_found_readings(destination, schema, shown_decimal=dialect.shown_decimal, connection=shared)
    schema = _with_boolean_spellings(schema, [evidence[plan.index].boolean_spelling for plan in plans])
    schema = with_deciding_cells(schema, decimal=schema.decimal)
    return with_joined_spellings(destination, schema, connection=shared)


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
    text: TextFile, dialect: Dialect, lines: SurroundingLines, n_rejected: int, schema: TableSchema
) -> tuple[str, ...]:
    warnings = [lines.sentence] if lines.n_skipped else []
    warnings += [f"{each.reason} “{each.option}” {each.value:,} leaves it out." for each in lines.proposals]
    warnings += dialect.warnings
    if n_rejected:
        warnings.append(f"{counted(n_rejected, 'row')} left out, as asked: not of the header's width.")
    if text.has_mixed_newlines:
        warnings.append("The file mixes several kinds of line ends; each was taken as the end of a line.")
    for column in schema.columns:
        warnings += [f"{quoted(column.name)}: {warning}" for warning in column.warnings]
    return tuple(warnings)


def main(arguments: Sequence[str]) -> int:
    """Carry out the request; with “--spare SECONDS”, the one that comes on standard input within that time."""
    if arguments[0] == "--spare":
        path = _awaited_request(float(arguments[1]))
        if path is None:
            return 0
        arguments = [path]
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


def _awaited_request(seconds: float) -> str | None:
    """The path of the request that comes in time. From then on, its folder is the one for temporary files."""
    _load_all()
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    path = sys.stdin.readline().rstrip("\n") if ready else ""
    if not path:
        return None
    folder = Path(path).parent
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    log = os.open(folder / "stderr.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, sys.stderr.fileno())
    os.close(log)
    return path


def _load_all() -> None:
    """Load what an import loads late: read a small table of our own."""
    rows = "".join(f"{n},{n / 4},{n % 3}x,2024-01-{n % 28 + 1:02},$ {n}.50\n" for n in range(40))
    with tempfile.TemporaryDirectory(prefix="import-spare-") as folder:
        source = Path(folder) / "table.csv"
        source.write_text("a,b,c,d,e\n" + rows, "utf-8")
        ingest_csv(source, Path(folder) / "table.parquet", scratch=Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
