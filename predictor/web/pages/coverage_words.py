"""Prediction intervals, prediction sets and their coverage in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def in_cases(coverage: float, between: str = " of ") -> str:
    """A coverage in words: 0.9 is “9 of 10”, a value that is not in CASES is “87 %”."""
    known = CASES.get(round(coverage, 4))
    return f"{known[0]}{between}{known[1]}" if known else share(coverage)


def interval_words(interval: Mapping[str, Any]) -> str:
    return (
        f"Between {number(interval['low'], 4)} and {number(interval['high'], 4)} "
        f"in {in_cases(interval['coverage'])} cases"
    )


def set_words(within: Mapping[str, Any]) -> str:
    """Which classes come into question. The coverage is that of many rows, so it is not named beside this row's
    probabilities, which it would seem to contradict."""
    classes = [f"“{label_text(each)}”" for each in within["classes"]]
    if not classes:
        return "No class is likely enough: this row is more doubtful than most that are predicted right"
    if len(classes) == 1:
        return f"Only {classes[0]} comes into question"
    return f"The true class may be {', '.join(classes[:-1])} or {classes[-1]}"


def less_usual_than(score: float) -> str:
    """The share of rows that are less unusual; never 100 %: a row still more unusual can always come."""
    return share(min(score, MOST_UNUSUAL))


def sure_words(output: Mapping[str, Any]) -> str:
    """The interval, score or set of a logged answer in words; "" for an answer without."""
    if isinstance(output.get("interval"), Mapping):
        return interval_words(output["interval"])
    if isinstance(output.get("score"), int | float):
        than = less_usual_than(output["score"]).replace("> ", "more than ")
        return f"Less usual than {than} of rows like those of training"
    return set_words(output["set"]) if isinstance(output.get("set"), Mapping) else ""


def coverage_choices(chosen: str) -> list[tuple[str, str, bool]]:
    """The options of a coverage list: value, label, whether it is chosen. Another chosen value is added to them."""
    values = [0.5, 0.8, 0.9, 0.95, 0.99]
    offered = [(f"{each:g}", f"{in_cases(each)} cases") for each in values]
    if chosen and chosen not in dict(offered):
        offered.append((chosen, chosen))
    return [(value, label, value == (chosen or "0.9")) for value, label in offered]
