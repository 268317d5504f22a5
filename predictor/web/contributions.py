"""An explanation as pages draw it: from the usual answer to this one, one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..ml.types.schema import canonical_text
from ..templatetags.mlweb import number, share
from .prediction_values import cell_text

# As many bars as can be compared at a glance; the others are one bar together, and listed beneath.
N_BARS = 8
WIDTH = 100.0
# Of the drawing's width: a contribution that is next to nothing is still seen.
LEAST_WIDTH = 0.4
# Of the strokes for the mean and the answer, as _contributions.html draws them.
STOP = 1.2


@dataclass(frozen=True)
class Step:
    """One bar: which column (and its value), by how much it moved the answer, and where the bar stands.

    `x` and `width` are of a drawing that is a hundred wide; the bar runs from the answer so far to the next.
    """

    name: str
    value: str
    said: str
    is_up: bool
    x: float
    width: float


@dataclass(frozen=True)
class Contributions:
    """From `base`, the mean answer, over the steps to `answer`, largest step first."""

    of: str
    base: str
    answer: str
    base_at: float
    answer_at: float
    steps: tuple[Step, ...]
    rest: tuple[Step, ...]


def contributions_of(explanation: Any, row: Mapping[str, Any], target: str) -> Contributions | None:
    """The drawing of {base, class, contributions}, or None where there is no explanation."""
    if not isinstance(explanation, Mapping) or not isinstance(explanation.get("contributions"), Mapping):
        return None
    label, base = explanation.get("class"), float(explanation["base"])
    found = sorted(explanation["contributions"].items(), key=lambda pair: -abs(pair[1]))
    # Nine bars and a remainder of one would only hide that one's name.
    n_first = len(found) if len(found) <= N_BARS + 1 else N_BARS
    first, rest = found[:n_first], found[n_first:]
    changes = [change for _, change in first] + ([sum(change for _, change in rest)] if rest else [])
    stops = [base]
    for change in changes:
        stops.append(stops[-1] + change)
    place = _scale(stops)
    said: Callable[[float], str] = number if label is None else share
    changed: Callable[[float], str] = number if label is None else _points
    names = [name for name, _ in first] + ([f"{len(rest)} other columns"] if rest else [])
    known = [name for name, _ in first]
    steps = tuple(
        _step(
            name,
            cell_text(row.get(name)) if name in known else "",
            change,
            changed,
            place(at),
            place(at + change),
        )
        for name, change, at in zip(names, changes, stops, strict=False)
    )
    return Contributions(
        of=target if label is None else f"Probability of “{canonical_text(label)}”",
        base=said(base),
        answer=said(stops[-1]),
        base_at=min(place(base), WIDTH - STOP),
        answer_at=min(place(stops[-1]), WIDTH - STOP),
        steps=steps,
        rest=tuple(_step(name, cell_text(row.get(name)), change, changed, 0.0, 0.0) for name, change in rest),
    )


def _scale(stops: list[float]) -> Callable[[float], float]:
    low, high = min(stops), max(stops)
    span = high - low or 1.0
    return lambda value: round((value - low) / span * WIDTH, 2)


def _step(
    name: str, value: str, change: float, said: Callable[[float], str], start: float, end: float
) -> Step:
    width = max(abs(end - start), LEAST_WIDTH)
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return Step(
        name=name,
        value=value,
        said=f"{sign}{said(abs(change))}",
        is_up=change >= 0,
        x=min(start, end, WIDTH - width),
        width=round(width, 2),
    )


def _points(change: float) -> str:
    """Of a probability: 0.123 → "12.3 points", since 12.3 % could be meant of what it was."""
    return f"{change * 100:.1f} points"
