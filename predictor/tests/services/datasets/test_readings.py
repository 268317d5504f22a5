from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from predictor.errors import Busy, Conflict, InvalidInput, LosesCells, NotFound
from predictor.ml.types.reading import ValueKind
from predictor.ml.types.schema import Role
from predictor.models import Dataset, ReadingChange, User, Workspace
from predictor.services import artifacts
from predictor.services.datasets import datasets, readings
from predictor.services.process import turn
from predictor.services.training import training_job

from .uploads import a_run, load

# 40 rows: amounts with the word "offen 1" in ten of them, and answers of two words.
CSV = "betrag;antwort;x\n" + "".join(
    f"{'offen 1' if row % 4 == 0 else f'{row},5'};{('ja', 'nein')[row % 2]};{row * 7 % 31}\n"
    for row in range(40)
)
AS_NUMBERS = {"kind": "number", "decimal": ","}


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return load(workspace, CSV.encode())


@pytest.fixture
def change(dataset: Dataset, member: User) -> Callable[..., ReadingChange]:
    def change(reading: Any = AS_NUMBERS, *, column: str = "betrag", **more: Any) -> ReadingChange:
        return readings.change_reading(dataset=dataset, column=column, reading=reading, by=member, **more)

    return change


def test_a_change_is_stored_with_who_made_it_and_the_file_stays(
    dataset: Dataset, change: Callable[..., ReadingChange], member: User
) -> None:
    before = dataset.schema["betrag"]

    made = change()

    dataset.refresh_from_db()
    column = Dataset.objects.get().schema["betrag"]
    assert (made.number, made.column, made.created_by, made.before, made.after) == (
        1,
        "betrag",
        member,
        before,
        column,
    )
    assert (before.role, column.role, column.n_missing) == (Role.CATEGORICAL, Role.NUMERIC, 10)
    assert (column.minimum, column.maximum) == (1.5, 39.5)
    with datasets.open_original(dataset) as file:
        assert file.read() == CSV.encode()
    assert artifacts.exists(dataset.parquet_digest)


def test_the_warnings_of_the_dataset_follow(dataset: Dataset, change: Callable[..., ReadingChange]) -> None:
    first = list(dataset.warnings)

    change()
    changed = list(Dataset.objects.get().warnings)
    readings.undo_change(dataset=dataset, number=1, by=None)

    assert any(
        "10 of 40 cells cannot be read so and became missing: “offen 1”" in str(each) for each in changed
    )
    assert not any("Mixed" in str(each) for each in changed)
    assert Dataset.objects.get().warnings == first


def test_a_preview_stores_nothing_and_says_what_would_be_lost(dataset: Dataset) -> None:
    shown = readings.preview_reading(dataset=dataset, column="betrag", reading=AS_NUMBERS)

    assert shown.evidence is not None
    assert (shown.n_newly_missing, shown.evidence.n_unreadable, shown.refusal) == (10, 10, "")
    assert not ReadingChange.objects.exists()
    assert Dataset.objects.get().schema["betrag"].reading is None


def test_a_change_that_loses_too_many_cells_is_refused_until_it_is_allowed(
    dataset: Dataset, change: Callable[..., ReadingChange]
) -> None:
    with pytest.raises(LosesCells) as caught:
        change(max_lost_share=0.2)

    assert "10 of 40 cells of “betrag”" in caught.value.message
    assert "“offen 1”" in caught.value.message
    assert Dataset.objects.get().schema["betrag"].reading is None
    shown = readings.preview_reading(dataset=dataset, column="betrag", reading=AS_NUMBERS, max_lost_share=0.2)
    assert shown.refusal == caught.value.message
    assert change(max_lost_share=0.25).number == 1


def test_a_word_that_means_missing_is_not_lost(change: Callable[..., ReadingChange]) -> None:
    column = change({**AS_NUMBERS, "missing": ["offen 1"]}, max_lost_share=0).after

    assert column.evidence is not None
    assert (column.n_missing, column.evidence.n_words, column.evidence.n_unreadable) == (10, 10, 0)


def test_undoing_brings_the_column_back_and_keeps_both_changes(
    dataset: Dataset, change: Callable[..., ReadingChange], member: User
) -> None:
    before = dataset.schema["betrag"]
    change()

    undo = readings.undo_change(dataset=dataset, number=1, by=member)

    assert Dataset.objects.get().schema["betrag"] == before
    assert [(each.number, each.undoes_id is not None) for each in readings.changes_of(dataset)] == [
        (2, True),
        (1, False),
    ]
    assert readings.changes_of(dataset)[1].undone_at == undo.created_at


def test_changes_of_a_column_are_undone_from_the_newest(
    dataset: Dataset, change: Callable[..., ReadingChange]
) -> None:
    first = dataset.schema
    change()
    change({"kind": "text", "role": "categorical"})
    change({"kind": "boolean"}, column="antwort")

    with pytest.raises(Conflict, match="undo change 2 first"):
        readings.undo_change(dataset=dataset, number=1, by=None)
    for number in (2, 1, 3):
        readings.undo_change(dataset=dataset, number=number, by=None)

    assert Dataset.objects.get().schema == first


@pytest.mark.parametrize("number", [1, 2])
def test_a_change_is_undone_once_and_an_undo_never(
    dataset: Dataset, change: Callable[..., ReadingChange], number: int
) -> None:
    change()
    readings.undo_change(dataset=dataset, number=1, by=None)

    with pytest.raises(Conflict):
        readings.undo_change(dataset=dataset, number=number, by=None)


def test_an_unknown_change_and_deleted_data_are_not_found(
    dataset: Dataset, change: Callable[..., ReadingChange]
) -> None:
    with pytest.raises(NotFound, match="no change 9"):
        readings.undo_change(dataset=dataset, number=9, by=None)
    datasets.delete(dataset=dataset, by=None, keep_metadata=True)
    with pytest.raises(NotFound):
        change()


def test_a_change_on_an_old_look_at_the_column_is_refused(
    dataset: Dataset, change: Callable[..., ReadingChange], member: User
) -> None:
    other_tab = Dataset.objects.get()
    assert other_tab.schema["betrag"].reading is None
    change()

    with pytest.raises(Conflict, match="by somebody else"):
        readings.change_reading(
            dataset=other_tab, column="betrag", reading={"kind": "text", "role": "text"}, by=member
        )


def test_the_same_reading_again_is_refused(change: Callable[..., ReadingChange]) -> None:
    change()

    with pytest.raises(Conflict, match="read so already"):
        change()


def test_truth_values_of_two_words_are_proposed_and_read(
    dataset: Dataset, change: Callable[..., ReadingChange]
) -> None:
    found = readings.reading_of(dataset=dataset, column="antwort")

    assert found.column.role is Role.CATEGORICAL
    assert [each.reading.kind for each in found.proposals] == [ValueKind.BOOLEAN]
    assert change({"kind": "boolean"}, column="antwort").after.role is Role.BOOLEAN


def test_a_run_reads_the_columns_as_they_were_when_it_was_started(
    dataset: Dataset, change: Callable[..., ReadingChange]
) -> None:
    first = dataset.schema
    before = a_run(dataset)
    change()
    change({"kind": "boolean"}, column="antwort")
    readings.undo_change(dataset=dataset, number=1, by=None)
    before.dataset.refresh_from_db()

    assert training_job.request_of(before).schema == first
    before.n_reading_changes = 2
    then = training_job.request_of(before).schema
    assert (then["betrag"].role, then["antwort"].role) == (Role.NUMERIC, Role.BOOLEAN)


def test_an_unknown_column_is_refused(change: Callable[..., ReadingChange]) -> None:
    with pytest.raises(InvalidInput, match="no column “missing”"):
        change(column="missing")


def test_one_column_is_read_at_once_and_others_are_told_to_come_again(
    dataset: Dataset, member: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "WAIT_SECONDS", 0.01)
    calls = [
        lambda: readings.reading_of(dataset=dataset, column="betrag"),
        lambda: readings.preview_reading(dataset=dataset, column="betrag", reading={"kind": "number"}),
        lambda: readings.change_reading(
            dataset=dataset, column="betrag", reading={"kind": "number"}, max_lost_share=1, by=member
        ),
    ]
    with readings._turn:
        for call in calls:
            with pytest.raises(Busy, match="Another column is being read"):
                call()

    for call in calls:
        call()
