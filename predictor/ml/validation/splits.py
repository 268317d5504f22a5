"""Split rows into a held-out part and cross-validation folds: stratified, by groups, or by time.

A random split is stratified by class; a group split keeps groups whole. In a time split, each fold is scored on
rows later than those it was fitted on, and the held-out rows are the last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from .stratification import stratified_group_parts, stratified_parts
from .target import Target

MAX_HELD_OUT = 20_000
MIN_HELD_OUT = 5
# The first fold in time is fitted on this share of the rows, so that it has enough to learn from.
FIRST_SHARE = 1 / 3
Index = NDArray[np.intp]
Folds = tuple[tuple[Index, Index], ...]


@dataclass(frozen=True)
class SplitConstraints:
    """Constraints on a split: a group number for each row (groups stay `together`), or the `times` of rows."""

    together: Index | None = None
    times: NDArray[np.float64] | None = None

    def rows(self, index: Index) -> SplitConstraints:
        return SplitConstraints(
            None if self.together is None else self.together[index],
            None if self.times is None else self.times[index],
        )


@dataclass(frozen=True)
class Split:
    """Row numbers of a hold-out split. `search` is the part of `development` that candidates are compared on; `folds`
    divide it.

    Each fold is (rows to fit on, rows to score on).
    """

    development: Index
    held_out: Index
    search: Index
    folds: Folds
    layout: SplitConstraints = field(default_factory=SplitConstraints)

    @property
    def is_sampled(self) -> bool:
        return len(self.search) < len(self.development)

    @property
    def scored(self) -> Index:
        """The rows that some fold is scored on, sorted: all of `search`; in a time split, without the earliest."""
        return np.sort(np.concatenate([score for _, score in self.folds]))


def split_rows(
    target: Target,
    *,
    seed: int,
    holdout_share: float,
    n_folds: int,
    max_search_rows: int | None = None,
    layout: SplitConstraints | None = None,
) -> Split:
    """A stratified split: every part has the same shares of classes (or of the target's quantiles).

    Raises InvalidTrainingRequest when the layout leaves only one class, or one moment, to learn from.
    """
    rng = np.random.default_rng(seed)
    layout = layout or SplitConstraints()
    strata = strata_of(target)
    n_rows = len(strata)
    n_held_out = min(max(MIN_HELD_OUT, round(n_rows * holdout_share)), MAX_HELD_OUT)
    if layout.times is not None:
        development, held_out = _earlier_and_later(layout.times, n_held_out)
    else:
        is_held_out = _part_of(strata, n_held_out, rng, layout.together)
        development, held_out = np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)
    if len(held_out) > MAX_HELD_OUT:
        held_out = np.sort(rng.choice(held_out, MAX_HELD_OUT, replace=False))
    search = development
    if max_search_rows is not None and max_search_rows < len(development):
        part = stratified_parts(strata[development], math.ceil(len(development) / max_search_rows), rng)
        search = development[part == 0]
    folds = _folds(strata[search], n_folds, rng, layout.rows(search))
    folds = tuple((search[fit], search[score]) for fit, score in folds)
    return Split(development, held_out, search, _learnable(folds, target), layout)


def strata_of(target: Target) -> Index:
    """The stratum of each row: its class, or the decile of a numeric target."""
    if target.task.is_classification:
        return np.asarray(target.y, np.intp)
    edges = np.unique(np.quantile(target.y, np.linspace(0.1, 0.9, 9)))
    return np.searchsorted(edges, target.y).astype(np.intp)


def _part_of(
    strata: Index, n_wanted: int, rng: np.random.Generator, together: Index | None
) -> NDArray[np.bool_]:
    """Mask of the held-out rows: of the stratified parts, the one whose size is closest to `n_wanted`."""
    n_parts = math.ceil(len(strata) / n_wanted)
    if together is None:
        return np.asarray(stratified_parts(strata, n_parts, rng) == 0)
    part = stratified_group_parts(strata, together, n_parts, rng)
    sizes = np.bincount(part).astype(float)
    sizes[sizes == 0] = np.inf
    return np.asarray(part == np.argmin(np.abs(sizes - n_wanted)))


def _folds(strata: Index, n_folds: int, rng: np.random.Generator, layout: SplitConstraints) -> Folds:
    """Folds as positions in `strata`."""
    if layout.times is not None and (time_folds := _folds_in_time(layout.times, n_folds)):
        return time_folds
    if layout.together is None:
        part = stratified_parts(strata, n_folds, rng)
    else:
        part = stratified_group_parts(strata, layout.together, n_folds, rng)
    return tuple((np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in np.unique(part))


def _folds_in_time(times: NDArray[np.float64], n_folds: int) -> Folds:
    """Expanding-window folds, each fitted on all earlier rows; none when all rows have one time."""
    order = np.argsort(times, kind="stable")
    wanted_cuts = len(order) * np.linspace(FIRST_SHARE, 1, n_folds + 1)[:-1]
    cuts = sorted({cut for wanted in wanted_cuts if (cut := _cut(times[order], round(wanted))) is not None})
    ends = [*cuts[1:], len(order)][: len(cuts)]
    return tuple(
        (np.sort(order[:start]), np.sort(order[start:end])) for start, end in zip(cuts, ends, strict=True)
    )


def _earlier_and_later(times: NDArray[np.float64], n_later: int) -> tuple[Index, Index]:
    order = np.argsort(times, kind="stable")
    cut = _cut(times[order], len(order) - n_later)
    if cut is None:
        raise InvalidTrainingRequest(
            "The rows with a target have too few different times to test on later ones. Split at random instead."
        )
    return np.sort(order[:cut]), np.sort(order[cut:])


def _cut(ordered: NDArray[np.float64], wanted: int) -> int | None:
    """The position nearest to `wanted` where the time changes, so that rows of one time stay on one side."""
    changes = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1
    changes = changes[(changes >= MIN_HELD_OUT) & (changes <= len(ordered) - MIN_HELD_OUT)]
    return int(changes[np.argmin(np.abs(changes - wanted))]) if len(changes) else None


def _learnable(folds: Folds, target: Target) -> Folds:
    """The folds with more than one class to fit on. Raises InvalidTrainingRequest when there is none."""
    if not target.task.is_classification:
        return folds
    learnable = tuple(each for each in folds if len(np.unique(target.y[each[0]])) > 1)
    if not learnable:
        raise InvalidTrainingRequest(
            f"In such a split, the rows to learn from have one class of {quoted(target.name)} only. "
            "Split by another column, or at random."
        )
    return learnable
