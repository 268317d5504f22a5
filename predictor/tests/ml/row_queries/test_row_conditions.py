from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from predictor.ml.row_queries import row_pages
from predictor.ml.types.row_query import RowQuery, cell_kind
from predictor.ml.types.schema import TableSchema

from ..imported_tables import import_csv
from .random_table import frame, imported

SECONDS = 600.0


def found(parquet: Path, schema: TableSchema, **params: str) -> list[int]:
    """The numbers of the rows that a URL asks for."""
    query = RowQuery.parse({name.replace("__", "."): [text] for name, text in params.items()}, schema)
    with row_pages.reading(parquet, schema, SECONDS) as rows:
        return [row.number for row in row_pages.page(rows, query, [0], offset=0, limit=1000, n_matching=None)]


@pytest.mark.parametrize("text", ["%", "_", "'", '"', ".*", "[", "\\", "'; DROP TABLE t; --", "🙂", "$1"])
def test_texts_are_found_as_they_are(tmp_path: Path, text: str) -> None:
    table = frame()
    right = table.index[table["note"].str.contains(text, regex=False)] + 1

    assert found(*imported(tmp_path, table), c4__has=text) == right.tolist()


def test_column_names_cannot_end_their_quotes(tmp_path: Path) -> None:
    lines = "".join(f"{i},{i % 3},{i % 7}\n" for i in range(50))
    read = import_csv(tmp_path, 'x,"a"" OR 1=1 --","b\'; DROP TABLE t"\n' + lines)

    assert found(read.parquet, read.schema, c2__in="1", c3__min="6", sort="-c2,c3") == [
        i + 1 for i in range(50) if i % 3 == 1 and i % 7 >= 6
    ]


def test_times_of_a_zone_are_filtered_by_their_local_day(tmp_path: Path) -> None:
    times = pd.date_range("2024-03-28", periods=400, freq="h", tz="Europe/Berlin")
    lines = "".join(f"{each.isoformat()},{i}\n" for i, each in enumerate(times))
    read = import_csv(tmp_path, "at,x\n" + lines)

    numbers = found(read.parquet, read.schema, c1__min="2024-03-31", c1__max="2024-03-31")

    # The day on which the clocks go forward has 23 hours.
    assert [times[number - 1].date().isoformat() for number in numbers] == ["2024-03-31"] * 23


def test_whole_numbers_that_are_read_as_dates_are_filtered_as_dates(tmp_path: Path) -> None:
    days = pd.date_range("2023-01-01", periods=60, freq="9D")
    read = import_csv(tmp_path, "date,x\n" + "".join(f"{day:%Y%m%d},{i}\n" for i, day in enumerate(days)))
    assert cell_kind(read.schema["date"]).value == "date"

    numbers = found(read.parquet, read.schema, c1__min="2023-03-01", c1__max="2023-06-30", sort="-c1")

    right = [i + 1 for i, day in enumerate(days) if day.month in (3, 4, 5, 6) and day.year == 2023]
    assert numbers == right[::-1]


def test_words_for_missing_are_missing_where_texts_are_read_as_numbers(tmp_path: Path) -> None:
    cells = [f"$ {i},5" if i % 4 else "n/a" for i in range(80)]
    read = import_csv(tmp_path, "price;x\n" + "".join(f"{cell};{i}\n" for i, cell in enumerate(cells)))
    assert read.schema["price"].storage == "VARCHAR"

    assert found(read.parquet, read.schema, c1__missing="yes") == [i + 1 for i in range(80) if i % 4 == 0]
    assert found(read.parquet, read.schema, c1__min="70") == [i + 1 for i in range(70, 80) if i % 4]


def test_quoted_empty_texts_are_missing(tmp_path: Path) -> None:
    lines = "".join(f'"{"" if i % 5 == 0 else f"text {i}"}",{i}\n' for i in range(50))
    read = import_csv(tmp_path, "note,x\n" + lines)

    assert found(read.parquet, read.schema, c1__missing="yes") == [i + 1 for i in range(50) if i % 5 == 0]
