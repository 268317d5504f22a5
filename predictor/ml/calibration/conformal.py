"""How far off an answer may be: conformal intervals and prediction sets from out-of-fold predictions.

Cross-conformal prediction (Vovk, "Cross-conformal predictors", 2015): the errors that the candidates made on
rows they were not fitted on say how far the final model will be off. Nothing is assumed but that new rows come
from where the old ones came from.

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
from ..types.schema import Task

FORMAT = 1
DEFAULT_COVERAGE = 0.9
LEAST_COVERAGE, MOST_COVERAGE = 0.5, 0.99
JUDGED_COVERAGES = (0.8, 0.9, 0.95)
# A group tells its 99 % interval by the two outermost errors at this size.
ROWS_PER_GROUP = 200
MAX_GROUPS = 10
# Quantiles between which errors are interpolated.
N_KEPT = 801
MIN_ROWS = 20
# Coverages that are remembered; a caller may ask for any number of them.
MAX_KNOWN = 64

Floats = NDArray[np.float64]


def checked_coverage(coverage: float | None) -> float:
    """The coverage asked for, or the default. Raises InvalidInput outside of 0.5 to 0.99."""
    if coverage is None:
        return DEFAULT_COVERAGE
    if not LEAST_COVERAGE <= coverage <= MOST_COVERAGE:
        raise InvalidInput(f"The coverage may be {LEAST_COVERAGE} to {MOST_COVERAGE}; got {coverage:g}.")
    return float(coverage)


@dataclass(frozen=True)
class Group:
    """The sorted scores of some rows, thinned to quantiles; `n` is how many they were."""

    n: int
    scores: tuple[float, ...]

    @classmethod
    def of(cls, scores: Floats) -> Group:
        scores = np.sort(scores)
        kept = np.quantile(scores, np.linspace(0, 1, N_KEPT)) if len(scores) > N_KEPT else scores
        return cls(len(scores), tuple(float(f"{each:.7g}") for each in kept))

    def quantile(self, level: float) -> float:
        """The score that a new row stays at or below with this probability, corrected for the number of rows."""
        corrected = min(math.ceil((self.n + 1) * level) / self.n, 1.0)
        place = max(corrected * self.n - 1, 0) / max(self.n - 1, 1)
        return float(np.interp(place, np.linspace(0, 1, len(self.scores)), self.scores))


@dataclass(frozen=True)
class Uncertainty:
    """What uncertainty.json holds. `edges` divide predicted values into groups; classification has one group.

    `floor`: no target lies below, so no interval does.
    """

    task: Task
    groups: tuple[Group, ...]
    edges: tuple[float, ...] = ()
    floor: float | None = None
    _known: dict[float, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def fit(cls, task: Task, y: NDArray[Any], predictions: NDArray[Any]) -> Uncertainty | None:
        """From targets (class codes) and out-of-fold predictions; None when there are too few."""
        predictions = np.asarray(predictions, np.float64)
        if task.is_classification:
            codes = np.asarray(y, np.intp)
            scores = 1 - predictions[np.arange(len(codes)), codes]
            scores = scores[np.isfinite(scores)]
            return cls(task, (Group.of(scores),)) if len(scores) >= MIN_ROWS else None
        y = np.asarray(y, np.float64)
        is_finite = np.isfinite(predictions) & np.isfinite(y)
        y, predictions = y[is_finite], predictions[is_finite]
        if len(y) < MIN_ROWS:
            return None
        n_groups = int(np.clip(len(y) // ROWS_PER_GROUP, 1, MAX_GROUPS))
        edges = np.unique(np.quantile(predictions, np.linspace(0, 1, n_groups + 1)[1:-1]))
        places = np.searchsorted(edges, predictions)
        parts = [y[places == place] - predictions[places == place] for place in range(len(edges) + 1)]
        everything = y - predictions
        groups = tuple(Group.of(part if len(part) >= MIN_ROWS else everything) for part in parts)
        floor = 0.0 if y.min() >= 0 else None
        return cls(task, groups, tuple(map(float, edges)), floor)

    def margins(self, coverage: float) -> tuple[Floats, Floats]:
        """What is added to a value for the lower and the upper end, by group."""
        found = self._known.get(coverage)
        if found is None:
            tail = (1 - coverage) / 2
            found = (
                np.array([-_negated(group).quantile(1 - tail) for group in self.groups]),
                np.array([group.quantile(1 - tail) for group in self.groups]),
            )
            self._remember(coverage, found)
        below, above = found
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
        """The probability from which a class belongs to the set."""
        found = self._known.get(coverage)
        if found is None:
            found = 1 - self.groups[0].quantile(coverage)
            self._remember(coverage, found)
        # Seven digits are stored.
        return float(found) - 1e-7

    def _remember(self, coverage: float, found: Any) -> None:
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[coverage] = found

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "task": self.task.value,
            "edges": list(self.edges),
            "floor": self.floor,
            "groups": [{"n": group.n, "scores": list(group.scores)} for group in self.groups],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Uncertainty:
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
    uncertainty: Uncertainty, y: NDArray[Any], predictions: NDArray[Any], coverages: Sequence[float]
) -> list[dict[str, float]]:
    """For each coverage asked for, the share of rows that were covered, and the mean width or size of a set."""
    found = []
    for coverage in coverages:
        if uncertainty.task.is_classification:
            is_in = predictions >= uncertainty.least_probability(coverage)
            is_covered = is_in[np.arange(len(y)), np.asarray(y, np.intp)]
            size = {"mean_size": float(is_in.sum(axis=1).mean()), "empty": float((~is_in.any(axis=1)).mean())}
        else:
            low, high = uncertainty.intervals(np.asarray(predictions, np.float64), coverage)
            is_covered = (low <= y) & (y <= high)
            size = {"mean_width": float((high - low).mean())}
        found.append({"coverage": coverage, "covered": float(is_covered.mean()), **size})
    return found
