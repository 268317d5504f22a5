"""Writer of the result of a predicted file: CSV, JSON lines or Parquet, each row with its prediction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...ml.csv_files.csv_writing import csv_lines, escape_sentence, exported_cell, quoted_cell
from ...ml.inputs.column_checker import json_text
from ...ml.inputs.parquet_rows import write_with_predictions
from ...ml.inputs.row_chunks import BulkChunk, BulkSource
from ...ml.types.column_names import free_names
from ...models import BatchFormat
from .bulk_answers import BulkAnswerer, BulkAnswers, warnings_as_json


class ResultWriter:
    """The bytes of each chunk for a work file, and the finished result.

    The columns of a result are those of the file, then `added`: those of a prediction, and `warnings`.
    `has_errors`: a row may be without a prediction; the column `error` says why. Without that column, the sentence
    on a row for which the model gave no finite answer is one of its warnings.
    """

    def __init__(
        self, file_format: BatchFormat, rows: BulkSource, answerer: BulkAnswerer, *, has_errors: bool = True
    ):
        self._format, self._answerer, self._has_errors = file_format, answerer, has_errors
        self._own = rows.names
        last = ["warnings", "error"] if has_errors else ["warnings"]
        self.added = tuple(free_names([*answerer.added, *last], rows.names))
        self._cell = exported_cell if file_format is BatchFormat.CSV else quoted_cell

    @property
    def head(self) -> bytes:
        """The bytes before the first row: the header of a CSV file, else nothing."""
        return csv_lines([[*self._own, *self.added]]) if self._format is BatchFormat.CSV else b""

    def chunk(self, chunk: BulkChunk, answers: BulkAnswers) -> bytes:
        """The rows of a chunk with their predictions, warnings and errors."""
        if self._format is BatchFormat.JSONL:
            return "\n".join((*self._json(chunk, answers), "")).encode()
        cells = self.added_cells(chunk, answers)
        lines = (
            map(",".join, zip(chunk.lines, cells, strict=True)) if self._format is BatchFormat.CSV else cells
        )
        return "\r\n".join((*lines, "")).encode()

    def added_cells(self, chunk: BulkChunk, answers: BulkAnswers) -> list[str]:
        """The added cells of each row. Most rows have no warning and no error, so only the others are written anew."""
        end, predicted = ",," if self._has_errors else ",", answers.cells
        if chunk.errors:
            cells = [""] * chunk.n_rows
            for place, text in zip(chunk.places, predicted, strict=True):
                cells[place] = f"{text}{end}"
            for place, error in chunk.errors.items():
                cells[place] = f"{self._answerer.none},,{self._cell(error)}"
        else:
            cells = [f"{text}{end}" for text in predicted]
        for place, warnings in self._sentences(chunk, answers).items():
            # Warnings come before the error, which a row with a prediction does not have.
            text = cells[place].removesuffix(end)
            cells[place] = f"{text},{self._cell(' '.join(warnings))}{end[1:]}"
        return cells

    def _sentences(self, chunk: BulkChunk, answers: BulkAnswers) -> dict[int, list[str]]:
        """The sentences on each row with warnings, by its index in the chunk."""
        sentences = {
            place: [warning.sentence for warning in warnings] for place, warnings in chunk.warnings.items()
        }
        if answers.n_without and not self._has_errors:
            for index, (place, cells) in enumerate(zip(chunk.places, answers.cells, strict=True)):
                if cells == self._answerer.none:
                    sentences[place] = [answers.reason(index), *sentences.get(place, [])]
        for place, names in self._escaped(chunk, answers).items():
            sentences.setdefault(place, []).append(escape_sentence(names))
        return sentences

    def _escaped(self, chunk: BulkChunk, answers: BulkAnswers) -> dict[int, list[str]]:
        """The columns of each row that are written with an apostrophe, by the row's index in the chunk."""
        if self._format is not BatchFormat.CSV:
            return {}
        escaped = {place: list(names) for place, names in chunk.escaped.items() if place not in chunk.errors}
        if labels := self._answerer.escaped_labels:
            for place, cells in zip(chunk.places, answers.cells, strict=True):
                if cells.startswith(labels):
                    escaped.setdefault(place, []).append(self.added[0])
        return escaped

    def _json(self, chunk: BulkChunk, answers: BulkAnswers) -> Iterator[str]:
        warnings, errors = chunk.warnings, chunk.errors
        members = iter(answers.members)
        for place, line in enumerate(chunk.lines):
            if place in errors:
                yield f'{{"input":{line},"prediction":null,"error":{json_text(errors[place])}}}'
            elif place in warnings:
                yield f'{{"input":{line},{next(members)},"warnings":{warnings_as_json(warnings[place])}}}'
            else:
                yield f'{{"input":{line},{next(members)},"warnings":[]}}'

    def finished(self, source: Path, work: Path) -> Path:
        """The result to download: the work file, or a Parquet file joined from `source` and it."""
        if self._format is not BatchFormat.PARQUET:
            return work
        result = work.with_name("result.parquet")
        kinds = [*self._answerer.kinds, "VARCHAR", "VARCHAR"]
        write_with_predictions(source, work, result, names=self.added, kinds=kinds)
        return result
