"""How sure the answers of a judged pipeline may be: what its intervals or sets hold, and what calibrating did.

Intervals and sets come from out-of-fold predictions. Where the folds were fitted on much fewer rows than what is
served, which errs less, intervals would be too wide: on a table of 2,200 rows and 73 columns in three folds, 94 % of
the truth lay in intervals for 90 %. Then the held-out rows say it, and each half of them is judged by the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.conformal import JUDGED_COVERAGES, Uncertainty, coverage_report
from ..metrics.scores import selection_score
from ..validation.target import Target
from .post_processing import LEAST_TO_CALIBRATE, Decided

Array = NDArray[Any]
FEW_SHARE = 0.7
MIN_HELD_OUT = 300


@dataclass(frozen=True)
class Sureness:
    """`replaced`: what is served instead of `Decided.uncertainty`, or None; `document`: parts of the report."""

    replaced: Uncertainty | None
    document: dict[str, Any]


def sureness(target: Target, before: Array, own: Array, decided: Decided) -> Sureness:
    """For predictions on held-out rows: `before` calibrating, and `own`, which are served."""
    known, replaced = decided.uncertainty, None
    if known and decided.fold_share < FEW_SHARE and len(target.y) >= MIN_HELD_OUT:
        replaced = Uncertainty.fit(target.task, target.y, own)
        coverage = across_halves(target, own, JUDGED_COVERAGES)
    else:
        coverage = coverage_report(known, target.y, own, JUDGED_COVERAGES) if known else []
    document: dict[str, Any] = {"coverage": coverage}
    if decided.calibrated is not None:
        both = {"before": before, "after": own}
        scores = {name: selection_score(target.task, target.y, each) for name, each in both.items()}
        document["calibration"] = {
            **decided.calibrated.to_json(),
            "is_tried": decided.fold_share >= LEAST_TO_CALIBRATE,
            "held_out": scores,
        }
    return Sureness(replaced, document)


def across_halves(target: Target, own: Array, coverages: Sequence[float]) -> list[dict[str, float]]:
    """`coverage_report` of each half of the rows by what the other half says, averaged."""
    order = np.random.default_rng(0).permutation(len(target.y))
    reports = []
    for learnt, counted in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        part = Uncertainty.fit(target.task, target.y[learnt], own[learnt])
        if part is None:
            return []
        reports.append(coverage_report(part, target.y[counted], own[counted], coverages))
    return [
        {name: (first[name] + second[name]) / 2 for name in first}
        for first, second in zip(*reports, strict=True)
    ]
