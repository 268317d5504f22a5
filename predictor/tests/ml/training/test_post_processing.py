"""Post-processing of out-of-fold predictions that are given: calibration, decision threshold, intervals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss

from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.search.selection import choice_of
from predictor.ml.training.post_processing import LEAST_TO_CALIBRATE, post_process
from predictor.ml.types.schema import Task
from predictor.ml.types.threshold_rule import ThresholdRule

from ..search.searches import add_outcome, named, new_search
from ..tables_for_tests import classification_table, regression_table


def pairs_of(positive):
    return np.column_stack([1 - positive, positive])


@pytest.fixture(scope="module")
def overconfident(tmp_path_factory):
    """A binary search whose only candidate gives odds to the third power, and its choice."""
    search = new_search(classification_table(500), tmp_path_factory.mktemp("search"))
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1.0, len(search.y))
    true = np.where(rng.random(len(search.y)) < sure, search.y, 1 - search.y)
    chance = np.where(true == 1, sure, 1 - sure)
    bent = chance**3 / (chance**3 + (1 - chance) ** 3)
    add_outcome(search, named("a"), pairs_of(bent))
    return search, choice_of(search, {"a": 1.0})


def n_fitted_for(search, share):
    """The number of rows of the final fit that a fold is this share of."""
    return np.mean([len(fit) for fit, _ in search.split.folds]) / share


def test_overconfident_probabilities_are_calibrated_before_all_else(overconfident):
    search, choice = overconfident

    result = post_process(search, choice, None, n_fitted_for(search, 0.8))

    raw = choice.out_of_fold
    assert result.calibration.scale == pytest.approx(1 / 3, abs=0.1)
    assert result.out_of_fold == pytest.approx(result.calibration.apply(raw))
    assert log_loss(search.y, result.out_of_fold[:, 1]) < log_loss(search.y, raw[:, 1]) - 0.02
    assert result.uncertainty == ConformalIntervals.fit(Task.BINARY, search.y, result.out_of_fold)
    assert result.fold_share == pytest.approx(0.8)
    assert result.threshold is None


def test_the_metrics_are_those_of_rows_that_the_calibration_had_not_seen(overconfident):
    search, choice = overconfident

    result = post_process(search, choice, None, n_fitted_for(search, 0.8))

    assert not np.array_equal(result.cross_fitted, result.out_of_fold)
    metrics = result.cross_validation["metrics"]
    assert metrics["log_loss"] == pytest.approx(log_loss(search.y, result.cross_fitted[:, 1]), rel=1e-6)
    assert result.cross_validation["n_folds"] == choice.cross_validation["n_folds"]
    assert choice.cross_validation["metrics"]["log_loss"] > metrics["log_loss"]


def test_the_threshold_is_chosen_on_calibrated_probabilities(overconfident):
    search, choice = overconfident

    result = post_process(search, choice, ThresholdRule("f1"), n_fitted_for(search, 0.8))

    value = result.threshold.value
    scores = {
        each: f1_score(search.y, result.out_of_fold[:, 1] >= each) for each in np.linspace(0.01, 0.99, 99)
    }
    own = f1_score(search.y, result.out_of_fold[:, 1] >= value)
    assert own >= max(scores.values())
    expected = f1_score(search.y, result.cross_fitted[:, 1] >= value)
    assert result.cross_validation["metrics"]["f1"] == pytest.approx(expected)


@pytest.mark.parametrize(("share", "is_calibrated"), [(0.56, True), (0.54, False)])
def test_folds_much_smaller_than_the_final_fit_teach_no_calibration(overconfident, share, is_calibrated):
    search, choice = overconfident
    assert 0.54 < LEAST_TO_CALIBRATE < 0.56

    result = post_process(search, choice, None, n_fitted_for(search, share))

    assert (result.calibration is not None) is is_calibrated
    assert result.calibrated is not None
    if not is_calibrated:
        assert result.out_of_fold == pytest.approx(choice.out_of_fold)
        assert result.cross_validation is choice.cross_validation


def test_without_a_calibration_the_threshold_still_changes_the_metrics(overconfident):
    search, choice = overconfident

    rule = ThresholdRule("fixed", (0.9,))
    result = post_process(search, choice, rule, n_fitted_for(search, 0.3))

    assert result.threshold.value == 0.9
    expected = f1_score(search.y, choice.out_of_fold[:, 1] >= 0.9)
    assert result.cross_validation["metrics"]["f1"] == pytest.approx(expected)
    assert choice.cross_validation["metrics"]["f1"] != pytest.approx(expected)


def test_several_classes_have_no_threshold(tmp_path):
    search = new_search(classification_table(90, n_classes=3), tmp_path)
    add_outcome(search, named("a"), np.full((len(search.y), 3), 1 / 3))

    result = post_process(search, choice_of(search, {"a": 1.0}), ThresholdRule("f1"), 60)

    assert result.threshold is None
    assert result.calibration is None
    assert result.uncertainty is not None


def test_a_regression_has_intervals_alone(tmp_path):
    search = new_search(regression_table(90), tmp_path)
    add_outcome(search, named("a"), search.y + 0.5)
    choice = choice_of(search, {"a": 1.0})

    result = post_process(search, choice, ThresholdRule("f1"), 96)

    # 72 development rows in three folds: 48 are fitted on.
    assert result.fold_share == 0.5
    assert (result.threshold, result.calibration, result.calibrated) == (None, None, None)
    assert result.out_of_fold is result.cross_fitted is choice.out_of_fold
    assert result.uncertainty == ConformalIntervals.fit(Task.REGRESSION, search.y, choice.out_of_fold)
    assert result.cross_validation is choice.cross_validation


def test_few_rows_have_no_intervals(tmp_path):
    search = new_search(regression_table(23), tmp_path)
    add_outcome(search, named("a"), search.y)

    assert len(search.y) < 20
    assert post_process(search, choice_of(search, {"a": 1.0}), None, 19).uncertainty is None
