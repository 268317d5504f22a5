from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidRows, InvalidTable, RaggedRows, TooLarge
from predictor.ml.inputs import csv_rows
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

SIGNATURE = Signature(
    target="y",
    task=Task.REGRESSION,
    fields=(
        FeatureField("n", Role.NUMERIC, has_missing=True),
        FeatureField("b", Role.BOOLEAN, has_missing=True),
        FeatureField("c", Role.CATEGORICAL, has_missing=True, levels=("3", "true", "Bern")),
        FeatureField("d", Role.DATETIME, has_missing=True),
        FeatureField("t", Role.TEXT, has_missing=True),
    ),
)


def read(folder: Path, text: str, options: CsvOptions = CsvOptions(), **limits: int) -> list[dict[str, Any]]:
    path = folder / "table.csv"
    path.write_text(text, "utf-8", newline="")
    rows = CsvRows(
        path,
        SIGNATURE,
        options,
        CsvLimits(**{"max_bytes": 1 << 20, "max_rows": 10_000, **limits}),
        scratch=folder,
    )
    return [row for chunk in rows.chunks() for row in chunk.rows]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("1", 1), ("-2.5", -2.5), ("1e3", 1000.0), ("", None), (" ", None), ("NA", None), ("inf", None),
     ("abc", "abc"), ("1_000", "1_000"), ("1e400", "1e400"), ("٣", "٣")],
)  # fmt: skip
def test_numbers_are_parsed_and_other_texts_stay_unchanged(tmp_path: Path, cell: str, value: Any) -> None:
    assert read(tmp_path, f"n,x\n{cell},1\n")[0]["n"] == value


def read_categories(folder: Path, cell: str, levels: tuple[str, ...]) -> list[dict[str, Any]]:
    field = FeatureField("c", Role.CATEGORICAL, has_missing=True, levels=levels)
    signature = Signature(target="y", task=Task.REGRESSION, fields=(field,))
    (folder / "table.csv").write_text(f"c,x\n{cell},1\n", "utf-8")
    limits = CsvLimits(max_bytes=100, max_rows=10)
    (chunk,) = CsvRows(folder / "table.csv", signature, CsvOptions(), limits, scratch=folder).chunks()
    return chunk.rows


@pytest.mark.parametrize(
    ("cell", "value"), [("TRUE", True), ("0", False), ("", None), ("yes", "yes"), ("maybe", "maybe")]
)
def test_booleans_are_read(tmp_path: Path, cell: str, value: Any) -> None:
    assert read(tmp_path, f"b,x\n{cell},1\n")[0]["b"] == value


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("3", "3"),
        ("3.0", "3"),
        ("TRUE", "true"),
        (" Bern ", "Bern"),
        ("Basel", "Basel"),
        ("", None),
        ("4.0", "4.0"),
    ],
)
def test_cells_are_normalized_to_the_categories_of_training(tmp_path: Path, cell: str, value: Any) -> None:
    assert read(tmp_path, f"c,x\n{cell},1\n")[0]["c"] == value


@pytest.mark.parametrize("word", ["NA", " n/a ", "null", "NaN", "None", "-", ".", "?"])
def test_words_for_missing_are_missing_in_dates_as_in_the_import(tmp_path: Path, word: str) -> None:
    assert [row["d"] for row in read(tmp_path, f"d,x\n{word},1\n 2024-01-31 ,1\n")] == [None, "2024-01-31"]


@pytest.mark.parametrize(
    ("levels", "value"),
    [
        (("1", "2.5", "-3"), None),
        (("true", "false"), None),
        (("2024-01-31", "2024-02-29"), None),
        (("01", "2"), "NA"),
        (("1", "Bern"), "NA"),
        (("12345678901234567890",), "NA"),
        (("1", "NA"), "NA"),
        ((), "NA"),
    ],
)
def test_words_for_missing_are_missing_in_categories_that_are_no_text(
    tmp_path: Path, levels: tuple[str, ...], value: str | None
) -> None:
    assert read_categories(tmp_path, "NA", levels) == [{"c": value}]


@pytest.mark.parametrize(
    ("levels", "value"), [(("1E05", "900000"), "9E05"), (("900000", "2.5"), "900000"), (("9E05",), "9E05")]
)
def test_a_code_with_an_e_is_another_category_than_its_number(
    tmp_path: Path, levels: tuple[str, ...], value: str
) -> None:
    assert read_categories(tmp_path, "9E05", levels) == [{"c": value}]


@pytest.mark.parametrize("header", ["n,t", "n,t,", "n,t,,"])
def test_delimiters_at_the_end_of_lines_make_no_column(tmp_path: Path, header: str) -> None:
    expected = [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}, {"n": 3, "t": None}]

    assert read(tmp_path, f'{header}\n1,a,\n2,b,,\n3,,""\n') == expected


@pytest.mark.parametrize("rows", ["1,a,\n2,b,c\n", "1,a,\n2\n", "1,a, \n2,b,\n"])
def test_rows_with_more_or_fewer_cells_are_refused_beside_such_lines(tmp_path: Path, rows: str) -> None:
    with pytest.raises(RaggedRows):
        read(tmp_path, f"n,t\n{rows}")


def test_columns_that_the_model_does_not_know_are_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, "id,n\n7,1\n") == [{"n": 1}]


def test_a_file_without_a_needed_column_is_refused_once_for_all_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Age,city\n1,Bern\n2,Basel\n", "utf-8")
    needed = Signature(target="y", task=Task.REGRESSION, fields=(FeatureField("age", Role.NUMERIC),))

    with pytest.raises(
        InvalidRows, match=r"lacks the column “age”.*Its columns are “Age”, “city”"
    ) as refusal:
        CsvRows(path, needed, CsvOptions(), CsvLimits(max_bytes=1 << 20, max_rows=10), scratch=tmp_path)

    assert [each.pointer for each in refusal.value.problems] == ["/age"]


def test_all_ragged_rows_are_named(tmp_path: Path) -> None:
    with pytest.raises(RaggedRows, match="Rows 2, 4 do not have the header's 2 cells"):
        read(tmp_path, "n,b\n1,1\n1\n1,1\n1,1,1\n")


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    assert len(read(tmp_path, "n,b\n\n1,1\n\n\n2,1\n\n")) == 2


def test_a_quoted_cell_that_never_ends_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidTable):
        read(tmp_path, 'n,t\n1,"' + "x" * 200_000)


def test_errors_name_the_limit(tmp_path: Path) -> None:
    with pytest.raises(TooLarge, match="2 rows"):
        read(tmp_path, "n,b\n" + "1,1\n" * 3, max_rows=2)
    with pytest.raises(InvalidTable, match="row 1, column “t”, holds more than 8 bytes"):
        read(tmp_path, "n,t\n1,123456789\n", max_cell_bytes=8)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    texts=st.lists(
        st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=20).map(str.strip),
        min_size=1,
        max_size=5,
    )
)
def test_texts_are_read_unchanged(tmp_path: Path, texts: list[str]) -> None:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["n", "t", "b"])
    writer.writerows([1, text, "true"] for text in texts)

    options = CsvOptions(delimiter=",", decimal=".")
    assert [row["t"] for row in read(tmp_path, out.getvalue(), options)] == [text or None for text in texts]


def test_an_invalid_row_in_a_later_chunk_is_named_by_its_own_number(tmp_path: Path) -> None:
    rows = [f"{number},x" for number in range(1, 5_001)]
    rows[2_999] = "3000"
    rows[3_999] = f"4000,{'y' * 200}"
    rows[4_499] = f"4500,{'z' * 2_000}"
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["n,t", *rows[:10], "", *rows[10:]]), "utf-8")
    limits = CsvLimits(max_bytes=1 << 20, max_rows=10_000, max_cell_bytes=100)
    lenient = CsvRows(path, SIGNATURE, CsvOptions(), limits, scratch=tmp_path, is_lenient=True)

    field_size_limit = csv.field_size_limit(1_000)
    try:
        chunks = list(lenient.chunks())
    finally:
        csv.field_size_limit(field_size_limit)

    assert [(each.first_row, len(each.cells)) for each in chunks] == [
        (1, 2_000),
        (2_001, 2_000),
        (4_001, 1_000),
    ]
    assert [record[0] for chunk in chunks for record in chunk.cells if record[0]] == [
        row.split(",")[0] for row in rows if not row.startswith("4500")
    ]
    assert {each.first_row + place: error for each in chunks for place, error in each.errors.items()} == {
        3_000: "Row 3,000 has 1 cells instead of 2.",
        4_000: "The cell in row 4,000, column “t”, holds more than 100 bytes.",
        4_500: "Row 4,500 cannot be read as CSV: field larger than field limit (1000).",
    }


def test_the_row_limit_counts_over_blocks(tmp_path: Path) -> None:
    text = "n,t\n" + "1,x\n" * 4_100
    assert len(read(tmp_path, text, max_rows=4_100)) == 4_100
    with pytest.raises(TooLarge, match="may hold 4,099 rows"):
        read(tmp_path, text, max_rows=4_099)


TITLE = "Cities, and more\n# by hand\n"
REPORT = TITLE + "n,b,c,d,t,x\n[kg],,,,,\n1,true,Bern,2024-01-31,u,1\n2,false,3,2024-02-29,v,2\n\n2 rows\n"


def test_lines_around_the_table_are_no_rows(tmp_path: Path) -> None:
    assert [row["n"] for row in read(tmp_path, REPORT)] == [1, 2]
    assert [row["n"] for row in read(tmp_path, REPORT.replace("\n2,", "\n# later\n2,"))] == [1, 2]


def test_the_lines_that_are_no_rows_can_be_named(tmp_path: Path) -> None:
    options = CsvOptions(skip_lines=1, comment="!", units_lines=1, footer_lines=1)

    rows = read(tmp_path, "n,x\nn,x\n!,1\n9,9\n5,1\n6,1\n7,1\n", options)

    assert [row["n"] for row in rows] == [5, 6]


def test_where_most_rows_do_not_fit_leaving_them_out_is_not_advised(tmp_path: Path) -> None:
    with pytest.raises(RaggedRows, match="most rows do not fit") as refusal:
        read(tmp_path, "n,x\n1,2,3\n4,5,6\n")
    assert refusal.value.option == ""


@pytest.mark.parametrize("cell", ["1{}!", "1{}e", "-{}.{}x", "{}.{}e5{}"])
def test_a_cell_of_digits_takes_no_more_time_than_its_length(cell: str) -> None:
    """Where a run of digits could be divided among two parts of the pattern, these would take minutes."""
    digits = cell.replace("{}", "1" * 300_000)
    assert (csv_rows.NUMBER.fullmatch(digits) is None) == cell.endswith(("!", "e", "x"))
