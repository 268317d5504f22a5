"""Elements of SVG as text, and how much room a text needs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from html import escape
from typing import Any

LETTER = 6.6  # pixels of a letter of 12 px, a little more than the mean of the fonts in use
WIDE_LETTER = 12.0
LINE = 15


def element(tag: str, *children: str, **attributes: Any) -> str:
    """`<tag …>children</tag>`: attributes are escaped, children are markup; `class_` is class, `x_y` is x-y."""
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None and value != ""
    )
    return f"<{tag}{written}>{''.join(children)}</{tag}>" if children else f"<{tag}{written}/>"


def text_width(text: str) -> float:
    return sum(WIDE_LETTER if unicodedata.east_asian_width(each) in "WF" else LETTER for each in text)


def wrapped(text: str, width: float) -> list[str]:
    """Lines that fit a width, broken at blanks, and inside of a word that is longer than a line."""
    lines: list[str] = []
    for word in text.split() or [text]:
        for part in _parts(word, width):
            if lines and text_width(f"{lines[-1]} {part}") <= width and part == word:
                lines[-1] = f"{lines[-1]} {part}"
            else:
                lines.append(part)
    return lines


def _parts(word: str, width: float) -> Iterator[str]:
    part = ""
    for letter in word:
        if part and text_width(part + letter) > width:
            yield part
            part = ""
        part += letter
    yield part


def percent(place: float) -> str:
    """0.1234 → "12.34%": a position along the width."""
    return f"{place * 100:.2f}".rstrip("0").rstrip(".") + "%"


def pixels(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
