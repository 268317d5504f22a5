from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from predictor.errors import Busy, InvalidInput, NotFound
from predictor.ml.row_queries import row_pages
from predictor.ml.types.row_query import RowQuery
from predictor.models import Dataset, Workspace
from predictor.services.datasets import datasets, readings, rows
from predictor.services.process import turn

from .uploads import load

CSV = "n,colour,note\n" + "".join(f"{i},{'red' if i % 3 else 'blue'},note {i}\n" for i in range(200))


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return load(workspace, CSV.encode())


def query(dataset: Dataset, **params: str) -> RowQuery:
    return RowQuery.parse({name.replace("__", "."): [text] for name, text in params.items()}, dataset.schema)


def numbers(
    dataset: Dataset, *, page: int = 1, size: int = 50, **params: str
) -> tuple[list[int], int | None]:
    shown = rows.page_of(dataset=dataset, query=query(dataset, **params), positions=[0], page=page, size=size)
    return [row.number for row in shown.rows], shown.n_matching


def test_pages_follow_each_other(dataset: Dataset) -> None:
    first, second, last = (numbers(dataset, page=page, size=80, c1__min="50")[0] for page in (1, 2, 3))

    assert first + second + last == list(range(51, 201))
    assert numbers(dataset, c2__in="blue")[1] == 67
    assert numbers(dataset) == (list(range(1, 51)), 200)


def test_a_count_is_kept_until_the_reading_changes(dataset: Dataset, monkeypatch: Any) -> None:
    assert numbers(dataset, c1__min="150")[1] == 50
    monkeypatch.setattr(row_pages, "count_within", lambda *args: None)

    assert numbers(dataset, c1__min="150", sort="-c1") == (list(range(200, 150, -1)), 50)

    readings.change_reading(
        dataset=dataset, column="colour", reading={"kind": "text", "missing": ["blue"]}, by=None
    )
    monkeypatch.undo()
    assert numbers(dataset, c2__missing="yes")[1] == 67


def test_a_page_is_shown_where_counting_takes_too_long(dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.setattr(row_pages, "count_within", lambda *args: None)

    assert numbers(dataset, c1__min="170") == (list(range(171, 201)), None)


def test_the_most_frequent_values_come_with_their_counts(dataset: Dataset) -> None:
    found = rows.facets_of(dataset=dataset, query=query(dataset, c1__max="98"), position=1)

    assert [(each.value, each.count) for each in found] == [("red", 66), ("blue", 33)]


def test_one_page_is_read_at_once(dataset: Dataset, monkeypatch: Any) -> None:
    monkeypatch.setattr(turn, "WAIT_SECONDS", 0.01)

    with rows._page_turn, pytest.raises(Busy):
        numbers(dataset)

    assert numbers(dataset)[1] == 200


def test_a_file_is_gone_when_it_is_closed(dataset: Dataset, settings: Any) -> None:
    before = sorted(Path(settings.WORK_DIR).iterdir())
    with rows.open_file(dataset=dataset, query=query(dataset, rows="3,5"), positions=[1], kind="csv") as file:
        assert sorted(Path(settings.WORK_DIR).iterdir()) == before
        assert file.read() == b"row,colour\r\n3,red\r\n5,red\r\n"


def test_what_cannot_be_given_is_refused(dataset: Dataset) -> None:
    with pytest.raises(InvalidInput, match="csv or xlsx"):
        rows.open_file(dataset=dataset, query=RowQuery(), positions=[0], kind="exe")
    with pytest.raises(InvalidInput, match="1 to 500 rows"):
        numbers(dataset, size=501)


def test_rows_that_were_removed_are_not_found(dataset: Dataset) -> None:
    datasets.delete(dataset=dataset, by=None, keep_metadata=True)

    with pytest.raises(NotFound, match="was removed"):
        numbers(dataset)
    with pytest.raises(NotFound, match="was removed"):
        rows.open_file(dataset=dataset, query=RowQuery(), positions=[0], kind="csv")
    with pytest.raises(NotFound, match="was removed"):
        rows.facets_of(dataset=dataset, query=RowQuery(), position=0)
