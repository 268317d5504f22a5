from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTable
from predictor.ml.csv_files.csv_dialect import Dialect
from predictor.ml.csv_files.csv_records import CsvRecords, open_records

COMMA = Dialect(",", ".", ("a", "b"))


@pytest.fixture
def small_cells() -> Iterator[None]:
    """The csv module refuses cells of more than ten characters."""
    limit = csv.field_size_limit(10)
    yield
    csv.field_size_limit(limit)


@contextmanager
def records_of(folder: Path, text: str, dialect: Dialect = COMMA) -> Iterator[CsvRecords]:
    path = folder / "table.csv"
    path.write_text(text, "utf-8", newline="")
    with open_records(path, dialect) as records:
        yield records


def test_the_header_and_the_lines_before_it_are_no_records(tmp_path: Path) -> None:
    dialect = Dialect(";", ".", ("a\nx", "b"), n_skipped_lines=2)

    with records_of(tmp_path, '\ufeffsep=;\r\n\r\n"a\nx";b\r\n1;2\r\n', dialect) as records:
        assert records.take(10, 100) == ([["1", "2"]], "")


def test_a_block_ends_at_its_number_of_records_and_blank_lines_are_none(tmp_path: Path) -> None:
    with records_of(tmp_path, 'a,b\n1,2\n\n"3\n",4\n\r\n5,6\n\n') as records:
        assert records.take(2, 100) == ([["1", "2"], ["3\n", "4"]], "")
        assert records.take(2, 100) == ([["5", "6"]], "")
        assert records.take(2, 100) == ([], "")


def test_a_block_ends_after_its_number_of_characters(tmp_path: Path) -> None:
    """A record is 4 characters with its line end, and the record that passes the limit is the last."""
    with records_of(tmp_path, "a,b\n" + "1,2\n" * 5) as records:
        assert [len(records.take(10, 8)[0]) for _ in range(3)] == [3, 2, 0]


def test_a_record_that_cannot_be_read_ends_its_block(tmp_path: Path, small_cells: None) -> None:
    with records_of(tmp_path, f"a,b\n1,2\n{'x' * 11},4\n5,6\n") as records:
        assert records.take(10, 100) == ([["1", "2"]], "field larger than field limit (10)")
        assert records.take(10, 100) == ([["5", "6"]], "")


def test_a_header_that_cannot_be_read_is_refused(tmp_path: Path, small_cells: None) -> None:
    with (
        pytest.raises(InvalidTable, match="Row 1 cannot be read as CSV: field larger"),
        records_of(tmp_path, f"{'x' * 11},b\n1,2\n"),
    ):
        pass


def test_the_bytes_read_grow_to_the_size_of_the_file(tmp_path: Path) -> None:
    text = "a,b\n" + "é,2\n" * 20_000

    with records_of(tmp_path, text) as records:
        records.take(1, 100)
        n_first = records.n_bytes_read
        records.take(100_000, 1 << 20)

        assert 0 < n_first < len(text.encode()) == records.n_bytes_read


CELLS = st.text('aé京,;"\r\n ', max_size=5)


@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=12), n_rows=st.integers(1, 5))
@settings(max_examples=50, deadline=None)
def test_what_the_csv_module_wrote_is_read_in_blocks(rows: list[tuple[str, str]], n_rows: int) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    raw = io.BytesIO(text.getvalue().encode())
    records = CsvRecords(raw, io.TextIOWrapper(raw, "utf-8", newline=""), COMMA)

    blocks = iter(lambda: records.take(n_rows, 1 << 20)[0], [])

    assert [tuple(record) for block in blocks for record in block] == rows
