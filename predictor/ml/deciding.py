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


@dataclass(frozen=True)
class Decided:
    """`out_of_fold`: the joint predictions, calibrated as they are served, (n,) or (n, n_classes); `y`: what was true.

    `cross_fitted` are the same, each row's calibration learnt from the other folds; `cross_validation` holds the
    metrics of those. `calibrated` is None for a regression.
    """

    y: NDArray[Any]
    out_of_fold: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cross_validation: Mapping[str, Any]
    uncertainty: Uncertainty | None
    calibrated: Calibrated | None = None
    threshold: Threshold | None = None

    @property
    def calibration(self) -> Calibration | None:
        return self.calibrated.calibration if self.calibrated else None


def decide(search: Search, choice: Choice, rule: ThresholdRule | None) -> Decided:
    """Calibration first, since threshold and uncertainty are about the probabilities that will be served."""
    task, y, joint = search.table.task, search.y, choice.out_of_fold
    if not task.is_classification:
        return Decided(y, joint, joint, choice.cross_validation, Uncertainty.fit(task, y, joint))
    found = calibrated(joint, y, search.places)
    # As served and not as cross-fitted: rows of one probability stay tied, which sets and thresholds count on.
    joint = found.calibration.apply(joint) if found.calibration else joint
    threshold = choose(rule, y == 1, joint[:, 1]) if rule is not None and task is Task.BINARY else None
    cross_validation = choice.cross_validation
    if found.calibration is not None or threshold is not None:
        at = threshold.value if threshold else None
        cross_validation = {**cross_validation, "metrics": metrics(task, y, found.probabilities, at)}
    return Decided(
        y, joint, found.probabilities, cross_validation, Uncertainty.fit(task, y, joint), found, threshold
    )
