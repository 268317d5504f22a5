"""The report of a binary task at another decision threshold, from stored scores: nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.decision_thresholds import Scores, Threshold, pairs
from ..metrics.confidence_intervals import decided_intervals
from ..metrics.scores import DECIDED, metrics
from ..types.schema import Task
from ..types.split import SplitKind
from ..validation.target import Target
from .evaluation_report import class_details, decision

Array = NDArray[Any]


def decided_again(report: Mapping[str, Any], scores: Scores, threshold: Threshold) -> dict[str, Any]:
    """The report of a binary task, with everything that depends on the predicted classes at another threshold."""
    held_out, out_of_fold = scores.held_out, scores.out_of_fold
    names = list(report["classes"])
    target = Target("", Task.BINARY, held_out[0].astype(np.intp), tuple(names))
    fresh = class_details(target, pairs(held_out[1]), threshold.value)
    labels = [
        {**old, **{name: new[name] for name in ("precision", "recall", "f1")}}
        for old, new in zip(report["per_class"], fresh["per_class"], strict=True)
    ]
    folds = report["cross_validation"]
    return {
        **report,
        "held_out": _relabelled(report["held_out"], *held_out, threshold.value),
        "intervals": {
            **(report.get("intervals") or {}),
            **_decided_intervals(report, *held_out, threshold.value),
        },
        "slices": [{**each, "rate": None, "rate_elsewhere": None} for each in report.get("slices") or []],
        "cross_validation": {
            **folds,
            **(
                {"intervals": {**folds["intervals"], **dict.fromkeys(DECIDED)}}
                if "intervals" in folds
                else {}
            ),
            "metrics": _relabelled(folds.get("metrics") or {}, *out_of_fold, threshold.value),
        },
        "baselines": [
            {
                **each,
                "held_out": _relabelled(
                    each["held_out"], held_out[0], scores.baselines[each["key"]], threshold.value
                ),
            }
            if each["key"] in scores.baselines
            else each
            for each in report["baselines"]
        ],
        "confusion": fresh["confusion"],
        "per_class": labels,
        "decision": decision(threshold, names[1], held_out=held_out, out_of_fold=out_of_fold),
    }


def _decided_intervals(
    report: Mapping[str, Any], is_positive: Array, probabilities: Array, at: float
) -> dict[str, Any]:
    split = (report.get("conditions") or {}).get("split") or {}
    if split.get("kind") == SplitKind.GROUP:
        # The scores that are stored do not say which rows are of one group.
        return dict.fromkeys(DECIDED)
    codes = (probabilities >= at).astype(np.intp)
    return decided_intervals(is_positive.astype(np.intp), codes, 2, seed=0)


def _relabelled(
    known: Mapping[str, Any], is_positive: Array, probabilities: Array, at: float
) -> dict[str, Any]:
    new = metrics(Task.BINARY, is_positive.astype(np.intp), pairs(probabilities), at)
    return {**known, **{name: new[name] for name in DECIDED}}
