from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, Role

from ..imported_tables import import_csv

NUMBER, DATE = ValueKind.NUMBER, ValueKind.DATE


def column_of(folder: Path, *cells: str, others: tuple[str, ...] = (), delimiter: str = ";") -> ColumnProfile:
    """The profile of a column "v" beside a column "w" of other cells."""
    rows = zip(cells, others or tuple(f"w{place}" for place in range(len(cells))), strict=True)
    text = f"v{delimiter}w\n" + "".join(f'"{cell}"{delimiter}"{other}"\n' for cell, other in rows)
    return import_csv(folder, text).report.schema["v"]


@pytest.mark.parametrize(
    ("cells", "reading", "minimum", "maximum"),
    [
        (("$1,000.50", "$20"), Reading(NUMBER, ".", ","), 20, 1000.5),
        (("45%", "7 %", "#DIV/0!"), Reading(NUMBER, "."), 7, 45),
        (("(4)", "12", "n/a"), Reading(NUMBER, "."), -4, 12),
        (("1 234,5", "2 000,25"), Reading(NUMBER, ",", " "), 1234.5, 2000.25),
        (("1'234.5", "2'000.25"), Reading(NUMBER, ".", "'"), 1234.5, 2000.25),
        (("13/01/2024", "01/02/2024"), Reading(DATE, dates=("D/M/Y",)), "2024-01-13", "2024-02-01"),
        (("01/13/2024", "02/01/2024"), Reading(DATE, dates=("M/D/Y",)), "2024-01-13", "2024-02-01"),
        (("2024年1月31日", "2023年12月1日"), Reading(DATE, dates=("Y年M月D日",)), "2023-12-01", "2024-01-31"),
        (("3 mars 2024", "1 déc. 2023"), Reading(DATE, dates=("D Mon Y",)), "2023-12-01", "2024-03-03"),
    ],
)
def test_a_text_column_is_read_by_one_reading(
    tmp_path: Path, cells: tuple[str, ...], reading: Reading, minimum: object, maximum: object
) -> None:
    column = column_of(tmp_path, *cells)
    assert (column.reading, column.storage) == (reading, "VARCHAR")
    assert (column.minimum, column.maximum) == (minimum, maximum)
    assert any(each.startswith("Read as ") for each in column.warnings)


def test_the_marks_are_decided_for_each_column(tmp_path: Path) -> None:
    column = column_of(tmp_path, "1.100", "1.230", others=("0,5", "1,5"))
    assert (column.role, column.minimum, column.maximum) == (Role.NUMERIC, 1100, 1230)


@pytest.mark.parametrize("cells", [("05/02/21", "01/03/21"), ("01.02.2024", "13.14.2024"), ("1,5", "k.A.")])
def test_what_cannot_be_read_or_told_apart_stays_text_with_a_warning(
    tmp_path: Path, cells: tuple[str, ...]
) -> None:
    column = column_of(tmp_path, *cells)
    assert (column.reading, column.role.value in ("numeric", "datetime")) == (None, False)
    assert column.warnings


def test_the_column_of_another_role_loses_its_reading(tmp_path: Path) -> None:
    column = column_of(tmp_path, "$1", "$2")
    assert column.with_role(Role.NUMERIC).reading == column.reading
    assert column.with_role(Role.CATEGORICAL).reading is None


def test_dates_are_stored_as_text_and_read_as_dates(tmp_path: Path) -> None:
    imported = import_csv(tmp_path, "v;w\n31.12.2024;a\n1.1.2025;b\n")
    dates = read_columns(imported.parquet, imported.schema, ["v"])["v"].tolist()
    assert dates == [datetime(2024, 12, 31), datetime(2025, 1, 1)]
