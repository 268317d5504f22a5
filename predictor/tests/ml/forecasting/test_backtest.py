"""Rolling-origin evaluation: where the cuts lie, and that no fit knows what it is tested on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTrainingRequest
from predictor.ml.forecasting import backtest as module
from predictor.ml.forecasting.backtest import (
    LEAST_COMPARED,
    N_CUTS,
    SPARE,
    find_cuts,
    find_shape,
    least_periods,
    make_backtest,
)
from predictor.ml.forecasting.frequency import NAMED
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.series import Series, SeriesTable
from predictor.ml.forecasting.training_table import SeriesView, described
from predictor.ml.types.training_request import ForecastOptions

from .views import table_of, view_of


def test_no_fold_is_fitted_on_outcomes_after_its_origins():
    values = np.random.default_rng(1).normal(10, 1, 120)
    table = SeriesTable(NAMED["monthly"], (Series("", 0, values),), 0)
    shape, horizon, _ = find_shape(table, ForecastOptions("month", horizon=6))
    view, cuts = SeriesView(table, shape, horizon, False), find_cuts(table, shape, horizon)
    backtest = make_backtest(view, cuts, "sold", max_rows=10_000, seed=0)
    points = backtest.points
    known_at = points.made_at(table) + points.steps
    for fit, score in (*backtest.split.folds, *backtest.reported):
        assert known_at[fit].max() <= points.made_at(table)[score].min()
    # What is reported was not known when candidates were compared either.
    assert known_at[backtest.split.search].max() <= points.made_at(table)[backtest.judged].min()
    assert len(described(view, points).base) == len(points)


@given(
    season=st.sampled_from([1, 4, 7, 12]),
    horizon=st.integers(1, 30),
    spare=st.integers(0, 300),
    start=st.integers(-50, 500),
)
@settings(max_examples=50, deadline=None)
def test_the_cuts_of_every_series_that_is_long_enough_leave_a_past_and_a_horizon(
    season, horizon, spare, start
):
    shape = Shape(season)
    table = table_of(np.zeros(least_periods(shape, horizon) + spare), starts=[start])

    cuts = find_cuts(table, shape, horizon)

    assert len(cuts.tested) == N_CUTS
    assert 1 <= len(cuts.compared) <= N_CUTS
    every = [*cuts.compared, *cuts.tested]
    assert every == sorted(set(every)), (
        "each cut is later than the one before, and the compared ones come first"
    )
    assert cuts.tested[-1] + horizon == cuts.end == table.end
    # Before the first cut: the shortest past, and a whole horizon of outcomes to learn from.
    assert cuts.compared[0] - start >= shape.least + horizon
    assert cuts.tested[0] - cuts.compared[0] >= LEAST_COMPARED


@pytest.mark.parametrize("horizon", [3, 6])
def test_the_cuts_of_a_long_series_lie_a_horizon_or_a_tenth_of_its_length_apart(horizon):
    table = table_of(np.zeros(400))

    tested = find_cuts(table, Shape(12), horizon).tested

    assert np.diff(tested).tolist() == [40, 40]


def test_a_long_horizon_sets_the_distance_of_the_cuts():
    tested = find_cuts(table_of(np.zeros(400)), Shape(12), 50).tested

    assert np.diff(tested).tolist() == [50, 50]


def test_the_cuts_are_those_of_the_longest_series_that_reaches_the_end():
    # The first series ended long ago, the last is short.
    table = table_of(np.zeros(300), np.zeros(60), np.zeros(40), starts=[0, 400, 420])

    cuts = find_cuts(table, Shape(1), 3)

    assert cuts.end == 459
    assert cuts == find_cuts(table_of(np.zeros(60), starts=[400]), Shape(1), 3)


@pytest.mark.parametrize(
    ("shape", "horizon", "periods"), [(Shape(1), 1, 4 + 2 + 10), (Shape(12), 6, 13 + 12 + 10)]
)
def test_the_least_length_is_a_past_two_horizons_and_room_for_the_cuts(shape, horizon, periods):
    assert periods - 2 * horizon - shape.least == SPARE + LEAST_COMPARED + N_CUTS - 1

    assert least_periods(shape, horizon) == periods


def shape_of(n, *, horizon=0, frequency="monthly"):
    return find_shape(table_of(np.zeros(n), frequency=frequency), ForecastOptions("month", horizon=horizon))


def test_a_season_is_learnt_from_three_of_them():
    assert shape_of(36, horizon=6) == (Shape(12), 6, [])

    shape, horizon, (warning,) = shape_of(35, horizon=6)

    assert (shape, horizon) == (Shape(1), 6)
    assert "has 35 periods, too few to learn a season of 12" in warning.message


def test_a_year_is_learnt_from_two_of_them():
    assert shape_of(2 * 364 - 1, frequency="daily")[0] == Shape(7)
    assert shape_of(2 * 364, frequency="daily")[0] == Shape(7, 364)


def test_yearly_values_have_no_season_and_no_warning():
    assert shape_of(40, frequency="yearly") == (Shape(1), 3, [])


def test_without_a_horizon_the_usual_one_is_taken_as_far_as_the_past_reaches():
    assert shape_of(200)[1] == 12

    # Too short for a season. 14 periods are needed beside two horizons.
    assert shape_of(30)[1] == (30 - 14) // 2


def test_a_horizon_that_the_past_is_too_short_for_is_refused_with_the_longest_one():
    with pytest.raises(InvalidTrainingRequest) as refused:
        shape_of(60, horizon=30)

    assert refused.value.message == (
        "A forecast of 30 periods (monthly) needs a past of 83 periods; the longest series here has 60. "
        "Ask for at most 18, or bring more of the past."
    )
    assert refused.value.limit == 83
    assert shape_of(60, horizon=18)[1] == 18


@pytest.mark.parametrize("horizon", [0, 1])
def test_a_past_that_is_too_short_for_any_forecast_is_refused(horizon):
    with pytest.raises(InvalidTrainingRequest) as refused:
        shape_of(15, horizon=horizon)

    assert refused.value.message == (
        "A forecast of 1 period (monthly) needs a past of 16 periods; the longest series here has 15. "
        "Bring more of the past."
    )
    assert shape_of(16, horizon=horizon)[1] == 1


def backtest_of(values, *, horizon=2, max_rows=10_000, **options):
    view = view_of(*values, horizon=horizon, **options)
    cuts = find_cuts(view.table, view.shape, horizon)
    return make_backtest(view, cuts, "sold", max_rows=max_rows, seed=0)


def test_the_rows_of_a_fold_lie_between_its_cut_and_the_next():
    backtest = backtest_of([np.arange(60.0)])
    made_at = backtest.points.made_at(backtest.view.table)

    edges = [*backtest.cuts.compared, backtest.cuts.tested[0]]
    for (_, score), first, after in zip(backtest.split.folds, edges, edges[1:], strict=False):
        assert made_at[score].min() == first
        assert made_at[score].max() < after
    edges = [*backtest.cuts.tested, backtest.cuts.end]
    for (_, score), first, after in zip(backtest.reported, edges, edges[1:], strict=False):
        assert made_at[score].min() == first
        assert made_at[score].max() < after
    assert backtest.split.held_out.tolist() == backtest.judged.tolist()
    assert backtest.split.development.tolist() == backtest.reported[0][0].tolist()
    assert len(backtest.table) == len(backtest.points)


def test_many_forecasts_are_compared_and_reported_on_a_sample(monkeypatch):
    monkeypatch.setattr(module, "MOST_COMPARED", 30)
    monkeypatch.setattr(module, "MOST_REPORTED", 60)

    backtest = backtest_of([np.arange(300.0), np.arange(300.0)], max_rows=50)

    assert 12 <= len(backtest.split.search) <= 30
    assert 24 <= len(backtest.judged) <= 60
    assert len(backtest.training) <= 51


def test_a_past_with_too_many_gaps_is_refused():
    values = np.arange(60.0)
    values[40:58] = np.nan

    with pytest.raises(
        InvalidTrainingRequest, match="Too many periods have no value in “sold”: at some of the dates"
    ):
        backtest_of([values])
