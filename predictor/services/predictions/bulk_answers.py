"""Bulk prediction: the output of `row_answers.py` for many rows, written as text without an object per row.

At 100,000 rows, these objects would take longer than the model. A test checks that both give the same text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from ...ml.tables.csv_writing import exported_cell, quoted_cell
from ...ml.types.schema import Task, canonical_text
from ...models.prediction_log import moment_of, row_ids
from ..prediction_log.log_rows import LogRow
from .row_answers import NOT_A_NUMBER, coverage_for, shortened, unusual_or_not

if TYPE_CHECKING:
    import uuid

    from numpy.typing import NDArray

    from ...ml.inputs.row_checker import RowWarning
    from ...ml.inputs.row_chunks import BulkChunk
    from ...ml.pipelines.fitted_pipeline import Outputs
    from ...models import ModelVersion
    from .loaded_versions import LoadedVersion
    from .options import Caller


@dataclass(frozen=True)
class BulkAnswers:
    """One entry for each predicted row: the cells that a CSV result adds, the members that a JSON result
    adds, and the output as it is logged. `n_without`: rows for which the model gave no prediction."""

    cells: Sequence[str]
    members: Sequence[str]
    outputs: Sequence[str]
    n_without: int


class BulkAnswerer:
    """Predicts chunks with one version. `added` names the columns that a prediction adds.

    `is_neutralised`: escape cells that a spreadsheet would run as formulas. Raises InvalidInput for an
    unsupported coverage.
    """

    def __init__(self, served: LoadedVersion, coverage: float | None = None, *, is_neutralised: bool = True):
        self._served = served
        self._cell = exported_cell if is_neutralised else quoted_cell
        self._coverage = coverage_for(served.predictor, coverage)
        self._uncertainty = served.predictor.uncertainty
        self._has_intervals = served.predictor.has_intervals
        signature = served.signature
        self._names = signature.class_names
        self._labels = [(self._cell(each), _json(each)) for each in signature.classes]
        self._keys = [f"{_json(name)}:" for name in self._names]
        self._sets: dict[tuple[bool, ...], tuple[str, str]] = {}
        self._is_score = signature.task is Task.ANOMALY
        self.added = ["prediction", *(f"probability_{name}" for name in self._names)]
        if self._is_score:
            self.added.append("score")
        if self._has_intervals:
            self.added += ["prediction_set"] if self._names else ["interval_low", "interval_high"]

    @property
    def none(self) -> str:
        """The empty cells of a row without a prediction."""
        return "," * (len(self.added) - 1)

    @property
    def kinds(self) -> list[str]:
        """The DuckDB types of the added columns."""
        texts = {"prediction": "VARCHAR"} if self._names or self._is_score else {}
        numbers = {"prediction_set": "VARCHAR", **texts}
        return [numbers.get(name, "DOUBLE") for name in self.added]

    def value_of(self, place: int, cell: str) -> str | float | None:
        """Parse a cell of the added column at this place."""
        is_number = place < len(self.added) and self.added[place] != "prediction_set"
        if not cell or not is_number or (place == 0 and (self._names or self._is_score)):
            return cell or None
        return float(cell)

    def answer(self, chunk: BulkChunk) -> BulkAnswers:
        """Predict the rows of `chunk.places`, in their order."""
        if not chunk.places:
            return BulkAnswers((), (), (), 0)
        outputs = self._served.predictor.predict(chunk.columns)
        found = list(
            self._numbers(outputs, chunk) if outputs.probabilities is None else self._classes(outputs)
        )
        n_without = sum(each is None for each in found)
        missing = (self.none, f'"prediction":null,"error":{_json(NOT_A_NUMBER)}')
        cells, members = zip(*(each or missing for each in found), strict=True)
        return BulkAnswers(cells, members, [f"{{{each}}}" for each in members], n_without)

    def _numbers(self, outputs: Outputs, chunk: BulkChunk) -> Iterator[tuple[str, str] | None]:
        values = outputs.values if outputs.values is not None else np.empty(0)
        is_finite = np.isfinite(values).tolist()
        texts = _numbers_as_text(values.tolist())
        if self._is_score:
            for value, text, is_good in zip(values.tolist(), texts, is_finite, strict=True):
                label = unusual_or_not(value, self._served.predictor.threshold)
                yield (f"{label},{text}", f'"prediction":"{label}","score":{text}') if is_good else None
            return
        ends = self._served.predictor.intervals(chunk.columns, values, self._coverage)
        if ends is None:
            for text, is_good in zip(texts, is_finite, strict=True):
                yield (text, f'"prediction":{text}') if is_good else None
            return
        low, high = ends
        rows = zip(texts, is_finite, low.tolist(), high.tolist(), strict=True)
        for text, is_good, least, most in rows:
            low_text, high_text = repr(shortened(least)), repr(shortened(most))
            interval = f'{{"low":{low_text},"high":{high_text},"coverage":{self._coverage!r}}}'
            said = (f"{text},{low_text},{high_text}", f'"prediction":{text},"interval":{interval}')
            yield said if is_good else None

    def _classes(self, outputs: Outputs) -> Iterator[tuple[str, str] | None]:
        shares = np.asarray(outputs.probabilities, np.float64)
        codes = outputs.codes(self._served.predictor.threshold).tolist()
        is_finite = np.atleast_1d(np.isfinite(shares).all(axis=1))
        set_cells, set_members = zip(*self._prediction_sets(shares), strict=True)
        labels, labels_json = zip(*map(self._labels.__getitem__, codes), strict=True)
        cells: list[Iterable[str]] = [labels]
        members: list[Iterable[str]] = [repeat('"prediction":'), labels_json, repeat(',"probabilities":{')]
        for place, (key, column) in enumerate(zip(self._keys, shares.T.tolist(), strict=True)):
            texts = _numbers_as_text(column)
            cells += [repeat(","), texts]
            members += [repeat(f",{key}" if place else key), texts]
        said = zip(
            map("".join, zip(*cells, set_cells, strict=False)),
            map("".join, zip(*members, repeat("}"), set_members, strict=False)),
            strict=True,
        )
        for each, is_good in zip(said, is_finite.tolist(), strict=True):
            yield each if is_good else None

    def _prediction_sets(self, shares: NDArray[np.float64]) -> Iterator[tuple[str, str]]:
        """The prediction set of each row as CSV cell and as JSON member; cached, since few sets differ."""
        if self._uncertainty is None:
            yield from [("", "")] * len(shares)
            return
        least = self._uncertainty.least_probability(self._coverage)
        for kept in map(tuple, (shares >= least).tolist()):
            if kept not in self._sets:
                self._sets[kept] = self._set_as_text(kept)
            yield self._sets[kept]

    def _set_as_text(self, kept: tuple[bool, ...]) -> tuple[str, str]:
        classes = [each for each, is_in in zip(self._served.signature.classes, kept, strict=True) if is_in]
        cell = self._cell("; ".join(str(canonical_text(each)) for each in classes))
        return f",{cell}", f',"set":{_json({"classes": classes, "coverage": self._coverage})}'


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


def _numbers_as_text(values: Sequence[float]) -> list[str]:
    """Each number rounded as by `shortened`, as Python writes it."""
    texts = ("%.7g " * len(values) % tuple(values)).split()
    return [text if "." in text and "e" not in text else repr(float(text)) for text in texts]


def warnings_as_json(warnings: Sequence[RowWarning]) -> str:
    """The warnings of a row as JSON text, as the log stores them."""
    return _json([{"code": each.code, "column": each.column, "message": each.message} for each in warnings])


def free_names(wanted: Sequence[str], taken: Sequence[str]) -> Iterator[str]:
    """The names, with a number added where the file already has a column of that name."""
    used = {name.casefold() for name in taken}
    for name in wanted:
        free, number = name, 2
        while free.casefold() in used:
            free, number = f"{name}_{number}", number + 1
        used.add(free.casefold())
        yield free


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
