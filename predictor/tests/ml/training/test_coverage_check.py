"""Empirical coverage: intervals and sets of the served model hold the share of true values that they promise."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.calibration.conformal import ConformalIntervals, coverage_report
from predictor.ml.calibration.probability_calibration import calibrated
from predictor.ml.training.coverage_check import check_coverage
from predictor.ml.training.post_processing import PostProcessing
from predictor.ml.types.schema import Task
from predictor.ml.validation.target import Target


def drawn(n: int, error: float, seed: int):
    draw = np.random.default_rng(seed)
    y = draw.normal(0, 10, n)
    return y, y + draw.normal(0, error, n)


def decided_on(n: int, error: float, *, fold_share: float = 0.8) -> PostProcessing:
    y, predictions = drawn(n, error, 0)
    known = ConformalIntervals.fit(Task.REGRESSION, y, predictions)
    return PostProcessing(y, predictions, predictions, {}, known, fold_share=fold_share)


def test_held_out_errors_replace_out_of_fold_errors_of_much_smaller_fits():
    """Fitted on three times as many rows, the evaluated pipeline has half the error."""
    y, own = drawn(2000, 1.0, 1)
    decided = decided_on(600, 2.0, fold_share=0.3)
    result = check_coverage(Target("y", Task.REGRESSION, y), own, own, decided)

    assert result.replaced is not None
    new_y, new = drawn(4000, 1.0, 2)
    held = coverage_report(result.replaced, new_y, new, [0.9])[0]
    too_wide = coverage_report(decided.uncertainty, new_y, new, [0.9])[0]
    assert held["covered"] == pytest.approx(0.9, abs=0.02)
    assert too_wide["covered"] > 0.97
    assert [each["coverage"] for each in result.document["coverage"]] == [0.8, 0.9, 0.95]
    for each in result.document["coverage"]:
        assert each["covered"] == pytest.approx(each["coverage"], abs=0.03)
        assert each["mean_width"] > 0


def test_out_of_fold_errors_are_kept_when_the_folds_are_large_enough():
    y, own = drawn(500, 1.0, 1)
    result = check_coverage(Target("y", Task.REGRESSION, y), own, own, decided_on(1500, 1.0))
    assert result.replaced is None
    assert result.document["coverage"][1]["covered"] == pytest.approx(0.9, abs=0.04)


def test_the_report_holds_the_held_out_loss_before_and_after_calibration():
    draw = np.random.default_rng(0)
    true = draw.beta(1, 1, 4000)
    y = (draw.random(4000) < true).astype(int)
    bent = true**3 / (true**3 + (1 - true) ** 3)
    pairs = np.column_stack([1 - bent, bent])
    known = calibrated(pairs[:2000], y[:2000], [np.arange(2000)[start::4] for start in range(4)])
    assert known.calibration is not None
    before, own = pairs[2000:], known.calibration.apply(pairs[2000:])
    target = Target("y", Task.BINARY, y[2000:], ("no", "yes"))
    decided = PostProcessing(y[:2000], known.probabilities, known.probabilities, {}, None, known)

    document = check_coverage(target, before, own, decided).document

    assert document["calibration"]["kind"] == "scale"
    assert document["calibration"]["held_out"]["after"] < document["calibration"]["held_out"]["before"] - 0.01
