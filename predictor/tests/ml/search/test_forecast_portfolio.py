"""The portfolio of *Auto* for forecasts: regularization first, and more rounds with a thorough budget only."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.features.encoding import BENT
from predictor.ml.search import forecast_portfolio as module
from predictor.ml.search import portfolio
from predictor.ml.search.fold_fitting import fit_fold
from predictor.ml.search.forecast_portfolio import PENALTIES, RIDGE, SCOUT, forecast_auto
from predictor.ml.types.training_request import THOROUGH_SECONDS

from ..tables_for_tests import regression_table
from .searches import FakeSearch


@pytest.fixture
def explored(monkeypatch):
    """Collects the searches that go on after the two rounds."""
    searches = []
    monkeypatch.setattr(module, "explore", lambda search, facts, *, seed: searches.append((search, seed)))
    return searches


def candidates_of(search):
    return {each.key: each for candidates, _ in search.rounds for each in candidates}


def test_the_anchors_are_fitted_on_all_folds_and_what_follows_may_be_dropped(explored):
    search = FakeSearch([1.0, 2.0])

    anchors = forecast_auto(search, seed=0)

    assert [is_pruned for _, is_pruned in search.rounds] == [False, True]
    assert search.rounds[0][0] == anchors
    assert [each.key for each in anchors] == ["ridge", "boosting-small"]
    assert list(candidates_of(search))[2:] == [
        "ridge-bent",
        "boosting-additive",
        "boosting-slow",
        "extra-trees",
    ]


@pytest.mark.parametrize(("budget", "n_explored"), [(THOROUGH_SECONDS - 1, 0), (THOROUGH_SECONDS, 1)])
def test_hyperparameters_are_searched_with_a_thorough_budget_only(budget, n_explored, explored):
    search = FakeSearch([1.0, 2.0], budget_seconds=budget)

    forecast_auto(search, seed=7)

    assert explored == [(search, 7)] * n_explored


def test_candidates_are_regularized_more_than_those_of_independent_rows(explored):
    search = FakeSearch([1.0, 2.0])
    forecast_auto(search, seed=0)
    forecasts = candidates_of(search)

    usual = {each.key: each for each in portfolio.second_round(portfolio.TableFacts.of(search.table), {})}

    for key in ("boosting-small", "extra-trees"):
        assert forecasts[key].params["min_samples_leaf"] > 2 * usual[key].params["min_samples_leaf"]
        assert {**forecasts[key].params, "min_samples_leaf": 0} == {
            **usual[key].params,
            "min_samples_leaf": 0,
        }
    penalties = [each["alpha"] for each in PENALTIES]
    assert penalties == sorted(penalties)
    assert penalties[-1] > 100 * max(each["alpha"] for each in usual["ridge-bent"].path)


def test_the_ridge_with_bent_outliers_differs_by_its_encoding_alone(explored):
    search = FakeSearch([1.0, 2.0])
    forecast_auto(search, seed=0)

    bent = candidates_of(search)["ridge-bent"]

    assert bent.encoding == BENT
    assert (bent.path, bent.estimator, bent.share) == (RIDGE.path, RIDGE.estimator, RIDGE.share)


def test_the_scout_is_one_quick_fit():
    table = regression_table(60)

    with threadpool_limits(1):
        fold = fit_fold(SCOUT, table.rows(np.arange(40)), table.rows(np.arange(40, 60)), seed=0)

    assert fold.predictions.shape == (1, 20)
    assert np.isfinite(fold.predictions).all()
