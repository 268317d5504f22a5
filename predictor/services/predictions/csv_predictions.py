"""Prediction of a CSV file in chunks, so that memory does not grow with the file.

Predictions and log rows are written to temporary files first. The rows are logged and the result is returned only
when every row could be predicted: a file with an error in its last row stores nothing.
"""

from __future__ import annotations

import csv
import shutil
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson
from django.conf import settings

from ...errors import InvalidRows, NotFound
from ...ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from ...models import BatchFormat, ModelVersion, uuid7
from .. import prediction_log, registry
from ..prediction_log.log_rows import LogRow
from ..process import callers
from . import loaded_versions
from .admission import limited_file
from .bulk_answers import BulkAnswerer, BulkAnswers, Logged
from .file_prediction import FilePrediction, file_warnings, mapped_ahead, parts
from .options import Caller, PredictionOptions
from .result_writer import ResultWriter

if TYPE_CHECKING:
    from ...ml.inputs.row_checker import RowChecker
    from ...ml.inputs.row_chunks import BulkChunk
    from ...models import RegisteredModel, User, Workspace

__all__ = ["CsvAnswer", "CsvOptions", "open_csv_result", "predict_csv"]

N_PREVIEWED = 20
KEPT_SECONDS = 86_400
SCRATCH = "csv-"


@dataclass(frozen=True)
class CsvAnswer:
    """A predicted CSV file: its first rows as a preview, and the whole result as a file.

    The result has the file's own columns, then the `added` ones: `prediction`, a `probability_…` for each
    class, `interval_low` and `interval_high` or `prediction_set` if the version has intervals or sets, and
    `warnings`. `open_csv_result` opens it by its `key` for a day.
    """

    model: str
    version: int
    request_id: str
    key: str
    path: Path
    filename: str
    n_rows: int
    n_rows_with_warnings: int
    columns: tuple[str, ...]
    added: tuple[str, ...]
    preview: tuple[Mapping[str, Any], ...]
    warnings: tuple[str, ...] = ()


@limited_file
def predict_csv(
    *,
    registered_model: RegisteredModel,
    file: Path | IO[bytes],
    csv_options: CsvOptions = CsvOptions(),
    options: PredictionOptions = PredictionOptions(),
    caller: Caller,
) -> CsvAnswer:
    """Predict every row of a CSV file. Raises the errors of `predict`, InvalidTable for a malformed file, CallerLeft.

    Of the options it takes `version`, `strict` and `coverage`. Nothing is logged or stored unless every row could be
    predicted.
    """
    remove_old_results()
    model_version = registry.serving_version(registered_model, options.version)
    loaded = loaded_versions.load(model_version)
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix=SCRATCH) as folder:
        scratch = Path(folder)
        rows = CsvRows(_as_path(file, scratch), loaded.signature, csv_options, _limits(), scratch=scratch)
        answerer = BulkAnswerer(loaded, options.coverage)
        writer = ResultWriter(BatchFormat.CSV, rows, answerer, has_errors=False)
        policy = _AllOrNothing(
            rows, answerer, writer, loaded.checker, scratch / "log.jsonl", strict=options.strict
        )
        with (scratch / "result.csv").open("wb") as result, policy:
            result.write(writer.head)
            FilePrediction(rows, answerer, writer).run(policy, result)
        policy.log_all(caller, model_version)
        key = uuid.uuid4().hex
        path = _result_path(registered_model.workspace_id, caller.by, key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(scratch / "result.csv", path)
    return CsvAnswer(
        model=registered_model.slug,
        version=model_version.number,
        request_id=caller.request_id,
        key=key,
        path=path,
        filename=f"{registered_model.slug}-predictions.csv",
        n_rows=rows.n_rows,
        n_rows_with_warnings=policy.n_rows_with_warnings,
        columns=(*rows.names, *writer.added),
        added=writer.added,
        preview=tuple(policy.preview),
        warnings=tuple(file_warnings(rows)),
    )


class _AllOrNothing:
    """Policy of a file that is predicted within a request: one row with an error ends it, and nothing is logged.

    The log rows wait in a temporary file until every row has a prediction.
    """

    def __init__(
        self,
        rows: CsvRows,
        answerer: BulkAnswerer,
        writer: ResultWriter,
        checker: RowChecker,
        spool: Path,
        *,
        strict: bool,
    ):
        self._rows, self._answerer, self._writer, self._checker = rows, answerer, writer, checker
        self._spool_path, self._strict = spool, strict
        self._started, self._log_base = time.perf_counter(), uuid7()
        self._check_presence = callers.presence_check()
        self.n_rows_with_warnings = 0
        self.preview: list[Mapping[str, Any]] = []
        self._shown: dict[int, list[list[str]]] = {}

    def __enter__(self) -> _AllOrNothing:
        self._spool = self._spool_path.open("wb")
        return self

    def __exit__(self, *error: object) -> None:
        self._spool.close()

    def check(self, chunk: BulkChunk) -> None:
        self._check_presence()
        if chunk.first_row <= N_PREVIEWED and self._rows.last_chunk is not None:
            # The next chunk is read before this one is written.
            self._shown[chunk.first_row] = self._rows.last_chunk.cells[:N_PREVIEWED]
        if not (chunk.errors or (self._strict and chunk.warnings)):
            return
        if self._rows.last_chunk is not None:
            # Check row by row, for an error that names the first five rows and counts all.
            rows = self._rows.last_chunk.rows
            self._checker.check(rows, self._strict, first_row=chunk.first_row, are_texts=True)
        raise InvalidRows(" ".join(list(chunk.errors.values())[:5]))

    def log(self, logged: Logged, latency_ms: float) -> None:
        self._spool.write(orjson.dumps(logged._asdict()) + b"\n")

    def advance(self, chunk: BulkChunk, answers: BulkAnswers) -> None:
        with_warnings = set(chunk.warnings)
        if answers.n_without:
            none = self._answerer.none
            with_warnings |= {place for place, cells in enumerate(answers.cells) if cells == none}
        self.n_rows_with_warnings += len(with_warnings)
        if len(self.preview) < N_PREVIEWED:
            self._preview(chunk, answers)

    def _preview(self, chunk: BulkChunk, answers: BulkAnswers) -> None:
        names = (*self._rows.names, *self._writer.added)
        n_wanted = N_PREVIEWED - len(self.preview)
        own = self._shown.pop(chunk.first_row, [])
        added = csv.reader(self._writer.added_cells(chunk, answers)[:n_wanted])
        for cells, row in zip(own[:n_wanted], added, strict=True):
            values = [self._answerer.value_of(place, cell) for place, cell in enumerate(row)]
            self.preview.append(dict(zip(names, [*cells, *values], strict=True)))

    def log_all(self, caller: Caller, version: ModelVersion) -> None:
        """Append all rows to the log. Their ids follow from one id and the row numbers."""
        self._check_presence()
        latency_ms = round((time.perf_counter() - self._started) * 1000, 3)

        def log_rows(line: bytes) -> list[LogRow]:
            logged = Logged(**orjson.loads(line))
            return logged.rows(caller, version, base=self._log_base, latency_ms=latency_ms)

        with self._spool_path.open("rb") as spool:
            for rows in mapped_ahead(log_rows, iter(spool)):
                for part in parts(rows):
                    prediction_log.append(part)


def open_csv_result(*, workspace: Workspace, key: str, by: User) -> Path:
    """The result file of an earlier `predict_csv` of this person. Raises NotFound when it is gone."""
    with suppress(ValueError):
        path = _result_path(workspace.pk, by, uuid.UUID(key).hex)
        if path.is_file() and path.stat().st_mtime > time.time() - KEPT_SECONDS:
            return path
    raise NotFound("This result is no longer kept; predict the file again.")


def remove_old_results() -> None:
    """Delete expired results, and temporary files of killed processes."""
    before = time.time() - KEPT_SECONDS
    for path in _results().glob("*/*/*.csv"):
        with suppress(FileNotFoundError):
            if path.stat().st_mtime < before:
                path.unlink()
    for folder in Path(settings.WORK_DIR).glob(f"{SCRATCH}*"):
        with suppress(FileNotFoundError):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)


def _results() -> Path:
    return Path(settings.WORK_DIR) / "predictions"


def _result_path(workspace_id: int, by: User | None, key: str) -> Path:
    return _results() / str(workspace_id) / str(by.pk if by else 0) / f"{key}.csv"


def _as_path(file: Path | IO[bytes], scratch: Path) -> Path:
    if isinstance(file, Path):
        return file
    path = scratch / "source.csv"
    file.seek(0)
    with path.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    return path


def _limits() -> CsvLimits:
    return CsvLimits(
        max_bytes=settings.MAX_UPLOAD_BYTES,
        max_rows=settings.MAX_PREDICTION_CSV_ROWS,
        max_columns=settings.MAX_TABLE_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
    )
