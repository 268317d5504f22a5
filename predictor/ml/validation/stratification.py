"""Stratified parts: divide rows, or whole groups, into parts of equal size with equal shares of each stratum."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]
# The largest groups are placed one by one (5 µs each), into the emptiest part; the rest in turn.
MAX_PLACED = 20_000


def stratified_parts(strata: Index, n_parts: int, rng: np.random.Generator) -> Index:
    """A stratified part number for each row: in turn (round-robin) within a stratum, and on into the next one."""
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    numbers = np.concatenate([rng.permutation(n_parts) for _ in range(math.ceil(len(order) / n_parts))])
    part = np.empty(len(order), np.intp)
    part[order] = numbers[: len(order)]
    return part


def stratified_group_parts(strata: Index, together: Index, n_parts: int, rng: np.random.Generator) -> Index:
    """A stratified part number for each row, the same for all rows of a group; takes n log n.

    A group counts for the stratum of its middle row. There are no more parts than groups.
    """
    _, group = np.unique(together, return_inverse=True)
    sizes = np.bincount(group)
    n_parts = min(n_parts, len(sizes))
    order = np.lexsort((strata, group))
    stratum = strata[order[np.cumsum(sizes) - sizes + sizes // 2]]
    shuffled = rng.permutation(len(sizes))
    by_size = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    several, single = by_size[sizes[by_size] > 1], by_size[sizes[by_size] == 1]
    part = np.empty(len(sizes), np.intp)
    totals = _place(part, several[:MAX_PLACED], sizes, stratum, n_parts)
    rest = several[MAX_PLACED:]
    if len(rest):
        rest = rest[np.argsort(stratum[rest], kind="stable")]
        part[rest] = _spread_parts(np.full(n_parts, len(rest) / n_parts), len(rest), rng)
        totals += np.bincount(part[rest], weights=sizes[rest], minlength=n_parts)
    single = single[np.argsort(stratum[single], kind="stable")]
    wanted_sizes = np.maximum(len(strata) / n_parts - totals, 0)
    part[single] = _spread_parts(wanted_sizes, len(single), rng)
    return part[group]


def _place(part: Index, groups: Index, sizes: Index, stratum: Index, n_parts: int) -> NDArray[np.float64]:
    """Greedy: each group, largest first, into the part with least of its stratum and in all; the part sizes."""
    n_strata = int(stratum.max()) + 1
    loads, totals = np.zeros((n_strata, n_parts)), np.zeros(n_parts)
    for number in groups.tolist():
        stratum_loads = loads[stratum[number]]
        best_part = int(np.argmin(totals + n_strata * stratum_loads))
        part[number] = best_part
        stratum_loads[best_part] += sizes[number]
        totals[best_part] += sizes[number]
    return totals


def _spread_parts(wanted_sizes: NDArray[np.float64], n: int, rng: np.random.Generator) -> Index:
    """Part numbers for n items: each part as often as its share of `wanted_sizes`, evenly spread with jitter."""
    if not n:
        return np.empty(0, np.intp)
    wanted_sizes = wanted_sizes if wanted_sizes.sum() > 0 else np.ones_like(wanted_sizes)
    ends = np.rint(np.cumsum(wanted_sizes) / wanted_sizes.sum() * n).astype(np.intp)
    counts = np.diff(ends, prepend=0)
    parts = np.repeat(np.arange(len(wanted_sizes)), counts)
    positions = np.concatenate([(np.arange(count) + rng.random(count)) / max(count, 1) for count in counts])
    return parts[np.argsort(positions, kind="stable")]
