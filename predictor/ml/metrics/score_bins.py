"""Bins of predicted numbers and probabilities: few fixed ones, so that counts of different times can be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

N_BINS = 20
# Inner edges for probabilities and other shares: twenty bins of equal width.
SHARE_EDGES: tuple[float, ...] = tuple(round(k / N_BINS, 2) for k in range(1, N_BINS))


def quantile_edges(reference: Sequence[float]) -> list[float]:
    """Inner edges of bins that hold about equally many of the reference's values, and of one bin beyond each end.

    An edge is a value that occurs, so that ties fall into one bin; at most N_BINS distinct values get a bin each. The
    first bin holds what is below the reference, the last what is above. Empty for a reference without finite values.
    """
    values = np.asarray(reference, dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    distinct = np.unique(values)
    if len(distinct) > N_BINS:
        shares = np.arange(1, N_BINS + 1) / N_BINS
        distinct = np.unique(np.quantile(values, shares, method="inverted_cdf"))
    below = np.nextafter(values.min(), -np.inf)
    return [float(edge) for edge in (below, *distinct)]


def bin_counts(edges: Sequence[float], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many values each of the len(edges) + 1 bins holds; a bin holds its upper edge."""
    return np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
