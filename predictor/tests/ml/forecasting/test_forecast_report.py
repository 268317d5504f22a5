"""The report of a forecast: its errors by hand, and what may be said of them."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import pytest

from predictor.ml.forecasting.backtest import find_cuts, make_backtest
from predictor.ml.forecasting.forecast_report import (
    MAX_SHOWN,
    KnownErrors,
    ReportedForecasts,
    floor_of,
    gains_of,
    report,
)
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.naive_forecasts import error_units
from predictor.ml.forecasting.training_table import actual, described

from .views import view_of

HORIZON = 6
NOISE = np.random.default_rng(0).normal(0, 10, 200)


def test_dependent_errors_of_noise_seldom_give_a_significant_gain():
    """Noise: each date's errors are shared by 20 series, and by the forecasts whose horizons overlap."""
    made_at, n_sure = np.tile(np.arange(60), 20), 0
    for seed in range(60):
        shocks = np.random.default_rng(seed).normal(size=60 + HORIZON - 1)
        shared = np.convolve(shocks, np.ones(HORIZON), "valid")
        _, low, high = gains_of(np.tile(shared, 20), made_at, HORIZON, seed=0)
        n_sure += low > 0 or high < 0
    assert n_sure <= 12
    gain, low, high = gains_of(np.tile(shared + 10, 20), made_at, HORIZON, seed=0)
    assert 0 < low < gain < high


def test_fewer_than_five_horizons_give_an_infinite_interval():
    gain, low, high = gains_of(np.ones(29), np.arange(29), HORIZON, seed=0)
    assert (gain, low, high) == (1.0, -np.inf, np.inf)
    assert gains_of(np.ones(30), np.arange(30), HORIZON, seed=0) == (1.0, 1.0, 1.0)


def test_each_date_counts_once_however_many_series_it_has():
    made_at = np.array([0, 0, 0, 1])

    gain, _, _ = gains_of(np.array([1.0, 2.0, 3.0, 10.0]), made_at, 1, seed=0)

    assert gain == pytest.approx((2 + 10) / 2)


def backtest_of(*values, horizon=2, **options):
    view = view_of(*values, horizon=horizon, **options)
    return make_backtest(view, find_cuts(view.table, view.shape, horizon), "sold", max_rows=10_000, seed=0)


def answers_with(backtest, error):
    """Predictions for the reported rows that give forecasts off by `error`, one number or one for each row."""
    points = backtest.points[backtest.judged]
    past, view = described(backtest.view, points), backtest.view
    return (view.scaling.forward(actual(view, points) + error) - past.base) / past.scale


def reported(backtest, error=0.0):
    return ReportedForecasts(backtest, answers_with(backtest, error))


def known_errors(backtest, error=1.0):
    rows = np.concatenate([backtest.split.search, backtest.judged])
    return KnownErrors(backtest, rows, np.full(len(rows), error) * np.where(np.arange(len(rows)) % 2, 1, -1))


@pytest.mark.parametrize("is_log", [False, True])
def test_a_forecast_of_the_true_values_has_no_error(is_log):
    judged = reported(backtest_of(NOISE[:80] + 100, is_log=is_log))

    assert judged.forecast == pytest.approx(judged.value)
    assert judged.metrics(judged.forecast) == pytest.approx(
        {"mae": 0.0, "rmse": 0.0, "mase": 0.0, "smape": 0.0}, abs=1e-9
    )


def test_the_metrics_are_those_of_their_formulas():
    # A straight line: one period later, each value is 5 more. MASE measures in this unit.
    backtest = backtest_of(np.arange(80.0) * 5)
    error = np.where(np.arange(len(backtest.judged)) % 2, 3.0, -1.0)
    judged = reported(backtest, error)

    metrics = judged.metrics(judged.forecast)

    value = judged.value
    assert metrics["mae"] == pytest.approx(np.abs(error).mean())
    assert metrics["rmse"] == pytest.approx(np.sqrt((error**2).mean()))
    assert metrics["mase"] == pytest.approx(np.abs(error).mean() / 5)
    assert metrics["smape"] == pytest.approx(np.mean(2 * np.abs(error) / (value + np.abs(value + error))))


def test_each_series_is_measured_in_its_own_unit():
    backtest = backtest_of(np.arange(80.0), np.arange(80.0) * 100)
    series = backtest.points[backtest.judged].series
    judged = reported(backtest, np.where(series == 0, 2.0, 300.0))

    assert error_units(backtest.view, backtest.cuts.tested[0]).tolist() == [1.0, 100.0]
    assert judged.metrics(judged.forecast)["mase"] == pytest.approx(np.mean(np.where(series == 0, 2.0, 3.0)))


def test_a_forecast_of_zero_for_a_value_of_zero_has_no_symmetric_error():
    judged = reported(backtest_of(np.r_[np.arange(8.0), np.zeros(60)]))

    assert judged.metrics(judged.forecast)["smape"] == 0.0
    assert judged.metrics(judged.forecast + 1)["smape"] == 2.0


def test_the_errors_of_each_step_are_reported_apart():
    backtest = backtest_of(NOISE[:80] + 100, horizon=3)
    steps = backtest.points[backtest.judged].steps
    judged = reported(backtest, steps.astype(float))

    by_step = judged.by_step()

    assert [each["step"] for each in by_step] == [1, 2, 3]
    assert [each["mae"] for each in by_step] == pytest.approx([1.0, 2.0, 3.0])
    assert [each["n"] for each in by_step] == [int((steps == step).sum()) for step in (1, 2, 3)]
    # A later step has fewer rows: the last origins are followed by less than a whole horizon.
    assert by_step[0]["n"] > by_step[-1]["n"]
    assert set(by_step[0]["baselines"]) == {"naive", "drift", "theta", "damped"}


def test_forecasts_are_counted_by_series_and_origin():
    backtest = backtest_of(NOISE[:80], NOISE[100:180], horizon=3)
    points = backtest.points[backtest.judged]

    pairs = set(zip(points.series.tolist(), points.origins.tolist(), strict=True))

    assert reported(backtest).n_forecasts == len(pairs)


def test_values_that_were_never_negative_are_forecast_by_at_least_0():
    positive, negative = np.abs(NOISE[:80]), NOISE[:80]

    judged = reported(backtest_of(positive), -1e6)

    assert floor_of(view_of(positive)) == 0.0
    assert floor_of(view_of(positive, np.r_[np.nan, negative])) is None
    assert judged.forecast.max() == 0.0
    assert reported(backtest_of(negative), -1e6).forecast.max() < -9e5


def test_an_interval_uses_only_errors_that_were_known_when_the_forecast_was_made():
    backtest = backtest_of(NOISE[:80])
    rows = np.concatenate([backtest.split.search, backtest.judged])
    points = backtest.points[rows]
    known_at = (points.made_at(backtest.view.table) + points.steps).astype(float)
    # Each error is the period in which it became known.
    known = KnownErrors(backtest, rows, known_at)

    for cut in (*backtest.cuts.tested, backtest.cuts.end):
        scores = [score for group in known.at(cut).groups for score in group.scores]
        assert max(scores) == max(each for each in known_at if each <= cut)


def test_the_coverage_is_the_share_of_values_between_the_ends():
    judged = reported(backtest_of(NOISE[:80]))
    n = len(judged.value)
    is_in = np.arange(n) % 4 > 0
    low = np.where(is_in, judged.value, judged.value + 1.0)

    (coverage,) = judged.coverage({0.9: (low, judged.value + 2.0)})

    assert coverage["coverage"] == 0.9
    assert coverage["covered"] == pytest.approx(is_in.mean())
    assert coverage["mean_width"] == pytest.approx(np.where(is_in, 2.0, 1.0).mean())


@pytest.mark.parametrize("is_log", [False, True])
def test_the_ends_of_an_interval_are_errors_around_the_forecast(is_log):
    backtest = backtest_of(NOISE[:80] + 100, is_log=is_log)
    judged = reported(backtest)

    low, high = judged.ends(known_errors(backtest, 2.0), 0.8)

    past = described(backtest.view, judged.points)
    raw = backtest.view.scaling.forward(judged.value)
    inverse = np.expm1 if is_log else np.asarray
    assert low == pytest.approx(inverse(raw - 2 * past.scale))
    assert high == pytest.approx(inverse(raw + 2 * past.scale))


@pytest.mark.parametrize(
    ("length", "error", "outcome", "words"),
    [
        (
            200,
            0.0,
            "better",
            "The forecast is better than the exponential smoothing forecast .*chance does not explain it",
        ),
        (200, 1000.0, "worse", "The forecast is worse than .*Use that one instead"),
        (30, 0.0, "unclear", "The forecast looks better than .*Those span less than 5 horizons"),
        (30, 1000.0, "unclear", "The forecast looks no better than .*too few past forecasts to be sure"),
    ],
)
def test_the_sentence_says_no_more_than_the_errors_show(length, error, outcome, words):
    backtest = backtest_of(NOISE[:length], horizon=2 if length == 200 else 6)

    verdict = reported(backtest, error).verdict(seed=0)

    assert verdict.comparisons[0].outcome == outcome
    # The strongest baseline, which the forecast gains least against, comes first.
    gains = [each.gain for each in verdict.comparisons]
    assert gains == sorted(gains)
    assert pytest.approx(gains[0]) == verdict.gain
    assert re.search(words, verdict.sentence), verdict.sentence


def test_a_forecast_as_good_as_a_baseline_is_not_shown_to_be_better():
    backtest = backtest_of(NOISE[:200])
    judged = reported(backtest)
    # The strongest of the baselines on noise around a level.
    best = judged.baselines["damped"]

    verdict = reported(backtest, best - judged.value).verdict(seed=0)

    by_key = {each.baseline: each for each in verdict.comparisons}
    assert by_key["damped"].gain == pytest.approx(0.0, abs=1e-9)
    assert by_key["damped"].outcome == "unclear"
    assert verdict.sentence.startswith("The forecast is not shown to be better than the ")
    assert verdict.sentence.endswith("which chance alone can give.")


def test_the_numbers_in_the_sentence_are_mean_absolute_errors():
    judged = reported(backtest_of(np.arange(200.0) * 5), 3.0)
    theirs = {key: np.abs(each - judged.value).mean() for key, each in judged.baselines.items()}

    sentence = judged.verdict(seed=0).sentence

    # The drift continues a straight line without an error.
    assert theirs["drift"] == pytest.approx(0.0, abs=1e-9)
    assert "worse than the drift forecast (going on along the straight line" in sentence
    assert "mean absolute error 3 against" in sentence
    assert f"in {judged.n_forecasts:,} forecasts of the past" in sentence


def test_forecasts_are_shown_as_they_were_made_at_each_cut():
    backtest = backtest_of(NOISE[:80] + 100)
    judged = reported(backtest, 1.0)

    shown = judged.shown(judged.forecast - 2, judged.forecast + 2)

    frequency, values = backtest.view.table.frequency, backtest.view.table.series[0].values
    assert [each["origin"] for each in shown] == [frequency.text(cut) for cut in backtest.cuts.tested]
    for each, cut in zip(shown, backtest.cuts.tested, strict=True):
        assert each["dates"] == [frequency.text(cut + 1), frequency.text(cut + 2)]
        assert each["actual"] == pytest.approx(values[cut + 1 : cut + 3], rel=1e-6)
        assert each["forecast"] == pytest.approx(values[cut + 1 : cut + 3] + 1, rel=1e-6)
        assert each["high"] == pytest.approx(values[cut + 1 : cut + 3] + 3, rel=1e-6)
        # Without a season, the last value stands for it.
        assert each["seasonal_naive"] == pytest.approx([values[cut]] * 2, rel=1e-6)
    json.dumps(shown, allow_nan=False)


def test_only_the_largest_series_are_shown():
    sizes = [3.0, 7.0, 1.0, 5.0, 6.0, 2.0]
    judged = reported(backtest_of(*[NOISE[:60] / 100 + size for size in sizes]))

    names = {each["series"] for each in judged.shown(judged.forecast, judged.forecast)}

    assert names == {"a", "b", "d", "e"}
    assert len(names) == MAX_SHOWN
    assert [each["series"] for each in judged.history()] == ["a", "b", "d", "e"]


def test_the_history_ends_with_the_series_and_begins_before_the_first_cut():
    values = np.arange(80.0)
    values[70] = np.nan
    backtest = backtest_of(values)

    (history,) = reported(backtest).history()

    # 24 periods, and what follows the first cut.
    n = 79 - backtest.cuts.tested[0] + 24
    assert history["values"] == [None if math.isnan(each) else each for each in values[-n:].tolist()]
    assert len(history["dates"]) == n
    assert history["dates"][-1] == backtest.view.table.frequency.text(79)


def test_the_history_of_a_short_series_is_all_of_it():
    backtest = backtest_of(NOISE[:80], NOISE[:30] + 50, starts=[0, 50])

    histories = {each["series"]: each for each in reported(backtest).history()}

    assert len(histories["b"]["values"]) == 30


def test_the_report_holds_finite_numbers_and_all_of_its_parts():
    backtest = backtest_of(NOISE[:80] + 100, NOISE[80:160] + 50, shape=Shape(4), horizon=3)

    document = report(backtest, answers_with(backtest, 1.0), known_errors(backtest), seed=0)

    json.dumps(document, allow_nan=False)
    assert (document["task"], document["metric"], document["frequency"]) == ("forecasting", "mae", "monthly")
    assert (document["horizon"], document["season"], document["n_series"], document["n_cuts"]) == (3, 4, 2, 3)
    assert document["n_rows"] == len(backtest.judged)
    assert document["held_out"]["mae"] == pytest.approx(1.0)
    assert [each["key"] for each in document["baselines"]] == [
        "seasonal_naive", "naive", "drift", "theta", "damped",
    ]  # fmt: skip
    assert [each["coverage"] for each in document["coverage"]] == [0.8, 0.9, 0.95]
    assert document["verdict"]["is_better"]
