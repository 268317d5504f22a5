"""Rows of the prediction log before they are stored, and the bulk INSERT that stores them."""

from __future__ import annotations

import itertools
import json
import math
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from django.db.backends.base.base import BaseDatabaseWrapper

from ...models import PredictionLog

# Most rows in one INSERT; more bring no measurable gain, and each other number is another statement to prepare.
ROWS_A_STATEMENT = 200


class LogRow(NamedTuple):
    """A row of the log in the order of the table's columns; JSON columns are text already."""

    id: uuid.UUID | str
    workspace_id: int
    model_version_id: int
    request_id: str
    row_number: int
    source: str
    actor_id: int | None
    api_token_id: int | None
    inputs: str
    output: str
    warnings: str
    latency_ms: float
    created_at: datetime


def as_json(value: Any) -> str:
    """Serialize a value as JSON text for a column of the log: NaN and infinity become null, dates ISO 8601."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # an integer beyond 64 bits
        return json.dumps(_finite(value), ensure_ascii=False, default=_text)


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _text(value: Any) -> str:
    return str(value.isoformat()) if isinstance(value, date) else str(value)


def insert(connection: BaseDatabaseWrapper, rows: Sequence[LogRow]) -> None:
    """Insert rows idempotently: a row whose id exists already is left unchanged.

    The caller has begun a transaction, or gives at most ROWS_A_STATEMENT rows, which one statement inserts atomically.
    CPU time per row: bulk_create 150 µs, one statement per row 34 µs, one for eight rows 27 µs.
    """
    is_sqlite, adapted = connection.vendor == "sqlite", connection.ops.adapt_datetimefield_value
    times: dict[Any, Any] = {moment: adapted(moment) for moment in {row.created_at for row in rows}}
    values = [(_key(row[0], is_sqlite), *row[1:-1], times[row[-1]]) for row in rows]
    # The driver's own cursor for SQLite: Django's rewrites the placeholders, which takes as long as one row.
    is_bare = is_sqlite and not connection.queries_logged
    with _bare_cursor(connection) if is_bare else connection.cursor() as cursor:
        for start in range(0, len(values), ROWS_A_STATEMENT):
            part = values[start : start + ROWS_A_STATEMENT]
            statement = _statement(len(part), "?" if is_bare else "%s")
            cursor.execute(statement, list(itertools.chain.from_iterable(part)))


def _key(key: uuid.UUID | str, is_sqlite: bool) -> uuid.UUID | str:
    """The id as the driver expects it: Django stores UUIDs on SQLite in hexadecimal."""
    return key if isinstance(key, str) or not is_sqlite else key.hex


@contextmanager
def _bare_cursor(connection: BaseDatabaseWrapper) -> Iterator[Any]:
    connection.ensure_connection()
    with connection.wrap_database_errors:
        yield connection.connection.cursor()


@lru_cache(maxsize=2 * ROWS_A_STATEMENT)
def _statement(n_rows: int, place: str) -> str:
    table = PredictionLog._meta
    names = ", ".join(f'"{field.column}"' for field in table.concrete_fields)
    places = "(" + ", ".join([place] * len(LogRow._fields)) + ")"
    rows = ", ".join([places] * n_rows)
    return f'INSERT INTO "{table.db_table}" ({names}) VALUES {rows} ON CONFLICT ("id") DO NOTHING'  # noqa: S608
