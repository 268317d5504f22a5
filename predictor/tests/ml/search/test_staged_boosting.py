"""Staged predictions of HistGradientBoosting: those of scikit-learn, and when a fit is stopped early."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from predictor.ml.search.staged_boosting import StagedFit


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the children of a search: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("n_classes", [2, 3])
def test_stages_of_one_fit_equal_the_staged_predictions_of_scikit_learn(n_classes):
    draw = np.random.default_rng(0)
    X = draw.normal(size=(120, 3))
    y = (X[:, 0] + draw.normal(size=120) > 0).astype(int) + (X[:, 1] > 1) * (n_classes - 2)
    boosting = HistGradientBoostingClassifier(max_iter=90, learning_rate=0.3)
    watch = StagedFit(boosting, np.ones(40, bool), stride=4, patience=5, max_seconds=60.0)
    sights = list(watch.fit(X[40:], y[40:], X[:40], y[:40]))
    staged = list(boosting.staged_predict_proba(X[:40]))
    assert sights[-1].n_rounds == len(staged) < 90
    for sight in sights:
        assert boosting._loss.predict_proba(sight.raw) == pytest.approx(staged[sight.n_rounds - 1], abs=1e-9)
    assert not watch.is_cut


def test_a_boosting_is_stopped_at_its_time_limit():
    X = np.random.default_rng(0).normal(size=(60, 2))
    boosting = HistGradientBoostingRegressor(max_iter=1000, min_samples_leaf=2)
    watch = StagedFit(boosting, np.ones(60, bool), stride=10, patience=1000, max_seconds=0.0)
    assert [sight.n_rounds for sight in watch.fit(X, X[:, 0], X, X[:, 0])] == [1]
    assert watch.is_cut


class FakeBoosting:
    """Takes the loss of each round from a list, and keeps the rows that it was computed from."""

    def __init__(self, losses=()):
        self.losses, self.rows = iter(losses), []

    def _loss(self, y_true, raw_prediction, sample_weight=None):
        self.rows.append(np.asarray(y_true).tolist())
        return next(self.losses)


def rounds_until_stopped(watch, n_rounds=100, y=(0.0, 1.0, 2.0)):
    """Call the check as scikit-learn does, before the first round and after each; the round that it stops at."""
    for number in range(n_rounds):
        raw = np.full((len(y), 1), float(number))
        if watch(y_val=np.array(y), raw_predictions_val=raw):
            return number
    return None


def watch_of(losses, *, stride=1, patience=3, is_known=(True, True, True), max_seconds=600.0):
    return StagedFit(FakeBoosting(losses), np.array(is_known), stride, patience, max_seconds)


def test_a_fit_is_stopped_after_rounds_without_a_lower_loss():
    # The lowest loss comes in round 2; an equal one later is no gain.
    losses = [5.0, 4.0, 3.0, 3.5, 3.0, 3.2, 3.2]

    assert rounds_until_stopped(watch_of(losses, patience=3)) == 5
    assert rounds_until_stopped(watch_of(losses, patience=4)) == 6


def test_a_loss_that_falls_again_starts_the_patience_anew():
    losses = [5.0, 6.0, 6.0, 4.0, 6.0, 6.0, 6.0]

    assert rounds_until_stopped(watch_of(losses, patience=3)) == 6


def test_rows_of_unknown_classes_do_not_count_in_the_loss():
    watch = watch_of([3.0, 2.0, 1.0], is_known=(True, False, True))

    rounds_until_stopped(watch, n_rounds=2)

    assert watch.boosting.rows == [[0.0, 2.0], [0.0, 2.0]]
    # All rows are predicted none the less.
    assert [len(sight.raw) for sight in watch.sights] == [3]


def test_stages_are_kept_every_few_rounds_and_never_before_the_first():
    watch = watch_of(range(100, 0, -1), stride=3)

    rounds_until_stopped(watch, n_rounds=11)

    assert [sight.n_rounds for sight in watch.sights] == [3, 6, 9]
    assert [sight.raw[0, 0] for sight in watch.sights] == [3.0, 6.0, 9.0]


def test_a_stage_is_a_copy_of_the_predictions_that_scikit_learn_goes_on_changing():
    watch, raw = watch_of([3.0, 2.0]), np.zeros((3, 1))
    watch(y_val=np.zeros(3), raw_predictions_val=raw)
    raw += 1.0
    watch(y_val=np.zeros(3), raw_predictions_val=raw)

    raw += 1.0

    assert watch.sights[0].raw.tolist() == [[1.0], [1.0], [1.0]]


@pytest.mark.parametrize("fails", [False, True])
def test_the_boosting_keeps_no_trace_of_the_watch(fails):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.full(60, np.nan) if fails else X[:, 0]
    boosting = HistGradientBoostingRegressor(max_iter=5)
    watch = StagedFit(boosting, np.ones(60, bool), stride=2, patience=50, max_seconds=60.0)

    if fails:
        with pytest.raises(ValueError, match="NaN"):
            list(watch.fit(X, y, X, y))
    else:
        assert [sight.n_rounds for sight in watch.fit(X, y, X, y)] == [2, 4, 5]

    # A bound method of the watch could not be stored with the estimator.
    assert "_check_early_stopping_loss" not in vars(boosting)
