from __future__ import annotations

from predictor.services.csv_tables import csv_lines


def test_cells_are_quoted_and_no_formulas() -> None:
    rows = [["name", "n"], ['a "b", c', 1], ["=HYPERLINK(1)", None], ["-5 %", -5]]

    assert csv_lines(rows) == b'name,n\r\n"a ""b"", c",1\r\n\'=HYPERLINK(1),\r\n-5 %,-5\r\n'
