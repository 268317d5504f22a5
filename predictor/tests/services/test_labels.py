from __future__ import annotations

import pytest

from predictor.errors import InvalidInput
from predictor.models import Dataset, Workspace
from predictor.models.labels import has_tag
from predictor.services import labels
from predictor.tests.web.tables import bare_dataset


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return bare_dataset(workspace)


def test_only_what_is_given_changes(dataset: Dataset) -> None:
    assert labels.change(dataset, note="From the shop.\r\nWeekly.", tags=["Raw", "2026 ", "raw"]) == [
        "note",
        "tags",
    ]

    dataset.refresh_from_db()
    assert dataset.name == "Table 1"
    assert dataset.note == "From the shop.\nWeekly."
    assert dataset.tag_list == ["2026", "raw"]
    assert labels.change(dataset) == []


def test_a_name_is_one_line_without_invisible_characters(dataset: Dataset) -> None:
    labels.change(dataset, name="  Cus\u202etomers\n 2026 ")

    assert dataset.name == "Customers 2026"


@pytest.mark.parametrize(
    "change",
    [
        {"name": " "},
        {"name": "x" * 201},
        {"note": "x" * 2_001},
        {"tags": ["x" * 31]},
        {"tags": ["a|b"]},
        {"tags": [str(number) for number in range(11)]},
    ],
)
def test_what_is_too_long_or_malformed_is_refused(dataset: Dataset, change: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        labels.change(dataset, **change)

    dataset.refresh_from_db()
    assert (dataset.name, dataset.note, dataset.tags) == ("Table 1", "", "")


def test_rows_are_found_by_a_whole_tag_only(dataset: Dataset) -> None:
    labels.change(dataset, tags=["raw data"])

    assert Dataset.objects.filter(has_tag("raw data")).exists()
    assert not Dataset.objects.filter(has_tag("raw")).exists()
    assert labels.tags_in(Dataset.objects.all()) == ["raw data"]


def test_all_tags_can_be_taken_away(dataset: Dataset) -> None:
    labels.change(dataset, tags=["raw"])
    labels.change(dataset, tags=[""])

    assert dataset.tags == ""
