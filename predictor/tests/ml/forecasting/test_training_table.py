"""The rows of a forecast: which origins and steps there are, their features, and their scaled target."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.forecasting import training_table as module
from predictor.ml.forecasting.frequency import NAMED
from predictor.ml.forecasting.lag_features import FARTHEST, Shape, describe
from predictor.ml.forecasting.series import Series, SeriesTable
from predictor.ml.forecasting.training_table import (
    SeriesView,
    actual,
    described,
    fits_log,
    joined,
    training_points,
    training_table,
)
from predictor.ml.types.schema import Role, Task

from .views import table_of, view_of


def triples(points):
    return sorted(zip(points.series.tolist(), points.origins.tolist(), points.steps.tolist(), strict=True))


def test_features_are_computed_in_chunks_of_bounded_size(monkeypatch):
    values = np.random.default_rng(1).normal(10, 1, 120)
    table = SeriesTable(NAMED["monthly"], (Series("a", 0, values), Series("b", 9, values[9:] * 2)), 0)
    view = SeriesView(table, Shape(12), 6, False)
    points = training_points(view, 10_000, 0)
    whole, sizes = described(view, points), []

    def counted(windows, *rest):
        sizes.append(windows.size)
        return describe(windows, *rest)

    monkeypatch.setattr(module, "WINDOW_CELLS", 1_000)
    monkeypatch.setattr(module, "describe", counted)
    parts = described(view, points)
    assert max(sizes) <= 1_000
    for name, found in whole.columns.items():
        if name != "series":
            assert np.array_equal(found, parts.columns[name], equal_nan=True), name
    assert np.array_equal(whole.base, parts.base)
    assert np.array_equal(whole.scale, parts.scale)


def test_every_origin_and_step_with_a_known_outcome_is_a_training_row():
    first, second = np.arange(10.0), np.arange(7.0)
    first[8] = np.nan
    view = view_of(first, second, horizon=3)

    points = training_points(view, 10_000, seed=0)

    # Without a season, four periods come before the first forecast.
    assert triples(points) == sorted(
        (code, origin, step)
        for code, values in enumerate((first, second))
        for origin in range(3, len(values))
        for step in (1, 2, 3)
        if origin + step < len(values) and not np.isnan(values[origin + step])
    )


def test_a_sample_of_the_training_rows_keeps_the_share_of_each_series():
    view = view_of(np.arange(104.0), np.arange(54.0), horizon=2)
    every = set(triples(training_points(view, 10_000, seed=0)))

    sample = training_points(view, 60, seed=0)

    # About 100 and 50 origins with two steps each, so 2 : 1.
    counts = np.bincount(sample.series)
    assert counts == pytest.approx([40, 20], abs=1)
    assert set(triples(sample)) < every
    assert len(set(triples(sample))) == len(sample)
    assert triples(training_points(view, 60, seed=0)) == triples(sample)
    assert triples(training_points(view, 60, seed=1)) != triples(sample)


def test_a_series_that_is_too_short_to_learn_from_gives_no_rows():
    points = training_points(view_of(np.arange(3.0), np.arange(9.0)), 100, seed=0)

    assert set(points.series.tolist()) == {1}


def test_test_rows_are_made_within_the_given_periods_and_known_by_the_end():
    # The second series begins five periods later, too late to be forecast at period 6.
    view = view_of(np.arange(14.0), np.arange(9.0), starts=[0, 5], horizon=3)

    points = module.tested_points(view, 6, 8, until=10, most_rows=1_000, seed=0)

    assert triples(points) == [
        (0, origin, step) for origin in (6, 7, 8) for step in (1, 2, 3) if origin + step <= 10
    ]


def test_the_origin_of_a_test_row_is_a_period_of_its_own_series():
    view = view_of(np.arange(14.0), np.arange(10.0), starts=[0, 4], horizon=1)

    points = module.tested_points(view, 8, 9, until=13, most_rows=1_000, seed=0)

    assert triples(points) == [(0, 8, 1), (0, 9, 1), (1, 4, 1), (1, 5, 1)]
    assert points.made_at(view.table).tolist() == [8, 9, 8, 9]


def test_a_series_that_ended_before_gives_no_test_rows():
    view = view_of(np.arange(14.0), np.arange(8.0), horizon=2)

    assert set(module.tested_points(view, 8, 10, until=13, most_rows=100, seed=0).series.tolist()) == {0}


def test_fewer_origins_and_then_fewer_series_are_tested_above_the_limit():
    view = view_of(*[np.arange(30.0)] * 8, horizon=2)

    fewer_origins = module.tested_points(view, 10, 20, until=29, most_rows=16 * 3, seed=0)
    fewer_series = module.tested_points(view, 10, 20, until=29, most_rows=6, seed=0)

    assert np.unique(fewer_origins.series).tolist() == list(range(8))
    assert np.unique(fewer_origins.origins).tolist() == [10, 15, 20]
    assert len(np.unique(fewer_series.series)) == 3
    assert np.unique(fewer_series.origins).tolist() == [10], "the first origin is always there"


@pytest.mark.parametrize("is_log", [False, True])
def test_the_target_is_the_distance_from_the_base_in_units_of_the_scale(is_log):
    rng = np.random.default_rng(0)
    view = view_of(rng.lognormal(3, 0.3, 40), rng.lognormal(5, 0.3, 30), shape=Shape(4), is_log=is_log)
    points = training_points(view, 10_000, seed=0)

    table = training_table(view, points, "sold")

    values = np.array(
        [
            view.table.series[code].values[origin + step]
            for code, origin, step in zip(points.series, points.origins, points.steps, strict=True)
        ]
    )
    features = described(view, points)
    raw = features.base + features.scale * table.target.y
    assert actual(view, points).tolist() == values.tolist()
    assert (np.expm1(raw) if is_log else raw) == pytest.approx(values)
    assert (table.target.name, table.task) == ("sold", Task.REGRESSION)


def test_a_target_far_from_all_that_was_seen_is_clipped():
    values = np.r_[np.full(20, 5.0), 1e9]
    view = view_of(values, horizon=1)

    y = training_table(view, training_points(view, 100, seed=0), "sold").target.y

    assert y.max() == FARTHEST
    assert (np.sort(y)[:-1] == 0).all()


def test_the_name_of_the_series_is_a_feature_where_there_are_several():
    several, alone = view_of(np.arange(20.0), np.arange(20.0)), view_of(np.arange(20.0))

    table = training_table(several, training_points(several, 100, 0), "sold")
    single = training_table(alone, training_points(alone, 100, 0), "sold")

    assert table.roles["series"] is Role.CATEGORICAL
    assert set(table.columns["series"]) == {"a", "b"}
    assert "series" not in single.columns
    assert set(single.roles.values()) == {Role.NUMERIC}


def test_the_calendar_features_are_those_of_the_forecast_date():
    # Period 0 is January 1970: forecasts of May and June, made at the end of April.
    view = view_of(np.arange(10.0), horizon=2)
    points = training_points(view, 100, 0)
    is_april = points.origins == 3

    months = described(view, points).columns["month"][is_april]

    assert months.tolist() == [5.0, 6.0]


def test_points_are_joined_and_chosen_in_order():
    view = view_of(np.arange(10.0))
    points = training_points(view, 100, 0)

    both = joined([points, points[np.array([2, 0])]])

    assert triples(both[np.arange(len(points))]) == triples(points)
    assert both.origins[-2:].tolist() == points.origins[[2, 0]].tolist()
    assert len(both) == len(points) + 2


@pytest.mark.parametrize(
    ("values", "is_fit"),
    [
        ([1.0, 2.0, 3.0], True),
        ([0.0, 2.0, np.nan, 3.0], True),
        ([-0.1, 2.0, 3.0], False),
        ([0.0, 1.0, 5.0], False),
        ([0.0, 0.5, 0.9], False),
    ],
    ids=["positive", "zero and gap", "negative", "median of 1", "shares"],
)
def test_a_logarithm_fits_values_that_are_not_negative_and_mostly_above_1(values, is_fit):
    assert fits_log(table_of(values).series) is is_fit


def test_a_logarithm_is_decided_for_all_series_together():
    assert not fits_log(table_of([5.0, 6.0, 7.0], [-1.0, 6.0, 7.0]).series)
