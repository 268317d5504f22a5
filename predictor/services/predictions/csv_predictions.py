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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import orjson
from django.conf import settings

from ...errors import InvalidRows, NotFound, quoted_list
from ...ml.inputs.csv_rows import CsvChunk, CsvLimits, CsvOptions, CsvRows
from ...ml.tables.csv_writing import csv_lines, exported_cell
from ...models import ModelVersion, uuid7
from .. import prediction_log, registry
from . import loaded_versions
from .bulk_answers import BulkAnswerer, BulkAnswers, Logged, free_names
from .options import Caller, PredictionOptions
from .row_answers import NOT_A_NUMBER

if TYPE_CHECKING:
    from ...ml.inputs.row_chunks import BulkChunk
    from ...models import RegisteredModel, User, Workspace

__all__ = ["CsvAnswer", "CsvOptions", "open_csv_result", "predict_csv"]

N_PREVIEWED = 20
LOGGED_AT_ONCE = 1_000
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


def predict_csv(
    *,
    registered_model: RegisteredModel,
    file: Path | IO[bytes],
    csv_options: CsvOptions = CsvOptions(),
    options: PredictionOptions = PredictionOptions(),
    caller: Caller,
) -> CsvAnswer:
    """Predict every row of a CSV file. Raises the errors of `predict`, and InvalidTable for a malformed file.

    Of the options it takes `version`, `strict` and `coverage`. Nothing is logged or stored unless every row could be
    predicted.
    """
    remove_old_results()
    model_version = registry.serving_version(registered_model, options.version)
    loaded = loaded_versions.load(model_version)
    with tempfile.TemporaryDirectory(dir=settings.WORK_DIR, prefix=SCRATCH) as folder:
        scratch = Path(folder)
        rows = CsvRows(_as_path(file, scratch), loaded.signature, csv_options, _limits(), scratch=scratch)
        work = _Work(
            model_version, loaded, caller, rows, scratch, strict=options.strict, coverage=options.coverage
        )
        work.answer_all()
        work.log_all()
        key = uuid.uuid4().hex
        path = _result_path(registered_model.workspace_id, caller.by, key)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.move(work.result, path)
    return CsvAnswer(
        model=registered_model.slug,
        version=model_version.number,
        request_id=caller.request_id,
        key=key,
        path=path,
        filename=f"{registered_model.slug}-predictions.csv",
        n_rows=rows.n_rows,
        n_rows_with_warnings=work.n_rows_with_warnings,
        columns=(*rows.names, *work.added),
        added=work.added,
        preview=tuple(work.preview),
        warnings=tuple(work.file_warnings()),
    )


@dataclass
class _Work:
    """The prediction of one file: reads chunks, writes a result file and a file of log rows."""

    version: ModelVersion
    served: loaded_versions.LoadedVersion
    caller: Caller
    rows: CsvRows
    scratch: Path
    strict: bool
    coverage: float | None = None
    n_rows_with_warnings: int = 0
    preview: list[Mapping[str, Any]] = field(default_factory=list)
    base: uuid.UUID = field(default_factory=uuid7)
    started: float = field(default_factory=time.perf_counter)

    def __post_init__(self) -> None:
        self.result = self.scratch / "result.csv"
        self.spool = self.scratch / "log.jsonl"
        self.answerer = BulkAnswerer(self.served, self.coverage)
        self.added = tuple(free_names([*self.answerer.added, "warnings"], self.rows.names))

    def answer_all(self) -> None:
        with self.result.open("wb") as result, self.spool.open("wb") as spool:
            result.write(csv_lines([[*self.rows.names, *self.added]]))
            for chunk in self.rows.chunks():
                bulk = self._checked(chunk)
                answers = self.answerer.answer(bulk)
                cells = self._with_warnings(bulk, answers)
                lines = map(",".join, zip(bulk.lines, cells, strict=True))
                result.write("\r\n".join((*lines, "")).encode())
                spool.write(orjson.dumps(Logged.of(bulk, answers)._asdict()) + b"\n")
                self._preview(chunk, cells)

    def _checked(self, chunk: CsvChunk) -> BulkChunk:
        bulk = self.rows.bulk_chunk(chunk)
        if bulk.errors or (self.strict and bulk.warnings):
            # Check row by row, for an error that names the first five rows and counts all.
            self.served.checker.check(chunk.rows, self.strict, first_row=chunk.first_row, are_texts=True)
            raise InvalidRows(" ".join(list(bulk.errors.values())[:5]))
        return bulk

    def _with_warnings(self, bulk: BulkChunk, answers: BulkAnswers) -> list[str]:
        """The cells added to each row; the last one holds its warnings and is mostly empty."""
        cells = [f"{each}," for each in answers.cells]
        doubtful = set(bulk.warnings)
        if answers.n_without:
            doubtful |= {place for place, each in enumerate(answers.cells) if each == self.answerer.none}
        for place in doubtful:
            said = [NOT_A_NUMBER] if answers.cells[place] == self.answerer.none else []
            said += [each.message for each in bulk.warnings.get(place, ())]
            cells[place] += exported_cell(" ".join(said))
        self.n_rows_with_warnings += len(doubtful)
        return cells

    def _preview(self, chunk: CsvChunk, cells: Sequence[str]) -> None:
        n_wanted = N_PREVIEWED - len(self.preview)
        names = (*self.rows.names, *self.added)
        for own, added in zip(chunk.cells[:n_wanted], csv.reader(cells[:n_wanted]), strict=True):
            answer = [self.answerer.value_of(each, cell) for each, cell in enumerate(added)]
            self.preview.append(dict(zip(names, [*own, *answer], strict=True)))

    def log_all(self) -> None:
        latency_ms = round((time.perf_counter() - self.started) * 1000, 3)
        with self.spool.open("rb") as spool:
            for line in spool:
                logged = Logged(**orjson.loads(line))
                rows = logged.rows(self.caller, self.version, base=self.base, latency_ms=latency_ms)
                for start in range(0, len(rows), LOGGED_AT_ONCE):
                    prediction_log.append(rows[start : start + LOGGED_AT_ONCE])

    def file_warnings(self) -> Iterator[str]:
        if self.rows.unused:
            yield f"The model does not use {quoted_list(self.rows.unused)}."
        if self.rows.n_left_out:
            yield f"{self.rows.n_left_out:,} rows with more or fewer cells than the header were left out."


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
