from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTable, RaggedRows, TooLarge
from predictor.ml.csv_files import csv_dialect
from predictor.ml.csv_files.csv_dialect import Dialect, checked_names, find_dialect, sniff_delimiter

from ..imported_tables import PEOPLE, Read


def test_it_refuses_a_file_of_blank_lines(read: Read) -> None:
    with pytest.raises(InvalidTable, match="blank lines"):
        read(b"\xef\xbb\xbf\n")


def test_it_refuses_a_first_line_without_end(read: Read) -> None:
    with pytest.raises(TooLarge, match="first line"):
        read(b"x" * (3 << 20))


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("a,b, a ", ["a"]),
        ("é,e\u0301", ["é"]),
        ("a,,b", ["column 2"]),
        ("a,b,", ["column 3"]),
        ("a\u202eb,c", ["�b"]),
        ("a\u200b,c", ["a�"]),
        ("a\x07,c", ["a�"]),
        ("\u3164,c", ["ㅤ"]),
        ("x" * 129 + ",b", ["128 characters"]),
    ],
)
def test_it_refuses_unusable_column_names_and_names_them(read: Read, header: str, named: list[str]) -> None:
    with pytest.raises(InvalidTable) as caught:
        read(header + "\n" + ",".join("1" * (header.count(",") + 1)) + "\n")
    assert all(name in str(caught.value) for name in named)
    assert caught.value.problems


def test_it_takes_any_visible_column_name_literally(read: Read) -> None:
    names = [
        "<script>alert(1)</script>",
        "{{7*7}}",
        "__proto__",
        "constructor",
        'a"b',
        "it's",
        "$x",
        "a.b",
        "😀",
        "名",
    ]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    imported = read(header + "\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert list(imported.report.schema.names) == names
    assert list(imported.rows[0].values()) == list(range(len(names)))


def test_it_trims_names_and_puts_those_of_two_lines_on_one(read: Read) -> None:
    assert read('" total\nincome ",b\n1,2\n').report.schema.names == ("total income", "b")


def test_it_warns_of_a_header_that_looks_like_a_row(read: Read) -> None:
    assert "first line holds only numbers" in read("1,2\n3,4\n").warnings


def test_it_refuses_more_columns_than_the_limit(read: Read) -> None:
    wide = ",".join(f"c{number}" for number in range(10_000)) + "\n" + ",".join("1" * 10_000) + "\n"
    with pytest.raises(TooLarge, match=r"10,000 columns; the limit is 1,000") as caught:
        read(wide)
    assert caught.value.limit == 1_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_it_finds_the_delimiter(read: Read, delimiter: str) -> None:
    imported = read(PEOPLE.replace(",", delimiter))
    assert imported.report.delimiter == delimiter
    assert imported.report.schema.names == ("name", "age")


def test_it_finds_the_delimiter_of_a_ragged_file(read: Read) -> None:
    with pytest.raises(RaggedRows, match="which has 3 columns"):
        read("a;b;c\n1,5;2;3\n4;5\n6;7;8;9\n")


def test_commas_in_text_do_not_make_a_comma_the_delimiter(read: Read) -> None:
    imported = read("name;said\nx;yes, indeed\ny;no, never\nz;ok\n")
    assert imported.rows[0] == {"name": "x", "said": "yes, indeed"}


def test_it_takes_the_line_that_names_the_delimiter(read: Read) -> None:
    assert read("\ufeffsep=;\r\na;b\r\n1;2\r\n").rows == [{"a": 1, "b": 2}]


def test_a_named_delimiter_is_used_without_detection(read: Read) -> None:
    assert read("a;b\n1;2\n", delimiter=",").report.schema.names == ("a;b",)
    assert read("a;b\n1;2\n", delimiter="semicolon").report.schema.names == ("a", "b")


def test_a_line_that_names_no_delimiter_is_a_line_above_the_header(read: Read) -> None:
    imported = read("sep=\r\na,b\r\n1,2\r\n")
    assert imported.rows == [{"a": 1, "b": 2}]
    assert "1 line above the header: “sep=”" in imported.warnings


@pytest.mark.parametrize("delimiter", ["xx", "a", '"', "\n", "☃"])
def test_it_refuses_a_delimiter_that_cannot_be_one(read: Read, delimiter: str) -> None:
    with pytest.raises(InvalidTable, match="cannot be used"):
        read(PEOPLE, delimiter=delimiter)


def test_it_reads_a_decimal_comma(read: Read) -> None:
    imported = read("a;b\n1,5;2\n-0,25;3\n;4\n")
    assert imported.report.decimal == ","
    assert [row["a"] for row in imported.rows] == [1.5, -0.25, None]


def test_it_warns_where_a_comma_may_mark_thousands(read: Read) -> None:
    imported = read("a;b\n1,500;2\n2,250;3\n")
    assert [row["a"] for row in imported.rows] == [1.5, 2.25]
    assert "choose the decimal mark “.”" in imported.warnings
    assert [row["a"] for row in read("a;b\n1,500;2\n2,250;3\n", decimal=".").rows] == ["1,500", "2,250"]


def test_a_point_in_a_decimal_comma_file_is_not_guessed(read: Read) -> None:
    assert read("a;b\n1,5;1.234\n2,5;2.345\n", decimal=",").storages["b"] == "VARCHAR"


def dialect_of(folder: Path, text: str, **options: Any) -> Dialect:
    path = folder / "table.csv"
    path.write_text(text, "utf-8", newline="")
    return find_dialect(path, **{"max_columns": 10, "max_name_characters": 20, **options})


@pytest.mark.parametrize(
    ("lines", "n_skipped", "delimiter"),
    [
        ("", 0, ","),
        ("\n \t\r\n", 2, ","),
        ("SEP=;\n", 1, ";"),
        ("sep=;\r", 1, ";"),
        ("\r\nsep=;\r\n\r\n", 3, ";"),
        ("\ufeff\n", 1, ","),
    ],
)
def test_lines_before_the_header_are_counted(
    tmp_path: Path, lines: str, n_skipped: int, delimiter: str
) -> None:
    dialect = dialect_of(tmp_path, f"{lines}a{delimiter}b\n1{delimiter}2\n")

    assert dialect == Dialect(delimiter, ".", ("a", "b"), n_skipped)


def test_an_option_wins_over_what_the_file_says(tmp_path: Path) -> None:
    dialect = dialect_of(tmp_path, "sep=;\na;b,c\n1,5;2,5\n", delimiter=" Comma ", decimal=",")

    assert dialect == Dialect(",", ",", ("a;b", "c"), n_skipped_lines=1)


@pytest.mark.parametrize("decimal", [";", "..", "٫"])
def test_another_decimal_mark_is_refused(tmp_path: Path, decimal: str) -> None:
    with pytest.raises(InvalidTable, match=f"The decimal mark is “.” or “,”, not “{decimal}”"):
        dialect_of(tmp_path, "a,b\n1,2\n", decimal=decimal)


@pytest.mark.parametrize(
    ("rows", "decimal"),
    [
        ("1,5;x", ","),
        ("1,5;2.5", "."),
        ("x;1", "."),
        ("1,5 m;x", "."),
        ("1.234,5;x", ","),
        ("1.234;x", "."),
        ("1,234;x", ","),
        ("€ 0,50;1.234", ","),
        (" -1,25 ;x", ","),
    ],
)
def test_the_decimal_mark_is_the_one_that_a_number_shows(tmp_path: Path, rows: str, decimal: str) -> None:
    assert dialect_of(tmp_path, f"a;b\n{rows}\n").decimal == decimal


@pytest.mark.parametrize(
    ("text", "n_empty"),
    [
        ("a;b\n1,5;2;\n2,5;3;\n", 1),
        ("a;b;\n1,5;2;\n2,5;3;\n", 1),
        ("a;b;;\n1,5;2;;\n2,5;3\n", 2),
        ("a;b;\n1,5;2\n", 1),
        ("a;b\n1,5;2\n", 0),
    ],
)
def test_delimiters_at_the_end_of_lines_make_no_column(tmp_path: Path, text: str, n_empty: int) -> None:
    assert dialect_of(tmp_path, text) == Dialect(";", ",", ("a", "b"), n_empty_columns=n_empty)


@pytest.mark.parametrize("text", ["a,b,\n1,2,3\n", "a,,b\n1,,2\n", ",a\n,1\n", "a,b,\n1,2, \n"])
def test_a_column_with_cells_needs_a_name(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidTable, match="A column without a name"):
        dialect_of(tmp_path, text)


def test_the_delimiter_is_found_beside_a_comma_in_the_header(tmp_path: Path) -> None:
    assert dialect_of(tmp_path, '"a, net";b\n1,5;2;\n2,5;3;\n').delimiter == ";"


def test_only_whole_lines_of_the_head_of_a_file_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The head ends between the two bytes of “é”; the part before it looks like a decimal comma."""
    monkeypatch.setattr(csv_dialect, "HEAD", len("a;b\n1;2\n3;4,5é"))

    assert dialect_of(tmp_path, "a;b\n1;2\n3;4,5é\n") == Dialect(";", ".", ("a", "b"))


def test_a_first_line_that_is_longer_than_the_head_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_dialect, "HEAD", 10)

    with pytest.raises(TooLarge, match="The first line is longer than 10 bytes") as refusal:
        dialect_of(tmp_path, "abcdefghijk\n")

    assert refusal.value.limit == 10


CELLS = st.text("abcö 01.-'\"\n", max_size=6)


@given(
    delimiter=st.sampled_from(",;\t|"),
    table=st.integers(2, 6).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=10)
    ),
)
@settings(max_examples=50, deadline=None)
def test_the_delimiter_of_a_table_without_other_delimiters_is_found(
    delimiter: str, table: list[list[str]]
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(table)

    assert sniff_delimiter(text.getvalue()) == delimiter


def test_a_single_column_has_a_comma_for_a_delimiter() -> None:
    assert sniff_delimiter("name\nx;y\nz\n") == ","


def test_the_delimiter_that_most_lines_agree_on_is_taken() -> None:
    # Every line has one comma, too.
    assert sniff_delimiter("length, cm;width;city\n1,5;2;x\n2,5;3;y\n") == ";"
    assert sniff_delimiter("a,b;c,d\n1;2\n3;4\n5;6\n") == ";"


def test_unusable_names_are_listed_up_to_five() -> None:
    with pytest.raises(InvalidTable, match="7 columns without a name: column 1, 2, 3, 4, 5") as refusal:
        checked_names([""] * 7, max_columns=10, max_characters=20)

    assert [problem.pointer for problem in refusal.value.problems] == [f"column {n}" for n in range(1, 6)]


def test_names_may_be_as_long_and_as_many_as_the_limits() -> None:
    names = ["x" * 19 + str(number) for number in range(10)]

    assert checked_names(names, max_columns=10, max_characters=20) == tuple(names)
    with pytest.raises(TooLarge, match="10 columns; the limit is 9"):
        checked_names(names, max_columns=9, max_characters=20)
    with pytest.raises(InvalidTable, match="10 columns with a name of more than 19 characters"):
        checked_names(names, max_columns=10, max_characters=19)


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_comma_between_digits_is_no_delimiter_where_another_one_fits(read: Read, quote: str) -> None:
    rows = [
        ("a", "d,e"),
        *((("red", "x;y")[row % 5 == 0 and quote != ""], f"{row},{row}4") for row in range(9)),
    ]
    imported = read("".join(";".join(f"{quote}{cell}{quote}" for cell in row) + "\n" for row in rows))
    assert imported.report.schema.names == ("a", "d,e")
    assert [row["d,e"] for row in imported.rows][:2] == [0.04, 1.14]


def test_two_columns_of_whole_numbers_are_split_by_their_comma(read: Read) -> None:
    assert read("a,b\n" + "".join(f"{row},{row * 7}\n" for row in range(9))).rows[1] == {"a": 1, "b": 7}


def test_columns_of_numbers_with_blanks_between_them_are_told(read: Read) -> None:
    rows = "".join(f"{row}.5  {row}\n" for row in range(9))
    assert "Each line has 2 parts with blanks between them" in read(f"a b\n{rows}").warnings
    assert "blanks" not in read("name\n" + "two words\n" * 9).warnings
    assert "parts with blanks" not in read("amount\n1 000\n12 500\n").warnings
