"""Which rows are for fitting, for choosing, and for judging: a held-out part and shared folds.

At random with the shares of the classes kept; in whole groups; or in the order of time, where each fold is scored
on rows that come after all those it was fitted on, and the held-out rows are the last.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, shown
from .stratification import deal_groups, deal_rows
from .target import Target

MAX_HELD_OUT = 20_000
MIN_HELD_OUT = 5
# The first fold in time is fitted on this share of the rows, so that even it has learnt something.
FIRST_SHARE = 1 / 3
Index = NDArray[np.intp]
Folds = tuple[tuple[Index, Index], ...]


@dataclass(frozen=True)
class Layout:
    """What a split minds beside chance: rows that stay `together` (a number for each group), or `times`."""

    together: Index | None = None
    times: NDArray[np.float64] | None = None

    def rows(self, index: Index) -> Layout:
        return Layout(
            None if self.together is None else self.together[index],
            None if self.times is None else self.times[index],
        )


@dataclass(frozen=True)
class Split:
    """Row numbers. `search` is the part of `development` that candidates are compared on; `folds` divide it.

    Each fold is (rows to fit on, rows to score on).
    """

    development: Index
    held_out: Index
    search: Index
    folds: Folds
    layout: Layout = field(default_factory=Layout)

    @property
    def is_sampled(self) -> bool:
        return len(self.search) < len(self.development)

    @property
    def scored(self) -> Index:
        """The rows that some fold is scored on, rising: all of `search`, but for the earliest in time."""
        return np.sort(np.concatenate([score for _, score in self.folds]))


def split_rows(
    target: Target,
    *,
    seed: int,
    holdout_share: float,
    n_folds: int,
    max_search_rows: int | None = None,
    layout: Layout | None = None,
) -> Split:
    """A split that keeps the shares of classes (or of the target's quantiles) equal in every part.

    Raises InvalidTrainingRequest when the layout leaves only one class, or one moment, to learn from.
    """
    rng = np.random.default_rng(seed)
    layout = layout or Layout()
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
        part = deal_rows(strata[development], math.ceil(len(development) / max_search_rows), rng)
        search = development[part == 0]
    folds = _folds(strata[search], n_folds, rng, layout.rows(search))
    folds = tuple((search[fit], search[score]) for fit, score in folds)
    return Split(development, held_out, search, _learnable(folds, target), layout)


def strata_of(target: Target) -> Index:
    """The class of each row, or the tenth of the target that it lies in."""
    if target.task.is_classification:
        return np.asarray(target.y, np.intp)
    edges = np.unique(np.quantile(target.y, np.linspace(0.1, 0.9, 9)))
    return np.searchsorted(edges, target.y).astype(np.intp)


def _part_of(
    strata: Index, n_wanted: int, rng: np.random.Generator, together: Index | None
) -> NDArray[np.bool_]:
    """Which rows are held out: of the parts dealt, the one whose size is closest to what is wanted."""
    n_parts = math.ceil(len(strata) / n_wanted)
    if together is None:
        return np.asarray(deal_rows(strata, n_parts, rng) == 0)
    part = deal_groups(strata, together, n_parts, rng)
    sizes = np.bincount(part).astype(float)
    sizes[sizes == 0] = np.inf
    return np.asarray(part == np.argmin(np.abs(sizes - n_wanted)))


def _folds(strata: Index, n_folds: int, rng: np.random.Generator, layout: Layout) -> Folds:
    """As positions in `strata`."""
    if layout.times is not None and (found := _folds_in_time(layout.times, n_folds)):
        return found
    if layout.together is None:
        part = deal_rows(strata, n_folds, rng)
    else:
        part = deal_groups(strata, layout.together, n_folds, rng)
    return tuple((np.flatnonzero(part != fold), np.flatnonzero(part == fold)) for fold in np.unique(part))


def _folds_in_time(times: NDArray[np.float64], n_folds: int) -> Folds:
    """Each fold is fitted on all that was before; none when all rows have one time."""
    order = np.argsort(times, kind="stable")
    wanted = len(order) * np.linspace(FIRST_SHARE, 1, n_folds + 1)[:-1]
    cuts = sorted({cut for at in wanted if (cut := _cut(times[order], round(at))) is not None})
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


def _cut(ordered: NDArray[np.float64], at: int) -> int | None:
    """The place nearest to `at` where the time changes: rows of one time are on one side."""
    changes = np.flatnonzero(ordered[1:] > ordered[:-1]) + 1
    changes = changes[(changes >= MIN_HELD_OUT) & (changes <= len(ordered) - MIN_HELD_OUT)]
    return int(changes[np.argmin(np.abs(changes - at))]) if len(changes) else None


def _learnable(folds: Folds, target: Target) -> Folds:
    """The folds whose fitting part has more than one class to tell apart."""
    if not target.task.is_classification:
        return folds
    found = tuple(each for each in folds if len(np.unique(target.y[each[0]])) > 1)
    if not found:
        raise InvalidTrainingRequest(
            f"In such a split, the rows to learn from have one class of {shown(target.name)} only. "
            "Split by another column, or at random."
        )
    return found
