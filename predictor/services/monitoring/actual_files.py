"""Actual values in a file: CSV, JSON lines or Parquet with the columns `prediction`, or `request_id` and `row_number`,
and `value`; `known_at` may be there, other columns are not read."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.dateparse import parse_date, parse_datetime

from ...errors import InvalidTable, TooLarge, UnsupportedContent, quoted, quoted_list
from ...ml.csv_files.csv_encoding import refuse_other_kinds
from ...ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from ...ml.inputs.json_lines_rows import looks_like_json_lines
from ...ml.types.schema import FeatureField, Role, Signature, Task
from .actuals import Fault, GivenActual

# {our name: other names that files have}
NAMES: dict[str, tuple[str, ...]] = {
    "prediction": ("prediction_id", "id"),
    "request_id": ("request",),
    "row_number": ("row",),
    "value": ("actual", "actual_value"),
    "known_at": (),
}
# Values of a file that is read while somebody waits for the page.
MAX_ROWS = 100_000
MAX_REQUEST_ID = 64
HEAD = 64
PARQUET_MEMORY_MB = 1_000


def read(
    path: Path, *, options: CsvOptions = CsvOptions(), most: int = MAX_ROWS, allow_parquet: bool = False
) -> Iterator[GivenActual | Fault]:
    """The values of a file, a wrong line as a Fault. Raises InvalidTable, UnsupportedContent, TooLarge."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        if not allow_parquet:
            raise UnsupportedContent(
                "A Parquet file of actual values is read by “manage.py import_actuals”; send CSV or JSON lines here."
            )
        rows: Iterator[Mapping[str, Any] | Fault] = _parquet_rows(path)
    elif looks_like_json_lines(head):
        rows = _json_lines(path)
    else:
        refuse_other_kinds(head)
        rows = _csv_rows(path, options)
    for place, row in enumerate(rows, start=1):
        if place > most:
            raise TooLarge(
                f"A file of actual values may hold {most:,} rows; cut it into several.", limit=most
            )
        yield row if isinstance(row, Fault) else given_of(row, place)


def given_of(row: Mapping[str, Any], place: int, *, is_strict: bool = False) -> GivenActual | Fault:
    """One value from its fields, as a file or a request holds them; a Fault for fields that name no prediction.

    `is_strict`: other names are a fault, too.
    """
    try:
        if is_strict and (unknown := [name for name in row if name not in NAMES]):
            raise ValueError(f"{quoted_list(unknown)} is not known; it takes {quoted_list(NAMES)}")
        prediction = _uuid(row.get("prediction"))
        request_id = str(row.get("request_id") or "").strip()
        if prediction is None and not request_id:
            raise ValueError("it names no prediction: give “prediction”, or “request_id” and “row_number”")
        if len(request_id) > MAX_REQUEST_ID or "\0" in request_id:
            raise ValueError(f"“request_id” has at most {MAX_REQUEST_ID} characters")
        if row.get("value") is None or row.get("value") == "":
            raise ValueError("it has no “value”")
        return GivenActual(
            place,
            row["value"],
            prediction,
            "" if prediction is not None else request_id,
            _row_number(row.get("row_number")),
            _moment(row.get("known_at")),
        )
    except ValueError as error:
        return Fault(place, f"Value {place:,} is not stored: {error}.")


def _csv_rows(path: Path, options: CsvOptions) -> Iterator[Mapping[str, Any] | Fault]:
    names = [name for known, others in NAMES.items() for name in (known, *others)]
    signature = Signature(
        target="",
        task=Task.REGRESSION,
        fields=tuple(FeatureField(name, Role.TEXT, has_missing=True) for name in names),
    )
    limits = CsvLimits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_rows=2**31,
        max_columns=settings.MAX_TABLE_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
    )
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix="actuals-") as folder:
        table = CsvRows(path, signature, options, limits, scratch=Path(folder))
        places = _places(table.names)
        for chunk in table.chunks():
            for cells in chunk.cells:
                yield {name: cells[place] for name, place in places.items()}


def _places(names: tuple[str, ...]) -> dict[str, int]:
    """Where the file has our columns. Raises InvalidTable when it lacks one that is needed."""
    lower = {name.strip().lower(): place for place, name in reversed(list(enumerate(names)))}
    places = {}
    for known, others in NAMES.items():
        found = next((lower[name] for name in (known, *others) if name in lower), None)
        if found is not None:
            places[known] = found
    if "value" not in places or not {"prediction", "request_id"} & set(places):
        raise InvalidTable(
            "The file needs a column “value”, and a column “prediction” or the columns “request_id” and "
            f"“row_number”. It has {', '.join(quoted(name) for name in names[:8])}."
        )
    return places


def _json_lines(path: Path) -> Iterator[Mapping[str, Any] | Fault]:
    longest = settings.MAX_CELL_BYTES
    with path.open("rb") as file:
        number = 0
        while line := file.readline(longest + 1):
            if len(line) > longest:
                raise InvalidTable(f"Line {number + 1:,} is longer than {longest:,} bytes.", limit=longest)
            if number == 0:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            number += 1
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else Fault(number, f"Line {number:,} is not a JSON object.")


def _parquet_rows(path: Path) -> Iterator[Mapping[str, Any] | Fault]:
    import duckdb

    from ...ml.tables.duckdb_connection import connect

    with connect([path.resolve().parent], memory_mb=PARQUET_MEMORY_MB, n_threads=1) as database:
        try:
            table = database.execute("SELECT * FROM read_parquet(?)", [str(path.resolve())])
            places = _places(tuple(each[0] for each in table.description or ()))
            while rows := table.fetchmany(10_000):
                for row in rows:
                    yield {name: row[place] for name, place in places.items()}
        except duckdb.Error as error:
            raise InvalidTable("The Parquet file cannot be read.") from error


def _uuid(value: Any) -> uuid.UUID | None:
    if isinstance(value, uuid.UUID) or value in (None, ""):
        return value or None
    try:
        return uuid.UUID(str(value).strip())
    except ValueError:
        raise ValueError(f"{quoted(value)} is no id of a prediction") from None


def _row_number(value: Any) -> int:
    if value in (None, ""):
        return 1
    text = str(value).strip().removesuffix(".0")
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= 1):
        raise ValueError(f"the row number is {quoted(value)}; rows are counted from 1")
    return int(text)


def _moment(value: Any) -> datetime | None:
    """A time; one without a zone is in UTC."""
    if value in (None, ""):
        return None
    moment = value if isinstance(value, datetime) else None
    if moment is None:
        text = str(value).strip()
        try:
            moment = parse_datetime(text)
            day = parse_date(text) if moment is None else None
        except ValueError:
            moment = day = None
        if moment is None and day is not None:
            moment = datetime(day.year, day.month, day.day)
    if moment is None or not 1970 <= moment.year <= 9998:
        raise ValueError(f"“known_at” is {quoted(value)}; write it as 2026-03-01T12:30:00Z")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
