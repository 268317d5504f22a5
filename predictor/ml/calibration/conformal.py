"""Conformal prediction: intervals and prediction sets from out-of-fold predictions.

Cross-conformal prediction (Vovk, "Cross-conformal predictors", 2015): the errors of the candidates on rows
that they were not fitted on estimate the errors of the final model. The only assumption is that new rows come
from the same distribution (exchangeability).

Regression: the errors are kept in groups by the size of the prediction (Mondrian conformal prediction), since
large targets usually have larger errors, and with their sign, since errors are rarely symmetric.
Classification: the least ambiguous sets (Sadinle, Lei and Wasserman, 2019), all classes whose probability
reaches a threshold. A set may be empty: the row is then more doubtful than most rows that the model gets right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact, InvalidInput
from ..metrics.row_weights import Weights, effective_size, mean, part, quantiles
from ..types.schema import Task

FORMAT = 1
DEFAULT_COVERAGE = 0.9
MIN_COVERAGE, MAX_COVERAGE = 0.5, 0.99
REPORTED_COVERAGES = (0.8, 0.9, 0.95)
# With this many rows, the 99 % interval of a group ends at its two outermost errors.
ROWS_PER_GROUP = 200
MAX_GROUPS = 10
# Quantiles that are stored; between them errors are interpolated.
N_KEPT = 801
MIN_ROWS = 20
# Size of the cache by coverage: callers may ask for any coverage.
MAX_KNOWN = 64

Floats = NDArray[np.float64]


def checked_coverage(coverage: float | None) -> float:
    """The requested coverage, or the default. Raises InvalidInput outside of 0.5 to 0.99."""
    if coverage is None:
        return DEFAULT_COVERAGE
    if not MIN_COVERAGE <= coverage <= MAX_COVERAGE:
        raise InvalidInput(f"The coverage may be {MIN_COVERAGE} to {MAX_COVERAGE}; got {coverage:g}.")
    return float(coverage)


@dataclass(frozen=True)
class Group:
    """Sorted nonconformity scores of a group of rows, thinned to quantiles; `n` is the number of rows.

    Of rows that do not count the same, the scores are weighted quantiles, and `n` is their effective number.
    """

    n: int
    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: Floats, weights: Weights = None) -> Group:
        if weights is not None:
            levels = np.linspace(0, 1, min(N_KEPT, len(scores)))
            kept = quantiles(scores, levels, weights)
            n = max(int(effective_size(weights)), 1)
            return cls(n, tuple(float(f"{each:.7g}") for each in kept))
        scores = np.sort(scores)
        kept = np.quantile(scores, np.linspace(0, 1, N_KEPT)) if len(scores) > N_KEPT else scores
        return cls(len(scores), tuple(float(f"{each:.7g}") for each in kept))

    def quantile(self, level: float) -> float:
        """The conformal quantile: a new row scores at most this with probability `level` (finite-sample corrected)."""
        corrected = min(math.ceil((self.n + 1) * level) / self.n, 1.0)
        place = max(corrected * self.n - 1, 0) / max(self.n - 1, 1)
        return float(np.interp(place, np.linspace(0, 1, len(self.scores)), self.scores))


@dataclass(frozen=True)
class ConformalIntervals:
    """Conformal scores by group, as stored in uncertainty.json.

    `edges` divide predicted values into groups; classification has one group. `floor`: no target lies
    below, so no interval does.
    """

    task: Task
    groups: tuple[Group, ...]
    edges: tuple[float, ...] = ()
    floor: float | None = None
    _known: dict[float, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def fit(
        cls, task: Task, y: NDArray[Any], predictions: NDArray[Any], weights: Weights = None
    ) -> ConformalIntervals | None:
        """From targets (numbers or class codes) and out-of-fold predictions; None below MIN_ROWS rows.

        `weights`: how much each row counts. Their coverage is then that of the weighted rows.
        """
        predictions = np.asarray(predictions, np.float64)
        if task.is_classification:
            codes = np.asarray(y, np.intp)
            scores = 1 - predictions[np.arange(len(codes)), codes]
            is_finite = np.isfinite(scores)
            group = scores[is_finite], part(weights, is_finite)
            return cls(task, (Group.of(*group),)) if len(group[0]) >= MIN_ROWS else None
        y = np.asarray(y, np.float64)
        is_finite = np.isfinite(predictions) & np.isfinite(y)
        y, predictions, weights = y[is_finite], predictions[is_finite], part(weights, is_finite)
        if len(y) < MIN_ROWS:
            return None
        n_groups = int(np.clip(len(y) // ROWS_PER_GROUP, 1, MAX_GROUPS))
        edges = np.unique(np.quantile(predictions, np.linspace(0, 1, n_groups + 1)[1:-1]))
        places = np.searchsorted(edges, predictions)
        residuals, everywhere = y - predictions, np.ones(len(y), bool)
        masks = [places == place for place in range(len(edges) + 1)]
        masks = [mask if mask.sum() >= MIN_ROWS else everywhere for mask in masks]
        groups = tuple(Group.of(residuals[mask], part(weights, mask)) for mask in masks)
        floor = 0.0 if y.min() >= 0 else None
        return cls(task, groups, tuple(map(float, edges)), floor)

    def margins(self, coverage: float) -> tuple[Floats, Floats]:
        """Offsets (n_groups,) from a predicted value to the lower and the upper end of its interval."""
        margins = self._known.get(coverage)
        if margins is None:
            tail = (1 - coverage) / 2
            margins = (
                np.array([-_negated(group).quantile(1 - tail) for group in self.groups]),
                np.array([group.quantile(1 - tail) for group in self.groups]),
            )
            self._remember(coverage, margins)
        below, above = margins
        return below, above

    def intervals(self, values: Floats, coverage: float) -> tuple[Floats, Floats]:
        """The lower and upper ends (n,) around predicted values (n,), which lie between them."""
        below, above = self.margins(coverage)
        places = np.searchsorted(self.edges, values)
        low, high = values + np.minimum(below[places], 0), values + np.maximum(above[places], 0)
        if self.floor is not None:
            low = np.maximum(low, np.minimum(self.floor, values))
        return low, high

    def least_probability(self, coverage: float) -> float:
        """The least probability of a class in the prediction set."""
        least = self._known.get(coverage)
        if least is None:
            least = 1 - self.groups[0].quantile(coverage)
            self._remember(coverage, least)
        # Scores are stored with seven digits.
        return float(least) - 1e-7

    def _remember(self, coverage: float, value: Any) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[coverage] = value

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "task": self.task.value,
            "edges": list(self.edges),
            "floor": self.floor,
            "groups": [{"n": group.n, "scores": list(group.scores)} for group in self.groups],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ConformalIntervals:
        """Raises DamagedArtifact."""
        try:
            groups = tuple(
                Group(int(each["n"]), tuple(map(float, each["scores"]))) for each in data["groups"]
            )
            edges, floor = tuple(map(float, data["edges"])), data["floor"]
            if len(groups) != len(edges) + 1 or not all(each.scores for each in groups):
                raise ValueError
            return cls(Task(data["task"]), groups, edges, None if floor is None else float(floor))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored uncertainty is not complete.") from error


def _negated(group: Group) -> Group:
    return Group(group.n, tuple(-each for each in reversed(group.scores)))


def coverage_report(
    uncertainty: ConformalIntervals,
    y: NDArray[Any],
    predictions: NDArray[Any],
    coverages: Sequence[float],
    weights: Weights = None,
) -> list[dict[str, float]]:
    """Empirical coverage: for each coverage, the share of covered rows, and the mean width or set size."""
    report = []
    for coverage in coverages:
        if uncertainty.task.is_classification:
            is_in = predictions >= uncertainty.least_probability(coverage)
            is_covered = is_in[np.arange(len(y)), np.asarray(y, np.intp)]
            size = {
                "mean_size": mean(is_in.sum(axis=1), weights),
                "empty": mean(~is_in.any(axis=1), weights),
            }
        else:
            low, high = uncertainty.intervals(np.asarray(predictions, np.float64), coverage)
            is_covered = (low <= y) & (y <= high)
            size = {"mean_width": mean(high - low, weights)}
        report.append({"coverage": coverage, "covered": mean(is_covered, weights), **size})
    return report
