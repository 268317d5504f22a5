"""What sets a cluster apart from the whole table, in words: "age far above average (61 vs 39)"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .schema import Role, canonical_text
from .target import missing
from .text_steps import tokens

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


@dataclass(frozen=True)
class Trait:
    """One thing that sets a cluster apart. `strength` is in standard deviations, more or less."""

    column: str
    text: str
    strength: float


def traits(columns: Mapping[str, Column], roles: Mapping[str, Role], is_in: Mask) -> list[Trait]:
    """What sets these rows apart from all of them, most striking first."""
    if not is_in.any():
        return []
    found = [
        trait
        for name, values in columns.items()
        for trait in (_trait(name, values, roles[name], is_in), _gaps(name, values, is_in))
        if trait is not None
    ]
    return sorted(found, key=lambda trait: (-trait.strength, trait.column))[:MAX_TRAITS]


def _trait(name: str, values: Column, role: Role, is_in: Mask) -> Trait | None:
    is_known = ~missing(values)
    known, part = values[is_known], is_in[is_known]
    if not part.any():
        return None
    if role is Role.NUMERIC:
        return _mean(name, known, part)
    if role is Role.BOOLEAN:
        texts = np.array([canonical_text(bool(value)) for value in known], object)
        return _level(name, texts, part)
    if role is Role.DATETIME:
        return _moment(name, known, part)
    return _word(name, known, part) if role is Role.TEXT else _level(name, known, part)


def _mean(name: str, values: Column, is_in: Mask) -> Trait | None:
    spread = float(values.std())
    own, all_rows = float(values[is_in].mean()), float(values.mean())
    apart = (own - all_rows) / spread if spread > 0 else 0.0
    if abs(apart) < APART:
        return None
    words = f"{'far ' if abs(apart) >= FAR_APART else ''}{'above' if apart > 0 else 'below'} average"
    return Trait(name, f"{name} {words} ({figure(own)} vs {figure(all_rows)})", abs(apart))


def _moment(name: str, values: Column, is_in: Mask) -> Trait | None:
    numbers = values.astype("datetime64[s]").astype(np.float64)
    spread = float(numbers.std())
    own, all_rows = float(numbers[is_in].mean()), float(numbers.mean())
    apart = (own - all_rows) / spread if spread > 0 else 0.0
    if abs(apart) < APART:
        return None
    words = f"{'far ' if abs(apart) >= FAR_APART else ''}{'later' if apart > 0 else 'earlier'} than average"
    days = " vs ".join(str(np.datetime64(int(each), "s").astype("datetime64[D]")) for each in (own, all_rows))
    return Trait(name, f"{name} {words} ({days})", abs(apart))


def _level(name: str, values: Column, is_in: Mask) -> Trait | None:
    counts = Counter(values.tolist())
    own = Counter(values[is_in].tolist())
    n_own, n_all = int(is_in.sum()), len(values)
    levels = [level for level, _ in counts.most_common(MAX_LEVELS)]
    differences = {level: own[level] / n_own - counts[level] / n_all for level in levels}
    # A level that is frequent here says more than one that is rare.
    level = max(levels, key=lambda each: (abs(differences[each]) + 1e-9 * (differences[each] > 0), str(each)))
    share, whole = own[level] / n_own, counts[level] / n_all
    if abs(share - whole) < SHARE_APART:
        return None
    strength = SHARE_TO_DEVIATIONS * abs(share - whole)
    return Trait(
        name,
        f"{name} {_often(share, whole)} {_short(level)} ({percent(share)} vs {percent(whole)})",
        strength,
    )


def _word(name: str, values: Column, is_in: Mask) -> Trait | None:
    said = [set(tokens(text)) for text in values.tolist()]
    counts: Counter[str] = Counter()
    own: Counter[str] = Counter()
    for words, is_own in zip(said, is_in.tolist(), strict=True):
        counts.update(words)
        if is_own:
            own.update(words)
    n_own, n_all = int(is_in.sum()), len(values)
    frequent = [word for word, _ in counts.most_common(MAX_WORDS)]
    if not frequent:
        return None
    word = max(frequent, key=lambda each: (own[each] / n_own - counts[each] / n_all, each))
    share, whole = own[word] / n_own, counts[word] / n_all
    if share - whole < SHARE_APART:
        return None
    strength = SHARE_TO_DEVIATIONS * (share - whole)
    return Trait(name, f"{name} often says {_short(word)} ({percent(share)} vs {percent(whole)})", strength)


def _gaps(name: str, values: Column, is_in: Mask) -> Trait | None:
    is_missing = missing(values)
    own, whole = float(is_missing[is_in].mean()), float(is_missing.mean())
    if own - whole < GAPS_APART:
        return None
    words = "missing in" if own >= ALMOST_ALL else "often missing:"
    strength = SHARE_TO_DEVIATIONS * (own - whole)
    return Trait(name, f"{name} {words} {percent(own)} vs {percent(whole)}", strength)


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
