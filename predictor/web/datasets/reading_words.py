"""The reading of a column in words, as the pages of a dataset show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...i18n.translation import translated
from ...ml.types.reading import KINDS_OF_VALUES, Reading, ValueKind, find_reading
from ...ml.types.reading_evidence import MAX_PROPOSED_LOSS, Confidence, Example, ReadingEvidence
from ...ml.types.schema import ColumnProfile, Role
from ...templatetags.mlweb import counted

STORED = {
    "BIGINT": gettext_lazy("whole numbers"),
    "DOUBLE": gettext_lazy("numbers"),
    "HUGEINT": gettext_lazy("whole numbers"),
    "BOOLEAN": gettext_lazy("true and false"),
    "DATE": gettext_lazy("dates"),
    "TIMESTAMP": gettext_lazy("dates with times"),
}
N_LEVELS = 50
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

    @property
    def confidence_word(self) -> str:
        return {
            Confidence.CERTAIN: _("certain"),
            Confidence.LIKELY: _("likely"),
            Confidence.IN_DOUBT: _("in doubt"),
        }[self.confidence]


@dataclass(frozen=True)
class ColumnCard:
    """A column on the page of its dataset. `place` is its index in the table."""

    column: ColumnProfile
    place: int

    @property
    def line(self) -> ReadingLine:
        return line_of(self.column)

    @property
    def warnings(self) -> list[str]:
        """The warnings that the line does not say."""
        return remarks_of(self.column)

    @property
    def can_be_read(self) -> bool:
        """Whether its reading can be changed: only text has one."""
        return self.column.storage == "VARCHAR" and self.column.n_distinct > 0


def cards_of(columns: Sequence[ColumnProfile], *, first: int) -> list[ColumnCard]:
    return [ColumnCard(column, place) for place, column in enumerate(columns, start=first)]


def line_of(column: ColumnProfile, *, is_preview: bool = False) -> ReadingLine:
    if column.storage != "VARCHAR" and column.reading is None:
        what = STORED.get(column.storage, column.storage.lower())
        return ReadingLine(
            _("Stored as %(what)s: each filled cell is one.") % {"what": what}, _of_typed(column)
        )
    evidence = column.evidence
    if column.reading is not None:
        chosen = (
            _(", as a person chose") if evidence is not None and evidence.is_chosen and not is_preview else ""
        )
        sentence = _("Read as %(words)s%(chosen)s.") % {
            "words": translated(column.reading.words),
            "chosen": chosen,
        }
        if evidence is None:
            return ReadingLine(sentence, _of_typed(column))
        others = tuple(translated(each.words) for each in evidence.others)
        return ReadingLine(sentence, evidence.confidence, counts_of(evidence), evidence.examples, others)
    if evidence is not None and evidence.others:
        words = tuple(translated(each.words) for each in evidence.others)
        return ReadingLine(
            _("Kept as text, because it can be read in two ways."), Confidence.IN_DOUBT, others=words
        )
    others = tuple(translated(each.words) for each in likely_readings(column))
    return ReadingLine(_("Kept as text."), Confidence.LIKELY if others else Confidence.CERTAIN, others=others)


def _of_typed(column: ColumnProfile) -> Confidence:
    """The confidence of a column that the import typed itself: in doubt where its marks can be read in two ways."""
    is_doubted = any("can be read in two ways" in each for each in column.warnings)
    return Confidence.IN_DOUBT if is_doubted else Confidence.CERTAIN


def remarks_of(column: ColumnProfile) -> list[str]:
    return [each for each in column.warnings if not each.startswith("Read as ")]


def likely_readings(column: ColumnProfile) -> list[Reading]:
    """What a text column could be read as, as far as its most frequent texts show."""
    counts = {level.value: level.count for level in column.levels[:N_LEVELS]}
    if len(counts) < 2 or column.role is Role.CONSTANT:
        return []
    likely = []
    for kind in KINDS_OF_VALUES:
        finding = find_reading(counts, kind, is_forced=True)
        readings = [finding.reading] if finding.reading else finding.doubts
        is_most = finding.n_unreadable <= MAX_PROPOSED_LOSS * sum(counts.values())
        likely += [
            each for each in readings if is_most and (kind is not ValueKind.BOOLEAN or not finding.unreadable)
        ]
    return likely


def counts_of(evidence: ReadingEvidence) -> str:
    """How many cells were read, are missing, and could not be read."""
    parts = [
        _("%(cells)s read") % {"cells": counted(evidence.n_read, "cell")},
        _("%(n_missing)s missing") % {"n_missing": f"{evidence.n_missing:,}"},
    ]
    if evidence.n_words:
        parts[1] += _(", %(n_words)s of them words") % {"n_words": f"{evidence.n_words:,}"}
    if evidence.n_unreadable:
        parts.append(_("%(n_unreadable)s unreadable") % {"n_unreadable": f"{evidence.n_unreadable:,}"})
    return " · ".join(parts)
