"""Counterfactual explanations: the fewest columns, and the smallest change in them, for another prediction.

Every column that may change is set to values that it had in training, first alone, then in pairs of the columns
that moved the prediction furthest. This says nothing about causes: only the prediction changes, not the world.
(Wachter, Mittelstadt and Russell, "Counterfactual explanations without opening the black box", 2017.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..pipelines.fitted_pipeline import Outputs
from ..types.schema import Role
from .nearest_examples import Examples
from .value_grids import grid_of

# Predictions in the first round at most. The second has 36 pairs of 64 values at most, so that a search in
# a large forest takes a second.
MAX_SINGLES = 3_000
MAX_GRID, MIN_GRID = 40, 4
# Columns that are paired, and values of each in a pair.
N_PAIRED, N_CELLS = 9, 8

Array = NDArray[Any]
Columns = Mapping[str, Array]
Predict = Callable[[Columns], Outputs]


@dataclass(frozen=True)
class Goal:
    """The wanted prediction: the class with this code, or a value from `at_least`, or up to `at_most`.

    `positive`: the code of the class that a decision threshold is of.
    """

    code: int | None = None
    at_least: float | None = None
    at_most: float | None = None
    positive: int = 1

    def is_met(self, outputs: Outputs, threshold: float | None) -> NDArray[np.bool_]:
        """Mask (n,), by the same rule that decides the predicted class."""
        if self.code is not None:
            return np.asarray(outputs.codes(threshold, self.positive) == self.code)
        values = np.asarray(outputs.values)
        return np.asarray(values >= self.at_least if self.at_least is not None else values <= self.at_most)

    def progress(self, outputs: Outputs) -> NDArray[np.float64]:
        """Progress (n,): larger is nearer to the goal."""
        if self.code is not None:
            return np.asarray(outputs.probabilities)[:, self.code]
        values = np.asarray(outputs.values)
        return values if self.at_least is not None else -values


@dataclass(frozen=True)
class Candidates:
    """Values that a column may be changed to, and how far each is from what it is now (0 to 1)."""

    cells: Array
    distances: Array

    def only(self, places: Array) -> Candidates:
        return Candidates(self.cells[places], self.distances[places])


@dataclass(frozen=True)
class Counterfactual:
    """Columns with their new cells, and the sum of their distances."""

    cells: Mapping[str, Any]
    distance: float


@dataclass(frozen=True)
class SearchResult:
    """Result of a search: fewest columns first, then the smallest change; each set of columns once. May be empty."""

    counterfactuals: tuple[Counterfactual, ...]
    n_evaluated: int


def candidates_of(
    examples: Examples,
    row: Columns,
    locked: Sequence[str],
    roles: Mapping[str, Role],
    *,
    is_exact: bool = True,
) -> dict[str, Candidates]:
    """Observed values for every column that may change; a change to missing is not offered.

    `is_exact`: false for callers who may not see training values; numbers and dates are then midpoints between
    two observed ones.
    """
    free = [name for name in roles if name not in locked and roles[name] is not Role.TEXT]
    n_cells = int(np.clip(MAX_SINGLES // max(len(free), 1), MIN_GRID, MAX_GRID))
    candidates = {}
    for name in free:
        grid = grid_of(roles[name], examples.columns[name], n_cells)
        if grid is None:
            continue
        cells = grid.cells[:-1] if grid.shown[-1] is None else grid.cells
        if not is_exact and roles[name] in (Role.NUMERIC, Role.DATETIME):
            cells = cells[:-1] + (cells[1:] - cells[:-1]) / 2
        distances = examples.distances(name, cells, row[name][0])
        if (distances > 0).any():
            candidates[name] = Candidates(cells, distances).only(distances > 0)
    return candidates


def search(
    predict: Predict,
    threshold: float | None,
    row: Columns,
    candidates: Mapping[str, Candidates],
    goal: Goal,
    *,
    n_wanted: int,
) -> SearchResult:
    """Changes of the single row that meet the goal; pairs of columns only when no single column does."""
    candidates = dict(list(candidates.items())[: MAX_SINGLES // MIN_GRID])
    if not candidates:
        return SearchResult((), 0)
    changed = [{name: each.cells} for name, each in candidates.items()]
    outputs = predict(_rows(row, changed))
    is_met, progress = goal.is_met(outputs, threshold), goal.progress(outputs)
    counterfactuals, fronts, start = [], {}, 0
    for name, each in candidates.items():
        place = slice(start, start + len(each.cells))
        start = place.stop
        counterfactuals += _smallest([{name: cell} for cell in each.cells], each.distances, is_met[place])
        fronts[name] = (float(progress[place].max()), _front(each, progress[place]))
    if counterfactuals:
        return SearchResult(tuple(sorted(counterfactuals, key=lambda one: one.distance)[:n_wanted]), start)
    paired = sorted(fronts, key=lambda name: -fronts[name][0])[:N_PAIRED]
    pairs = _pairs(predict, threshold, row, {name: fronts[name][1] for name in paired}, goal)
    return SearchResult(
        tuple(sorted(pairs.counterfactuals, key=lambda one: one.distance)[:n_wanted]),
        start + pairs.n_evaluated,
    )


def _pairs(
    predict: Predict, threshold: float | None, row: Columns, candidates: Mapping[str, Candidates], goal: Goal
) -> SearchResult:
    pairs = list(combinations(candidates, 2))
    if not pairs:
        return SearchResult((), 0)
    changed, distances = [], []
    for a, b in pairs:
        first, second = candidates[a], candidates[b]
        i, j = (each.ravel() for each in np.indices((len(first.cells), len(second.cells))))
        changed.append({a: first.cells[i], b: second.cells[j]})
        distances.append(first.distances[i] + second.distances[j])
    outputs = predict(_rows(row, changed))
    is_met = goal.is_met(outputs, threshold)
    counterfactuals, start = [], 0
    for (a, b), cells, distance in zip(pairs, changed, distances, strict=True):
        place = slice(start, start + len(distance))
        start = place.stop
        rows = [{a: one, b: other} for one, other in zip(cells[a], cells[b], strict=True)]
        counterfactuals += _smallest(rows, distance, is_met[place])
    return SearchResult(tuple(counterfactuals), start)


def _rows(row: Columns, changed: Sequence[Columns]) -> dict[str, Array]:
    """Copies of the row, one for each change, with the changed cells."""
    sizes = [len(next(iter(each.values()))) for each in changed]
    columns = {name: np.repeat(values[:1], sum(sizes)) for name, values in row.items()}
    start = 0
    for each, size in zip(changed, sizes, strict=True):
        for name, cells in each.items():
            columns[name][start : start + size] = cells
        start += size
    return columns


def _smallest(
    rows: Sequence[Mapping[str, Any]], distances: Array, is_met: NDArray[np.bool_]
) -> list[Counterfactual]:
    """The nearest of those that meet the goal, if there is one."""
    places = np.flatnonzero(is_met)
    if not len(places):
        return []
    best = places[np.argmin(distances[places])]
    return [Counterfactual(rows[best], float(distances[best]))]


def _front(candidates: Candidates, progress: Array) -> Candidates:
    """Pareto front of distance and progress, thinned: in a pair no other value could be the better choice."""
    order = np.argsort(candidates.distances, kind="stable")
    rising = progress[order] > np.concatenate([[-np.inf], np.maximum.accumulate(progress[order])[:-1]])
    kept = order[rising]
    thinned = np.unique(np.linspace(0, len(kept) - 1, min(N_CELLS, len(kept))).round().astype(np.intp))
    return candidates.only(kept[thinned])
