from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from predictor.ml.metrics import curves


@pytest.fixture
def scored():
    rng = np.random.default_rng(0)
    is_positive = rng.random(3000) < 0.3
    return is_positive, np.clip(rng.normal(0.4 + 0.2 * is_positive, 0.2), 0, 1)


def test_a_thinned_roc_curve_keeps_its_ends_and_its_area(scored):
    curve = curves.roc_curve(*scored)
    x, y = curve["false_positive_rate"], curve["true_positive_rate"]
    assert len(x) == len(y) == len(curve["threshold"]) <= curves.MAX_POINTS
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(reference.roc_auc_score(*scored), abs=0.002)


def test_a_precision_recall_curve_ends_at_full_recall_and_the_base_rate(scored):
    curve = curves.precision_recall_curve(*scored)
    assert len(curve["recall"]) <= curves.MAX_POINTS
    assert curve["recall"][-1] == 1
    assert curve["precision"][-1] == pytest.approx(scored[0].mean(), abs=1e-5)
    assert curve["recall"] == sorted(curve["recall"])


def test_calibration_bins_hold_every_row(scored):
    curve = curves.calibration_curve(*scored)
    assert sum(curve["count"]) == 3000
    assert len(curve["predicted"]) == len(curve["observed"]) <= curves.N_BINS


def test_calibration_of_one_score_is_one_point():
    curve = curves.calibration_curve(np.array([True, False]), np.array([0.5, 0.5]))
    assert curve == {"predicted": [0.5], "observed": [0.5], "count": [2.0]}


def test_a_residual_histogram_counts_every_row_even_when_all_are_equal():
    found = curves.residual_histogram(np.zeros(50))
    assert sum(found["counts"]) == 50
    assert len(found["edges"]) == len(found["counts"]) + 1


def test_sampled_points_are_the_same_for_a_seed():
    y = np.arange(2000.0)
    first = curves.sampled_points(y, y + 1, seed=3)
    assert len(first["actual"]) == 500
    assert first == curves.sampled_points(y, y + 1, seed=3)


def test_the_rows_that_score_highest_hold_most_of_the_class():
    is_positive = np.arange(1000) >= 900
    perfect = curves.gain_curve(is_positive, np.arange(1000) / 1000)
    known = {each["rows"]: each for each in perfect["table"]}
    assert known[0.05]["found"] == pytest.approx(0.5)
    assert known[0.1] == {"rows": 0.1, "found": 1.0, "lift": 10.0}
    # All scores alike: a tenth of the rows holds a tenth of the class.
    alike = curves.gain_curve(is_positive, np.full(1000, 0.1))
    assert all(each["lift"] == pytest.approx(1.0) for each in alike["table"])


def test_precision_and_recall_over_thresholds_are_those_counted():
    draw = np.random.default_rng(0)
    score = draw.random(300).round(2)
    is_positive = draw.random(300) < score
    found = curves.threshold_curve(is_positive, score)
    for at, precision, recall in zip(found["threshold"], found["precision"], found["recall"], strict=True):
        said = score >= at
        assert precision == pytest.approx(is_positive[said].mean(), abs=1e-5)
        assert recall == pytest.approx(is_positive[said].sum() / is_positive.sum(), abs=1e-5)
    assert max(found["threshold"]) <= score.max()


def test_errors_are_told_by_quantile_by_round_size_and_by_predicted_size():
    predicted = np.arange(1.0, 1001.0)
    error = np.where(np.arange(1000) % 2 == 0, 0.02, -0.02) * predicted
    found = curves.error_distribution(predicted - error, predicted)
    assert found["quantiles"][0] == {"share": 0.5, "error": pytest.approx(10.01)}
    assert [each["error"] for each in found["within"]] == [5.0, 10.0]
    assert [each["share"] for each in found["within"]] == [0.25, 0.5]
    assert len(found["by_size"]) == 5
    assert sum(each["rows"] for each in found["by_size"]) == 1000
    assert found["by_size"][0]["mean_size"] < found["by_size"][-1]["mean_size"]
    assert found["by_size"][-1]["mean_error"] == pytest.approx(0, abs=1)
