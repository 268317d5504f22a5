from __future__ import annotations

import pytest

from predictor.errors import InvalidTable
from predictor.ml.tables import ingest_reader

from .imported_tables import Read


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


INFINITE = "a,b\n1,2\n2,inf\n3,1e400\n4,-Infinity\n5,6\n"


@pytest.mark.parametrize("n_sampled", [1, 100])
def test_it_refuses_infinite_numbers_with_row_and_column(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)
    with pytest.raises(InvalidTable, match=r"row 2 of “b”, row 3 of “b”, row 4 of “b”") as caught:
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
