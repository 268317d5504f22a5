from __future__ import annotations

from typing import Any

import pytest

from predictor.ml.tables import ingest_reader

from .imported_tables import Read


@pytest.mark.parametrize(
    ("cells", "storage", "values"),
    [
        (["1", "-2", " 3 ", "+4"], "BIGINT", [1, -2, 3, 4]),
        (["1", "2.5", "-.5", "1e3", "7."], "DOUBLE", [1.0, 2.5, -0.5, 1000.0, 7.0]),
        (["9007199254740992", "1"], "BIGINT", [9007199254740992, 1]),
        (["true", "FALSE", "True"], "BOOLEAN", [True, False, True]),
        (["2024-02-29", "1969-12-31"], "DATE", ["2024-02-29", "1969-12-31"]),
        (["2024-01-05", "2024-01-05 10:30"], "TIMESTAMP", ["2024-01-05T00:00:00", "2024-01-05T10:30:00"]),
        (["2024-01-05T10:00:00+02:00", "2024-01-05T10:00:00Z"], "TIMESTAMP",
         ["2024-01-05T08:00:00", "2024-01-05T10:00:00"]),
        (["00501", "10115"], "VARCHAR", ["00501", "10115"]),
        (["007", "1.5"], "VARCHAR", ["007", "1.5"]),
        (["+4917212345", "+4930123"], "VARCHAR", ["+4917212345", "+4930123"]),
        (["12345678901234567890", "5"], "VARCHAR", ["12345678901234567890", "5"]),
        (["9007199254740993", "5"], "VARCHAR", ["9007199254740993", "5"]),
        (["1_000", "0x1F"], "VARCHAR", ["1_000", "0x1F"]),
        (["01/02/2024", "25/12/2024"], "VARCHAR", ["01/02/2024", "25/12/2024"]),
        (["2024-02-30", "2024-01-01"], "VARCHAR", ["2024-02-30", "2024-01-01"]),
        (["1", "two"], "VARCHAR", ["1", "two"]),
        (["true", "maybe"], "VARCHAR", ["true", "maybe"]),
        (["٣", "٤"], "VARCHAR", ["٣", "٤"]),
        ([" x", "y "], "VARCHAR", [" x", "y "]),
        (["  ", "x"], "VARCHAR", [None, "x"]),
        (["=1+1", "@SUM(A1)"], "VARCHAR", ["=1+1", "@SUM(A1)"]),
        (["NA", "DE"], "VARCHAR", ["NA", "DE"]),
        (["NA", "5", "null", "-"], "BIGINT", [None, 5, None, None]),
        (["NaN", "0.5"], "DOUBLE", [None, 0.5]),
        (["", "5"], "BIGINT", [None, 5]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_large", [False, True])
def test_it_types_a_column_only_without_loss(
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    cells: list[str],
    storage: str,
    values: list[Any],
    is_large: bool,
) -> None:
    if is_large:  # the first row decides, and has to be corrected by the others
        monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", 1)
    imported = read("v,w\n" + "".join(f'"{cell}",z\n' for cell in cells))
    assert imported.storages["v"] == storage
    assert [row["v"] for row in imported.rows] == values


@pytest.mark.parametrize(
    ("cells", "warning"),
    [
        (["1", "two", "3.5"], "Mixed: 2 numbers and 1 other cell"),
        (["2024-01-05", "01/02/2024"], "Mixed: 1 date and 1 other cell"),
        (["01/02/2024", "03/04/2024"], "2 cells that look like dates"),
        (["00501", "10115"], "Kept as text: 1 number with a leading zero"),
        (["12345678901234567890", "5"], "Kept as text: 1 whole number too large"),
        (["", ""], "Every cell is missing"),
        (["NA", "5"], "1 cell with a word such as NA"),
        (["$1,234", "$5"], "2 numbers written with a currency"),
        (["45 %", "50%"], "2 numbers written with a currency"),
        (["=HYPERLINK(x)", "+1+1", "@SUM(A1)"], "3 cells look like a spreadsheet formula"),
        (["2024-01-05T10:00Z", "2024-01-05T10:00"], "1 time without a UTC offset"),
    ],
)
def test_it_warns_of_what_is_doubtful_and_counts_it(read: Read, cells: list[str], warning: str) -> None:
    imported = read("v,w\n" + "".join(f'"{cell}",{number}\n' for number, cell in enumerate(cells)))
    assert f"“v”: {warning}" in imported.warnings
    assert any(warning in text for text in imported.report.schema["v"].warnings)
