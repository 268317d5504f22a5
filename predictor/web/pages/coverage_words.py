"""Prediction intervals, prediction sets and their coverage in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...ml.types.schema import label_text
from ...templatetags.mlweb import number, share

# Shown as "> 99.9 %".
MOST_UNUSUAL = 0.9995
CASES = {
    0.5: (1, 2),
    0.75: (3, 4),
    0.8: (4, 5),
    0.9: (9, 10),
    0.95: (19, 20),
    0.98: (49, 50),
    0.99: (99, 100),
}


OF, IN = gettext_lazy("%(n)s of %(whole)s"), gettext_lazy("%(n)s in %(whole)s")


def in_cases(coverage: float, words: Any = OF) -> str:
    """A coverage in words: 0.9 is “9 of 10”, a value that is not in CASES is “87 %”."""
    known = CASES.get(round(coverage, 4))
    return str(words) % {"n": known[0], "whole": known[1]} if known else share(coverage)


def interval_words(interval: Mapping[str, Any]) -> str:
    return _("Between %(low)s and %(high)s in %(share)s cases") % {
        "low": number(interval["low"], 4),
        "high": number(interval["high"], 4),
        "share": in_cases(interval["coverage"]),
    }


def set_words(within: Mapping[str, Any]) -> str:
    """Which classes come into question. The coverage is that of many rows, so it is not named beside this row's
    probabilities, which it would seem to contradict."""
    classes = [f"“{label_text(each)}”" for each in within["classes"]]
    if not classes:
        return _("The model is less sure of this row than of most rows that it predicts right")
    if len(classes) == 1:
        return _("Only %(class)s comes into question") % {"class": classes[0]}
    return _("The true class may be %(classes)s or %(last)s") % {
        "classes": ", ".join(classes[:-1]),
        "last": classes[-1],
    }


def less_usual_than(score: float) -> str:
    """The share of rows that are less unusual; never 100 %: a row still more unusual can always come."""
    return share(min(score, MOST_UNUSUAL))


def sure_words(output: Mapping[str, Any]) -> str:
    """The interval, score or set of a logged answer in words; "" for an answer without."""
    if isinstance(output.get("interval"), Mapping):
        return interval_words(output["interval"])
    if isinstance(output.get("score"), int | float):
        than = less_usual_than(output["score"])
        if than.startswith("> "):
            than = _("more than %(share)s") % {"share": than.removeprefix("> ")}
        return _("Less usual than %(than)s of rows like those of training") % {"than": than}
    return set_words(output["set"]) if isinstance(output.get("set"), Mapping) else ""


def coverage_choices(chosen: str) -> list[tuple[str, str, bool]]:
    """The options of a coverage list: value, label, whether it is chosen. Another chosen value is added to them."""
    values = [0.5, 0.8, 0.9, 0.95, 0.99]
    offered = [(f"{each:g}", _("%(share)s cases") % {"share": in_cases(each)}) for each in values]
    if chosen and chosen not in dict(offered):
        offered.append((chosen, chosen))
    return [(value, label, value == (chosen or "0.9")) for value, label in offered]
