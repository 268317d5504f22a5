from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTable, TooLarge
from predictor.ml.inputs import json_lines_rows
from predictor.ml.inputs.json_lines_rows import JsonLinesRows, looks_like_json_lines, write_json_lines
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

SIGNATURE = Signature(
    "y", Task.REGRESSION, (FeatureField("n", Role.NUMERIC), FeatureField("t", Role.TEXT, has_missing=True))
)
CHECKER = RowChecker(SIGNATURE)


def rows_of(folder: Path, content: bytes, **limits: int) -> JsonLinesRows:
    path = folder / "rows.jsonl"
    path.write_bytes(content)
    return JsonLinesRows(path, CHECKER, **{"max_rows": 100, "max_line_bytes": 10_000, **limits})


def only_chunk(folder: Path, content: bytes, **limits: int) -> BulkChunk:
    (chunk,) = rows_of(folder, content, **limits).bulk_chunks()
    return chunk


def test_valid_rows_become_columns_and_others_get_an_error(tmp_path: Path) -> None:
    chunk = only_chunk(tmp_path, b'\xef\xbb\xbf{"n": 1, "t": "\xc3\xa9"}\r\n\n{"n": "x"}\n  \n{"n": 2.5}')

    assert (chunk.first_row, chunk.n_rows, list(chunk.places)) == (1, 3, [0, 2])
    assert chunk.lines == ['{"n":1,"t":"é"}', '{"n":"x"}', '{"n":2.5}']
    assert chunk.inputs == ['{"n":1,"t":"é"}', '{"n":2.5}']
    assert chunk.columns["n"].tolist() == [1.0, 2.5]
    assert chunk.columns["t"].tolist() == ["é", None]
    assert {place: [each.code for each in notes] for place, notes in chunk.warnings.items()} == {
        2: ["missing"]
    }
    assert chunk.errors == {1: "Row 2, column “n”: “x” is not a number."}


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"[1]", "is not an object {column: value}"),
        (b"null", "is not an object {column: value}"),
        (b"{", "is not valid JSON: "),
        (b'{"n": NaN}', "is not valid JSON: "),
        (b'{"n": 1} {"n": 2}', "is not valid JSON: "),
        (b'{"t": "\xff"}', "is not valid JSON: "),
        (b'{"t": "\\ud800"}', "is not valid JSON: "),
        (b'{"n": 1, "n": 2}', "holds the name “n” twice"),
        (b'{"n": 1, "\\u006e": 2, "t": "a:b"}', "holds the name “n” twice"),
        (b'{"n": {"a": 1, "a": 2}}', "holds the name “a” twice"),
    ],
)
def test_an_unreadable_line_is_named_and_does_not_stop_the_reading(
    tmp_path: Path, line: bytes, error: str
) -> None:
    chunk = only_chunk(tmp_path, b'{"n": 1}\n\n' + line + b'\n{"n": 2}\n')

    assert (list(chunk.places), chunk.columns["n"].tolist()) == ([0, 2], [1.0, 2.0])
    assert chunk.lines[1] == "null"
    assert chunk.errors.keys() == {1}
    assert chunk.errors[1].startswith(f"Line 3 {error}")


@pytest.mark.parametrize("text", ['"a"', '"a:b"'])
def test_a_deeply_nested_line_does_not_stop_the_reading(tmp_path: Path, text: str) -> None:
    """The parser takes 1,024 levels; the json module, which writes them, fewer."""
    nested = "[" * 1_000 + "]" * 1_000

    chunk = only_chunk(tmp_path, f'{{"n": 1}}\n{{"n": {nested}, "t": {text}}}\n{{"n": 2}}\n'.encode())

    assert chunk.errors.keys() == {1}
    assert chunk.columns["n"].tolist() == [1.0, 2.0]


def test_a_colon_in_a_text_is_no_repeated_name(tmp_path: Path) -> None:
    chunk = only_chunk(tmp_path, b'{"n": 1, "t": "n: 1, n: 2"}\n')

    assert not chunk.errors
    assert chunk.columns["t"].tolist() == ["n: 1, n: 2"]


def test_a_line_is_cut_at_the_limit_and_the_next_line_is_read(tmp_path: Path) -> None:
    line = b'{"n": 1, "t": "%s"}' % (b"x" * 200_000)

    chunk = only_chunk(tmp_path, b'{"n": 1}\n' + line + b'\n{"n": 2}\n', max_line_bytes=9)

    assert chunk.errors == {1: "Line 2 is longer than 9 bytes."}
    assert chunk.columns["n"].tolist() == [1.0, 2.0]


def test_an_integer_beyond_64_bits_is_repeated_with_all_its_digits(tmp_path: Path) -> None:
    chunk = only_chunk(tmp_path, b'{"n": 18446744073709551615}\n')

    assert chunk.lines == ['{"n":18446744073709551615}']
    assert chunk.columns["n"].tolist() == [float(2**64)]


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf\n"])
def test_a_file_without_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InvalidTable, match="The file holds no rows"):
        list(rows_of(tmp_path, content).bulk_chunks())


def test_more_rows_than_the_limit_are_refused(tmp_path: Path) -> None:
    content = b'{"n": 1}\n\n' * 3

    assert only_chunk(tmp_path, content, max_rows=3).n_rows == 3
    with pytest.raises(TooLarge, match="A batch may hold 2 rows") as refusal:
        list(rows_of(tmp_path, content, max_rows=2).bulk_chunks())
    assert refusal.value.limit == 2


# --- Chunks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("skip", "first_rows"), [(0, [1, 3, 5]), (1, [2, 4]), (2, [3, 5]), (4, [5]), (5, []), (9, [])]
)
def test_chunks_go_on_after_the_skipped_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: int, first_rows: list[int]
) -> None:
    monkeypatch.setattr(json_lines_rows, "CHUNK_ROWS", 2)
    rows = rows_of(tmp_path, b"".join(b'\n{"n": %d}\n' % number for number in range(1, 6)))

    chunks = list(rows.bulk_chunks(skip=skip))

    assert [chunk.first_row for chunk in chunks] == first_rows
    assert [n for chunk in chunks for n in chunk.columns["n"].tolist()] == list(range(skip + 1, 6))
    assert rows.share_read == 1.0


def test_a_chunk_ends_after_its_number_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is 9 bytes with its line end, and the line that passes the limit is the last."""
    monkeypatch.setattr(json_lines_rows, "CHUNK_BYTES", 18)
    rows = rows_of(tmp_path, b'{"n": 1}\n' * 5)

    shares = [(chunk.n_rows, rows.share_read) for chunk in rows.bulk_chunks()]

    assert shares == [(3, pytest.approx(3 / 5)), (2, 1.0)]


def test_the_rows_of_an_error_count_from_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_lines_rows, "CHUNK_ROWS", 1)
    rows = rows_of(tmp_path, b'{"n": 1}\n\n{"n": "x"}\n[]\n')

    assert [dict(chunk.errors) for chunk in rows.bulk_chunks()] == [
        {},
        {0: "Row 2, column “n”: “x” is not a number."},
        {0: "Line 4 is not an object {column: value}."},
    ]


# --- Whole files --------------------------------------------------------------------------------------------


ROWS = st.lists(
    st.fixed_dictionaries(
        {"n": st.one_of(st.integers(-(2**60), 2**60), st.floats(allow_nan=False, allow_infinity=False))},
        optional={
            "t": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
        },
    ),
    min_size=1,
    max_size=8,
)


@given(rows=ROWS)
@settings(max_examples=50, deadline=None)
def test_rows_are_read_as_they_were_written(rows: Sequence[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        write_json_lines(iter(rows), path)
        [chunk] = JsonLinesRows(path, CHECKER, max_rows=100, max_line_bytes=10_000).bulk_chunks()

    assert not chunk.errors
    assert [orjson.loads(line) for line in chunk.lines] == rows
    np.testing.assert_array_equal(chunk.columns["n"], [float(row["n"]) for row in rows])
    assert chunk.columns["t"].tolist() == [row.get("t") or None for row in rows]


@pytest.mark.parametrize(
    ("head", "is_json"),
    [
        (b'{"n": 1}', True),
        (b'\xef\xbb\xbf\r\n {"n"', True),
        (b"{", True),
        (b"", False),
        (b'[{"n": 1}]', False),
        (b"n,t\n1,{}\n", False),
        (b"PAR1{", False),
    ],
)
def test_json_lines_are_known_by_their_first_bracket(head: bytes, is_json: bool) -> None:
    assert looks_like_json_lines(head) is is_json


def test_the_log_holds_clean_names_and_the_result_the_names_of_the_file(tmp_path: Path) -> None:
    chunk = only_chunk(tmp_path, b'{"n ": 1}\n{"n": 2, " t": "x"}\n{"n": 3, " n": 3}')

    assert chunk.lines == ['{"n ":1}', '{"n":2," t":"x"}', '{"n":3," n":3}']
    assert chunk.inputs == ['{"n":1}', '{"n":2,"t":"x"}']
    assert list(chunk.errors) == [2]
