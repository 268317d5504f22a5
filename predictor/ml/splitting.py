"""Which rows are for fitting, for choosing, and for judging: a held-out part and shared folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .target import Target

MAX_HELD_OUT = 20_000
MIN_HELD_OUT = 5
Index = NDArray[np.intp]


@dataclass(frozen=True)
class Split:
    """Row numbers. `search` is the part of `development` that candidates are compared on; `folds` divide it.

    Each fold is (rows to fit on, rows to score on).
    """

    development: Index
    held_out: Index
    search: Index
    folds: tuple[tuple[Index, Index], ...]

    @property
    def is_sampled(self) -> bool:
        return len(self.search) < len(self.development)


def split_rows(
    target: Target, *, seed: int, holdout_share: float, n_folds: int, max_search_rows: int | None = None
) -> Split:
    """A split that keeps the shares of classes (or of the target's quantiles) equal in every part."""
    rng = np.random.default_rng(seed)
    strata = strata_of(target)
    rows = np.arange(len(strata))
    n_held_out = min(max(MIN_HELD_OUT, round(len(rows) * holdout_share)), MAX_HELD_OUT)
    is_held_out = _parts(strata, math.ceil(len(rows) / n_held_out), rng) == 0
    development = rows[~is_held_out]
    search = development
    if max_search_rows is not None and max_search_rows < len(development):
        part = _parts(strata[development], math.ceil(len(development) / max_search_rows), rng)
        search = development[part == 0]
    part = _parts(strata[search], n_folds, rng)
    folds = tuple((search[part != fold], search[part == fold]) for fold in range(n_folds))
    return Split(development, rows[is_held_out], search, folds)


def strata_of(target: Target) -> Index:
    """The class of each row, or the tenth of the target that it lies in."""
    if target.task.is_classification:
        return np.asarray(target.y, np.intp)
    edges = np.unique(np.quantile(target.y, np.linspace(0.1, 0.9, 9)))
    return np.searchsorted(edges, target.y).astype(np.intp)


def _parts(strata: Index, n_parts: int, rng: np.random.Generator) -> Index:
    """A part number for each row, dealt like cards within each stratum, going on where the last one ended."""
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    deal = np.concatenate([rng.permutation(n_parts) for _ in range(math.ceil(len(order) / n_parts))])
    part = np.empty(len(order), np.intp)
    part[order] = deal[: len(order)]
    return part
