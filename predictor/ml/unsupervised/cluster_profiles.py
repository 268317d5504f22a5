"""What sets a cluster apart from the whole table, in words: "age far above average (61 vs 39)"."""

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

# In standard deviations of the column: from here on a mean is worth a word, and a strong one.
APART, FAR_APART = 0.4, 1.0
# In shares of rows, for a level, a word or gaps.
SHARE_APART, GAPS_APART = 0.12, 0.3
ALMOST_ALL, MOST, HARDLY_ANY = 0.95, 0.5, 0.05
# Shares a half apart are as striking as means a deviation apart.
SHARE_TO_DEVIATIONS = 2.0
MAX_LEVELS, MAX_WORDS = 100, 200
MAX_TRAITS = 5
# Splitting so many texts into words takes about a second where each is a page.
MAX_TEXTS = 5_000


@dataclass(frozen=True)
class Trait:
    """One thing that sets a cluster apart. `strength` is in standard deviations, more or less."""

    column: str
    text: str
    strength: float


class Whole:
    """The columns of a table. What is counted of all rows is counted once, however many clusters there are."""

    def __init__(self, columns: Mapping[str, Column], roles: Mapping[str, Role]):
        self._columns = [_Column.of(name, values, roles[name]) for name, values in columns.items()]

    def traits(self, is_in: Mask) -> list[Trait]:
        """What sets these rows apart from all of them, most striking first."""
        if not is_in.any():
            return []
        found = [
            trait
            for each in self._columns
            for trait in (each.trait(is_in), each.gaps(is_in))
            if trait is not None
        ]
        return sorted(found, key=lambda trait: (-trait.strength, trait.column))[:MAX_TRAITS]


class _Counted(Protocol):
    """What is known of all rows that have a value; `is_in` says which of those are in the cluster."""

    def trait(self, name: str, is_in: Mask) -> Trait | None: ...


@dataclass(frozen=True)
class _Column:
    """`rows`: those with a value, of texts at most MAX_TEXTS."""

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
        return Trait(name, f"{name} {how} {self.told(own)}", abs(apart))

    def told(self, own: float) -> str:
        return f"average ({figure(own)} vs {figure(self.mean)})"


class _Moments(_Numbers):
    above, below = "later", "earlier"

    def told(self, own: float) -> str:
        days = (str(np.datetime64(int(each), "s").astype("datetime64[D]")) for each in (own, self.mean))
        return f"than average ({' vs '.join(days)})"


@dataclass(frozen=True)
class _Levels:
    """The most frequent levels, how many rows have each, and the place of each row's level (-1 for others)."""

    levels: list[Any]
    counts: NDArray[np.intp]
    codes: NDArray[np.intp]

    @classmethod
    def of(cls, values: list[Any]) -> _Levels:
        common = Counter(values).most_common(MAX_LEVELS)
        places = {level: place for place, (level, _) in enumerate(common)}
        codes = np.fromiter((places.get(value, -1) for value in values), np.intp, len(values))
        return cls([level for level, _ in common], np.array([count for _, count in common], np.intp), codes)

    def trait(self, name: str, is_in: Mask) -> Trait | None:
        part = self.codes[is_in]
        own = np.bincount(part[part >= 0], minlength=len(self.levels)) / len(part)
        whole = self.counts / len(self.codes)
        apart = own - whole
        # A level that is frequent here says more than one that is rare.
        place = max(
            range(len(self.levels)),
            key=lambda at: (abs(apart[at]) + 1e-9 * (apart[at] > 0), str(self.levels[at])),
        )
        if abs(apart[place]) < SHARE_APART:
            return None
        here, all_rows = float(own[place]), float(whole[place])
        words = f"{_often(here, all_rows)} {_short(self.levels[place])}"
        strength = SHARE_TO_DEVIATIONS * abs(float(apart[place]))
        return Trait(name, f"{name} {words} ({percent(here)} vs {percent(all_rows)})", strength)


@dataclass(frozen=True)
class _Words:
    """The most frequent words, and which of the rows say each: (n_rows, n_words)."""

    words: list[str]
    says: NDArray[np.bool_]

    @classmethod
    def of(cls, texts: list[str]) -> _Words:
        said = [set(tokens(text)) for text in texts]
        counts: Counter[str] = Counter()
        for each in said:
            counts.update(each)
        words = [word for word, _ in counts.most_common(MAX_WORDS)]
        places = {word: place for place, word in enumerate(words)}
        says = np.zeros((len(texts), len(words)), bool)
        for row, each in enumerate(said):
            says[row, [places[word] for word in each if word in places]] = True
        return cls(words, says)

    def trait(self, name: str, is_in: Mask) -> Trait | None:
        if not self.words:
            return None
        own, whole = self.says[is_in].mean(axis=0), self.says.mean(axis=0)
        place = max(range(len(self.words)), key=lambda at: (own[at] - whole[at], self.words[at]))
        share, all_rows = float(own[place]), float(whole[place])
        if share - all_rows < SHARE_APART:
            return None
        strength = SHARE_TO_DEVIATIONS * (share - all_rows)
        words = f"often says {_short(self.words[place])} ({percent(share)} vs {percent(all_rows)})"
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
    """0.314 → "31 %"; a share that is not quite nothing or all is not shown as 0 or 100."""
    if 0 < share < 0.01:
        return "< 1 %"
    if 0.99 < share < 1:
        return "> 99 %"
    return f"{share * 100:.0f} %"


def figure(value: float) -> str:
    """A number with about three digits: 61, 0.123, 52,300."""
    if value == 0 or not np.isfinite(value):
        return "0" if value == 0 else "–"
    size = abs(value)
    if size >= 1e9 or size < 1e-3:
        return f"{value:.3g}"
    digits = max(0, 2 - int(np.floor(np.log10(size))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
