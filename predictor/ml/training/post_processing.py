"""Post-processing from out-of-fold predictions: probability calibration, decision threshold, conformal intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.conformal import ConformalIntervals
from ..calibration.decision_thresholds import Threshold, choose
from ..calibration.probability_calibration import Calibrated, Calibration, calibrated
from ..metrics.row_weights import Weights
from ..metrics.scores import metrics
from ..search.search import Search
from ..search.selection import Selection
from ..types.schema import Task
from ..types.threshold_rule import ThresholdRule

# Calibration is skipped when folds are fitted on a smaller share of the rows: learnt from fits on 140 of 340 rows, it
# made the served model worse. Five folds have a share of 0.8, three 0.67, folds by time about 0.6.
LEAST_TO_CALIBRATE = 0.55


@dataclass(frozen=True)
class PostProcessing:
    """Calibration, threshold and conformal intervals, with the predictions that they were learnt from.

    `y`: true values or class codes (n,). `out_of_fold`: predictions, calibrated as served, (n,) or (n, n_classes).
    `cross_fitted`: the same, but each row's weights and calibration are learnt from the other folds;
    `cross_validation` holds their metrics. `calibrated` is None for a regression.
    `fold_share`: the rows of a fit in a fold, as a share of those of the fit that is evaluated. When it is small, the
    out-of-fold errors are larger than those of the final model. `is_calibration_tried`: there were folds enough to
    tell whether calibration helps, fitted on enough rows. `weights`: how much each row counts; None: all the same.
    """

    y: NDArray[Any]
    out_of_fold: NDArray[np.float64]
    cross_fitted: NDArray[np.float64]
    cross_validation: Mapping[str, Any]
    uncertainty: ConformalIntervals | None
    calibrated: Calibrated | None = None
    threshold: Threshold | None = None
    fold_share: float = 1.0
    is_calibration_tried: bool = False
    weights: Weights = None

    @property
    def calibration(self) -> Calibration | None:
        return self.calibrated.calibration if self.calibrated else None


def post_process(
    search: Search, choice: Selection, rule: ThresholdRule | None, n_fitted: int
) -> PostProcessing:
    """Fit the calibration first: threshold and intervals depend on the probabilities that will be served.

    `n_fitted`: how many of the development rows the members are fitted on in the end.
    """
    task, y, joint, weights = search.table.task, search.y, choice.out_of_fold, search.weights
    n_of_fold = np.mean([len(fit) for fit, _ in search.split.folds])
    share = float(n_of_fold / n_fitted)
    if not task.is_classification:
        uncertainty = ConformalIntervals.fit(task, y, choice.nested, weights)
        return PostProcessing(
            y,
            joint,
            choice.nested,
            choice.cross_validation,
            uncertainty,
            fold_share=share,
            weights=weights,
        )
    is_tried = share >= LEAST_TO_CALIBRATE and len(search.places) > 1
    result = calibrated(joint, y, search.places if is_tried else [], weights, tested=choice.nested)
    # As served, not cross-fitted: equal probabilities stay equal, which prediction sets and thresholds rely on.
    joint = result.calibration.apply(joint) if result.calibration else joint
    positive = search.table.target.positive
    threshold = (
        choose(rule, y == positive, joint[:, positive], weights)
        if rule is not None and task is Task.BINARY
        else None
    )
    cross_validation = choice.cross_validation
    if result.calibration is not None or threshold is not None:
        value = threshold.value if threshold else None
        cross_validation = {
            **cross_validation,
            "metrics": metrics(task, y, result.probabilities, value, positive, weights),
        }
    uncertainty = ConformalIntervals.fit(task, y, joint, weights)
    return PostProcessing(
        y,
        joint,
        result.probabilities,
        cross_validation,
        uncertainty,
        result,
        threshold,
        share,
        is_tried,
        weights,
    )
