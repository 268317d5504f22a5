"""The report of a binary task at another decision threshold, from stored scores: nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.decision_thresholds import Scores, Threshold, pairs
from ..metrics.confidence_intervals import Resamples, decided_intervals, held_out_intervals
from ..metrics.row_weights import Weights
from ..metrics.scores import DECIDED, metrics, predicted_codes
from ..types.monotone import turned
from ..types.schema import Task
from ..types.split import SplitKind
from ..validation.target import Target
from .evaluation_report import class_details, decision

Array = NDArray[Any]


# Metrics that are of the positive class, though no threshold changes them.
OF_POSITIVE = ("average_precision", "calibration_error", "roc_auc")


def decided_again(
    report: Mapping[str, Any], scores: Scores, threshold: Threshold, *, positive: int = 1, before: int = 1
) -> dict[str, Any]:
    """The evaluation report, with everything that depends on the predicted classes at another threshold.

    `positive`: the code of the class that the threshold is of; `before`: that of the report.
    """
    held_out, out_of_fold = scores.held_out, scores.out_of_fold
    names = list(report["classes"])
    if before == 0:  # the negative class is the first in a report
        names.reverse()
    target = Target(
        "", Task.BINARY, held_out[0].astype(np.intp), tuple(names), positive, scores.held_out_weights
    )
    fresh = class_details(target, pairs(held_out[1]), threshold.value)
    changed = DECIDED if positive == before else (*DECIDED, *OF_POSITIVE)
    decide = _Decide(threshold.value, positive, changed)
    own = scores.for_class(positive)
    old = {each["class"]: each for each in report["per_class"]}
    labels = [
        {**old[new["class"]], **{name: new[name] for name in ("precision", "recall", "f1")}}
        for new in fresh["per_class"]
    ]
    folds = report["cross_validation"]
    return {
        **report,
        "held_out": decide.relabelled(report["held_out"], *held_out, scores.held_out_weights),
        "intervals": {
            **(report.get("intervals") or {}),
            **decide.intervals(report, *held_out, scores.held_out_weights),
        },
        "slices": [{**each, "rate": None, "rate_elsewhere": None} for each in report.get("slices") or []],
        "cross_validation": {
            **folds,
            **(
                {"intervals": {**folds["intervals"], **dict.fromkeys(changed)}}
                if "intervals" in folds
                else {}
            ),
            "metrics": decide.relabelled(
                folds.get("metrics") or {}, *out_of_fold, scores.out_of_fold_weights
            ),
        },
        "baselines": [
            {
                **each,
                "held_out": decide.relabelled(
                    each["held_out"], held_out[0], scores.baselines[each["key"]], scores.held_out_weights
                ),
            }
            if each["key"] in scores.baselines
            else each
            for each in report["baselines"]
        ],
        "classes": fresh["classes"],
        "confusion": fresh["confusion"],
        "per_class": labels,
        "thresholds": fresh["thresholds"] if positive != before else report.get("thresholds"),
        "decision": decision(
            threshold,
            names[positive],
            held_out=own.held_out,
            out_of_fold=own.out_of_fold,
            weights=(own.held_out_weights, own.out_of_fold_weights),
        ),
        **({"monotone": turned(report["monotone"])} if report.get("monotone") and positive != before else {}),
    }


@dataclass(frozen=True)
class _Decide:
    """Metrics at a threshold of the class `positive`, from pairs (is of the second class, its probability)."""

    threshold: float
    positive: int
    changed: Sequence[str]

    def relabelled(
        self, old: Mapping[str, Any], is_second: Array, probabilities: Array, weights: Weights
    ) -> dict[str, Any]:
        y, both = is_second.astype(np.intp), pairs(probabilities)
        new = metrics(Task.BINARY, y, both, self.threshold, self.positive, weights)
        return {**old, **{name: new[name] for name in self.changed}}

    def intervals(
        self, report: Mapping[str, Any], is_second: Array, probabilities: Array, weights: Weights
    ) -> dict[str, Any]:
        split = (report.get("conditions") or {}).get("split") or {}
        if split.get("kind") == SplitKind.GROUP:
            # The stored scores do not hold the groups of rows.
            return dict.fromkeys(self.changed)
        y, both = is_second.astype(np.intp), pairs(probabilities)
        resamples = None if weights is None else Resamples.draw(len(y), seed=0, counted_by=weights)
        if self.changed != DECIDED:
            resamples = resamples or Resamples.draw(len(y), seed=0)
            new = held_out_intervals(
                Task.BINARY, y, both, resamples, seed=0, threshold=self.threshold, positive=self.positive
            )
            return {name: new[name] for name in self.changed}
        codes = predicted_codes(both, self.threshold, self.positive)
        return decided_intervals(y, codes, 2, seed=0, resamples=resamples, positive=self.positive)
