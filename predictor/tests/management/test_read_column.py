from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from predictor.models import Dataset, ReadingChange, Workspace
from predictor.tests.services.datasets.uploads import load

TABLE = "betrag;y\n" + "".join(f"{'offen 1' if row % 4 == 0 else f'{row},5'};{row}\n" for row in range(40))


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return load(workspace, TABLE.encode())


def run(dataset: Dataset, *options: str, column: str = "betrag") -> str:
    out = io.StringIO()
    call_command("read_column", str(dataset.pk), column, *options, "--workspace", "acme", stdout=out)
    return out.getvalue()


def test_a_column_is_shown_with_what_it_could_be(dataset: Dataset) -> None:
    text = run(dataset)

    assert "“betrag” (categorical) is read as it is stored." in text
    assert "It could also be read as numbers, decimal mark “,” (10 cells unreadable)." in text


def test_a_dry_run_stores_nothing(dataset: Dataset) -> None:
    text = run(dataset, "--kind", "number", "--max-lost-share", "0.1", "--dry-run")

    assert "10 cells would become missing. 10 of 40 cells of “betrag”" in text
    assert "'offen 1' → missing (10 cells)" in text
    assert not ReadingChange.objects.exists()


def test_a_change_is_stored_and_undone(dataset: Dataset) -> None:
    made = run(dataset, "--kind", "number", "--decimal", ",", "--missing", "offen 1", "--max-lost-share", "0")
    changed = Dataset.objects.get().schema["betrag"]
    undone = run(dataset, "--undo", "1")

    assert "Change 1 is stored; --undo 1 takes it back." in made
    assert "30 cells read, 10 missing, 0 unreadable (certain)." in made
    assert changed.minimum == 1.5
    assert "change 1 is undone" in undone
    assert Dataset.objects.get().schema == dataset.schema


@pytest.mark.parametrize(
    ("column", "options", "sentence"),
    [
        ("betrag", ["--kind", "number", "--max-lost-share", "0.1"], "10 of 40 cells"),
        ("none", [], "no column “none”"),
        ("y", ["--kind", "number"], "Only text has a reading"),
        ("betrag", ["--undo", "3"], "no change 3"),
    ],
)
def test_a_refusal_is_the_sentence_of_the_service(
    dataset: Dataset, column: str, options: list[str], sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(dataset, *options, column=column)


def test_a_dataset_of_another_workspace_is_not_there(dataset: Dataset, other_workspace: Workspace) -> None:
    with pytest.raises(CommandError, match="no dataset"):
        call_command("read_column", str(dataset.pk), "betrag", "--workspace", other_workspace.slug)
