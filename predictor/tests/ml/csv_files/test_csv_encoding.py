from __future__ import annotations

import codecs
import csv
import io
import tempfile
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTable, TooLarge, UnknownEncoding, UnsupportedContent
from predictor.ml.csv_files import csv_encoding
from predictor.ml.csv_files.csv_encoding import (
    ENCODINGS,
    TextFile,
    canonical_encoding,
    guess_encoding,
    open_text,
    refuse_other_encoding,
)

from ..imported_tables import ACCENTS, CHINESE, LIMITS, PEOPLE, Read


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\n \n\r\n", "empty"),
    ],
)
def test_it_refuses_an_empty_file(read: Read, content: bytes, message: str) -> None:
    with pytest.raises(InvalidTable, match=message):
        read(content)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(60), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(60), "JPEG"),
        # The first bytes as `onnx.helper.make_model` writes them, with and without a producer.
        (b"\x08\x0d:\x18\n\r\n\x01x\x12\x01y", "ONNX model"),
        (b"\x08\x0a\x12\x08skl2onnx", "ONNX model"),
        (b"\x80\x04\x95\r\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94]\x94K\x01as.", "pickle"),
        (b"\x93NUMPY\x01\x00v\x00{'descr': '<i8'}", "NumPy array"),
        (b"PK\x03\x04\x14\x00" + bytes(24) + b"a.npy" + bytes(60), "NumPy arrays"),
        (
            b"PK\x03\x04\x14\x00" + bytes(24) + b"[Content_Types].xml" + bytes(60) + b"word/document.xml",
            "document",
        ),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 ", "WebP image"),
        (b"BM\x46\x01\x00\x00" + bytes(4) + b"\x36\x00", "BMP image"),
        (b"II*\x00\x08\x00\x00\x00", "TIFF image"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(9), "picture or a film"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG image"),
        (b"ORC\x0a\x06\x12\x04\x08\x00", "ORC file"),
        (b"a.csv" + bytes(252) + b"ustar\x0000", "tar archive"),
        (b"$FL2@(#) SPSS DATA FILE" + bytes(60), "SPSS"),
        (b"<stata_dta><header><release>118</release>", "Stata"),
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


@pytest.mark.parametrize(
    "first_name",
    [
        "PAR1",
        "BZh",
        "GIF",
        "MZ",
        "{{7*7}}",
        "[a]",
        "PK",
        "BMI",
        "ORC",
        "FEA1",
        "ID3",
        "II*",
        "Obj",
        "abcdftyp",
        "RIFF    WAVE",
    ],
)
def test_a_column_name_is_not_taken_for_magic_bytes(read: Read, first_name: str) -> None:
    assert read(f"{first_name},b\n1,2\n").report.schema.names == (first_name, "b")


def test_it_refuses_nul_characters_with_their_place(read: Read) -> None:
    with pytest.raises(InvalidTable, match="NUL character at byte 7"):
        read(b"a,b\n1,x\0y\n")


def test_it_refuses_too_many_bytes(read: Read) -> None:
    with pytest.raises(TooLarge, match="the limit is 100"):
        read(PEOPLE, replace(LIMITS, max_bytes=100))


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
    monkeypatch.setattr("predictor.ml.csv_files.csv_encoding.BLOCK", 7)
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


# --- Streaming in blocks ------------------------------------------------------------------------------------


def opened(content: bytes, n_block: int, encoding: str = "") -> tuple[TextFile, bytes]:
    """The content as UTF-8, read in blocks of `n_block` bytes."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        patch.setattr(csv_encoding, "BLOCK", n_block)
        source = Path(folder) / "source.csv"
        source.write_bytes(content)
        text = open_text(source, Path(folder), encoding=encoding, max_bytes=1 << 20)
        assert text.is_copy == (text.path != source)
        return text, text.path.read_bytes()


@given(
    text=st.text("aé京😀,\n", min_size=1, max_size=20).map(lambda each: f"x{each}"),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gb18030"]),
    n_block=st.integers(1, 7),
)
@settings(max_examples=50, deadline=None)
def test_characters_on_the_edge_of_a_block_are_decoded(text: str, encoding: str, n_block: int) -> None:
    opened_text, content = opened(text.encode(encoding), n_block, encoding)

    assert content.decode("utf-8") == text
    assert (opened_text.encoding, opened_text.is_copy) == (encoding, encoding != "utf-8")
    assert not opened_text.has_mixed_newlines


@pytest.mark.parametrize(
    ("content", "named", "encoding"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "", "utf-16"),
        ("a,b\n1,2\n".encode("utf-32"), "", "utf-32"),
        ("\ufeffa,b\n1,2\n".encode("utf-16-le"), "utf-16-le", "utf-16-le"),
        ("\ufeffa,b\n1,2\n".encode("gb18030"), "gb18030", "gb18030"),
    ],
)
def test_a_byte_order_mark_is_left_out_of_the_copy(content: bytes, named: str, encoding: str) -> None:
    text, copied = opened(content, 4, named)

    assert copied == b"a,b\n1,2\n"
    assert text == TextFile(text.path, encoding, is_copy=True)


CELLS = st.text('ab \r\n"', max_size=4)


def quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


@given(
    rows=st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["\n", "\r\n", "\r"])), min_size=1, max_size=8),
    n_block=st.sampled_from([1, 2, 3, 5, 8, 1_000]),
)
@settings(max_examples=50, deadline=None)
def test_mixed_line_ends_become_one_and_the_csv_module_reads_the_same_rows(
    rows: list[tuple[str, str, str]], n_block: int
) -> None:
    source = "".join(f"{quoted(one)},{quoted(other)}{end}" for one, other, end in rows)

    text, content = opened(source.encode(), n_block)

    is_mixed = len({end for _, _, end in rows}) > 1
    assert (text.has_mixed_newlines, text.is_copy) == (is_mixed, is_mixed)
    assert content.decode() == (
        "".join(f"{quoted(one)},{quoted(other)}\n" for one, other, _ in rows) if is_mixed else source
    )
    assert list(csv.reader(io.StringIO(content.decode(), newline=""))) == [[*row[:2]] for row in rows]


@pytest.mark.parametrize("n_block", [1, 2, 3, 100])
@pytest.mark.parametrize(("one", "other"), list(permutations(["\n", "\r\n", "\r"], 2)))
def test_two_kinds_of_line_ends_are_noticed(one: str, other: str, n_block: int) -> None:
    text, content = opened(f"a,b{one}1,2{other}".encode(), n_block)

    assert text.has_mixed_newlines
    assert content == b"a,b\n1,2\n"


@pytest.mark.parametrize("n_block", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("content", "offset"), [(b"ab\xff", 2), (b"a\xc3b", 1), (b"ab\xe4\xba", 2), (b"a\xf0\x9f\x98", 1)]
)
def test_the_offset_of_the_wrong_byte_does_not_depend_on_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, offset: int, n_block: int
) -> None:
    monkeypatch.setattr(csv_encoding, "BLOCK", n_block)
    source = tmp_path / "source.csv"
    source.write_bytes(content)

    with pytest.raises(UnknownEncoding, match=f"0x{content[offset]:02X} at offset {offset}"):
        refuse_other_encoding(source)


def test_a_named_utf_8_that_is_none_is_refused_as_named(read: Read) -> None:
    with pytest.raises(
        UnknownEncoding, match="The file is not UTF-8, the encoding that was named: byte 0xE9"
    ):
        read(ACCENTS.encode("cp1252"), encoding="utf8")


def test_nul_characters_of_a_wide_encoding_are_refused(read: Read) -> None:
    with pytest.raises(InvalidTable, match="Read as utf-16, the file holds NUL characters"):
        read("a,b\n1,x\0\n".encode("utf-16"))


# --- Names of encodings -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("UTF8", "utf-8"), (" Windows-1252 ", "cp1252"), ("iso-8859-1", "latin-1"), ("SJIS", "shift_jis")],
)
def test_another_name_of_an_encoding_is_known(name: str, encoding: str) -> None:
    assert canonical_encoding(name) == encoding


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_on_offer_reads_text(name: str) -> None:
    assert codecs.lookup(canonical_encoding(name)) == codecs.lookup(name)
    assert "a,b\n1,2\n".encode(name).decode(name).removeprefix("\ufeff") == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("sample", "encoding"),
    [
        ("a,b\n1,2\n".encode("utf-16-be"), "utf-16-be"),
        ("Größe;Länge\nmüßig;schön\n".encode("cp1252"), "cp1252"),
        ("naïve,café,10 €\n".encode("cp1252"), "cp1252"),
        ("имя,город\nИван,Москва\nПётр,Киров\n".encode("cp1251"), "cp1251"),
    ],
)
def test_the_encoding_of_a_sample_is_guessed(sample: bytes, encoding: str) -> None:
    assert guess_encoding(sample) == encoding
