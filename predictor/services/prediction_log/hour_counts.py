"""Counts of log rows of one version in one hour, before they are added to its PredictionHour."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import orjson

from ...ml.metrics.score_bins import bin_counts
from ...models import PredictionHour, PredictionTotal

ADDED = (
    "n_rows", "n_requests", "n_with_warnings", "n_errors", "latency_ms_sum", "n_sure", "sureness_sum", "n_scores",
    "score_sum", "score_square_sum",
)  # fmt: skip


# Larger scores are not counted: the sums of their squares would be infinite, and in the end no number at all, which no
# database stores.
MAX_SCORE = 1e100


class CountedRow(NamedTuple):
    """What is read of a row of the log, in the order of the SQL columns; JSON columns as text.

    From SQLite, id and time are text in UTC as the database stores them: an object for each row would take longer than
    counting it.
    """

    id: uuid.UUID | str
    model_version: int
    row_number: int
    source: str
    output: str
    warnings: str
    latency_ms: float
    created_at: datetime | str

    @property
    def hour(self) -> datetime | str:
        """The beginning of its hour, as `moment_of` reads it."""
        at = self.created_at
        return at[:13] if isinstance(at, str) else at.replace(minute=0, second=0, microsecond=0)


def moment_of(at: datetime | str) -> datetime:
    """A time or an hour of a CountedRow: "2026-03-01 12:30:00.5", "2026-03-01 12"."""
    return datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at


class HourCounts:
    """The counts of some rows. Parsing its output is most of the work for a row."""

    def __init__(self, total: PredictionTotal):
        self.edges, self.positive_class = total.edges, total.positive_class
        self.places = {label: place for place, label in enumerate(total.classes)}
        self.n_requests = self.n_with_warnings = self.n_errors = self.n_sure = self.n_rows = 0
        self.latency_ms_sum = self.sureness_sum = 0.0
        self.sources: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.classes = [0] * (len(self.places) + 1 if self.places else 0)
        self.scores: list[float] = []
        self._last: Any = None

    def add(self, row: CountedRow) -> None:
        self.n_rows += 1
        self.sources[row.source] += 1
        if self._last is None or row.created_at > self._last:
            self._last = row.created_at
        if row.row_number == 1:
            self.n_requests += 1
            self.latency_ms_sum += row.latency_ms
        if row.warnings != "[]":
            self._add_warnings(_parsed(row.warnings))
        output = _parsed(row.output)
        if isinstance(output, dict):
            with suppress(TypeError):  # probabilities that are no numbers, as no version answers
                self._add_output(output)

    @property
    def last_at(self) -> datetime:
        """The time of the newest row; at least one was added."""
        return moment_of(self._last)

    def _add_warnings(self, warnings: Any) -> None:
        if isinstance(warnings, list) and warnings:
            self.n_with_warnings += 1
            codes = [each.get("code") for each in warnings if isinstance(each, dict)]
            self.warnings.update({code for code in codes if isinstance(code, str)})

    def _add_output(self, output: Mapping[str, Any]) -> None:
        prediction, probabilities = output.get("prediction"), output.get("probabilities")
        if prediction is None:
            self.n_errors += 1
            return
        if self.places and isinstance(prediction, str | int | float):
            self.classes[self.places.get(prediction, -1)] += 1
        score = output.get("score")
        if isinstance(probabilities, dict) and probabilities:
            sureness = max(probabilities.values())
            self.n_sure += 1
            self.sureness_sum += sureness
            score = probabilities.get(self.positive_class, sureness) if self.positive_class else sureness
        elif score is None and not self.places:
            score = prediction
        # True is an int in Python, and no score.
        if isinstance(score, int | float) and not isinstance(score, bool) and abs(score) <= MAX_SCORE:
            self.scores.append(float(score))

    def add_to(self, hour: PredictionHour) -> None:
        """Add these counts to the row, unsaved."""
        scores = np.array(self.scores)
        self.n_scores = len(scores)
        self.score_sum, self.score_square_sum = float(scores.sum()), float(np.square(scores).sum())
        for name in ADDED:
            setattr(hour, name, getattr(hour, name) + getattr(self, name))
        if len(scores):
            hour.score_min = min(self.scores if hour.score_min is None else [hour.score_min, *self.scores])
            hour.score_max = max(self.scores if hour.score_max is None else [hour.score_max, *self.scores])
        if len(scores) and self.edges:
            hour.bins = summed(hour.bins, bin_counts(self.edges, scores).tolist())
        hour.classes = summed(hour.classes, self.classes)
        hour.sources = dict(Counter(hour.sources) + self.sources)
        hour.warnings = dict(Counter(hour.warnings) + self.warnings)


def _parsed(text: Any) -> Any:
    """The JSON of a column, None if it is none: one broken row must not stop the count of all others."""
    try:
        return orjson.loads(text)
    except (orjson.JSONDecodeError, TypeError):
        return None


def summed(a: Sequence[int], b: Sequence[int]) -> list[int]:
    """The sums place by place; an empty list stands for zeros."""
    return [x + y for x, y in zip(a, b, strict=True)] if a and b else list(a or b)
