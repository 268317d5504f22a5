"""How a training run begins: modules loaded early, and how many rows the budget allows to read."""

from __future__ import annotations

from ..types.training_request import TrainingRequest

# Needed at the end. Loaded before the first fork, every child has them, and what they cost is known by then.
LOADED_EARLY = ("onnxruntime", "onnx", "skops.io")
MIN_SEARCH_ROWS = 1_000
# Rows read at most, for each second of the budget: reading and the final fit must not eat it.
ROWS_READ_PER_SECOND = 50_000


def rows_to_read(request: TrainingRequest) -> int | None:
    """How many rows the budget has time for; None for all of them."""
    max_rows = max(MIN_SEARCH_ROWS, int(request.budget_seconds * ROWS_READ_PER_SECOND))
    return max_rows if request.schema.n_rows > max_rows else None
