from __future__ import annotations

import pytest

from predictor.errors import InvalidTable, RaggedRows, TooLarge

from .imported_tables import PEOPLE, Read


def test_it_refuses_a_file_of_blank_lines(read: Read) -> None:
    with pytest.raises(InvalidTable, match="blank lines"):
        read(b"\xef\xbb\xbf\n")


def test_it_refuses_a_first_line_without_end(read: Read) -> None:
    with pytest.raises(TooLarge, match="first line"):
        read(b"x" * (3 << 20))


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("a,b, A ", ["a", "A"]),
        ("é,e\u0301", ["é"]),
        ("straße,STRASSE", ["straße", "STRASSE"]),
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
