"""Tables of interfaces as CSV or XLSX that no spreadsheet runs as formulas."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..ml.csv_files import csv_writing
from ..ml.row_queries.xlsx_writing import Workbook


def csv_lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Lines of CSV in UTF-8; texts that a spreadsheet would run begin with an apostrophe."""
    return csv_writing.csv_lines(rows)


def xlsx_file(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A workbook of one sheet. Texts stay texts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "list.xlsx")
        with Workbook(path) as workbook:
            workbook.write_header(heads)
            workbook.write_rows(rows)
        return path.read_bytes()
