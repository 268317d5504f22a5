from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidTable, RaggedRows, TooLarge
from predictor.ml.tables import ingest_reader
from predictor.ml.tables.rejected_rows import BadRow, BadRows

from ..imported_tables import Read

RAGGED = 'a,b\n1,2,3\n"x\ny",1\n\n5\n6,7\n'


def test_it_names_ragged_rows_by_record_not_by_line(read: Read) -> None:
    with pytest.raises(RaggedRows) as caught:
        read(RAGGED)
    assert "row 1 has 3 cells; row 3 has 1 cell" in str(caught.value)
    assert [problem.pointer for problem in caught.value.problems] == ["row 1", "row 3"]


def test_it_leaves_ragged_rows_out_when_asked_and_counts_them(read: Read) -> None:
    imported = read(RAGGED, skip_bad_rows=True)
    assert imported.report.n_rejected == 2
    assert [row["a"] for row in imported.rows] == ["x\ny", "6"]
    assert "2 rows left out" in imported.warnings


def test_it_names_the_first_five_ragged_rows_and_counts_all(read: Read) -> None:
    with pytest.raises(
        RaggedRows, match=r"^70 rows do not fit.*row 6 has 3 cells; and 65 more rows"
    ) as caught:
        read("a,b\n1,2\n" + "1,2,3\n" * 70)
    assert len(caught.value.problems) == 5


def test_it_does_not_claim_a_count_it_does_not_have(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_STORED_REJECTS", 50)
    content = "a,b\n1,2\n" + "1,2,3\n" * 70
    with pytest.raises(RaggedRows, match="More than 50 rows"):
        read(content)
    with pytest.raises(InvalidTable, match="too many to leave out"):
        read(content, skip_bad_rows=True)


def test_it_refuses_a_file_when_every_row_is_left_out(read: Read) -> None:
    with pytest.raises(InvalidTable, match="no rows"):
        read("a,b\n1,2,3\n1\n", skip_bad_rows=True)


@pytest.mark.parametrize("skips", [False, True])
def test_a_quote_that_is_never_closed_is_refused_even_when_skipping(read: Read, skips: bool) -> None:
    with pytest.raises(InvalidTable, match="Row 2 opens a quote"):
        read('a,b\n1,2\n3,"x\n' + "5,6\n" * 100, skip_bad_rows=skips)


def test_text_after_a_closing_quote_is_a_bad_row(read: Read) -> None:
    with pytest.raises(RaggedRows, match="row 1 has a quote"):
        read('a,b\n1,"x"y\n2,3\n')
    assert read('a,b\n1,"x"y\n2,3\n', skip_bad_rows=True).report.n_rows == 1


def test_a_quote_within_a_plain_cell_is_text(read: Read) -> None:
    assert read('a,b\n1,5" pipe\n2,3\n').rows[0]["b"] == '5" pipe'


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_rows_are_numbered_from_the_header_on(read: Read, newline: str) -> None:
    """Blank lines are no rows, and a row may hold a line end."""
    lines = ["", "sep=;", "", "a;b", "", '1;"x\ny"', "", "2", "3;4", "5;6;7"]
    if newline == "\r":
        lines.remove("sep=;")

    with pytest.raises(RaggedRows) as refusal:
        read(newline.join(lines) + newline)

    assert [problem.pointer for problem in refusal.value.problems] == ["row 2", "row 4"]
    assert refusal.value.message.startswith(
        "2 rows do not fit the header, which has 2 columns: row 2 has 1 cell; row 4 has 3 cells. "
    )


def test_one_row_is_in_the_singular(read: Read) -> None:
    with pytest.raises(
        RaggedRows, match=r"^1 row does not fit the header, which has 2 columns: row 1 has 1 cell"
    ):
        read("a,b\n1\n2,3\n")


REFUSE: dict[str, Any] = {"skips": True, "n_columns": 2, "max_line_bytes": 1_000, "is_cut": False}
RAGGED_ROW = BadRow(1, "TOO MANY COLUMNS", n_cells=3, n_lines=1)


def test_rows_that_may_be_left_out_are_not_refused() -> None:
    BadRows(0, ()).refuse(**{**REFUSE, "skips": False})
    BadRows(1, (RAGGED_ROW,)).refuse(**REFUSE)
    BadRows(1, (BadRow(2, "UNQUOTED VALUE", 0, n_lines=1),)).refuse(**REFUSE)


def test_a_line_that_is_too_long_is_refused_with_its_row() -> None:
    rows = BadRows(2, (RAGGED_ROW, BadRow(1_234, "LINE SIZE OVER MAXIMUM", 0, 1)))

    with pytest.raises(TooLarge, match=r"^Row 1,234 is longer than can be read") as refusal:
        rows.refuse(**REFUSE)

    assert refusal.value.limit == 1_000


def test_a_quote_that_is_open_over_lines_is_refused_before_a_ragged_row() -> None:
    rows = BadRows(2, (RAGGED_ROW, BadRow(7, "UNQUOTED VALUE", 0, n_lines=2)))

    with pytest.raises(InvalidTable, match=r"^Row 7 opens a quote"):
        rows.refuse(**REFUSE)


@pytest.mark.parametrize(
    ("kind", "n_cells", "reason"),
    [
        ("MISSING COLUMNS", 1, "has 1 cell"),
        ("TOO MANY COLUMNS", 3, "has 3 cells"),
        ("TOO MANY COLUMNS", 0, "cannot be read"),
        ("INVALID ENCODING", 0, "holds bytes that are not UTF-8"),
        ("CAST", 0, "cannot be read"),
    ],
)
def test_the_reason_of_a_rejected_row_is_named(kind: str, n_cells: int, reason: str) -> None:
    with pytest.raises(RaggedRows) as refusal:
        BadRows(1, (BadRow(5, kind, n_cells, 1),)).refuse(**{**REFUSE, "skips": False})

    assert [problem.detail for problem in refusal.value.problems] == [f"Row 5 {reason}."]
