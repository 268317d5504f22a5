"""Evidence for the reading of a column: what was read, what is missing, examples, and what else it could be.

Standard library only, like the readings themselves.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, islice
from typing import Any

from ...errors import LosesCells, quoted, quoted_list
from .reading import Reading, Unreadable, candidates

N_EXAMPLES = 5
# A text column may be another kind of value when at most this share of its cells would be lost.
MAX_PROPOSED_LOSS = 0.5
N_UNREADABLE_SHOWN = 10
MAX_EXAMPLE_CHARACTERS = 100
# Examples are chosen from this many of the most frequent and of the rarest texts.
N_LOOKED_AT = 2_000
N_COMPARED = 20_000
DIGITS, LETTERS = re.compile(r"\d+"), re.compile(r"[^\W\d_]+")


class Confidence(StrEnum):
    """How sure a reading is."""

    CERTAIN = "certain"
    LIKELY = "likely"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True)
class Example:
    """A text of the column, the number of its cells, and the value it is read as; None: it is missing."""

    text: str
    n_cells: int
    value: str | None


@dataclass(frozen=True)
class ReadingEvidence:
    """What a reading makes of a column's cells.

    `n_read` + `n_missing` + `n_unreadable` is the number of rows. `n_missing`: empty cells and words that mean
    missing, `n_words` of them words. `n_unreadable`: cells with another text that is no value; they became missing.
    `others`: readings that fit as well and give other values. `is_chosen`: a person chose the reading.
    """

    n_read: int
    n_missing: int
    n_words: int = 0
    n_unreadable: int = 0
    examples: tuple[Example, ...] = ()
    unreadable: tuple[Example, ...] = ()
    others: tuple[Reading, ...] = ()
    is_chosen: bool = False

    @property
    def confidence(self) -> Confidence:
        if self.is_chosen:
            return Confidence.CERTAIN
        if not self.n_read:
            return Confidence.IN_DOUBT
        return Confidence.LIKELY if self.others or self.n_unreadable else Confidence.CERTAIN

    @property
    def n_filled(self) -> int:
        """Cells that are not empty."""
        return self.n_read + self.n_words + self.n_unreadable

    @property
    def lost_share(self) -> float:
        return self.n_unreadable / self.n_filled if self.n_filled else 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "others": [each.to_json() for each in self.others]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> ReadingEvidence | None:
        """None for nothing: a column without a reading, or stored before there was evidence."""
        if not data:
            return None
        examples = {
            name: tuple(Example(**each) for each in data.get(name, ())) for name in ("examples", "unreadable")
        }
        others = tuple(filter(None, map(Reading.from_json, data.get("others", ()))))
        return cls(**{**data, **examples, "others": others})


def evidence_of(
    reading: Reading,
    counts: Mapping[str, int],
    n_rows: int,
    *,
    others: Sequence[Reading] | None = None,
    is_chosen: bool = False,
) -> ReadingEvidence:
    """The evidence for a reading of a column. `counts`: its texts, the most frequent first, with their cells.

    `others`: the readings that fit as well, where they are known already.
    """
    n_read, lost = 0, {}
    for text, n_cells in counts.items():
        try:
            n_read += n_cells if reading.read(text) is not None else 0
        except Unreadable:
            lost[text] = n_cells
    n_lost, n_filled = sum(lost.values()), sum(n for text, n in counts.items() if text.strip())
    return ReadingEvidence(
        n_read=n_read,
        n_missing=n_rows - n_read - n_lost,
        n_words=n_filled - n_read - n_lost,
        n_unreadable=n_lost,
        examples=_examples(reading, counts, lost),
        unreadable=tuple(_example(reading, text, lost) for text in islice(lost, N_UNREADABLE_SHOWN)),
        others=other_readings(reading, counts) if others is None else tuple(others),
        is_chosen=is_chosen,
    )


def other_readings(reading: Reading, counts: Mapping[str, int]) -> tuple[Reading, ...]:
    """Readings of the same kind that read each cell that this one reads, and at least one of them differently.

    Judged by the most frequent texts.
    """
    own: dict[str, Any] = {}
    for text in islice(counts, N_COMPARED):
        try:
            own[text] = reading.read(text)
        except Unreadable:
            continue
    return tuple(each for each in candidates(reading.kind, own) if each != reading and _is_other(each, own))


def _is_other(candidate: Reading, own: Mapping[str, Any]) -> bool:
    is_different = False
    for text, value in own.items():
        if value is None:
            continue
        try:
            is_different |= candidate.read(text) != value
        except Unreadable:
            return False
    return is_different


def shown(value: Any) -> str | None:
    """A value of a reading as text; None when it is missing."""
    if value is None:
        return None
    if isinstance(value, str):
        return _shortened(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == datetime.min.time() else value.isoformat()
    return f"{value:.15g}"


def _examples(reading: Reading, counts: Mapping[str, int], lost: Mapping[str, int]) -> tuple[Example, ...]:
    """The most frequent ways of writing, then the rarest: odd cells are the ones to look at."""
    texts = [text for text in counts if text.strip() and text not in lost]
    looked = texts if len(texts) <= 2 * N_LOOKED_AT else [*texts[:N_LOOKED_AT], *texts[-N_LOOKED_AT:]]
    by_shape: dict[str, str] = {}
    cells: dict[str, int] = {}
    for text in looked:
        shape = LETTERS.sub("a", DIGITS.sub("9", text[:MAX_EXAMPLE_CHARACTERS]))
        by_shape.setdefault(shape, text)
        cells[shape] = cells.get(shape, 0) + counts[text]
    shapes = sorted(by_shape, key=lambda shape: -cells[shape])
    n_usual = N_EXAMPLES - 2
    chosen = shapes if len(shapes) <= N_EXAMPLES else [*shapes[:n_usual], *shapes[-2:]]
    filled = dict.fromkeys(chain((by_shape[shape] for shape in chosen), texts))
    return tuple(_example(reading, text, counts) for text in islice(filled, N_EXAMPLES))


def _example(reading: Reading, text: str, counts: Mapping[str, int]) -> Example:
    try:
        value = shown(reading.read(text))
    except Unreadable:
        value = None
    return Example(_shortened(text), counts[text], value)


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_EXAMPLE_CHARACTERS else text[: MAX_EXAMPLE_CHARACTERS - 1] + "…"


def lost_cells(
    column: str, what: str, examples: Iterable[str], n_lost: int, n_filled: int, *, max_lost_share: float
) -> LosesCells:
    """The refusal of a role or a reading that empties too many cells: how many, which, and how to allow it."""
    share = math.ceil(100 * n_lost / n_filled) / 100
    return LosesCells(
        f"{n_lost:,} of {n_filled:,} cells of {quoted(column)} are not read as {what} and would become missing: "
        f"{quoted_list(examples)}. At most {max_lost_share:.0%} may. Choose another role or reading, or allow it with "
        f"max_lost_share {share:g}.",
        limit=max_lost_share,
        field="max_lost_share",
    )
