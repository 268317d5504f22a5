from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from predictor.errors import TooLarge
from predictor.ml.row_queries import row_files, row_pages
from predictor.ml.types.row_query import RowQuery
from predictor.ml.types.schema import TableSchema

from ..imported_tables import import_csv
from .random_table import frame, imported
from .workbooks import cells_of

SECONDS = 600.0


def written(
    folder: Path,
    stored: tuple[Path, TableSchema],
    kind: str,
    positions: list[int],
    as_read: bool = False,
    **params: str,
) -> Path:
    query = RowQuery.parse({name.replace("__", "."): [text] for name, text in params.items()}, stored[1])
    path = folder / f"rows.{kind}"
    with row_pages.reading(*stored, SECONDS, scratch=folder, n_threads=1) as rows:
        row_files.write_file(
            rows, query, positions, path, kind=kind, n_matching=row_pages.count(rows, query), as_read=as_read
        )
    return path


def csv_rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


def test_csv_holds_the_chosen_columns_of_the_rows_in_their_order(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(row_files, "BLOCK_CELLS", 50)
    table = frame()

    path = written(tmp_path, imported(tmp_path, table), "csv", [4, 1, 6], c1__min="0", sort="-c2")

    right = table[table["number"] >= 0].sort_values("share", ascending=False, kind="stable")
    shown = pd.read_csv(path)
    assert list(shown.columns) == ["row", "day", "share", "flag"]
    assert shown["row"].tolist() == (right.index + 1).tolist()
    assert shown["share"].to_numpy() == pytest.approx(right["share"].to_numpy(), nan_ok=True)
    assert pd.to_datetime(shown["day"]).tolist() == right["day"].tolist()
    assert shown["flag"].tolist() == right["flag"].tolist()


def test_csv_cells_are_no_formulas(tmp_path: Path) -> None:
    table = frame()

    path = written(tmp_path, imported(tmp_path, table), "csv", [3, 7])

    notes = [row[1] for row in csv_rows(path)[1:]]
    assert {note[:5] for note in notes if "=1+1" in note[:6]} == {"'=1+1"}
    assert [note.removeprefix("'") if note.startswith("'=") else note for note in notes] == table[
        "note"
    ].tolist()


def test_names_of_columns_are_no_formulas(tmp_path: Path) -> None:
    read = import_csv(tmp_path, "=x,y\n" + "1,2\n" * 20)

    path = written(tmp_path, (read.parquet, read.schema), "csv", [0])

    assert csv_rows(path)[0] == ["row", "'=x"]


def test_texts_are_written_as_they_are_read_when_that_is_shown(tmp_path: Path) -> None:
    table, stored = frame(), imported(tmp_path, frame())

    as_stored = csv_rows(written(tmp_path, stored, "csv", [7]))
    as_read = csv_rows(written(tmp_path, stored, "csv", [7], as_read=True))

    assert as_stored[1][1] in (f"$ {table['money'][0]:,.2f}", f"'$ {table['money'][0]:,.2f}")
    assert [float(row[1]) for row in as_read[1:]] == table["money"].tolist()


def test_a_workbook_holds_numbers_dates_and_truth_values(tmp_path: Path) -> None:
    table = frame()

    path = written(tmp_path, imported(tmp_path, table), "xlsx", [1, 3, 4, 6], c1__min="0", sort="c4")

    header, *rows = cells_of(path)
    right = table[table["number"] >= 0].sort_values("note", kind="stable")
    assert [text for _, _, text in header] == ["row", "share", "note", "day", "flag"]
    assert [int(row[0][2]) for row in rows] == (right.index + 1).tolist()
    assert [None if not row[1][2] else float(row[1][2]) for row in rows] == [
        None if pd.isna(each) else each for each in right["share"]
    ]
    assert [row[2] for row in rows] == [("inlineStr", "0", note) for note in right["note"]]
    assert [pd.Timestamp("1899-12-30") + pd.Timedelta(int(row[3][2]), "D") for row in rows] == right[
        "day"
    ].tolist()
    assert [row[4] for row in rows] == [("b", "0", str(int(flag))) for flag in right["flag"]]


def test_a_workbook_of_more_rows_than_a_sheet_holds_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(row_files, "MAX_SHEET_ROWS", 600)
    stored = imported(tmp_path, frame())

    with pytest.raises(TooLarge, match=r"600 rows with its header.*these are 600 rows"):
        written(tmp_path, stored, "xlsx", [0])
    assert len(cells_of(written(tmp_path, stored, "xlsx", [0], c1__min="-49"))) <= 600


def test_more_cells_than_a_file_may_have_are_refused(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(row_files, "MAX_FILE_CELLS", 1_000)

    with pytest.raises(TooLarge, match="600 rows of 2 columns are more than 1,000 cells"):
        written(tmp_path, imported(tmp_path, frame()), "csv", [0])
