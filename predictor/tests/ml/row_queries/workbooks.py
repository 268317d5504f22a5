"""Reads a workbook of one sheet by the names in its XML (ECMA-376), apart from the code that writes it."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def cells_of(path: Path) -> list[list[tuple[str, str, str]]]:
    """The rows of the sheet; each cell as its type (n, b, inlineStr), its style and its text."""
    with zipfile.ZipFile(path) as package:
        assert package.testzip() is None
        for name in package.namelist():
            ElementTree.fromstring(package.read(name))
        sheet = ElementTree.fromstring(package.read("xl/worksheets/sheet1.xml"))
    rows = []
    for row in sheet.iter(f"{MAIN}row"):
        cells = []
        for cell in row.iter(f"{MAIN}c"):
            kind = cell.get("t", "n")
            text = cell.findtext(f"{MAIN}is/{MAIN}t" if kind == "inlineStr" else f"{MAIN}v") or ""
            cells.append((kind, cell.get("s", "0"), unescaped(text)))
        rows.append(cells)
    return rows


def unescaped(text: str) -> str:
    return re.sub("_x([0-9A-F]{4})_", lambda match: chr(int(match[1], 16)), text)
