"""A model card as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .model_cards import Card, CardTable

# Characters with a meaning in CommonMark or GitHub's tables: anywhere in a line, and at its start.
MARKS = frozenset("\\`*_[]<>|~&$")
FIRST_MARKS = ("#", "-", "+", "=")
LIST_NUMBER = re.compile(r"^(\d+)([.)])")


def written(card: Card) -> str:
    """The card as Markdown. Text from users is escaped: it starts no tag, link or table cell."""
    blocks = [f"# {escaped(card.title)}", escaped(card.lead)]
    for part in card.parts:
        blocks.append(f"## {escaped(part.title)}")
        blocks += [escaped(each) for each in part.sentences if each.strip()]
        if part.facts:
            blocks.append("\n".join(f"- {escaped(name)}: {escaped(value)}" for name, value in part.facts))
        if part.points:
            blocks.append("\n".join(f"- {escaped(each)}" for each in part.points))
        if part.table:
            blocks.append(_table(part.table))
    return "\n\n".join(blocks) + "\n"


def _table(table: CardTable) -> str:
    rule = ["---"] * len(table.header)
    lines: Sequence[Sequence[str]] = [table.header, rule, *table.rows]
    return "\n".join(
        "| " + " | ".join(cell if line is rule else escaped(cell) for cell in line) + " |" for line in lines
    )


def escaped(text: str) -> str:
    """Text escaped for Markdown, on one line: a backslash before marks, � for unprintable characters."""
    line = " ".join(text.split())
    printable = (character if character.isprintable() else "�" for character in line)
    plain = "".join(f"\\{character}" if character in MARKS else character for character in printable)
    if plain.startswith(FIRST_MARKS):
        return f"\\{plain}"
    # "1." and "1)" would begin a list.
    return LIST_NUMBER.sub(r"\1\\\2", plain)
