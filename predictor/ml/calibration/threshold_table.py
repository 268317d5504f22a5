"""What each decision threshold of two classes does on held-out rows: a table for a slider and its curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..metrics.curves import score_counts
from ..metrics.row_weights import Weights, as_count

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

N_STEPS = 400
ENDS = (1e-5, 1e-4, 1e-3, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
# Where the probabilities of the looked-for rows lie below this part of the axis, equal steps would skip them.
CROWDED = 0.02
LEAST = 1e-6


@dataclass(frozen=True)
class Outcome:
    """The rows that one threshold finds (`hits`) and wrongly names (`alarms`), of all of both classes.

    Where rows do not count the same, these are sums of their weights.
    """

    threshold: float
    hits: float
    alarms: float
    n_positive: float
    n_negative: float

    @property
    def misses(self) -> float:
        return self.n_positive - self.hits

    @property
    def precision(self) -> float | None:
        named = self.hits + self.alarms
        return self.hits / named if named else None

    @property
    def recall(self) -> float | None:
        return self.hits / self.n_positive if self.n_positive else None

    @property
    def f1(self) -> float:
        size = self.hits + self.alarms + self.n_positive
        return 2 * self.hits / size if size else 0.0

    @property
    def n_rows(self) -> float:
        return self.n_positive + self.n_negative

    def cost(self, false_positive: float, false_negative: float) -> float:
        return false_positive * self.alarms + false_negative * self.misses


@dataclass(frozen=True)
class ThresholdTable:
    """Outcomes at rising thresholds, evenly spaced between 0 and `end`, or in their logarithm (`is_log`)."""

    outcomes: tuple[Outcome, ...]
    end: float
    is_log: bool

    def to_json(self) -> dict[str, Any]:
        """Columns of numbers, for a page that only looks them up."""
        return {
            "thresholds": [each.threshold for each in self.outcomes],
            "hits": [each.hits for each in self.outcomes],
            "alarms": [each.alarms for each in self.outcomes],
        }


@dataclass(frozen=True)
class ThresholdCounts:
    """Counts of rows by score, sorted once: the outcome of any threshold is one search."""

    scores: Floats
    hits: NDArray[Any]
    alarms: NDArray[Any]

    @classmethod
    def of(cls, is_positive: Bools, probabilities: Floats, weights: Weights = None) -> ThresholdCounts:
        if not len(is_positive):
            return cls(np.empty(0), np.zeros(0, np.intp), np.zeros(0, np.intp))
        return cls(*score_counts(is_positive, probabilities, weights))

    def at(self, threshold: float) -> Outcome:
        """Rows with this probability or more are named positive."""
        place = int(np.searchsorted(-self.scores, -threshold, side="right")) - 1
        n_positive, n_negative = (as_count(each[-1]) if len(each) else 0 for each in (self.hits, self.alarms))
        hits, alarms = (as_count(each[place]) if place >= 0 else 0 for each in (self.hits, self.alarms))
        return Outcome(threshold, hits, alarms, n_positive, n_negative)

    def table(self) -> ThresholdTable:
        """At most N_STEPS thresholds. The axis ends at a round number beyond the highest score."""
        highest = float(self.scores[0]) if len(self.scores) else 1.0
        end = next((each for each in ENDS if each > 1.02 * highest), 1.0)
        low = self._lowest_of_positives()
        is_log = low < CROWDED * end
        if is_log:
            first = max(10.0 ** math.floor(math.log10(max(low, LEAST))), LEAST)
            grid = np.geomspace(first, end, N_STEPS + 1)
        else:
            grid = np.linspace(0, end, N_STEPS + 1)[1:]
        thresholds = dict.fromkeys(float(f"{each:.4g}") for each in grid)
        return ThresholdTable(tuple(self.at(each) for each in thresholds if 0 < each < 1), end, is_log)

    def _lowest_of_positives(self) -> float:
        """The score that three quarters of the positive rows reach."""
        if not len(self.hits) or not self.hits[-1]:
            return 1.0
        place = int(np.searchsorted(self.hits, 0.75 * self.hits[-1]))
        return float(self.scores[place])
