"""Cluster profiles: how a cluster differs from the whole table, as "age far above average (61 vs 39)"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..features.text_steps import tokens
from ..types.schema import Role, canonical_text
from ..validation.target import missing

Column = NDArray[Any]
Mask = NDArray[np.bool_]

# Differences of means, in standard deviations of the column: worth reporting, and called “far”.
APART, FAR_APART = 0.4, 1.0
# Differences in shares of rows that are worth reporting: of a level or word, and of missing values.
SHARE_APART, GAPS_APART = 0.12, 0.3
ALMOST_ALL, MOST, HARDLY_ANY = 0.95, 0.5, 0.05
# A difference of 0.5 in shares counts as much as one of one standard deviation in means.
SHARE_TO_DEVIATIONS = 2.0
MAX_LEVELS, MAX_WORDS = 100, 200
MAX_TRAITS = 5
# Splitting so many texts into words takes about a second if each is a page.
MAX_TEXTS = 5_000


@dataclass(frozen=True)
class Trait:
    """One difference between a cluster and the whole table. `strength`: effect size, about in standard deviations."""

    column: str
    text: str
    strength: float


class TableStatistics:
    """Statistics of all rows of a table, computed once for all clusters."""

    def __init__(self, columns: Mapping[str, Column], roles: Mapping[str, Role]):
        self._columns = [_Column.of(name, values, roles[name]) for name, values in columns.items()]

    def traits(self, is_in: Mask) -> list[Trait]:
        """The largest differences between these rows and all rows, strongest first."""
        if not is_in.any():
            return []
        traits = [
            trait
            for each in self._columns
            for trait in (each.trait(is_in), each.gaps(is_in))
            if trait is not None
        ]
        return sorted(traits, key=lambda trait: (-trait.strength, trait.column))[:MAX_TRAITS]


class _Counted(Protocol):
    """Statistics of all rows that have a value. `is_in`: mask of the cluster among those rows."""

    def trait(self, name: str, is_in: Mask) -> Trait | None: ...


@dataclass(frozen=True)
class _Column:
    """One column with its statistics. `rows`: those with a value; at most MAX_TEXTS of texts."""

    name: str
    is_missing: Mask
    rows: NDArray[np.intp]
    counted: _Counted

    @classmethod
    def of(cls, name: str, values: Column, role: Role) -> _Column:
        is_missing = missing(values)
        rows = np.flatnonzero(~is_missing)
        if role is Role.TEXT and len(rows) > MAX_TEXTS:
            rows = rows[np.linspace(0, len(rows) - 1, MAX_TEXTS).astype(np.intp)]
        return cls(name, is_missing, rows, _counted(values[rows], role))

    def trait(self, is_in: Mask) -> Trait | None:
        part = is_in[self.rows]
        return self.counted.trait(self.name, part) if part.any() else None

    def gaps(self, is_in: Mask) -> Trait | None:
        own, whole = float(self.is_missing[is_in].mean()), float(self.is_missing.mean())
        if own - whole < GAPS_APART:
            return None
        words = "missing in" if own >= ALMOST_ALL else "often missing:"
        strength = SHARE_TO_DEVIATIONS * (own - whole)
        return Trait(self.name, f"{self.name} {words} {percent(own)} vs {percent(whole)}", strength)


def _counted(known: Column, role: Role) -> _Counted:
    if role is Role.NUMERIC:
        return _Numbers(known)
    if role is Role.DATETIME:
        return _Moments(known.astype("datetime64[s]").astype(np.float64))
    if role is Role.BOOLEAN:
        return _Levels.of([canonical_text(bool(value)) for value in known])
    return _Words.of(known.tolist()) if role is Role.TEXT else _Levels.of(known.tolist())


class _Numbers:
    above, below = "above", "below"

    def __init__(self, values: NDArray[np.float64]):
        self.values = values
        self.mean, self.spread = (float(values.mean()), float(values.std())) if len(values) else (0.0, 0.0)

    def trait(self, name: str, is_in: Mask) -> Trait | None:
        own = float(self.values[is_in].mean())
        apart = (own - self.mean) / self.spread if self.spread > 0 else 0.0
        if abs(apart) < APART:
            return None
        how = f"{'far ' if abs(apart) >= FAR_APART else ''}{self.above if apart > 0 else self.below}"
        return Trait(name, f"{name} {how} {self.comparison(own)}", abs(apart))

    def comparison(self, own: float) -> str:
        return f"average ({figure(own)} vs {figure(self.mean)})"


class _Moments(_Numbers):
    above, below = "later", "earlier"

    def comparison(self, own: float) -> str:
        days = (str(np.datetime64(int(each), "s").astype("datetime64[D]")) for each in (own, self.mean))
        return f"than average ({' vs '.join(days)})"


@dataclass(frozen=True)
class _Levels:
    """The most frequent levels, how many rows have each, and the code of each row's level (-1 for others)."""

    levels: list[Any]
    counts: NDArray[np.intp]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: list[Any]) -> _Levels:
        common = Counter(values).most_common(MAX_LEVELS)
        code_of = {level: code for code, (level, _) in enumerate(common)}
        codes = np.fromiter((code_of.get(value, -1) for value in values), np.intp, len(values))
        return cls([level for level, _ in common], np.array([count for _, count in common], np.intp), codes)

    def trait(self, name: str, is_in: Mask) -> Trait | None:
        part = self.codes[is_in]
        own = np.bincount(part[part >= 0], minlength=len(self.levels)) / len(part)
        whole = self.counts / len(self.codes)
        apart = own - whole
        # Of equal differences, take a level that is more frequent in the cluster.
        largest = max(
            range(len(self.levels)),
            key=lambda code: (abs(apart[code]) + 1e-9 * (apart[code] > 0), str(self.levels[code])),
        )
        if abs(apart[largest]) < SHARE_APART:
            return None
        here, all_rows = float(own[largest]), float(whole[largest])
        words = f"{_often(here, all_rows)} {_short(self.levels[largest])}"
        strength = SHARE_TO_DEVIATIONS * abs(float(apart[largest]))
        return Trait(name, f"{name} {words} ({percent(here)} vs {percent(all_rows)})", strength)


@dataclass(frozen=True)
class _Words:
    """Bag of words: the most frequent words, and a mask (n_rows, n_words) of the texts that contain them."""

    words: list[str]
    contains: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: list[str]) -> _Words:
        word_sets = [set(tokens(text)) for text in texts]
        counts: Counter[str] = Counter()
        for words_of_text in word_sets:
            counts.update(words_of_text)
        words = [word for word, _ in counts.most_common(MAX_WORDS)]
        column_of = {word: column for column, word in enumerate(words)}
        contains = np.zeros((len(texts), len(words)), bool)
        for row, words_of_text in enumerate(word_sets):
            contains[row, [column_of[word] for word in words_of_text if word in column_of]] = True
        return cls(words, contains)

    def trait(self, name: str, is_in: Mask) -> Trait | None:
        if not self.words:
            return None
        own, whole = self.contains[is_in].mean(axis=0), self.contains.mean(axis=0)
        largest = max(
            range(len(self.words)), key=lambda column: (own[column] - whole[column], self.words[column])
        )
        share, all_rows = float(own[largest]), float(whole[largest])
        if share - all_rows < SHARE_APART:
            return None
        strength = SHARE_TO_DEVIATIONS * (share - all_rows)
        words = f"often says {_short(self.words[largest])} ({percent(share)} vs {percent(all_rows)})"
        return Trait(name, f"{name} {words}", strength)


def _often(share: float, whole: float) -> str:
    if share < whole:
        return "hardly ever" if share <= HARDLY_ANY else "less often"
    if share >= ALMOST_ALL:
        return "almost always"
    return "mostly" if share >= MOST else "more often"


def _short(value: Any) -> str:
    text = str(value)
    return f"“{text[:30]}…”" if len(text) > 30 else f"“{text}”"


def percent(share: float) -> str:
    """Format a share: 0.314 → "31 %". A share between 0 and 1 is never rounded to 0 or 100 %."""
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def figure(value: float) -> str:
    """Format a number with about three digits: 61, 0.123, 52,300."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else "–"
    size = abs(value)
    if size >= 1e9 or size < 1e-3:
        return f"{value:.3g}"
    digits = max(0, 2 - int(np.floor(np.log10(size))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
