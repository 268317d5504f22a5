"""Detection of file type, encoding and line ends: uploaded bytes as UTF-8 text.

Everything here streams in blocks, so memory does not grow with the file.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ...errors import InvalidTable, TooLarge, UnknownEncoding, UnsupportedContent

BLOCK = 1 << 22
SAMPLE = 1 << 16
OPENXML = "an Excel file; save it as CSV"
# Magic bytes of files that people upload by mistake. The text ends the sentence "This looks like …".
SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"%PDF-", "a PDF document; export the table as CSV"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel file of the old format; save it as CSV"),
    (b"PAR1\x15", "a Parquet file; save it as CSV"),
    (b"ARROW1\x00\x00", "an Arrow file; save it as CSV"),
    (b"SQLite format 3\x00", "a SQLite database; export the table as CSV"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file; save it as CSV"),
    (b"\x1f\x8b", "a gzip archive; unpack it first"),
    *((b"BZh%d1AY&SY" % level, "a bzip2 archive; unpack it first") for level in range(1, 10)),
    (b"\xfd7zXZ\x00", "an xz archive; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive; unpack it first"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it first"),
    (b"Rar!\x1a\x07", "a RAR archive; unpack it first"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"{\\rtf", "an RTF document; save the table as CSV"),
    (b"RDX3\n", "an R data file; save it with write.csv"),
    (b"\x93NUMPY", "a NumPy array; save it as CSV"),
    (b"FEA1\x00", "a Feather file; save it as CSV"),
    (b"Obj\x01", "an Avro file; save it as CSV"),
    (b"$FL2@(#)", "an SPSS file; save it as CSV"),
    (b"$FL3@(#)", "an SPSS file; save it as CSV"),
    (b"<stata_dta>", "a Stata file; save it as CSV"),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file; save the table as CSV"),
    (b"\x00\x01\x00\x00Standard", "an Access database; export the table as CSV"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"ID3\x03\x00", "a sound file"),
    (b"ID3\x04\x00", "a sound file"),
    (b"\x04\x22\x4d\x18", "an lz4 archive; unpack it first"),
    (b"PK\x05\x06", "an empty zip archive"),
)
# The same at another place: the place, the bytes there, and what the file is.
LATER_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "a picture or a film"),
    (8, b"WEBP", "a WebP image"),
    (8, b"WAVE", "a sound file"),
    (8, b"DUCK", "a DuckDB database; export the table as CSV"),
    (12, b"\xc2\xea\x81\x60", "a SAS file; save it as CSV"),
    (257, b"ustar", "a tar archive; unpack it first"),
)
# ONNX: a protobuf message whose first field is a small version number. Pickle: its protocol.
ONNX = re.compile(rb"\x08[\x01-\x1f][\x12\x1a\x22\x2a\x32\x3a\x42]")
PICKLE = re.compile(rb"\x80[\x02-\x05]")
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Encodings that a caller may name and that detection may return, likelier ones first. Text encodings of spreadsheets
# and databases; nothing exotic that decodes into something executable or escaped (utf-7, unicode_escape).
ENCODINGS = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32",
    "cp1252", "latin-1", "iso8859-15", "mac-roman", "cp850", "cp437",
    "gb18030", "gbk", "gb2312", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "iso2022_jp",
    "euc_kr", "cp949", "cp1250", "iso8859-2", "cp852", "cp1251", "koi8-r", "koi8-u", "iso8859-5", "cp866",
    "cp1253", "iso8859-7", "cp1254", "iso8859-9", "cp1255", "iso8859-8", "cp1256", "iso8859-6", "cp1257",
    "iso8859-4", "iso8859-13", "cp1258", "cp874", "tis-620", "ascii",
)  # fmt: skip
_CANONICAL = {codecs.lookup(name).name: name for name in reversed(ENCODINGS)}


@dataclass(frozen=True)
class TextFile:
    """A file of UTF-8 text. `is_copy`: it is a decoded copy, not the upload itself."""

    path: Path
    encoding: str
    is_copy: bool
    has_mixed_newlines: bool = False


def open_text(source: Path, scratch: Path, *, encoding: str = "", max_bytes: int) -> TextFile:
    """`source` as UTF-8, copied into `scratch` only when it is not UTF-8 already.

    Raises InvalidTable (empty, NUL characters, an encoding that is not in ENCODINGS), TooLarge, UnknownEncoding
    (bytes of another encoding; with a suggestion if there is one) and UnsupportedContent (not a CSV file at all).
    """
    n_bytes = source.stat().st_size
    if n_bytes > max_bytes:
        raise TooLarge(f"The file has {n_bytes:,} bytes; the limit is {max_bytes:,}.", limit=max_bytes)
    with source.open("rb") as file:
        head = file.read(SAMPLE)
    if not head.strip():
        raise InvalidTable("The file is empty. It needs a header line and rows below it.")
    refuse_other_kinds(head)
    named = canonical_encoding(encoding) if encoding else encoding_of_bom(head)
    if named in ("", "utf-8", "utf-8-sig", "ascii"):
        is_mixed = _check_utf8(source, is_declared=bool(encoding))
        text = TextFile(source, "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8", is_copy=False)
    else:
        is_mixed = _transcode(source, scratch / "utf8.csv", named)
        text = TextFile(scratch / "utf8.csv", named, is_copy=True)
    return _with_one_newline(text, scratch) if is_mixed else text


def refuse_other_kinds(head: bytes) -> None:
    """Raises UnsupportedContent when the first bytes (magic bytes) are those of another file type."""
    kind = next((kind for magic, kind in SIGNATURES if head.startswith(magic)), "")
    if head.startswith(b"PK\x03\x04"):
        kind = _kind_of_zip(head)
    elif b"\0" in head[:512] and not kind:
        # A text may hold these letters, but no NUL beside them.
        kind = next(
            (kind for place, magic, kind in LATER_SIGNATURES if head.startswith(magic, place)), _binary(head)
        )
    if ONNX.match(head):
        kind = "an ONNX model; upload the table that it was trained on, as CSV"
    elif PICKLE.match(head):
        kind = "a pickle of Python, which is never opened; save the table as CSV"
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()[:512].lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body", b"<table")):
        kind = "a web page; download the CSV itself, not the page that shows it"
    elif start.startswith(b"<svg"):
        kind = "an SVG image"
    elif start.startswith((b"<?xml", b"<!doctype")):
        kind = "an XML file; save it as CSV"
    elif re.match(rb"\{\s*\"|\[\s*[\[{]", start):
        kind = "a JSON file; save it as CSV"
    if kind:
        raise UnsupportedContent(f"This looks like {kind}.")


def _kind_of_zip(head: bytes) -> str:
    if b"opendocument.spreadsheet" in head[:200] or b"Index/" in head[:4096]:
        return "a spreadsheet; save it as CSV"
    if b"opendocument." in head[:200] or b"word/" in head or b"ppt/" in head:
        return "a document; save its table as CSV"
    if b"[Content_Types].xml" in head[:4096] or b"xl/" in head or b"_rels/" in head[:4096]:
        return OPENXML
    return "NumPy arrays; save the table as CSV" if b".npy" in head[:64] else "a zip archive; unpack it first"


def _binary(head: bytes) -> str:
    if head.startswith(b"BM") and head[6:10] == b"\0\0\0\0":
        return "a BMP image"
    return "an ORC file; save it as CSV" if head.startswith(b"ORC") else ""


def canonical_encoding(name: str) -> str:
    """One of ENCODINGS. Raises InvalidTable for a name that is not among them."""
    try:
        return _CANONICAL[codecs.lookup(name.strip()).name]
    except (LookupError, KeyError, ValueError):
        raise InvalidTable(
            f"The encoding “{name[:40]}” is not known here. Take one of: {', '.join(ENCODINGS)}."
        ) from None


def encoding_of_bom(head: bytes) -> str:
    return next((name for bom, name in BOMS if head.startswith(bom)), "")


def guess_encoding(sample: bytes) -> str:
    """Encoding detection: the likely encoding of bytes that are not UTF-8, or an empty text."""
    pairs = len(sample) // 2
    for name, zeros in (("utf-16-le", sample[1::2]), ("utf-16-be", sample[::2])):
        if pairs and zeros.count(0) > 0.4 * pairs:
            return name
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=[name for name in ENCODINGS if not name.startswith("utf")]).best()
    if best is None:
        return ""
    encoding = _CANONICAL.get(codecs.lookup(best.encoding).name, "")
    # Western European tables: Windows writes cp1252, and it holds all of latin-1's printable characters.
    western = {"latin-1", "cp1252", "iso8859-15", "cp1250", "cp1254", "cp1257", "cp1258", "iso8859-9", "iso8859-4", "iso8859-13", "cp437", "cp850", "mac-roman", "iso8859-2", "cp852"}  # noqa: E501  # fmt: skip
    return _western(sample, encoding) if encoding in western else encoding


def _western(sample: bytes, guess: str) -> str:
    """Prefer cp1252 to similar Western European encodings when 90 % of the non-ASCII characters are common."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return guess
    letters = [character for character in text if not character.isascii()]
    ordinary = set("äöüÄÖÜßéèêëÉÈÊáàâãåÁÀÂÃÅæøÆØñÑóòôõÓÒÔÕíìîïÍÌÎÏúùûÚÙÛçÇ€£°§«»–—’‘“”…·²³½¼ºª¿¡´©®ýÿ\xa0")
    return "cp1252" if letters and sum(each in ordinary for each in letters) >= 0.9 * len(letters) else guess


def _check_utf8(source: Path, *, is_declared: bool) -> bool:
    """Refuses NUL characters; returns whether there are several kinds of line ends.

    Only the first block is checked for UTF-8 here. Reading the cells checks all bytes anyway, and then
    `refuse_other_encoding` finds the place. A second check would cost seconds per gigabyte.
    """
    newlines, offset = _Newlines(), 0
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            _refuse_nul(block, offset, file)
            newlines.count(block)
            offset += len(block)
    refuse_other_encoding(source, is_declared=is_declared, max_bytes=BLOCK)
    return newlines.are_mixed


def refuse_other_encoding(source: Path, *, is_declared: bool = False, max_bytes: int | None = None) -> None:
    """Raises UnknownEncoding, with place and suggestion, when the file (or its beginning) is not UTF-8."""
    decoder, offset = codecs.getincrementaldecoder("utf-8")("strict"), 0
    with source.open("rb") as file:
        while block := file.read(BLOCK):
            pending = len(decoder.getstate()[0])
            try:
                decoder.decode(block)
            except UnicodeDecodeError as error:
                raise _not_utf8(file, offset - pending + error.start, is_declared) from None
            offset += len(block)
            if max_bytes is not None and offset >= max_bytes:
                return
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise _not_utf8(file, offset - len(decoder.getstate()[0]), is_declared) from None


def _refuse_nul(block: bytes, offset: int, file: BinaryIO) -> None:
    position = block.find(b"\0")
    if position < 0:
        return
    file.seek(0)
    if guess := (guess_encoding(file.read(SAMPLE)) if block.count(b"\0") > len(block) // 5 else ""):
        raise UnknownEncoding(
            f"The file is not UTF-8: every other byte is zero. It looks like {guess}; "
            f"choose the encoding {guess} to read it so.",
            suggestion=guess,
        )
    raise InvalidTable(
        f"The file holds a NUL character at byte {offset + position:,}; text has none. Is this a CSV file?"
    )


def _not_utf8(file: BinaryIO, at: int, is_declared: bool) -> UnknownEncoding:
    # The sample is taken around the first wrong byte: the start of the file may be plain ASCII.
    file.seek(max(0, at - 2_000))
    sample = file.read(SAMPLE)
    byte = sample[min(at, 2_000)] if len(sample) > min(at, 2_000) else 0
    problem = "The file is not UTF-8, the encoding that was named" if is_declared else "The file is not UTF-8"
    suggestion = guess_encoding(sample)
    advice = (
        f"It looks like {suggestion}; choose the encoding {suggestion} to read it so, or save it as UTF-8."
        if suggestion
        else "Save it as UTF-8, or name its encoding."
    )
    return UnknownEncoding(f"{problem}: byte 0x{byte:02X} at offset {at:,}. {advice}", suggestion=suggestion)


def _transcode(source: Path, destination: Path, encoding: str) -> bool:
    """Writes `source` as UTF-8 without a byte order mark; returns whether line ends are mixed."""
    decoder, newlines, offset = codecs.getincrementaldecoder(encoding)("strict"), _Newlines(), 0
    with source.open("rb") as file, destination.open("wb") as out:
        while True:
            block = file.read(BLOCK)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeError as error:
                at = offset + getattr(error, "start", 0)
                raise UnknownEncoding(
                    f"The file is not {encoding}: its bytes cannot be read so from about offset {at:,} on. "
                    "Choose another encoding, or save it as UTF-8."
                ) from None
            if offset == 0:
                text = text.removeprefix("\ufeff")
            if "\0" in text:
                raise InvalidTable(
                    f"Read as {encoding}, the file holds NUL characters. Choose another encoding."
                )
            data = text.encode("utf-8")
            newlines.count(data)
            out.write(data)
            if not block:
                return newlines.are_mixed
            offset += len(block)


class _Newlines:
    """Counts of line ends by kind (CRLF, LF, CR), also within quoted cells."""

    def __init__(self) -> None:
        self.n_crlf = self.n_cr = self.n_lf = 0
        self.ends_in_cr = False

    def count(self, block: bytes) -> None:
        if self.ends_in_cr and block.startswith(b"\n"):
            self.n_crlf += 1
        if b"\r" in block:
            self.n_crlf += block.count(b"\r\n")
            self.n_cr += block.count(b"\r")
        # One LF is enough to know when there is no CR; counting all of them would cost a second per gigabyte.
        self.n_lf += block.count(b"\n") if self.n_cr else int(b"\n" in block)
        self.ends_in_cr = block.endswith(b"\r")

    @property
    def are_mixed(self) -> bool:
        kinds = (self.n_crlf, self.n_cr - self.n_crlf, self.n_lf - self.n_crlf)
        return sum(n > 0 for n in kinds) > 1


def _with_one_newline(text: TextFile, scratch: Path) -> TextFile:
    """A copy in which every line ends in LF; line ends inside quotes stay as they are."""
    destination, kinds = scratch / "newlines.csv", set[bytes]()
    with text.path.open("rb") as file, destination.open("wb") as out:
        is_quoted = False
        for block in _blocks_without_split_newline(file):
            parts = block.split(b'"')
            for index, part in enumerate(parts):
                is_quoted ^= index > 0
                if not is_quoted:
                    kinds.update(
                        re.findall(rb"\r\n|\r|\n", part)
                        if b"\r" in part
                        else [b"\n"]
                        if b"\n" in part
                        else []
                    )
                    parts[index] = re.sub(rb"\r\n?", b"\n", part)
            out.write(b'"'.join(parts))
    if len(kinds) < 2:
        destination.unlink()
        return text
    return TextFile(destination, text.encoding, is_copy=True, has_mixed_newlines=True)


def _blocks_without_split_newline(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while block := file.read(BLOCK):
        block = rest + block
        rest = b"\r" if block.endswith(b"\r") else b""
        yield block.removesuffix(b"\r") if rest else block
    if rest:
        yield rest
