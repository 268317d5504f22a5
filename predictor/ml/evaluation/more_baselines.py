"""A report with baselines that were fitted after it was written: their metrics, and the verdict with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..metrics.confidence_intervals import Resamples
from ..types.left_out import BASELINE_NOTE
from ..validation.target import Target
from .evaluation_report import dummy_predictions, measured
from .verdict import Baseline, Comparison, against_others, compare_with_baselines

NUMBERS = ("gain", "gain_low", "gain_high")


def with_baselines(
    report: Mapping[str, Any],
    target: Target,
    predicted: Any,
    found: Sequence[Baseline],
    *,
    fitted_on: Target,
    resamples: Resamples,
    order: Sequence[str],
    threshold: float | None,
) -> dict[str, Any]:
    """The keys of the report that change with these baselines. Metrics of the model, and warnings, stay.

    `target` and `predicted` are those of the held-out rows, `fitted_on` the target of the rows that the baselines
    were fitted on. `order`: the keys of baselines as a run lists them.
    """
    dummy = Baseline("dummy", "No features", dummy_predictions(fitted_on, len(target.y)))
    verdict = compare_with_baselines(target, predicted, [dummy, *found], resamples, ())
    added = [measured(each, target, threshold) for each in found]
    titles = {each.title for each in found}
    return {
        "baselines": _ordered([*report["baselines"], *added], order, "key"),
        "baseline_notes": [
            note for note in report.get("baseline_notes") or () if _title_in(note) not in titles
        ],
        "verdict": _with_comparisons(report["verdict"], verdict.comparisons[1:], order),
    }


def _title_in(note: Any) -> str:
    match = BASELINE_NOTE.fullmatch(str(note))
    return match["title"] if match else ""


def _ordered(items: Sequence[Any], order: Sequence[str], key: str) -> list[Any]:
    places = {name: place for place, name in enumerate(order)}
    return sorted(items, key=lambda each: places.get(each[key], len(places)))


def _with_comparisons(
    verdict: Mapping[str, Any], found: Sequence[Comparison], order: Sequence[str]
) -> dict[str, Any]:
    stored = verdict.get("comparisons") or []
    is_better = bool(stored) and _comparison(stored[0]).outcome == "better"
    before = against_others(is_better, [_comparison(each) for each in stored[1:]])
    sentence = str(verdict["sentence"])
    both = [*stored[1:], *(each.to_json() for each in found)]
    if sentence.endswith(before):
        first, others = sentence.removesuffix(before), _ordered(both, order, "baseline")
    else:
        # Written by a version of mlweb with other words: they stay, and the new ones follow.
        first, others = sentence, [each.to_json() for each in found]
    return {
        **verdict,
        "sentence": first + against_others(is_better, [_comparison(each) for each in others]),
        "comparisons": [*stored[:1], *_ordered(both, order, "baseline")],
    }


def _comparison(data: Mapping[str, Any]) -> Comparison:
    """A comparison from its JSON form, where an infinite limit is null."""
    infinite = {"gain": math.nan, "gain_low": -math.inf, "gain_high": math.inf}
    numbers = {name: infinite[name] if data[name] is None else data[name] for name in NUMBERS}
    relative = {name: data[name] for name in ("relative_gain", "relative_low", "relative_high")}
    return Comparison(baseline=data["baseline"], title=data["title"], **numbers, **relative)
