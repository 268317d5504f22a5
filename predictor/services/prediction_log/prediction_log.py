"""Prediction log: append rows before the response is sent; search and export them by log_search.py, log_export.py."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.db import connection

from ...errors import NotLogged
from ...ml.csv_files.csv_writing import csv_lines
from ..process import meters
from . import group_commit
from .log_export import EXPORT_FORMATS, as_workbook, export
from .log_rows import LogRow, as_json, insert
from .log_search import LogSearch, search

__all__ = [
    "EXPORT_FORMATS", "LogRow", "LogSearch", "append", "as_json", "as_workbook", "csv_lines", "export", "search",
]  # fmt: skip

RETRY_SECONDS = 1


def append(rows: Sequence[LogRow], *, is_durable: bool = False) -> None:
    """Append rows; every interface logs with this function.

    With MLWEB_PREDICTION_LOG=durable, or `is_durable`, they are committed when this returns. Inside a transaction of
    the caller they belong to that transaction, whatever the setting. Raises NotLogged for transient errors: the
    database does not answer, the disk is full, no file can be opened.
    """
    if connection.in_atomic_block:
        insert(connection, rows)
    else:
        _write(rows, is_buffered=settings.PREDICTION_LOG == "buffered" and not is_durable)
    if rows:
        # The rows of one call have one source.
        meters.rows_predicted(rows[0].source, len(rows))


def _write(rows: Sequence[LogRow], *, is_buffered: bool) -> None:
    writer = group_commit.writer()
    try:
        (writer.write_behind if is_buffered else writer.write)(rows)
    except group_commit.PASSING as error:
        raise NotLogged(
            "The prediction could not be written to the log, so it is not answered; try again in a moment.",
            retry_seconds=RETRY_SECONDS,
        ) from error
