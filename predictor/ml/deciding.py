"""What out-of-fold predictions decide once the members are known: calibration, threshold, uncertainty."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calibration import Calibrated, Calibration, calibrated
from .choosing import Choice
from .metrics import metrics
from .schema import Task
from .search import Search
from .threshold_rules import ThresholdRule
from .thresholds import Threshold, choose
from .uncertainty import Uncertainty

# Of 2,200 rows, fits on 380 were a third less sure than those that are served, and calibrating after the mistakes of
# fits on 140 of 430 made what is served worse. Five folds give 0.8, three 0.67, folds in time about 0.6.
FEW_SHARE = 0.55


@dataclass(frozen=True)
class Decided:
    """`out_of_fold`: the joint predictions, calibrated as they are served, (n,) or (n, n_classes); `y`: what was true.

    `cross_fitted` are the same, each row's calibration learnt from the other folds; `cross_validation` holds the
    metrics of those. `calibrated` is None for a regression.
    `is_of_less`: the members were fitted on much fewer rows out of fold than those that are served will be. How sure
    those were says little then of how sure these should be.
    """

    y: NDArray[Any]
    out_of_fold: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cross_validation: Mapping[str, Any]
    uncertainty: Uncertainty | None
    calibrated: Calibrated | None = None
    threshold: Threshold | None = None
    is_of_less: bool = False

    @property
    def calibration(self) -> Calibration | None:
        return self.calibrated.calibration if self.calibrated else None


def decide(search: Search, choice: Choice, rule: ThresholdRule | None, n_fitted: int) -> Decided:
    """Calibration first, since threshold and uncertainty are about the probabilities that will be served.

    `n_fitted` is how many of the development rows the members are fitted on in the end.
    """
    task, y, joint = search.table.task, search.y, choice.out_of_fold
    n_of_fold = np.mean([len(fit) for fit, _ in search.split.folds])
    is_of_less = bool(n_of_fold < FEW_SHARE * n_fitted)
    if not task.is_classification:
        known = Uncertainty.fit(task, y, joint)
        return Decided(y, joint, joint, choice.cross_validation, known, is_of_less=is_of_less)
    found = calibrated(joint, y, [] if is_of_less else search.places)
    # As served and not as cross-fitted: rows of one probability stay tied, which sets and thresholds count on.
    joint = found.calibration.apply(joint) if found.calibration else joint
    threshold = choose(rule, y == 1, joint[:, 1]) if rule is not None and task is Task.BINARY else None
    cross_validation = choice.cross_validation
    if found.calibration is not None or threshold is not None:
        at = threshold.value if threshold else None
        cross_validation = {**cross_validation, "metrics": metrics(task, y, found.probabilities, at)}
    known = Uncertainty.fit(task, y, joint)
    return Decided(y, joint, found.probabilities, cross_validation, known, found, threshold, is_of_less)
