"""How a training run begins: modules loaded early, and how many rows the budget allows to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..tables.column_readings import with_readings
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning

# Needed at the end. Loaded before the first fork, every child has them, and what they cost is known by then.
LOADED_EARLY = ("onnxruntime", "onnx", "skops.io")
MIN_SEARCH_ROWS = 1_000
# Rows read at most, for each second of the budget: reading and the final fit must not eat it.
ROWS_READ_PER_SECOND = 50_000


def rows_to_read(request: TrainingRequest) -> int | None:
    """How many rows the budget has time for; None for all of them."""
    max_rows = max(MIN_SEARCH_ROWS, int(request.budget_seconds * ROWS_READ_PER_SECOND))
    return max_rows if request.schema.n_rows > max_rows else None


def with_role_readings(
    request: TrainingRequest, names: Sequence[str]
) -> tuple[TrainingRequest, list[TrainingWarning]]:
    """The request with a reading for each text column that is used as numbers, dates or truth values; what is lost.

    Raises LosesCells when a role would empty more cells than the request allows.
    """
    table, readings = with_readings(request.parquet, request.table, names)
    for each in readings:
        each.check(request.max_lost_share)
    warnings = [TrainingWarning(text, each.column) for each in readings for text in each.sentences]
    return (replace(request, schema=table), warnings) if readings else (request, [])
