from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from predictor.errors import (
    InfiniteNumbers,
    InvalidTable,
    MlwebError,
    RaggedRows,
    TooLarge,
    UnknownEncoding,
    UnsupportedContent,
)
from predictor.ml.tables import ingest, ingest_reader, stored_tables
from predictor.ml.tables.ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from predictor.ml.types.schema import Role

LIMITS = ImportLimits(memory_mb=256, n_threads=1)
PEOPLE = "name,age\n" + "".join(f"x{number},{number * 7 % 31}\n" for number in range(40))
ACCENTS = "name,city\n" + "".join(f"José {number},Zürich Straße\n" for number in range(30))
CHINESE = "名字,城市\n" + "张三,北京市朝阳区\n李四,上海浦东新区\n" * 20


class Imported:
    """A file that was read: the report, and the rows of the Parquet file."""

    def __init__(self, report: IngestReport, parquet: Path):
        self.report = report
        self.rows = stored_tables.preview(parquet, 1_000_000)
        self.warnings = " ".join(report.warnings)
        self.roles = report.schema.roles
        self.storages = {column.name: column.storage for column in report.schema.columns}


Read = Callable[..., Imported]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(content: str | bytes, limits: ImportLimits = LIMITS, **options: Any) -> Imported:
        source = tmp_path / "source.csv"
        source.write_bytes(content.encode() if isinstance(content, str) else content)
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        parquet = scratch / "table.parquet"
        report = ingest.ingest_csv(source, parquet, ImportOptions(**options), limits, scratch=scratch)
        return Imported(report, parquet)

    return read


# --- Not a table --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n \n\r\n", "empty"),
        (b"\xef\xbb\xbf\n", "blank lines"),
        (b"a,b\n", "no rows"),
        (b"a,b", "no rows"),
        (b"a,b\n\n\n", "no rows"),
        (b"a\n\n\n", "no rows"),
    ],
)
def test_it_refuses_a_file_without_rows(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        read(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(60), "JPEG"),
        (b"PK\x03\x04" + bytes(26) + b"[Content_Types].xml" + bytes(50), "Excel"),
        (
            b"PK\x03\x04" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "spreadsheet",
        ),
        (b"PK\x03\x04" + bytes(26) + b"data.csv", "zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "Excel"),
        (b"\n <!DOCTYPE html>\n<html><body>404</body></html>", "web page"),
        (b"<html><table></table></html>", "web page"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b"%PDF-1.7 x", "PDF"),
        (b"PAR1\x15\x04" + bytes(60), "Parquet"),
        (b"\x1f\x8b\x08" + bytes(60), "gzip"),
        (b"SQLite format 3\x00" + bytes(60), "SQLite"),
        (b'[{"a": 1}]', "JSON"),
        (b'{\n  "a": 1\n}', "JSON"),
    ],
)
def test_it_names_the_type_of_a_file_that_is_not_csv(read: Read, content: bytes, kind: str) -> None:
    with pytest.raises(UnsupportedContent, match=f"looks like .*{kind}"):
        read(content)


@pytest.mark.parametrize("first_name", ["PAR1", "BZh", "GIF", "MZ", "{{7*7}}", "[a]", "PK"])
def test_a_column_name_is_not_taken_for_magic_bytes(read: Read, first_name: str) -> None:
    assert read(f"{first_name},b\n1,2\n").report.schema.names == (first_name, "b")


def test_it_refuses_nul_characters_with_their_place(read: Read) -> None:
    with pytest.raises(InvalidTable, match="NUL character at byte 7"):
        read(b"a,b\n1,x\0y\n")


# --- The header ---------------------------------------------------------------------------------------------


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


# --- Encodings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (PEOPLE.encode(), "utf-8"),
        (b"\xef\xbb\xbf" + PEOPLE.encode(), "utf-8-sig"),
        (PEOPLE.encode("utf-16"), "utf-16"),
        (b"\xfe\xff" + PEOPLE.encode("utf-16-be"), "utf-16"),
        (PEOPLE.encode("utf-32"), "utf-32"),
    ],
)
def test_it_reads_unicode_with_or_without_a_bom(read: Read, content: bytes, encoding: str) -> None:
    imported = read(content)
    assert imported.report.encoding == encoding
    assert imported.rows[0] == {"name": "x0", "age": 0}
    assert imported.report.n_rows == 40


@pytest.mark.parametrize(
    ("content", "suggestion", "place"),
    [
        (ACCENTS.encode("cp1252"), "cp1252", "0xE9 at offset 13"),
        (ACCENTS.encode("latin-1"), "cp1252", "0xE9 at offset 13"),
        (CHINESE.encode("gbk"), "gb18030", "offset 0"),
        (("имя,город\n" + "Иван,Москва\nПётр,Киров\n" * 20).encode("cp1251"), "cp1251", "offset 0"),
        (
            ("名前,都市\n" + "田中,東京都渋谷区\nすずき,おおさか\n" * 20).encode("shift_jis"),
            "cp932",
            "offset 0",
        ),
        (PEOPLE.encode("utf-16-le"), "utf-16-le", "every other byte"),
        (PEOPLE.encode() + b"caf\xe9,3\n", "cp1252", "0xE9"),
    ],
)
def test_it_names_the_byte_and_the_likely_encoding(
    read: Read, content: bytes, suggestion: str, place: str
) -> None:
    with pytest.raises(UnknownEncoding, match=place) as caught:
        read(content)
    assert caught.value.suggestion == suggestion
    assert read(content, encoding=suggestion).report.n_rows >= 30


def test_it_refuses_a_truncated_character_at_the_end(read: Read) -> None:
    with pytest.raises(UnknownEncoding, match=f"0xC3 at offset {len(PEOPLE)}"):
        read(PEOPLE.encode() + "é".encode()[:1])


def test_it_names_the_byte_beyond_the_first_block(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("predictor.ml.tables.csv_encoding.BLOCK", 7)
    with pytest.raises(UnknownEncoding, match=f"offset {len(PEOPLE) + 4}"):
        read(PEOPLE.encode() + "aéb".encode() + b"\xff,1\n")


@pytest.mark.parametrize(
    ("content", "encoding"), [(ACCENTS.encode("cp1252"), "Windows-1252"), (CHINESE.encode("gbk"), "GBK")]
)
def test_it_reads_another_encoding_when_it_is_named(read: Read, content: bytes, encoding: str) -> None:
    assert read(content, encoding=encoding).rows[0] in (
        {"name": "José 0", "city": "Zürich Straße"},
        {"名字": "张三", "城市": "北京市朝阳区"},
    )


@pytest.mark.parametrize(
    "encoding", ["rot13", "utf-7", "zlib_codec", "unicode_escape", "nonsense", "../x", "\0"]
)
def test_it_refuses_an_encoding_that_is_not_for_text(read: Read, encoding: str) -> None:
    with pytest.raises(InvalidTable, match="not known here"):
        read(PEOPLE, encoding=encoding)


def test_it_refuses_bytes_that_are_not_of_the_named_encoding(read: Read) -> None:
    with pytest.raises(UnknownEncoding, match="not gb18030"):
        read(ACCENTS.encode("cp1252"), encoding="gb18030")


# --- Delimiters, decimals, line ends ------------------------------------------------------------------------


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


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_it_reads_every_line_end(read: Read, newline: str) -> None:
    assert read(PEOPLE.replace("\n", newline)).report.n_rows == 40


def test_it_reads_mixed_line_ends_and_keeps_those_within_quotes(read: Read) -> None:
    imported = read(b'a,b\r\n1,2\n3,"x\r\ny"\r5,6\r\n')
    assert [row["b"] for row in imported.rows] == ["2", "x\r\ny", "6"]
    assert "line ends" in imported.warnings


def test_mixed_line_ends_within_quotes_only_are_no_mixture(read: Read) -> None:
    imported = read(b'a,b\r\n1,"x\ny"\r\n2,z\r\n')
    assert [row["b"] for row in imported.rows] == ["x\ny", "z"]
    assert "line ends" not in imported.warnings


# --- Rows that do not fit -----------------------------------------------------------------------------------

RAGGED = 'a,b\n1,2,3\n"x\ny",1\n\n5\n6,7\n'


def test_it_names_ragged_rows_by_record_not_by_line(read: Read) -> None:
    with pytest.raises(RaggedRows) as caught:
        read(RAGGED)
    assert "row 1 has 3 cells; row 3 has 1 cell" in str(caught.value)
    assert [problem.pointer for problem in caught.value.problems] == ["row 1", "row 3"]


def test_it_leaves_ragged_rows_out_when_asked_and_counts_them(read: Read) -> None:
    imported = read(RAGGED, skip_bad_rows=True)
    assert imported.report.n_rejected == 2
    assert [row["a"] for row in imported.rows] == ["x\ny", "6"]
    assert "2 rows left out" in imported.warnings


def test_it_names_the_first_five_ragged_rows_and_counts_all(read: Read) -> None:
    with pytest.raises(
        RaggedRows, match=r"^70 rows do not fit.*row 6 has 3 cells; and 65 more rows"
    ) as caught:
        read("a,b\n1,2\n" + "1,2,3\n" * 70)
    assert len(caught.value.problems) == 5


def test_it_does_not_claim_a_count_it_does_not_have(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_STORED_REJECTS", 50)
    content = "a,b\n1,2\n" + "1,2,3\n" * 70
    with pytest.raises(RaggedRows, match="More than 50 rows"):
        read(content)
    with pytest.raises(InvalidTable, match="too many to leave out"):
        read(content, skip_bad_rows=True)


def test_it_refuses_a_file_when_every_row_is_left_out(read: Read) -> None:
    with pytest.raises(InvalidTable, match="no rows"):
        read("a,b\n1,2,3\n1\n", skip_bad_rows=True)


@pytest.mark.parametrize("skips", [False, True])
def test_a_quote_that_is_never_closed_is_refused_even_when_skipping(read: Read, skips: bool) -> None:
    with pytest.raises(InvalidTable, match="Row 2 opens a quote"):
        read('a,b\n1,2\n3,"x\n' + "5,6\n" * 100, skip_bad_rows=skips)


def test_text_after_a_closing_quote_is_a_bad_row(read: Read) -> None:
    with pytest.raises(RaggedRows, match="row 1 has a quote"):
        read('a,b\n1,"x"y\n2,3\n')
    assert read('a,b\n1,"x"y\n2,3\n', skip_bad_rows=True).report.n_rows == 1


def test_a_quote_within_a_plain_cell_is_text(read: Read) -> None:
    assert read('a,b\n1,5" pipe\n2,3\n').rows[0]["b"] == '5" pipe'


# --- Limits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_bytes", [65_537, 2_000_000])
def test_it_refuses_a_cell_over_the_limit_and_names_the_column(read: Read, n_bytes: int) -> None:
    with pytest.raises(TooLarge) as caught:
        read("a,b\n1," + "x" * n_bytes + "\n2,y\n")
    assert "65,536" in str(caught.value) or "Row 1" in str(caught.value)


def test_it_takes_a_cell_at_the_limit(read: Read) -> None:
    assert len(read("a,b\n1," + "x" * 65_536 + "\n2,y\n").rows[0]["b"]) == 65_536


def test_it_refuses_too_many_bytes_and_too_many_rows(read: Read) -> None:
    with pytest.raises(TooLarge, match="the limit is 100"):
        read(PEOPLE, replace(LIMITS, max_bytes=100))
    with pytest.raises(TooLarge, match=r"40 rows; the limit is 39"):
        read(PEOPLE, replace(LIMITS, max_rows=39))


def test_it_refuses_a_first_line_without_end(read: Read) -> None:
    with pytest.raises(TooLarge, match="first line"):
        read(b"x" * (3 << 20))


# --- Lossless types -----------------------------------------------------------------------------------------


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


def test_a_late_value_in_an_empty_column_is_typed(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", 2)
    imported = read("a,b\n,1\n,2\n,3\n7,4\n")
    assert imported.storages["a"] == "BIGINT"


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


def test_it_warns_of_very_many_categories(read: Read) -> None:
    imported = read("v,w\n" + "".join(f"word{number % 5_000},{number % 3}\n" for number in range(10_000)))
    assert "5,000 distinct words" in imported.warnings
    assert imported.roles["v"] is Role.CATEGORICAL


INFINITE = "a,b\n1,2\n2,inf\n3,1e400\n4,-Infinity\n5,6\n"


@pytest.mark.parametrize("n_sampled", [1, 100])
def test_it_refuses_infinite_numbers_with_row_and_column(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)
    with pytest.raises(InfiniteNumbers, match=r"row 2 of “b”, row 3 of “b”, row 4 of “b”") as caught:
        read(INFINITE)
    assert [problem.pointer for problem in caught.value.problems] == ["b", "b", "b"]


@pytest.mark.parametrize("n_sampled", [1, 100])
def test_it_takes_infinite_numbers_as_missing_when_asked(
    read: Read, monkeypatch: pytest.MonkeyPatch, n_sampled: int
) -> None:
    monkeypatch.setattr(ingest_reader, "MAX_SAMPLED_ROWS", n_sampled)
    imported = read(INFINITE, infinite_as_missing=True)
    assert [row["b"] for row in imported.rows] == [2, None, None, None, 6]
    assert "3 infinite values taken as missing" in imported.warnings


def test_the_word_inf_in_a_text_column_is_text(read: Read) -> None:
    assert [row["b"] for row in read("a,b\n1,2\n2,inf\n3,abc\n").rows] == ["2", "inf", "abc"]


# --- The child process --------------------------------------------------------------------------------------


def ask(tmp_path: Path, content: bytes) -> IngestRequest:
    source = tmp_path / "source.csv"
    source.write_bytes(content)
    request = IngestRequest(source, tmp_path, ImportOptions(), LIMITS)
    ingest.main([str(request.write())])
    return request


def test_the_child_process_returns_a_report(tmp_path: Path) -> None:
    report = ask(tmp_path, PEOPLE.encode()).answer()
    assert report.n_rows == 40
    assert report == IngestReport.from_json(json.loads(json.dumps(report.to_json())))


def test_the_child_process_returns_the_error(tmp_path: Path) -> None:
    request = ask(tmp_path, ACCENTS.encode("cp1252"))
    with pytest.raises(UnknownEncoding) as caught:
        request.answer()
    assert caught.value.suggestion == "cp1252"


def test_the_child_process_runs_alone_and_loads_no_django(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(PEOPLE)
    request = IngestRequest(source, tmp_path, ImportOptions(), LIMITS)
    code = "import sys; from predictor.ml.tables.ingest import main; main(sys.argv[1:]); print('django' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", code, str(request.write())],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
    assert request.answer().n_rows == 40


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM 'https://example.org/x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "COPY (SELECT 1) TO '/tmp/outside.parquet'",
        "ATTACH '/tmp/outside.db'",
    ],
)
def test_the_database_cannot_access_files_outside_its_folder(tmp_path: Path, statement: str) -> None:
    import duckdb

    from predictor.ml.tables.duckdb_connection import connect

    with connect([tmp_path], memory_mb=100, n_threads=1) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_errors_hold_no_paths_and_no_sql(read: Read, tmp_path: Path) -> None:
    for content in (b"a,b\n1,2,3\n", b'a,b\n1,"x"y\n', b"a,b\n1,inf\n2,3\n", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(MlwebError) as caught:
            read(content)
        assert str(tmp_path) not in str(caught.value)
        assert "SELECT" not in str(caught.value)
