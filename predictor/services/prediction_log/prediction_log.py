"""Prediction log: append rows before the response is sent, search them, export them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import CharField, Q
from django.db.models.functions import Cast

from ...errors import InvalidInput, NotLogged
from ...ml.tables.csv_writing import csv_lines
from ...models import PredictionLog, RegisteredModel, User, Workspace
from ...models.prediction_log import PredictionLogQuerySet, first_id_at
from ..process import meters
from . import group_commit
from .log_rows import LogRow, as_json, insert

__all__ = ["LogRow", "LogSearch", "append", "as_json", "csv_lines", "export", "search"]

RETRY_SECONDS = 1
EXPORT_FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}


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


@dataclass(frozen=True)
class LogSearch:
    """Filters of a search; an empty field matches everything."""

    model: str = ""
    version: int | None = None
    source: str = ""
    actor: str = ""
    request_id: str = ""
    text: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(workspace: Workspace, criteria: LogSearch = LogSearch()) -> PredictionLogQuerySet:
    """The workspace's log, newest first. Ids sort by time, so no other order is needed."""
    rows = PredictionLog.objects.filter(workspace=workspace)
    if criteria.model:
        models = RegisteredModel.objects.filter(workspace=workspace, slug=criteria.model)
        rows = rows.filter(model_version__registered_model__in=models)
    if criteria.version is not None:
        rows = rows.filter(model_version__number=criteria.version)
    if criteria.source:
        rows = rows.filter(source=criteria.source)
    if criteria.actor:
        rows = rows.filter(actor__in=User.objects.filter(email__icontains=criteria.actor))
    if criteria.request_id:
        rows = rows.filter(request_id=criteria.request_id)
    if criteria.since:
        rows = rows.filter(id__gte=first_id_at(criteria.since))
    if criteria.until:
        rows = rows.filter(id__lt=first_id_at(criteria.until))
    return _with_text(rows, criteria.text).order_by("-id")


def _with_text(rows: PredictionLogQuerySet, text: str) -> PredictionLogQuerySet:
    if not text:
        return rows
    # Rows written by Django's JSONField are escaped as ASCII: 北京 as \u5317\u4eac.
    escaped = json.dumps(text)[1:-1]
    condition = Q()
    for column in ("inputs_text", "output_text"):
        condition |= Q(**{f"{column}__icontains": text}) | Q(**{f"{column}__icontains": escaped})
    return rows.annotate(
        inputs_text=Cast("inputs", CharField()), output_text=Cast("output", CharField())
    ).filter(condition)


HEAD = ("id", "created_at", "model", "version", "source", "actor", "request_id", "row_number", "latency_ms")


def export(rows: PredictionLogQuerySet, *, kind: str) -> Iterator[bytes]:
    """The log as "csv" or "jsonl", streamed. Cells that a spreadsheet would run are neutralised.

    Raises InvalidInput for another format.
    """
    if kind not in EXPORT_FORMATS:
        raise InvalidInput(f"The log is exported as csv or jsonl, not {kind!r}.")
    log_rows = rows.select_related("model_version__registered_model", "actor").iterator(chunk_size=1_000)
    return _as_csv(log_rows) if kind == "csv" else _as_json_lines(log_rows)


def _as_csv(rows: Iterator[PredictionLog]) -> Iterator[bytes]:
    yield csv_lines([[*HEAD, "prediction", "probabilities", "warnings", "inputs"]])
    for row in rows:
        output = row.output
        answer = [output.get("prediction"), _json(output.get("probabilities"))]
        warnings = _json(row.warnings) if row.warnings else ""
        yield csv_lines([[*_head(row).values(), *answer, warnings, _json(row.inputs)]])


def _as_json_lines(rows: Iterator[PredictionLog]) -> Iterator[bytes]:
    for row in rows:
        line = {**_head(row), "output": row.output, "warnings": row.warnings, "inputs": row.inputs}
        yield _json(line).encode() + b"\n"


def _head(row: PredictionLog) -> dict[str, Any]:
    version = row.model_version
    return {
        "id": str(row.id),
        "created_at": row.created_at.isoformat(),
        "model": version.registered_model.slug,
        "version": version.number,
        "source": row.source,
        "actor": row.actor.email if row.actor else None,
        "request_id": row.request_id,
        "row_number": row.row_number,
        "latency_ms": row.latency_ms,
    }


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
