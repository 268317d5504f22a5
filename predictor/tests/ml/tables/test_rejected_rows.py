from __future__ import annotations

import pytest

from predictor.errors import InvalidTable, RaggedRows
from predictor.ml.tables import ingest_reader

from .imported_tables import Read

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
