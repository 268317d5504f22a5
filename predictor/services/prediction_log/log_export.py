"""Export of the prediction log as CSV or JSON lines, streamed with flat memory.

The stored JSON of a row is copied as text where it can be. What many rows share (the name of the model, the number of
the version, the email address of a person) is read once for each version and person, never joined to each row.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from django.db.models import TextField
from django.db.models.functions import Cast

from ...errors import InvalidInput
from ...ml.csv_files.csv_writing import csv_lines
from ...ml.row_queries.xlsx_writing import Workbook
from ...ml.types.column_names import free_names
from ...ml.types.schema import Signature, canonical_text
from ...models import ModelVersion, RegisteredModel, User, Workspace
from .log_search import LogSearch, search

EXPORT_FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson"}
HEAD = ("id", "created_at", "model", "version", "source", "actor", "request_id", "row_number", "latency_ms")
READ = (
    "id",
    "created_at",
    "model_version_id",
    "source",
    "actor_id",
    "request_id",
    "row_number",
    "latency_ms",
)
ROWS_AT_ONCE = 1_000
# A workbook is complete before its first byte is sent: about five seconds of work.
MAX_SHEET_RECORDS = 100_000
FILE_BLOCK = 64 * 1024
# Versions whose fields become columns: the newest ones of a model.
MAX_VERSIONS = 100

# The values of HEAD, then the stored JSON of output, warnings and inputs as text.
LogRecord = tuple[dict[str, Any], str, str, str]


def export(workspace: Workspace, criteria: LogSearch = LogSearch(), *, kind: str) -> Iterator[bytes]:
    """The rows of a search as "csv" or "jsonl", newest first. Cells that a spreadsheet would run are neutralised.

    A CSV of one model has a column for each input, class and end of an interval; of several models, JSON in the
    columns `probabilities` and `inputs`. Raises InvalidInput for another format.
    """
    if kind not in EXPORT_FORMATS:
        raise InvalidInput(f"The log is exported as csv or jsonl, not {kind!r}.")
    if kind == "jsonl":
        return _as_json_lines(_records(workspace, criteria))
    columns = _ModelColumns.of(workspace, criteria) if criteria.model else None
    return _as_csv(_records(workspace, criteria), columns or _AnyColumns())


def as_workbook(workspace: Workspace, criteria: LogSearch = LogSearch()) -> Iterator[bytes]:
    """The newest MAX_SHEET_RECORDS rows of a search as XLSX, with the columns of the CSV."""
    columns = (_ModelColumns.of(workspace, criteria) if criteria.model else None) or _AnyColumns()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log.xlsx")
        with Workbook(path) as workbook:
            workbook.write_header(columns.names)
            for several in _several(islice(_records(workspace, criteria), MAX_SHEET_RECORDS)):
                workbook.write_rows([*head.values(), *columns.cells(*stored)] for head, *stored in several)
        with path.open("rb") as file:
            while block := file.read(FILE_BLOCK):
                yield block


def _records(workspace: Workspace, criteria: LogSearch) -> Iterator[LogRecord]:
    @cache
    def version(pk: int) -> tuple[str, int]:
        return ModelVersion.objects.values_list("registered_model__slug", "number").get(pk=pk)

    @cache
    def email(pk: int | None) -> str | None:
        return None if pk is None else User.objects.values_list("email", flat=True).filter(pk=pk).first()

    texts = {f"{name}_json": Cast(name, TextField()) for name in ("output", "warnings", "inputs")}
    rows = search(workspace, criteria).annotate(**texts).values_list(*READ, *texts)
    for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
        pk, created_at, version_pk, source, actor_pk, request_id, row_number, latency_ms, *stored = row
        model, number = version(version_pk)
        head = (
            str(pk),
            created_at.isoformat(),
            model,
            number,
            source,
            email(actor_pk),
            request_id,
            row_number,
        )
        output, warnings, inputs = map(_without_escapes, stored)
        yield dict(zip(HEAD, (*head, latency_ms), strict=True)), output, warnings, inputs


def _several(records: Iterable[LogRecord]) -> Iterator[list[LogRecord]]:
    rest = iter(records)
    while several := list(islice(rest, ROWS_AT_ONCE)):
        yield several


def _without_escapes(text: str) -> str:
    """Stored JSON without ASCII escapes, which Django writes: \\u5317\\u4eac as 北京."""
    return json.dumps(json.loads(text), ensure_ascii=False) if "\\u" in text else text


def _as_json_lines(records: Iterable[LogRecord]) -> Iterator[bytes]:
    for several in _several(records):
        yield b"".join(
            orjson.dumps(head)[:-1]
            + f',"output":{output},"warnings":{warnings},"inputs":{inputs}}}\n'.encode()
            for head, output, warnings, inputs in several
        )


def _as_csv(records: Iterable[LogRecord], columns: _AnyColumns | _ModelColumns) -> Iterator[bytes]:
    yield csv_lines([columns.names])
    for several in _several(records):
        yield csv_lines([[*head.values(), *columns.cells(*stored)] for head, *stored in several])


class _AnyColumns:
    """The columns of an export of several models, which have different inputs and classes."""

    names = (*HEAD, "prediction", "probabilities", "warnings", "inputs")

    def cells(self, output: str, warnings: str, inputs: str) -> list[Any]:
        answer = json.loads(output)
        return [
            answer.get("prediction"), _json(answer.get("probabilities")), _none_if_empty(warnings), inputs,
        ]  # fmt: skip


class _ModelColumns:
    """The columns of an export of one model: those of its newest version first, then those that older ones had too.

    `other_inputs`: values that the caller sent and no version knows, as JSON.
    """

    def __init__(self, signatures: Sequence[Signature]):
        self._inputs = list(dict.fromkeys(field.name for each in signatures for field in each.fields))
        classes = dict.fromkeys(canonical_text(label) for each in signatures for label in each.labels)
        self._probabilities = [str(each) for each in classes]
        answer = ["prediction", *(f"probability_{name}" for name in self._probabilities)]
        answer += ["score", "interval_low", "interval_high", "prediction_set", "warnings", "error"]
        *own, others = free_names([*HEAD, *answer, "other_inputs"], self._inputs)
        self.names = (*own, *self._inputs, others)

    @classmethod
    def of(cls, workspace: Workspace, criteria: LogSearch) -> _ModelColumns | None:
        """None for a model that has no version."""
        model = RegisteredModel.objects.filter(workspace=workspace, slug=criteria.model)
        versions = ModelVersion.objects.filter(registered_model__in=model)
        if criteria.version is not None:
            versions = versions.filter(number=criteria.version)
        stored = versions.order_by("-number").values_list("signature_json", flat=True)[:MAX_VERSIONS]
        signatures = [Signature.from_json(each) for each in stored if each]
        return cls(signatures) if signatures else None

    def cells(self, output: str, warnings: str, inputs: str) -> list[Any]:
        answer, values = json.loads(output), json.loads(inputs)
        probabilities, interval = answer.get("probabilities") or {}, answer.get("interval") or {}
        classes = (answer.get("set") or {}).get("classes", ())
        known = [_cell(values.pop(name, None)) for name in self._inputs]
        return [
            answer.get("prediction"), *map(probabilities.get, self._probabilities), answer.get("score"),
            interval.get("low"), interval.get("high"), "; ".join(str(canonical_text(each)) for each in classes),
            _messages(warnings), answer.get("error"), *known, _json(values or None),
        ]  # fmt: skip


def _none_if_empty(stored: str) -> str:
    return "" if stored == "[]" else stored


def _messages(stored: str) -> str:
    """The sentences of the warnings, as in the file of a prediction."""
    return "" if stored == "[]" else " ".join(str(_message(each)) for each in json.loads(stored))


def _message(warning: Any) -> Any:
    return warning.get("message", "") if isinstance(warning, Mapping) else warning


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, dict | list) else value


def _json(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)
