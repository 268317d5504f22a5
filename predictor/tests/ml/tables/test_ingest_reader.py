from __future__ import annotations

from dataclasses import replace

import pytest

from predictor.errors import InfiniteNumbers, InvalidTable, RaggedRows, TooLarge
from predictor.ml.tables import ingest_reader

from ..imported_tables import LIMITS, PEOPLE, Read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n", "no rows"),
        (b"a,b", "no rows"),
        (b"a,b\n\n\n", "no rows"),
        (b"a\n\n\n", "no rows"),
    ],
)
def test_it_refuses_a_file_without_rows(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        read(content)


def test_a_late_value_in_an_empty_column_is_typed(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", 2)
    imported = read("a,b\n,1\n,2\n,3\n7,4\n")
    assert imported.storages["a"] == "BIGINT"


@pytest.mark.parametrize("header", ["a,b", "a,b,", "a,b,,"])
def test_delimiters_at_the_end_of_lines_make_no_column(read: Read, header: str) -> None:
    assert read(f'{header}\n1,x,\n2,y,,\n3,,""\n').rows == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "y"},
        {"a": 3, "b": None},
    ]


def test_a_cell_beyond_the_header_is_refused_beside_such_lines(read: Read) -> None:
    with pytest.raises(RaggedRows, match="row 2 has 3 cells"):
        read("a,b\n1,x,\n2,y,z\n3,x,\n")


INFINITE = "a,b\n1,2\n2,inf\n3,1e400\n4,-Infinity\n5,6\n"


@pytest.mark.parametrize("n_sampled", [1, 100])
def test_it_refuses_infinite_numbers_with_row_and_column(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)
    with pytest.raises(InfiniteNumbers, match=r"row 2 of “b”, row 3 of “b”, row 4 of “b”") as caught:
        read(INFINITE)
    assert [problem.pointer for problem in caught.value.problems] == ["b", "b", "b"]


@pytest.mark.parametrize("n_sampled", [1, 100])
def test_it_takes_infinite_numbers_as_missing_when_asked(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)
    imported = read(INFINITE, infinite_as_missing=True)
    assert [row["b"] for row in imported.rows] == [2, None, None, None, 6]
    assert "3 infinite values taken as missing" in imported.warnings


def test_the_word_inf_in_a_text_column_is_text(read: Read) -> None:
    assert [row["b"] for row in read("a,b\n1,2\n2,inf\n3,abc\n").rows] == ["2", "inf", "abc"]


def test_a_column_that_is_empty_in_the_sample_is_counted_over_all_rows(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", 2)

    imported = read("a,b,c\n,1,\n,2,\n7,3,\n0.5,4,\n")

    assert imported.storages == {"a": "DOUBLE", "b": "BIGINT", "c": "VARCHAR"}
    assert [row["a"] for row in imported.rows] == [None, None, 7.0, 0.5]
    assert "“c”: Every cell is missing." in imported.warnings


@pytest.mark.parametrize("n_sampled", [2, 100])
def test_words_for_missing_values_are_counted_over_all_rows(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)

    imported = read("a,b\nNA,x\n1,y\n2,z\nnull,z\n")

    assert [row["a"] for row in imported.rows] == [None, 1, 2, None]
    assert "“a”: 2 cells with a word such as NA or null: taken as missing." in imported.warnings


def test_the_first_five_infinite_numbers_are_named_in_the_order_of_rows(read: Read) -> None:
    with pytest.raises(
        InvalidTable, match="row 1 of “a”, row 1 of “b”, row 2 of “a”, row 3 of “a”, row 4 of “a” and 4 more"
    ):
        read("a,b\n" + "inf,inf\n" + "inf,1\n" * 7 + "1,1\n")


def test_a_single_column_may_have_blank_lines(read: Read) -> None:
    assert read("a\n1\n\n2\n\n").rows == [{"a": 1}, {"a": 2}]


def test_a_table_that_needs_more_memory_than_the_limit_is_refused(read: Read) -> None:
    with pytest.raises(TooLarge, match="more memory than imports may take") as refusal:
        read(PEOPLE, replace(LIMITS, memory_mb=1))

    assert refusal.value.limit == 1


def test_what_the_database_cannot_read_is_refused_without_its_message(read: Read) -> None:
    with pytest.raises(InvalidTable, match=r"^The file cannot be read as CSV. Check its quotes"):
        read('sep="\na"b\n1"2\n')
