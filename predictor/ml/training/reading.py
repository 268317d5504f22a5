"""How a training run begins: modules loaded early, and how many rows the budget allows to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ...errors import quoted
from ..tables.role_readings import with_readings
from ..types.schema import ColumnProfile
from ..types.spellings import in_numbers
from ..types.training_request import TrainingRequest
from ..types.warnings import TrainingWarning

# Needed at the end. Loaded before the first fork, every child has them, and what they cost is known by then.
LOADED_EARLY = ("onnxruntime", "onnx", "skops.io")
MIN_SEARCH_ROWS = 1_000
# Rows read at most, for each second of the budget: reading and the final fit must not eat it.
ROWS_READ_PER_SECOND = 50_000
# A table can have a thousand columns; all of them are named when it is imported.
MAX_CATEGORY_WARNINGS = 10


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
    warnings += _category_warnings(request, names)
    return (replace(request, schema=table), warnings) if readings else (request, warnings)


def _category_warnings(request: TrainingRequest, names: Sequence[str]) -> list[TrainingWarning]:
    """Categories that may be one, and words that may mean missing: the target's, then those of the first features."""
    columns = {each.name: each for each in request.table.columns if each.name in set(names)}
    target = columns.pop(request.target, None)
    warnings = [] if target is None else [TrainingWarning(text, target.name) for text in _of_target(target)]
    told = [TrainingWarning(text, each.name) for each in columns.values() for text in _of_feature(each)]
    return warnings + told[:MAX_CATEGORY_WARNINGS]


def _of_target(column: ColumnProfile) -> Iterator[str]:
    proposal = column.proposal
    if proposal.joined:
        yield (
            f"Classes of the target {quoted(column.name)} differ only {proposal.differences}: {proposal.groups}. "
            "They were learnt as different classes; train again with their spellings joined to make them one."
        )
    if proposal.missing:
        yield (
            f"Classes of the target {quoted(column.name)} may mean missing: {in_numbers(proposal.missing)}. They "
            "were learnt as classes; train again with these words taken as missing to leave their rows out."
        )


def _of_feature(column: ColumnProfile) -> Iterator[str]:
    proposal = column.proposal
    if proposal.joined:
        yield (
            f"Categories of {quoted(column.name)} differ only {proposal.differences}: {proposal.groups}. "
            "They were kept apart."
        )
    if proposal.missing:
        yield (
            f"Categories of {quoted(column.name)} may mean missing: {in_numbers(proposal.missing)}. "
            "They were kept as categories."
        )
