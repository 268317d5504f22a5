"""How the columns of a dataset are read: shown, tried, changed, undone. The uploaded file stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from ...errors import Conflict, LosesCells, NotFound, quoted
from ...ml.types.reading_choice import ReadingChoice, checked_share
from ...ml.types.reading_evidence import ReadingEvidence, lost_cells
from ...ml.types.schema import ColumnProfile, TableSchema
from ...models import Dataset, ReadingChange
from .. import artifacts
from ..process.turn import Turn
from .stored_data import needs_data

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from ...ml.tables.reading_changes import ColumnReading
    from ...models import User

Choice = ReadingChoice | Mapping[str, Any]
# A column of 400,000 different texts takes seconds that predictions would miss.
_turn = Turn("Another column is being read")


@dataclass(frozen=True)
class ReadingPreview:
    """What a change would do: the column as it is and as it would be. `refusal`: why it would be refused, or ""."""

    before: ColumnProfile
    after: ColumnProfile
    refusal: str

    @property
    def evidence(self) -> ReadingEvidence | None:
        return self.after.evidence

    @property
    def n_newly_missing(self) -> int:
        """Cells that have a value now and would be missing."""
        return max(self.after.n_missing - self.before.n_missing, 0)


def reading_of(*, dataset: Dataset, column: str) -> ColumnReading:
    """How a column is read now, with examples, and what else it could be.

    Raises NotFound, InvalidInput, TooLarge, Busy.
    """
    from ...ml.tables import reading_changes

    needs_data(dataset)
    with _turn:
        return reading_changes.reading_of(artifacts.path_of(dataset.parquet_digest), dataset.schema, column)


def preview_reading(
    *, dataset: Dataset, column: str, reading: Choice, max_lost_share: float | None = None
) -> ReadingPreview:
    """What a reading would make of the column; nothing is stored. Raises NotFound, InvalidInput, TooLarge, Busy."""
    from ...ml.tables import reading_changes

    needs_data(dataset)
    share, choice = checked_share(max_lost_share), _choice(reading)
    path = artifacts.path_of(dataset.parquet_digest)
    with _turn:
        after = reading_changes.column_read_as(path, dataset.schema, column, choice)
    refusal = _refusal(after, share)
    return ReadingPreview(dataset.schema[column], after, refusal.message if refusal else "")


def change_reading(
    *,
    dataset: Dataset,
    column: str,
    reading: Choice,
    max_lost_share: float | None = None,
    by: User | None,
) -> ReadingChange:
    """Read a column differently from now on. Runs and versions that were made before keep their reading.

    Raises LosesCells when more than `max_lost_share` of its filled cells would become missing, Conflict when the
    column was changed at the same time or is read so already, NotFound, InvalidInput, TooLarge, Busy.
    """
    from ...ml.tables import reading_changes

    needs_data(dataset)
    share, choice = checked_share(max_lost_share), _choice(reading)
    # Reading the column happens outside the transaction: it can take seconds and would hold the lock.
    before, path = dataset.schema, artifacts.path_of(dataset.parquet_digest)
    with _turn:
        after = reading_changes.column_read_as(path, before, column, choice)
    if refusal := _refusal(after, share):
        raise refusal
    if (after.reading, after.role) == (before[column].reading, before[column].role):
        raise Conflict(f"{quoted(column)} is read so already.")
    return _store(dataset, before[column], after, by=by)


def undo_change(*, dataset: Dataset, number: int, by: User | None) -> ReadingChange:
    """Undo a change of a reading: a new change that brings back the column as it was.

    Raises NotFound when there is no such change, Conflict when it is undone already or a later one is in force.
    """
    change = ReadingChange.objects.filter(dataset=dataset, number=number).select_related("undone_by").first()
    if change is None:
        raise NotFound(f"This dataset has no change {number}.")
    if change.undoes_id is not None:
        raise Conflict(f"Change {number} undid another one. Change the reading again instead.")
    if change.undone_at is not None:
        raise Conflict(f"Change {number} is undone already.")
    of_column = ReadingChange.objects.filter(dataset=dataset, column=change.column)
    if later := of_column.in_force().filter(number__gt=number).first():
        raise Conflict(f"{quoted(change.column)} was changed again: undo change {later.number} first.")
    return _store(dataset, change.after, change.before, by=by, undoes=change)


def changes_of(dataset: Dataset) -> QuerySet[ReadingChange]:
    """The changes of the dataset's readings, newest first."""
    rows = ReadingChange.objects.filter(dataset=dataset).order_by("-number")
    return rows.select_related("created_by", "undoes", "undone_by")


def _choice(reading: Choice) -> ReadingChoice:
    return reading if isinstance(reading, ReadingChoice) else ReadingChoice.from_json(reading)


def _refusal(after: ColumnProfile, max_lost_share: float) -> LosesCells | None:
    evidence = after.evidence
    if after.reading is None or evidence is None or evidence.lost_share <= max_lost_share:
        return None
    return lost_cells(
        after.name,
        after.reading.words,
        [each.text for each in evidence.unreadable],
        evidence.n_unreadable,
        evidence.n_filled,
        max_lost_share=max_lost_share,
    )


@transaction.atomic
def _store(
    dataset: Dataset,
    before: ColumnProfile,
    after: ColumnProfile,
    *,
    by: User | None,
    undoes: ReadingChange | None = None,
) -> ReadingChange:
    """Replace the column's profile and add the change. Raises Conflict when the column is not as it was."""
    locked = Dataset.objects.with_data().select_for_update().filter(pk=dataset.pk).first()
    if locked is None:
        raise NotFound("The data of this dataset was removed; only its description was kept.")
    if locked.schema[before.name] != before:
        raise Conflict(
            f"The reading of {quoted(before.name)} was changed by somebody else. Look at it again."
        )
    newest = ReadingChange.objects.filter(dataset=locked).order_by("-number").values_list("number", flat=True)
    change = ReadingChange.objects.create(
        dataset=locked,
        number=(newest.first() or 0) + 1,
        column=before.name,
        before_json=before.to_json(),
        after_json=after.to_json(),
        undoes=undoes,
        created_by=by,
    )
    locked.set_schema(_with_column(locked.schema, after))
    locked.warnings = _warnings(locked.warnings, before, after)
    locked.save(update_fields=["schema_json", "warnings"])
    dataset.set_schema(locked.schema)
    dataset.warnings = locked.warnings
    return change


def _with_column(schema: TableSchema, column: ColumnProfile) -> TableSchema:
    return replace(
        schema, columns=tuple(column if each.name == column.name else each for each in schema.columns)
    )


def _warnings(warnings: list[Any], before: ColumnProfile, after: ColumnProfile) -> list[Any]:
    """The dataset's warnings with those about this column replaced, in their place."""
    old = {f"{quoted(before.name)}: {text}" for text in before.warnings}
    new = [f"{quoted(after.name)}: {text}" for text in after.warnings]
    place = next((index for index, text in enumerate(warnings) if text in old), len(warnings))
    return [
        *(text for text in warnings[:place] if text not in old),
        *new,
        *(text for text in warnings[place:] if text not in old),
    ]
