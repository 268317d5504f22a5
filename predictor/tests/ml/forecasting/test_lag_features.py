"""Lag features: what they hold, that they share one unit, and that no later value gets into them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.forecasting.lag_features import N_LAGS, Shape, describe, filled, windows_of

SHAPES = [Shape(1), Shape(12), Shape(7, 28), Shape(12, 0, has_trend=True)]


def described_at_end(values, steps, shape):
    """Features of forecasts that are made at the end of these values."""
    steps = np.asarray(steps, np.int64)
    return describe(
        windows_of(np.asarray(values, float), shape)[-1:], np.zeros(len(steps), int), steps, shape
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_later_values_never_change_the_features_of_earlier_origins(shape):
    rng = np.random.default_rng(0)
    values = rng.normal(100, 10, 120)
    values[[30, 31, 60]] = np.nan
    later = np.concatenate([values[:80], rng.normal(-500, 90, 40)])
    origins = np.repeat(np.arange(40, 80), 5)
    steps = np.tile(np.arange(1, 6), 40)
    features = [describe(windows_of(each, shape), origins, steps, shape) for each in (values, later)]
    for name, known in features[0].columns.items():
        assert np.array_equal(known, features[1].columns[name], equal_nan=True), name
    assert np.array_equal(features[0].base, features[1].base)
    assert np.array_equal(features[0].scale, features[1].scale)


@pytest.mark.parametrize("season", [1, 4, 7])
def test_a_gap_is_filled_with_the_value_one_season_before_or_the_last_one(season):
    rng = np.random.default_rng(season)
    for n in (1, 3, 40):
        values = np.where(rng.random(n) < 0.5, np.nan, rng.normal(size=n))
        expected = values.copy()
        for place in np.flatnonzero(np.isnan(values)):
            before = expected[place - season] if place >= season else np.nan
            last = expected[place - 1] if place else np.nan
            expected[place] = last if np.isnan(before) else before
        assert np.array_equal(filled(values, season), expected, equal_nan=True)


def test_values_without_any_number_stay_without():
    assert np.isnan(filled(np.full(5, np.nan), 2)).all()
    assert filled(np.empty(0), 2).tolist() == []


@given(
    season=st.sampled_from([1, 4, 7, 12]),
    slope=st.floats(-50, 50),
    level=st.floats(-1000, 1000),
    n_seasons=st.integers(3, 5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=50, deadline=None)
def test_the_base_with_a_trend_continues_trend_and_season_exactly(season, slope, level, n_seasons, seed):
    shape = Shape(season, has_trend=True)
    n = max(shape.window, n_seasons * season)
    pattern = np.random.default_rng(seed).normal(0, 10, season)
    t = np.arange(n + 2 * season + 1)
    truth = level + slope * t + pattern[t % season]

    steps = np.arange(1, 2 * season + 2)
    features = described_at_end(truth[:n], steps, shape)

    assert features.base == pytest.approx(truth[n:], abs=1e-6)


@pytest.mark.parametrize("season", [4, 7, 12])
def test_the_base_without_a_trend_repeats_the_season(season):
    pattern = np.random.default_rng(0).normal(50, 10, season)
    values = np.tile(pattern, 5)

    features = described_at_end(values, np.arange(1, 2 * season + 1), Shape(season))

    assert features.base == pytest.approx(np.tile(pattern, 2))


@given(
    shape=st.sampled_from(SHAPES),
    factor=st.floats(1e-3, 1e3),
    shift=st.floats(-1e3, 1e3),
    seed=st.integers(0, 1000),
)
@settings(max_examples=50, deadline=None)
def test_series_of_another_size_and_level_have_the_same_features(shape, factor, shift, seed):
    """One model serves them all: base and scale alone hold the size and the level."""
    values = np.random.default_rng(seed).normal(0, 1, 80)
    steps = np.arange(1, 15)

    first = described_at_end(values, steps, shape)
    # Far from 0 the scale would be held at a share of the level.
    moved = described_at_end(factor * (values + shift / 10), steps, shape)

    for name, column in first.columns.items():
        assert moved.columns[name] == pytest.approx(column, rel=1e-6, abs=1e-6, nan_ok=True), name
    assert moved.base == pytest.approx(factor * (first.base + shift / 10), rel=1e-6, abs=1e-6 * factor)
    assert moved.scale == pytest.approx(factor * first.scale, rel=1e-6)


def test_the_features_of_a_straight_line_without_a_season():
    # 0, 3, …, 45: the last eight values deviate by 3 times the deviation of 0 … 7, which is the root of 5.25.
    features = described_at_end(np.arange(16) * 3.0, [1, 2], Shape(1))

    scale = 3 * np.sqrt(5.25)
    assert features.base.tolist() == [45.0, 45.0]
    assert features.scale == pytest.approx([scale, scale])
    columns = features.columns
    assert columns["step"].tolist() == [1.0, 2.0]
    assert columns["slope"] == pytest.approx([3 / scale] * 2)
    assert columns["slope_ahead"] == pytest.approx([3 / scale, 6 / scale])
    assert columns["last_change"] == pytest.approx([3 / scale] * 2)
    assert columns["long_mean"] == pytest.approx([(22.5 - 45) / scale] * 2)
    for lag in range(N_LAGS):
        assert columns[f"departure_{lag + 1}_ago"] == pytest.approx([-3 * lag / scale] * 2)
    # The mean of the last three departures, which fades with the step.
    assert columns["recent_departure"] == pytest.approx([-3 / scale] * 2)
    assert columns["departure_fading_0.9"] == pytest.approx([-3 / scale * 0.9, -3 / scale * 0.81])
    assert "place_in_season" not in columns
    assert "one_year_ago" not in columns


def test_the_values_one_and_two_seasons_before_the_forecast_date_are_features():
    values = np.random.default_rng(0).normal(100, 10, 16)

    features = described_at_end(values, [1, 3, 4, 5], Shape(4))

    # The first step is the first place of the season again, and so is the fifth.
    assert features.columns["place_in_season"].tolist() == [0.0, 2.0, 3.0, 0.0]
    for name, seasons_ago in (("one_season_ago", 1), ("two_seasons_ago", 2)):
        places = 16 - 4 * seasons_ago + np.array([0, 2, 3, 0])
        assert features.base + features.scale * features.columns[name] == pytest.approx(values[places])


def test_the_value_one_year_before_is_relative_to_the_mean_of_its_season():
    shape = Shape(7, 28)
    values = np.random.default_rng(0).normal(100, 10, shape.window)

    features = described_at_end(values, [1, 28, 29], shape)

    n = len(values)
    mean_then = values[n - 28 - 7 : n - 28].mean()
    # Step 29 lies 56 periods after the value of step 1: two years back, since one year back is not known yet.
    expected = np.array([values[n - 28], values[n - 1], values[n - 28]]) - mean_then
    assert features.columns["one_year_ago"] * features.scale == pytest.approx(expected)


@pytest.mark.parametrize(("value", "scale"), [(5.0, 5.0), (-5.0, 5.0), (0.0, 1.0)])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_constant_series_has_a_scale_and_finite_features(value, scale, shape):
    features = described_at_end(np.full(60, value), [1, 2, 3], shape)

    assert features.base.tolist() == [value] * 3
    assert features.scale.tolist() == [scale] * 3
    assert all(np.isfinite(column).all() for column in features.columns.values())


def test_a_series_that_was_constant_lately_has_the_scale_of_its_whole_window():
    values = np.r_[1.0, 3.0, np.full(14, 2.0)]

    assert described_at_end(values, [1], Shape(1)).scale == pytest.approx(values.std())


def test_a_short_series_has_no_features_of_what_it_never_had():
    features = described_at_end([1.0, 2.0, 4.0, 8.0, 16.0], [1], Shape(4))

    assert np.isfinite(features.base).all()
    assert np.isfinite(features.scale).all()
    assert np.isnan(features.columns["two_seasons_ago"]).all()


def test_each_window_ends_at_its_period_and_begins_with_gaps():
    windows = windows_of(np.array([1.0, np.nan, 3.0]), Shape(1))

    assert windows.shape == (3, 16)
    assert windows[:, -1].tolist() == [1.0, 1.0, 3.0]
    assert windows[2, -3:].tolist() == [1.0, 1.0, 3.0]
    assert np.isnan(windows[2, :-3]).all()


@pytest.mark.parametrize(
    ("shape", "window", "least"),
    [(Shape(1), 16, 4), (Shape(2), 16, 4), (Shape(7), 21, 8), (Shape(12), 36, 13), (Shape(7, 364), 371, 8)],
)
def test_a_window_holds_three_seasons_or_a_year_and_a_season(shape, window, least):
    assert (shape.window, shape.least) == (window, least)
    assert Shape.from_json(shape.to_json()) == shape
