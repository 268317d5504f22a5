"""Waterfall chart of an explanation: from the mean answer to this one, one column after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ...ml.types.schema import label_text
from ...templatetags.mlweb import number, share
from ..pages.value_texts import cell_text

# More bars are hard to compare: the other columns are one bar together, and listed below the chart.
N_BARS = 8
WIDTH = 100.0
# In units of WIDTH: the bar of a contribution near 0 stays visible.
LEAST_WIDTH = 0.4
# The width of the marks for the mean and the answer in _contributions.html, in units of WIDTH.
STOP = 1.2


@dataclass(frozen=True)
class Step:
    """One bar: the column and its value, the contribution in words, and the bar's position.

    `x` and `width` are in units of WIDTH. The bar goes from the answer before this column to the answer after it.
    """

    name: str
    value: str
    said: str
    is_up: bool
    x: float
    width: float


@dataclass(frozen=True)
class Contributions:
    """From `base`, the mean answer over the rows that `base_words` names, over the steps to `answer`, largest first."""

    of: str
    base: str
    base_words: str
    answer: str
    base_at: float
    answer_at: float
    steps: tuple[Step, ...]
    rest: tuple[Step, ...]


def contributions_of(
    explanation: Any, row: Mapping[str, Any], target: str, background: Any = None
) -> Contributions | None:
    """The chart of {base, class, contributions}, or None if there is no explanation.

    `background`: what the evaluation report says under "explanations"; None for older versions.
    """
    if not isinstance(explanation, Mapping) or not isinstance(explanation.get("contributions"), Mapping):
        return None
    label, base = explanation.get("class"), float(explanation["base"])
    ranked = sorted(explanation["contributions"].items(), key=lambda pair: -abs(pair[1]))
    # With nine columns all are drawn: a bar for the others would stand for one column and hide its name.
    n_first = len(ranked) if len(ranked) <= N_BARS + 1 else N_BARS
    first, rest = ranked[:n_first], ranked[n_first:]
    changes = [change for _name, change in first] + ([sum(change for _name, change in rest)] if rest else [])
    stops = [base]
    for change in changes:
        stops.append(stops[-1] + change)
    position = _scale(stops)
    format_answer: Callable[[float], str] = number if label is None else share
    format_change: Callable[[float], str] = number if label is None else _points
    names = [name for name, _change in first] + ([_others(len(rest))] if rest else [])
    known = [name for name, _change in first]
    steps = tuple(
        _step(
            name,
            cell_text(row.get(name)) if name in known else "",
            change,
            format_change,
            position(start),
            position(start + change),
        )
        for name, change, start in zip(names, changes, stops, strict=False)
    )
    return Contributions(
        of=target if label is None else _("Probability of “%(label)s”") % {"label": label_text(label)},
        base=format_answer(base),
        base_words=base_words(background),
        answer=format_answer(stops[-1]),
        base_at=min(position(base), WIDTH - STOP),
        answer_at=min(position(stops[-1]), WIDTH - STOP),
        steps=steps,
        rest=tuple(
            _step(name, cell_text(row.get(name)), change, format_change, 0.0, 0.0) for name, change in rest
        ),
    )


def base_words(background: Any) -> str:
    """Which mean the base is: of the answers over all training rows, or over the few that are compared with."""
    facts = background if isinstance(background, Mapping) else {}
    if facts.get("is_training_mean"):
        return _("the mean answer over the training rows")
    if n := facts.get("n_rows"):
        return _("the mean answer over %(n)s of the training rows") % {"n": n}
    return _("the mean answer over a few of the training rows")


def _others(n: int) -> str:
    return ngettext("%(n)s other column", "%(n)s other columns", n) % {"n": n}


def _scale(stops: list[float]) -> Callable[[float], float]:
    """A linear scale: answers to x positions, from 0 for the smallest stop to WIDTH for the largest."""
    low, high = min(stops), max(stops)
    span = high - low or 1.0
    return lambda value: round((value - low) / span * WIDTH, 2)


def _step(
    name: str, value: str, change: float, format_change: Callable[[float], str], start: float, end: float
) -> Step:
    width = max(abs(end - start), LEAST_WIDTH)
    sign = "+" if change > 0 else "−" if change < 0 else ""
    return Step(
        name=name,
        value=value,
        said=f"{sign}{format_change(abs(change))}",
        is_up=change >= 0,
        x=min(start, end, WIDTH - width),
        width=round(width, 2),
    )


def _points(change: float) -> str:
    """A change of a probability: 0.123 → "12.3 points"; "12.3 %" could mean a relative change."""
    return _("%(change)s points") % {"change": f"{change * 100:.1f}"}
