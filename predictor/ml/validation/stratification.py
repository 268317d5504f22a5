"""Deal rows into parts of equal size and equal shares of each stratum, like cards; also in whole groups."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Index = NDArray[np.intp]
# The largest groups are placed one by one (5 µs each), where they are missed most; the rest are dealt.
MAX_PLACED = 20_000


def deal_rows(strata: Index, n_parts: int, rng: np.random.Generator) -> Index:
    """A part number for each row, dealt like cards within each stratum, going on where the last one ended."""
    order = rng.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    deal = np.concatenate([rng.permutation(n_parts) for _ in range(math.ceil(len(order) / n_parts))])
    part = np.empty(len(order), np.intp)
    part[order] = deal[: len(order)]
    return part


def deal_groups(strata: Index, together: Index, n_parts: int, rng: np.random.Generator) -> Index:
    """A part number for each row, the same for all rows of a group; n log n.

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
        part[rest] = _shuffled_deal(np.full(n_parts, len(rest) / n_parts), len(rest), rng)
        totals += np.bincount(part[rest], weights=sizes[rest], minlength=n_parts)
    single = single[np.argsort(stratum[single], kind="stable")]
    wanted = np.maximum(len(strata) / n_parts - totals, 0)
    part[single] = _shuffled_deal(wanted, len(single), rng)
    return part[group]


def _place(part: Index, groups: Index, sizes: Index, stratum: Index, n_parts: int) -> NDArray[np.float64]:
    """Each group, largest first, into the part that has least of its stratum and least of all; the sizes."""
    n_strata = int(stratum.max()) + 1
    loads, totals = np.zeros((n_strata, n_parts)), np.zeros(n_parts)
    for number in groups.tolist():
        here = loads[stratum[number]]
        chosen = int(np.argmin(totals + n_strata * here))
        part[number] = chosen
        here[chosen] += sizes[number]
        totals[chosen] += sizes[number]
    return totals


def _shuffled_deal(wanted: NDArray[np.float64], n: int, rng: np.random.Generator) -> Index:
    """Part numbers for n cards in turn, each part coming as often as it wants, evenly spread."""
    if not n:
        return np.empty(0, np.intp)
    wanted = wanted if wanted.sum() > 0 else np.ones_like(wanted)
    ends = np.rint(np.cumsum(wanted) / wanted.sum() * n).astype(np.intp)
    counts = np.diff(ends, prepend=0)
    label = np.repeat(np.arange(len(wanted)), counts)
    place = np.concatenate([(np.arange(count) + rng.random(count)) / max(count, 1) for count in counts])
    return label[np.argsort(place, kind="stable")]
