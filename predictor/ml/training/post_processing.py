"""What out-of-fold predictions decide once the members are known: calibration, threshold, uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.conformal import Uncertainty
from ..calibration.decision_thresholds import Threshold, choose
from ..calibration.probability_calibration import Calibrated, Calibration, calibrated
from ..metrics.scores import metrics
from ..search.search import Search
from ..search.selection import Choice
from ..types.schema import Task
from ..types.threshold_rule import ThresholdRule

# Calibrating after the mistakes of fits on 140 of 340 rows made what is served worse. Five folds have a share of 0.8,
# three 0.67, folds in time about 0.6.
LEAST_TO_CALIBRATE = 0.55


@dataclass(frozen=True)
class Decided:
    """`out_of_fold`: the joint predictions, calibrated as they are served, (n,) or (n, n_classes); `y`: what was true.

    `cross_fitted` are the same, each row's calibration learnt from the other folds; `cross_validation` holds the
    metrics of those. `calibrated` is None for a regression.
    `fold_share`: on how many rows the members were fitted out of fold, as a share of those that judge on the held-out
    ones. Where it is small, how sure those were says little of how sure these should be.
    """

    y: NDArray[Any]
    out_of_fold: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cross_validation: Mapping[str, Any]
    uncertainty: Uncertainty | None
    calibrated: Calibrated | None = None
    threshold: Threshold | None = None
    fold_share: float = 1.0

    @property
    def calibration(self) -> Calibration | None:
        return self.calibrated.calibration if self.calibrated else None


def decide(search: Search, choice: Choice, rule: ThresholdRule | None, n_fitted: int) -> Decided:
    """Calibration first, since threshold and uncertainty are about the probabilities that will be served.

    `n_fitted` is how many of the development rows the members are fitted on in the end.
    """
    task, y, joint = search.table.task, search.y, choice.out_of_fold
    n_of_fold = np.mean([len(fit) for fit, _ in search.split.folds])
    share = float(n_of_fold / n_fitted)
    if not task.is_classification:
        known = Uncertainty.fit(task, y, joint)
        return Decided(y, joint, joint, choice.cross_validation, known, fold_share=share)
    found = calibrated(joint, y, search.places if share >= LEAST_TO_CALIBRATE else [])
    # As served and not as cross-fitted: rows of one probability stay tied, which sets and thresholds count on.
    joint = found.calibration.apply(joint) if found.calibration else joint
    threshold = choose(rule, y == 1, joint[:, 1]) if rule is not None and task is Task.BINARY else None
    cross_validation = choice.cross_validation
    if found.calibration is not None or threshold is not None:
        at = threshold.value if threshold else None
        cross_validation = {**cross_validation, "metrics": metrics(task, y, found.probabilities, at)}
    known = Uncertainty.fit(task, y, joint)
    return Decided(y, joint, found.probabilities, cross_validation, known, found, threshold, share)
