"""Mini-batches of nearly equal size for neural networks.

scikit-learn's networks take mini-batches of 200 rows and divide the penalty by the rows of the batch. With 802 rows,
the last batch holds two, and once in each epoch the penalty is a hundred times as strong: a network that was good on
800 rows is bad on 802. Equal batches give the same network for nearly the same rows.
"""

from __future__ import annotations

import math
from typing import Any

# The largest batch; scikit-learn's default.
LARGEST_BATCH = 200
# The last batch holds at least this share of the others.
FULL_ENOUGH = 0.9


def even_batch_size(n_rows: int) -> int:
    """Rows per mini-batch, at most LARGEST_BATCH, so that the last batch is nearly as large as the others."""
    if n_rows <= LARGEST_BATCH:
        return max(n_rows, 1)
    size = math.ceil(n_rows / math.ceil(n_rows / LARGEST_BATCH))
    return next(each for each in range(size, 0, -1) if -n_rows % each <= each * (1 - FULL_ENOUGH))


def set_even_batches(network: Any, n_rows: int) -> None:
    """Set the batch size of an unfitted MLPClassifier or MLPRegressor for this number of rows.

    The penalty is scaled so that a step takes as much of it as with batches of LARGEST_BATCH rows.
    """
    size = even_batch_size(n_rows)
    network.set_params(batch_size=size)
    if n_rows > LARGEST_BATCH:
        network.set_params(alpha=network.alpha * size / LARGEST_BATCH)
