"""The reading of a column in words, as the pages of a dataset show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...ml.types.reading import Reading, ValueKind
from ...ml.types.reading_evidence import Confidence, Example, ReadingEvidence, evidence_of
from ...ml.types.schema import ColumnProfile, Role
from ...templatetags.mlweb import counted

STORED = {
    "BIGINT": "whole numbers",
    "DOUBLE": "numbers",
    "HUGEINT": "whole numbers",
    "BOOLEAN": "true and false",
    "DATE": "dates",
    "TIMESTAMP": "dates with times",
}
TAGS = {Confidence.CERTAIN: "tag-good", Confidence.LIKELY: "tag-accent", Confidence.IN_DOUBT: "tag-warn"}


@dataclass(frozen=True)
class ReadingLine:
    """How a column is read: a sentence, how sure that is, the counts, and examples of text and value."""

    sentence: str
    confidence: Confidence
    counts: str = ""
    examples: tuple[Example, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        return TAGS[self.confidence]


@dataclass(frozen=True)
class ColumnCard:
    """A column on the page of its dataset. `place` is its index in the table."""

    column: ColumnProfile
    place: int

    @property
    def line(self) -> ReadingLine:
        return line_of(self.column)

    @property
    def can_be_read(self) -> bool:
        """Whether its reading can be changed: only text has one."""
        return self.column.storage == "VARCHAR" and self.column.n_distinct > 0


def cards_of(columns: Sequence[ColumnProfile], *, first: int) -> list[ColumnCard]:
    return [ColumnCard(column, place) for place, column in enumerate(columns, start=first)]


def line_of(column: ColumnProfile) -> ReadingLine:
    if column.storage != "VARCHAR":
        what = STORED.get(column.storage, column.storage.lower())
        return ReadingLine(f"Stored as {what}: each filled cell is one.", Confidence.CERTAIN)
    evidence = column.evidence
    if column.reading is not None:
        chosen = ", as a person chose" if evidence is not None and evidence.is_chosen else ""
        sentence = f"Read as {column.reading.words}{chosen}."
        if evidence is None:
            return ReadingLine(sentence, Confidence.CERTAIN)
        others = tuple(each.words for each in evidence.others)
        return ReadingLine(sentence, evidence.confidence, counts_of(evidence), evidence.examples, others)
    if evidence is not None and evidence.others:
        words = tuple(each.words for each in evidence.others)
        return ReadingLine(
            "Kept as text, because it can be read in two ways.", Confidence.IN_DOUBT, others=words
        )
    if may_be_boolean(column):
        return ReadingLine("Kept as text.", Confidence.LIKELY, others=(Reading(ValueKind.BOOLEAN).words,))
    is_mixed = any(warning.startswith("Mixed: ") for warning in column.warnings)
    return ReadingLine("Kept as text.", Confidence.LIKELY if is_mixed else Confidence.CERTAIN)


def may_be_boolean(column: ColumnProfile) -> bool:
    """Whether a text column holds two words for true and false, as far as its most frequent texts show."""
    if column.role is not Role.CATEGORICAL or not 2 <= len(column.levels) <= 20:
        return False
    counts = {level.value: level.count for level in column.levels}
    evidence = evidence_of(Reading(ValueKind.BOOLEAN), counts, sum(counts.values()), others=())
    values = {example.value for example in evidence.examples} - {None}
    return not evidence.n_unreadable and values == {"true", "false"}


def counts_of(evidence: ReadingEvidence) -> str:
    """How many cells were read, are missing, and could not be read."""
    parts = [f"{counted(evidence.n_read, 'cell')} read", f"{evidence.n_missing:,} missing"]
    if evidence.n_words:
        parts[1] += f", {evidence.n_words:,} of them words"
    if evidence.n_unreadable:
        parts.append(f"{evidence.n_unreadable:,} unreadable")
    return " · ".join(parts)
