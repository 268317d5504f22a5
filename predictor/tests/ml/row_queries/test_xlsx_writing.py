from __future__ import annotations

import tempfile
from datetime import date, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.row_queries.xlsx_writing import MAX_CELL_CHARACTERS, Workbook

from .workbooks import cells_of


def written(*rows: list[object]) -> list[list[tuple[str, str, str]]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.xlsx"
        with Workbook(path) as workbook:
            workbook.write_header(["a", "b"])
            workbook.write_rows(rows)
        return cells_of(path)[1:]


def test_values_keep_their_types() -> None:
    row = [1, -2.5, True, None, "text", "", float("nan"), 10**15]

    assert [(kind, text) for kind, _, text in written(row)[0]] == [
        ("n", "1"),
        ("n", "-2.5"),
        ("b", "1"),
        ("n", ""),
        ("inlineStr", "text"),
        ("n", ""),
        ("inlineStr", "nan"),
        # More digits than a spreadsheet keeps.
        ("inlineStr", "1000000000000000"),
    ]


def test_dates_are_days_since_1900_with_a_date_format() -> None:
    # The numbers that Excel shows for these dates in the format General.
    row = [date(2024, 2, 29), datetime(2024, 2, 29, 18), date(1900, 3, 1), date(1899, 12, 31)]

    assert written(row)[0] == [
        ("n", "2", "45351"),
        ("n", "3", "45351.75"),
        ("n", "2", "61"),
        ("inlineStr", "0", "1899-12-31"),
    ]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.text(min_size=1, max_size=30))
def test_every_text_comes_back(text: str) -> None:
    assert written([text])[0] == [("inlineStr", "0", text)]


def test_texts_are_no_formulas_and_no_escapes() -> None:
    texts = ["=1+1", "@cmd", "<b>&amp;</b>", "_x0041_", "a\rb\x00\x1f", "]]>"]

    assert written(list(texts))[0] == [("inlineStr", "0", text) for text in texts]


def test_long_texts_are_cut_where_a_cell_ends() -> None:
    assert len(written(["x" * 40_000])[0][0][2]) == MAX_CELL_CHARACTERS == 32_767
