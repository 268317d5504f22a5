"""A weight of k is the same as the row k times: each statistic is compared with that of repeated rows."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.calibration.decision_thresholds import choose, decision_numbers
from predictor.ml.calibration.probability_calibration import calibrated
from predictor.ml.metrics import row_weights
from predictor.ml.metrics.curves import calibration_curve
from predictor.ml.metrics.scores import metrics
from predictor.ml.types.schema import Task
from predictor.ml.types.threshold_rule import ThresholdRule

DRAW = np.random.default_rng(3)
N = 400
WEIGHTS = DRAW.integers(1, 5, N).astype(np.float64)
REPEATED = np.repeat(np.arange(N), WEIGHTS.astype(int))
P = DRAW.random(N)
Y = (DRAW.random(N) < P).astype(np.intp)
BOTH = np.column_stack([1 - P, P])
VALUES = DRAW.normal(size=N)
PREDICTED = VALUES + DRAW.normal(scale=0.5, size=N)


def test_metrics_of_classes_are_those_of_repeated_rows() -> None:
    weighted = metrics(Task.BINARY, Y, BOTH, weights=WEIGHTS)
    repeated = metrics(Task.BINARY, Y[REPEATED], BOTH[REPEATED])
    # The bins of the calibration error hold equally many rows, which repeated ones move.
    for name in set(weighted) - {"calibration_error"}:
        assert weighted[name] == pytest.approx(repeated[name]), name
    assert weighted["calibration_error"] == pytest.approx(repeated["calibration_error"], abs=0.05)


def test_metrics_of_numbers_are_those_of_repeated_rows() -> None:
    weighted = metrics(Task.REGRESSION, VALUES, PREDICTED, weights=WEIGHTS)
    repeated = metrics(Task.REGRESSION, VALUES[REPEATED], PREDICTED[REPEATED])
    assert weighted == pytest.approx(repeated)


def test_equal_weights_change_nothing() -> None:
    ones = np.ones(N)
    assert metrics(Task.BINARY, Y, BOTH, weights=ones) == pytest.approx(metrics(Task.BINARY, Y, BOTH))
    assert metrics(Task.REGRESSION, VALUES, PREDICTED, weights=7 * ones) == pytest.approx(
        metrics(Task.REGRESSION, VALUES, PREDICTED)
    )
    weighted, plain = (calibration_curve(Y == 1, P, each) for each in (ones, None))
    assert weighted["observed"] == pytest.approx(plain["observed"])


def test_quantiles_of_whole_weights_are_those_of_repeated_rows() -> None:
    levels = [0.0, 0.1, 0.5, 0.77, 1.0]
    assert row_weights.quantiles(VALUES, levels, WEIGHTS) == pytest.approx(
        np.quantile(VALUES[REPEATED], levels)
    )
    # Of other weights: at least that share of the weight is at most the quantile.
    odd = WEIGHTS + 0.5
    for level in levels:
        found = float(row_weights.quantiles(VALUES, level, odd))
        assert odd[found >= VALUES].sum() >= level * odd.sum() * (1 - 1e-9)


def test_the_effective_number_of_rows_is_that_of_kish() -> None:
    assert row_weights.effective_size(np.ones(10)) == pytest.approx(10)
    assert row_weights.effective_size(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)


@pytest.mark.parametrize(
    "rule", [ThresholdRule("f1"), ThresholdRule("precision", (0.7,)), ThresholdRule("cost", (1.0, 3.0))]
)
def test_thresholds_are_those_of_repeated_rows(rule: ThresholdRule) -> None:
    weighted = choose(rule, Y == 1, P, WEIGHTS)
    repeated = choose(rule, Y[REPEATED] == 1, P[REPEATED])
    assert weighted.value == pytest.approx(repeated.value)
    assert decision_numbers(Y == 1, P, 0.4, WEIGHTS) == decision_numbers(Y[REPEATED] == 1, P[REPEATED], 0.4)


def test_intervals_hold_the_share_of_the_weighted_rows() -> None:
    # Rows that count most have the largest errors.
    weights = np.where(DRAW.random(4_000) < 0.2, 10.0, 1.0)
    truth = DRAW.normal(size=4_000)
    predicted = truth + DRAW.normal(size=4_000) * np.where(weights > 1, 3.0, 0.3)
    fitted = ConformalIntervals.fit(Task.REGRESSION, truth, predicted, weights)
    assert fitted is not None
    low, high = fitted.intervals(predicted, 0.9)
    covered = (low <= truth) & (truth <= high)
    assert 0.88 < np.average(covered, weights=weights) < 0.95
    assert covered.mean() > 0.94


def test_calibration_follows_the_weighted_rows() -> None:
    """Class 1 is rare among the rows, and common among those that count."""
    y = np.r_[np.ones(200, np.intp), np.zeros(800, np.intp)]
    weights = np.where(y == 1, 4.0, 1.0)
    flat = np.column_stack([np.full(1_000, 0.8), np.full(1_000, 0.2)]) + DRAW.normal(
        scale=1e-3, size=(1_000, 2)
    )
    flat /= flat.sum(axis=1, keepdims=True)
    places = np.array_split(DRAW.permutation(1_000), 5)
    found = calibrated(flat, y, places, weights)
    assert found.calibration is not None
    assert found.calibration.apply(flat)[:, 1].mean() == pytest.approx(0.5, abs=0.03)
