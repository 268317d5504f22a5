"""Spellings of categories: which texts may be one category, and which words may mean missing.

Blanks at the ends, repeated blanks and the Unicode form never make another category: they are joined when a table is
imported. Upper and lower case, and `3` beside `3.0`, are joined only when a person asks for it.
Standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import quoted

CASE, NUMBERS = "case", "numbers"
IGNORED = (CASE, NUMBERS)
DIFFERENCES = {CASE: "in upper and lower case", NUMBERS: "in how a whole number is written"}
# In lower case: words that people write where nothing is known. They may be categories as well.
WORDS_FOR_MISSING = frozenset({
    "na", "n/a", "n.a.", "#n/a", "<na>", "nan", "null", "(null)", "nil", "none", "-", "--", ".", "?", "??", "missing",
    "unknown", "undefined", "not available", "unbekannt", "k. a.", "k.a.", "inconnu", "desconocido", "未知", "无",
})  # fmt: skip
WHOLE_NUMBER = re.compile(r"([+-]?[0-9]+)\.0+", re.ASCII)
# Levels of a profile are cut at this length; longer texts are not compared.
MAX_CHARACTERS = 199
# Groups, and spellings of a group, that a sentence names.
N_SHOWN = 5


def tidied(text: str) -> str:
    """The text in Unicode NFC, without blanks at its ends, and with one blank for several."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def key_of(tidy: str, ignores: Collection[str]) -> str:
    """What equal categories have in common."""
    if NUMBERS in ignores and (found := WHOLE_NUMBER.fullmatch(tidy)):
        tidy = found[1]
    return tidy.lower() if CASE in ignores else tidy


def canonical_spellings(counts: Mapping[str, int], ignores: Collection[str]) -> tuple[str, ...]:
    """One spelling for each category that `tidied` alone does not give, sorted.

    Of several spellings the one without needless blanks wins, then the most frequent, then the first in the alphabet.
    """
    groups: dict[str, list[str]] = {}
    for text in counts:
        if len(text) <= MAX_CHARACTERS and (tidy := tidied(text)):
            groups.setdefault(key_of(tidy, ignores), []).append(text)
    chosen = [
        min(texts, key=lambda text: (_has_needless_blanks(text), -counts[text], text))
        for texts in groups.values()
    ]
    return tuple(sorted(each for each in chosen if ignores or tidied(each) != each))


def _has_needless_blanks(text: str) -> bool:
    return " ".join(text.split()) != text


def variants(counts: Mapping[str, int], ignores: Collection[str]) -> list[dict[str, int]]:
    """Groups of texts that are one category when the given differences are ignored; most rows first."""
    groups: dict[str, dict[str, int]] = {}
    for text, n in counts.items():
        if len(text) <= MAX_CHARACTERS and (tidy := tidied(text)):
            groups.setdefault(key_of(tidy, ignores), {})[text] = n
    several = [group for group in groups.values() if len(group) > 1]
    return sorted(several, key=lambda group: -sum(group.values()))


def words_for_missing(counts: Mapping[str, int]) -> dict[str, int]:
    """The texts that may mean missing, each with the number of its cells; most cells first.

    None of them if all texts are such words, and no minus sign where there is a plus sign.
    """
    has_plus = any(tidied(text) == "+" for text in counts)
    words = {
        text: n
        for text, n in counts.items()
        if (word := tidied(text).lower()) in WORDS_FOR_MISSING and not (has_plus and word == "-")
    }
    return dict(sorted(words.items(), key=lambda each: -each[1])) if len(words) < len(counts) else {}


@dataclass(frozen=True)
class Proposal:
    """What a person may decide about the categories of a column.

    `joined`: groups of spellings that differ only in blanks, in the Unicode form and in what `ignores` names.
    `missing`: words that may mean missing. Both with the numbers of their cells.
    """

    joined: Sequence[Mapping[str, int]] = ()
    ignores: tuple[str, ...] = ()
    missing: Mapping[str, int] = field(default_factory=dict)
    has_blanks: bool = False

    @classmethod
    def of(cls, counts: Mapping[str, int]) -> Proposal:
        """The proposal for these categories with the numbers of their cells."""
        tidy: dict[str, int] = {}
        for text, n in counts.items():
            tidy[tidied(text)] = tidy.get(tidied(text), 0) + n
        ignores = tuple(each for each in IGNORED if variants(tidy, (each,)))
        return cls(
            variants(counts, ignores), ignores, words_for_missing(counts), has_blanks=len(tidy) < len(counts)
        )

    def __bool__(self) -> bool:
        return bool(self.joined or self.missing)

    @property
    def differences(self) -> str:
        """As in "they differ only …"."""
        blanks = ["in blanks or the Unicode form"] if self.has_blanks else []
        return " or ".join([*blanks, *(DIFFERENCES[each] for each in self.ignores)])

    @property
    def groups(self) -> str:
        """The spellings of the first groups with the numbers of their cells."""
        shown = "; ".join(in_numbers(group) for group in self.joined[:N_SHOWN])
        more = len(self.joined) - N_SHOWN
        return f"{shown}; and {more:,} more" if more > 0 else shown


def in_numbers(counts: Mapping[str, int]) -> str:
    """As in “yes” (20), “Yes” (3) and 2 more."""
    ordered = sorted(counts, key=lambda text: -counts[text])
    shown = ", ".join(f"{quoted(text)} ({counts[text]:,})" for text in ordered[:N_SHOWN])
    more = len(counts) - N_SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
