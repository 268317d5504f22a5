"""Bulk prediction: the output of `row_answers.py` for many rows, written as text without an object per row.

At 100,000 rows, these objects would take longer than the model. A test checks that both give the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from ...ml.csv_files.csv_writing import exported_cell, neutralised, quoted_cell
from ...ml.types.schema import Task
from ...models.prediction_log import moment_of, row_ids
from ..prediction_log.log_rows import LogRow
from .row_answers import NOT_A_NUMBER, coverage_for, prediction_set

if TYPE_CHECKING:
    import uuid

    from numpy.typing import NDArray

    from ...ml.inference.predicted_rows import PredictedRows
    from ...ml.inputs.row_checker import RowWarning
    from ...ml.inputs.row_chunks import BulkChunk
    from ...models import ModelVersion
    from .loaded_versions import LoadedVersion
    from .options import Caller


@dataclass(frozen=True)
class BulkAnswers:
    """One entry for each predicted row: the cells that a CSV result adds, the members that a JSON result
    adds, and the output as it is logged. `n_without`: rows for which the model gave no prediction; `reasons` says
    why, by the index of the row, where the model knows it."""

    cells: Sequence[str]
    members: Sequence[str]
    outputs: Sequence[str]
    n_without: int
    reasons: Mapping[int, str] = field(default_factory=dict)

    def reason(self, index: int) -> str:
        """Why a row has no prediction."""
        return self.reasons.get(index, NOT_A_NUMBER)


class BulkAnswerer:
    """Predicts chunks with one version. `added` names the columns that a prediction adds.

    `is_neutralised`: escape cells that a spreadsheet would run as formulas. Raises InvalidInput for an
    unsupported coverage.
    """

    def __init__(self, served: LoadedVersion, coverage: float | None = None, *, is_neutralised: bool = True):
        self._served = served
        self._cell = exported_cell if is_neutralised else quoted_cell
        self._coverage = coverage_for(served.predictor, coverage)
        signature = served.signature
        self._names = signature.class_names
        self._texts_of = dict(zip(map(_json, signature.labels), signature.label_texts, strict=True))
        self._labels = [(self._cell(text), label) for label, text in self._texts_of.items()]
        # The beginnings of rows whose label is written with an apostrophe.
        self.escaped_labels = tuple(
            f"{cell},"
            for (cell, _), text in zip(self._labels, signature.label_texts, strict=True)
            if is_neutralised and neutralised(text) != text
        )
        self._sets: dict[tuple[bool, ...], tuple[str, str]] = {}
        self.added = ["prediction", *(f"probability_{name}" for name in self._names)]
        if signature.task is Task.ANOMALY:
            self.added.append("score")
        if served.predictor.has_intervals:
            self.added += ["prediction_set"] if self._names else ["interval_low", "interval_high"]

    @property
    def none(self) -> str:
        """The empty cells of a row without a prediction."""
        return "," * (len(self.added) - 1)

    @property
    def kinds(self) -> list[str]:
        """The DuckDB types of the added columns."""
        texts = {"prediction": "VARCHAR"} if self._labels else {}
        numbers = {"prediction_set": "VARCHAR", **texts}
        return [numbers.get(name, "DOUBLE") for name in self.added]

    def value_of(self, place: int, cell: str) -> str | float | None:
        """Parse a cell of the added column at this place."""
        is_number = place < len(self.added) and self.added[place] != "prediction_set"
        if not cell or not is_number or (place == 0 and self._labels):
            return cell or None
        return float(cell)

    def answer(self, chunk: BulkChunk) -> BulkAnswers:
        """Predict the rows of `chunk.places`, in their order."""
        if not chunk.places:
            return BulkAnswers((), (), (), 0)
        rows = self._served.predictor.answer(chunk.columns, self._coverage)
        cells, members = self._texts(rows).joined()
        without = rows.without
        reasons = self._served.predictor.reasons(chunk.columns, without) if without else {}
        for place in without:
            reason = _json(reasons.get(place, NOT_A_NUMBER))
            cells[place], members[place] = self.none, f'"prediction":null,"error":{reason}'
        return BulkAnswers(cells, members, [f"{{{each}}}" for each in members], len(without), reasons)

    def _texts(self, rows: PredictedRows) -> _Texts:
        texts = _Texts()
        if rows.values is not None:
            texts.add('"prediction":', _numbers_as_text(rows.values))
        if rows.codes is not None:
            texts.add('"prediction":', *zip(*map(self._labels.__getitem__, rows.codes.tolist()), strict=True))
        if rows.scores is not None:
            texts.add(',"score":', _numbers_as_text(rows.scores))
        if rows.probabilities is not None:
            for place, name in enumerate(self._names):
                key = f"{_json(name)}:" if place else f'"probabilities":{{{_json(name)}:'
                texts.add(f",{key}", _numbers_as_text(rows.probabilities[:, place]))
            texts.end("}")
        if rows.intervals is not None:
            low, high = rows.intervals
            texts.add(',"interval":{"low":', _numbers_as_text(low))
            texts.add(',"high":', _numbers_as_text(high))
            texts.end(f',"coverage":{rows.coverage!r}}}')
        if rows.is_in_set is not None:
            sets = map(self._set_as_text, map(tuple, rows.is_in_set.tolist()))
            texts.add(',"set":', *zip(*sets, strict=True))
        return texts

    def _set_as_text(self, is_in_set: tuple[bool, ...]) -> tuple[str, str]:
        """The prediction set of a row as CSV cell and as JSON; cached, since few sets differ."""
        if is_in_set not in self._sets:
            data = prediction_set(self._served.signature.labels, is_in_set, self._coverage)
            cell = self._cell("; ".join(self._texts_of[_json(each)] for each in data["classes"]))
            self._sets[is_in_set] = cell, _json(data)
        return self._sets[is_in_set]


class _Texts:
    """Columns of texts, which joined row by row are the CSV cells and the JSON members of each row."""

    def __init__(self) -> None:
        self._cells: list[Iterable[str]] = []
        self._members: list[Iterable[str]] = []

    def add(self, key: str, cells: Sequence[str], values: Sequence[str] | None = None) -> None:
        """Add one cell to each row, and to the JSON a key with its value; `values`: where JSON differs from CSV."""
        self._cells += [repeat(","), cells] if self._cells else [cells]
        self._members += [repeat(key), cells if values is None else values]

    def end(self, text: str) -> None:
        """Add a text to the JSON alone: the end of an object."""
        self._members.append(repeat(text))

    def joined(self) -> tuple[list[str], list[str]]:
        """One text per row: cells, and members. `repeat` has no end, and `zip` ends with the rows."""
        cells, members = zip(*self._cells, strict=False), zip(*self._members, strict=False)
        return list(map("".join, cells)), list(map("".join, members))


class Logged(NamedTuple):
    """The log columns of a chunk as JSON text, one entry per row."""

    numbers: Sequence[int]
    inputs: Sequence[str]
    outputs: Sequence[str]
    warnings: Sequence[str]

    @classmethod
    def of(cls, chunk: BulkChunk, answers: BulkAnswers) -> Logged:
        said = chunk.warnings
        return cls(
            numbers=[chunk.first_row + place for place in chunk.places],
            inputs=chunk.inputs,
            outputs=answers.outputs,
            warnings=[warnings_as_json(said[place]) if place in said else "[]" for place in chunk.places],
        )

    def rows(
        self, caller: Caller, version: ModelVersion, *, base: uuid.UUID, latency_ms: float
    ) -> list[LogRow]:
        """Log rows with ids derived from `base` and the row numbers: inserting them twice stores them once."""
        workspace_id, version_id = version.registered_model.workspace_id, version.pk
        actor_id, token_id = caller.by.pk if caller.by else None, caller.token.pk if caller.token else None
        columns = zip(
            row_ids(base, self.numbers), repeat(workspace_id), repeat(version_id), repeat(caller.request_id),
            self.numbers, repeat(caller.source), repeat(actor_id), repeat(token_id), self.inputs, self.outputs,
            self.warnings, repeat(latency_ms), repeat(moment_of(base)), strict=False,
        )  # fmt: skip
        return list(map(LogRow._make, columns))


def _numbers_as_text(values: NDArray[np.float64]) -> list[str]:
    """Each number rounded as by `shortened`, as Python writes it."""
    texts = ("%.7g " * len(values) % tuple(values.tolist())).split()
    return [text if "." in text and "e" not in text else repr(float(text)) for text in texts]


def warnings_as_json(warnings: Sequence[RowWarning]) -> str:
    """The warnings of a row as JSON text, as the log stores them."""
    return _json([{"code": each.code, "column": each.column, "message": each.message} for each in warnings])


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
