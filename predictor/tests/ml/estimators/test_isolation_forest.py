from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from threadpoolctl import threadpool_limits

from predictor.ml.estimators.isolation_forest import (
    CLOSEST_KNOTS,
    IsolationScore,
    calibrate,
    expected_depth,
    fit_forest,
    leaf_depths,
    out_of_sample,
    raw_scores,
)
from predictor.ml.features.encoding import ISOLATION
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.types.schema import Role

from ..planted import ODD_ROLES, noise, odd_rows

PARAMS = {"n_estimators": 30, "max_samples": 512, "contamination": 0.02}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


def fitted_on(columns, roles):
    spec, matrix = FeatureSpec.fit_transform(columns, roles, ISOLATION)
    forest = IsolationForest(n_estimators=40, max_samples=100, random_state=0).fit(matrix)
    return spec, matrix, forest


class Scored:
    """A forest whose anomaly score of a row is its only number."""

    def score_samples(self, X):
        return -X[:, 0]


def rows(*scores):
    return np.array(scores, np.float32).reshape(-1, 1)


def test_path_lengths_of_leaves_give_the_score_of_scikit_learn():
    _, matrix, forest = fitted_on(odd_rows()[0], ODD_ROLES)
    depths = [
        lengths[tree.apply(matrix)]
        for tree, lengths in zip(forest.estimators_, leaf_depths(forest), strict=True)
    ]
    scores = 2.0 ** (-np.sum(depths, axis=0) / expected_depth(forest))
    assert scores == pytest.approx(-forest.score_samples(matrix), abs=1e-12)


def test_scores_of_new_rows_are_shares_of_rows_that_are_less_unusual():
    columns = noise(600)
    _, matrix = FeatureSpec.fit_transform(columns, dict.fromkeys(columns, Role.NUMERIC), ISOLATION)
    scores = out_of_sample(matrix[:400], PARAMS, seed=0)
    forest = fit_forest(matrix[:400], PARAMS, 0)
    new = calibrate(forest, scores).predict(matrix[400:])
    assert [float((new >= level).mean()) for level in (0.25, 0.5, 0.75)] == pytest.approx(
        [0.75, 0.5, 0.25], abs=0.12
    )


def test_the_calibration_curve_of_equal_scores_has_no_vertical_step():
    _, _, forest = fitted_on(odd_rows()[0], ODD_ROLES)
    score = calibrate(forest, np.full(100, 0.5))
    assert (np.diff(score.knots_) > 0).all()
    assert score.shares_[[0, -1]].tolist() == [0.0, 1.0]


def test_a_calibrated_score_is_the_share_of_scores_below_it():
    scores = np.linspace(0.3, 0.7, 1001)

    calibrated = calibrate(Scored(), scores)

    # The scores are even, so the share below x is (x - 0.3) / 0.4.
    asked = np.array([0.1, 0.3, 0.35, 0.5, 0.6789, 0.7, 0.9])
    assert calibrated.predict(rows(*asked)) == pytest.approx(np.clip((asked - 0.3) / 0.4, 0, 1), abs=1e-6)


def test_knots_of_the_calibration_curve_are_never_closer_than_the_limit():
    scores = np.concatenate([np.full(500, 0.5), 0.5 + CLOSEST_KNOTS * np.linspace(0, 3, 500)])

    calibrated = calibrate(Scored(), scores)

    assert np.diff(calibrated.knots_).min() >= CLOSEST_KNOTS * 0.999
    assert np.diff(calibrated.shares_).min() > 0
    assert calibrated.shares_[[0, -1]].tolist() == [0.0, 1.0]


def test_an_uncalibrated_score_is_that_of_the_paper():
    _, matrix, forest = fitted_on(odd_rows()[0], ODD_ROLES)

    score = IsolationScore.uncalibrated(forest)

    assert score.predict(matrix) == pytest.approx(-forest.score_samples(matrix))
    assert score.raw(matrix).tolist() == raw_scores(forest, matrix).tolist()


def test_a_forest_samples_no_more_rows_than_there_are():
    matrix = np.random.default_rng(0).normal(size=(20, 2))

    forest = fit_forest(matrix, {"n_estimators": 3, "max_samples": 256}, seed=1)

    assert (forest.max_samples_, len(forest.estimators_)) == (20, 3)
    same = IsolationForest(n_estimators=3, max_samples=20, random_state=1).fit(matrix)
    assert forest.score_samples(matrix).tolist() == same.score_samples(matrix).tolist()


def test_out_of_sample_scores_come_from_forests_that_did_not_see_the_row(monkeypatch):
    """Each row has its own number; a stub forest knows the numbers that it was fitted on."""
    fitted = []

    class Knowing:
        def __init__(self, matrix):
            self.known = set(matrix[:, 0].tolist())
            fitted.append(self.known)

        def score_samples(self, X):
            return np.array([-1.0 if number in self.known else 0.0 for number in X[:, 0].tolist()])

    monkeypatch.setattr(
        "predictor.ml.estimators.isolation_forest.fit_forest", lambda matrix, params, seed: Knowing(matrix)
    )

    scores = out_of_sample(np.arange(31.0).reshape(-1, 1), {}, seed=0)

    assert scores.tolist() == [0.0] * 31
    assert sorted(len(known) for known in fitted) == [20, 21, 21]
