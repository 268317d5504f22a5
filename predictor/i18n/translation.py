"""Translates sentences that were made in English below the border: errors, notes, reports, stored or not.

`translated` finds the pattern a sentence was made by, and puts its arguments, translated where they are phrases
themselves, into the pattern's translation. A text that fits none stays English. The work grows with the length of the
text: a pattern is looked up by its rarest word and compared by its constant parts, each found once, from left to right.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from django.utils.functional import Promise
from django.utils.safestring import SafeData
from django.utils.translation import get_language

from . import po
from .extraction import LIST, PATTERN
from .languages import ENGLISH, compiled_file
from .sentences import literals_of, names_of

MAX_CHARACTERS = 4_000
MAX_DEPTH = 4
# Characters of constant text from which a pattern may hold anything.
STRONG = 12
ONE_THING = re.compile(r"“[^”]*”|[-−+<>]?\s?[\d.,]+ \S+|\S*")
# Sentences that one pattern may hold, and items of a list that are looked at.
MOST_SENTENCES, MOST_ITEMS = 4, 50
ENDING = "s"
WORD = re.compile(r"\w+")
NUMBER = re.compile(r"[\d.,]+")
AND = ", and "
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[A-Z“\"(])")
# Several sentences, or two parts of one.
SEVERAL = re.compile(rf"{SENTENCE_END.pattern}|{AND}")
FULL_WIDTH_ENDS = "。！？；：，、"
TAIL = re.compile(r"(?P<head>[^.:]{1,200}): (?P<tail>.+)", re.DOTALL)


def translated(text: Any, language: str | None = None) -> Any:
    """The text in the language, by default the active one. What is no text, and marked-up text, stays as it is."""
    language = language or get_language() or ENGLISH
    if language == ENGLISH or isinstance(text, SafeData) or not isinstance(text, str | Promise):
        return text
    words = str(text)
    if not words or len(words) > MAX_CHARACTERS:
        return words
    catalogue = catalogue_of(language)
    return catalogue.remembered(words) if catalogue else words


@dataclass(frozen=True, slots=True)
class Pattern:
    """The constant parts of a pattern, the names between them, and the translation as text and names in turn."""

    literals: tuple[str, ...]
    names: tuple[str, ...]
    translation: tuple[tuple[str, str], ...]

    @property
    def weight(self) -> int:
        return sum(map(len, self.literals))

    @property
    def is_weak(self) -> bool:
        """Little constant text, such as “{low} to {high}”: it takes names, numbers and phrases, no sentences."""
        return self.weight < STRONG

    @property
    def words(self) -> Iterator[str]:
        """Words that stand alone in every text of the pattern."""
        last = len(self.literals) - 1
        for number, literal in enumerate(self.literals):
            for found in WORD.finditer(literal):
                is_cut_left = found.start() == 0 and number > 0
                is_cut_right = found.end() == len(literal) and number < last
                if not is_cut_left and not is_cut_right:
                    yield found.group()

    def arguments_in(self, text: str) -> dict[str, str] | None:
        """The arguments of a text of this pattern; None for another text."""
        first, *between, last = self.literals
        start, end = len(first), len(text) - len(last)
        if start > end or not text.startswith(first) or not text.endswith(last):
            return None
        arguments = {}
        for name, literal in zip(self.names, [*between, None], strict=True):
            if literal is None:
                stop = after = end
            elif literal:
                stop = text.find(literal, start, end)
                after = stop + len(literal)
            else:  # Two placeholders side by side: the first takes everything, but an ending only its letters.
                stop = after = (
                    _after_ending(text, start, end) if name.startswith(ENDING) and _is_ending(name) else end
                )
            if stop < start or (_is_ending(name) and text[start:stop] not in ("", "s", "es")):
                return None
            arguments[name] = text[start:stop]
            start = after
        return arguments


def _is_ending(name: str) -> bool:
    return name == ENDING or (name.startswith(f"{ENDING}_") and name[2:].isdigit())


def _after_ending(text: str, start: int, end: int) -> int:
    return next((start + len(each) for each in ("es", "s") if text.startswith(each, start, end)), start)


class Catalogue:
    """The phrases and patterns of one language."""

    def __init__(self, texts: Mapping[str, str], separator: str = ", ", stop: str = "."):
        self.separator, self.stop = separator, stop
        self.phrases: dict[str, str] = {}
        patterns = []
        for message, translation in texts.items():
            names = tuple(names_of(message))
            if names:
                patterns.append(Pattern(tuple(literals_of(message)), names, tuple(_parts(translation))))
            else:
                self.phrases[literals_of(message)[0]] = "".join(literals_of(translation))
        frequency = Counter(word for pattern in patterns for word in set(pattern.words))
        self.by_word: dict[str, list[Pattern]] = defaultdict(list)
        for pattern in patterns:
            rarest = min(pattern.words, key=lambda word: (frequency[word], -len(word), word), default=None)
            if rarest is not None:
                self.by_word[rarest].append(pattern)
        self.remembered = lru_cache(2_000)(self._whole)

    def _whole(self, text: str) -> str:
        return self._translated(text, MAX_DEPTH) or text

    def _translated(self, text: str, depth: int) -> str:
        """The translation; empty when there is none."""
        core = text.strip()
        if not core or depth == 0:
            return ""
        found = (
            self.phrases.get(core)
            or self._by_pattern(core, depth, is_spanning=False)
            or self._by_sentence(core, depth)
            or self._by_last_item(core, depth)
            or self._by_pattern(core, depth, is_spanning=True)
            or self._without_stop(core, depth)
            or self._by_item(core, depth)
            or self._after_number(core)
            or self._after_colon(core, depth)
        )
        if not found:
            return ""
        before = text[: len(text) - len(text.lstrip())]
        return f"{before}{found}{text[len(text.rstrip()) :]}"

    def _by_pattern(self, text: str, depth: int, *, is_spanning: bool) -> str:
        """By the pattern with the most constant text; `is_spanning`: also where an argument holds several sentences."""
        best: tuple[int, Pattern, dict[str, str]] | None = None
        for word in dict.fromkeys(WORD.findall(text)):
            for pattern in self.by_word.get(word, ()):
                weight = pattern.weight
                if best is not None and weight <= best[0]:
                    continue
                arguments = pattern.arguments_in(text)
                if arguments is None or (
                    pattern.is_weak and not all(map(self._is_one_thing, arguments.values()))
                ):
                    continue
                if is_spanning or not any(SEVERAL.search(each) for each in arguments.values()):
                    best = weight, pattern, arguments
        if best is None:
            return ""
        _, pattern, arguments = best
        shown = {name: self._argument(value, depth - 1) for name, value in arguments.items()}
        return "".join(
            literal + (shown.get(name, "") if name else "") for literal, name in pattern.translation
        )

    def _argument(self, text: str, depth: int) -> str:
        is_of_the_data = text.startswith("“") and text.endswith("”") and "”" not in text[:-1]
        return text if is_of_the_data else self._translated(text, depth) or text

    def _by_sentence(self, text: str, depth: int) -> str:
        """Sentence by sentence; several together where one pattern holds them."""
        sentences = SENTENCE_END.split(text)
        if not 1 < len(sentences) <= MOST_ITEMS:
            return ""
        result, is_any, at = "", False, 0
        while at < len(sentences):
            found = ""
            for end in range(min(len(sentences), at + MOST_SENTENCES), at, -1):
                if (at, end) == (0, len(sentences)):
                    continue
                together = " ".join(sentences[at:end])
                found = self.phrases.get(together) or self._by_pattern(together, depth - 1, is_spanning=False)
                if not found and end == at + 1:
                    found = self._without_stop(together, depth - 1) or self._after_colon(together, depth - 1)
                if found:
                    break
            is_any = is_any or bool(found)
            result += _gap(result) + (found or sentences[at])
            at = end
        return result if is_any else ""

    def _without_stop(self, text: str, depth: int) -> str:
        """A phrase that was made a sentence by a full stop."""
        if depth <= 0 or not text.endswith(".") or text.endswith(".."):
            return ""
        found = self.phrases.get(text[:-1]) or self._by_pattern(text[:-1], depth, is_spanning=False)
        return f"{found}{self.stop}" if found else ""

    def _after_number(self, text: str) -> str:
        """`3 free texts`: a number and a phrase."""
        number, gap, rest = text.partition(" ")
        found = NUMBER.fullmatch(number) and (
            self.phrases.get(rest) or self.phrases.get(rest.removesuffix("s"))
        )
        return f"{number}{gap}{found}" if found else ""

    def _by_last_item(self, text: str, depth: int) -> str:
        """Two parts that are joined by a comma and “and”."""
        if text.count(AND) != 1:
            return ""
        first, _and, last = text.partition(AND)
        # As deep as this text: no part can be divided so again.
        parts = [self._translated(part, depth) for part in (first, last)]
        word = self.phrases.get(AND.strip()) or self.phrases.get(AND)
        return f"{parts[0]}{word or self.separator}{parts[1]}" if all(parts) else ""

    def _by_item(self, text: str, depth: int) -> str:
        items = text.split(", ")
        if not 1 < len(items) <= MOST_ITEMS:
            return ""
        found = [
            self.phrases.get(item)
            or self._by_pattern(item, depth - 1, is_spanning=False)
            or self._after_number(item)
            for item in items
        ]
        shown = [each or item for each, item in zip(found, items, strict=True)]
        is_list = any(found) and all(
            each or self._is_one_thing(item) for each, item in zip(found, items, strict=True)
        )
        return self.separator.join(shown) if is_list else ""

    def _is_one_thing(self, text: str) -> bool:
        return bool(ONE_THING.fullmatch(text)) or text in self.phrases or bool(self._after_number(text))

    def _after_colon(self, text: str, depth: int) -> str:
        """`rows/0/age: The text …`: a place and a sentence, or a heading and what it is about."""
        parts = TAIL.fullmatch(text)
        if parts is None or depth <= 0:
            return ""
        head, tail = self.phrases.get(parts["head"], ""), self._translated(parts["tail"], depth - 1)
        return f"{head or parts['head']}: {tail or parts['tail']}" if head or tail else ""


def _gap(before: str) -> str:
    return "" if not before or before[-1] in FULL_WIDTH_ENDS else " "


def _parts(translation: str) -> Iterator[tuple[str, str]]:
    literals, names = literals_of(translation), names_of(translation)
    yield from zip(literals, [*names, ""], strict=True)


@cache
def catalogue_of(language: str) -> Catalogue | None:
    path = compiled_file(language)
    if path is None:
        return None
    return catalogue_from(po.decompiled(path.read_bytes()))


def catalogue_from(messages: Sequence[po.Message]) -> Catalogue:
    texts = {each.id: each.texts[0] for each in messages if each.context == PATTERN}
    signs = {each.id: each.texts[0] for each in messages if each.context == LIST}
    return Catalogue(texts, signs.get(", ", ", "), signs.get(".", "."))
