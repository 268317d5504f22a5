"""Forecasts of synthetic series: accuracy, backtest without leakage, inference from stored files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from predictor.errors import DamagedArtifact, InvalidInput, InvalidRows, InvalidTrainingRequest
from predictor.ml.execution.progress import Reporter
from predictor.ml.forecasting import training_table
from predictor.ml.forecasting.backtest import find_cuts, find_shape, least_periods, make_backtest
from predictor.ml.forecasting.forecast_report import gains_of
from predictor.ml.forecasting.frequency import NAMED
from predictor.ml.forecasting.lag_features import Shape, describe, filled, windows_of
from predictor.ml.forecasting.series import Series, SeriesTable
from predictor.ml.forecasting.training_table import SeriesView, described, training_points
from predictor.ml.inference.loading import load_predictor
from predictor.ml.training.forecasting_run import run
from predictor.ml.training.request_checks import check_request
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import ForecastOptions, TrainingRequest

from ..tables_for_tests import write_request

ROLES = {"month": Role.DATETIME, "shop": Role.CATEGORICAL, "sold": Role.NUMERIC}
HORIZON = 6
NOISE = 3.0
# Enough months for past forecasts that span five horizons.
N_MONTHS = 130


def truth(n: int, level: float) -> np.ndarray:
    t = np.arange(n)
    return level + 2.0 * t + 20.0 * np.sin(2 * np.pi * t / 12)


def columns_of(n: int = N_MONTHS, shops: tuple[str, ...] = ("a", "b")) -> dict[str, np.ndarray]:
    """Monthly series with a trend, a season and noise; the second is shorter."""
    rng, parts = np.random.default_rng(5), []
    for place, name in enumerate(shops):
        values = truth(n, 50.0 * (place + 1)) + rng.normal(0, NOISE, n)
        months = (np.datetime64("2022-07") - n + np.arange(n)).astype("datetime64[us]")
        skipped = 12 * place
        parts.append((months[skipped:], np.array([name] * (n - skipped), object), values[skipped:]))
    return {
        key: np.concatenate([part[at] for part in parts]) for at, key in enumerate(("month", "shop", "sold"))
    }


def request_for(folder: Path, columns: dict[str, np.ndarray] | None = None, **options) -> TrainingRequest:
    columns = columns_of() if columns is None else columns
    forecast = ForecastOptions("month", "shop" if "shop" in columns else "", HORIZON)
    fields = {"estimator": "ridge", "forecast": forecast, "task": Task.FORECASTING, **options}
    return write_request(folder, columns, ROLES, "sold", **fields)


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("forecast")
    run(request_for(folder), folder, Reporter())
    return folder, json.loads((folder / "result.json").read_text())


def loaded(trained):
    folder, result = trained
    files = {name: folder / each["path"] for name, each in result["artifacts"].items()}
    digests = {name: each["sha256"] for name, each in result["artifacts"].items()}
    return load_predictor(files, Signature.from_json(result["signature"]), digests=digests)


def test_a_series_with_season_and_trend_is_forecast_better_than_by_the_baselines(trained):
    report = trained[1]["report"]
    others = {each["key"]: each["held_out"]["mae"] for each in report["baselines"]}
    assert set(others) == {"seasonal_naive", "naive", "drift"}
    assert report["held_out"]["mae"] < 0.5 * others["seasonal_naive"]
    assert report["verdict"]["is_better"]
    assert report["verdict"]["sentence"].startswith("The forecast is better than")
    assert [each["step"] for each in report["by_step"]] == list(range(1, HORIZON + 1))
    assert report["n_cuts"] == 3
    # Two series, three cuts.
    assert len(report["backtest"]) == 6
    assert all(len(each["forecast"]) == HORIZON for each in report["backtest"])


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


def test_a_version_continues_trend_and_season(trained):
    predictor = loaded(trained)
    rows = predictor.spec.horizon_rows(HORIZON, ["a"])
    assert rows[0] == {"month": "2022-07-01", "shop": "a"}
    checked = predictor.checker.check(rows, strict=True)
    answer = predictor.answer(checked.columns, 0.9)
    values, (low, high) = answer.values, answer.intervals
    assert np.abs(values - truth(N_MONTHS + HORIZON, 50.0)[N_MONTHS:]).max() < 4 * NOISE
    assert (low < values).all()
    assert (values < high).all()
    assert answer.without == []
    assert np.array_equal(predictor.predict(checked.columns).values, values)


def test_rows_outside_the_horizon_have_neither_a_value_nor_an_interval(trained):
    predictor = loaded(trained)
    columns = {
        "month": np.array(["2022-07-01", "2023-06-01", "2022-08-01"], "datetime64[us]"),
        "shop": np.array(["a", "a", "nowhere"], object),
    }
    answer = predictor.answer(columns, 0.9)
    assert answer.without == [1, 2]
    for array in (answer.values, *answer.intervals):
        assert np.isnan(array).tolist() == [False, True, True]
    alone = predictor.answer({name: values[:1] for name, values in columns.items()}, 0.9)
    assert (alone.values[0], alone.intervals[0][0]) == (answer.values[0], answer.intervals[0][0])
    nothing = predictor.answer({name: values[1:] for name, values in columns.items()}, 0.9)
    assert nothing.without == [0, 1]


def test_a_larger_coverage_widens_the_interval_and_leaves_the_forecast(trained):
    predictor = loaded(trained)
    columns = predictor.checker.check(predictor.spec.horizon_rows(HORIZON, ["a", "b"])).columns
    narrow, wide = predictor.answer(columns, 0.6), predictor.answer(columns, 0.95)
    assert np.array_equal(narrow.values, wide.values)
    assert (wide.intervals[0] < narrow.intervals[0]).all()
    assert (narrow.intervals[1] < wide.intervals[1]).all()


def test_a_forecast_has_no_explanations(trained):
    predictor = loaded(trained)
    columns = predictor.checker.check(predictor.spec.horizon_rows(1, ["a"])).columns
    with pytest.raises(ValueError, match="no explanations"):
        predictor.answer(columns, explain=True)


def test_the_pipeline_is_compiled_and_changed_golden_dates_are_refused(trained):
    folder, result = trained
    assert result["is_compiled"]
    assert result["parity"]["n_rows"] >= 1_000
    predictor = loaded(trained)
    predictor.check_golden()
    path = folder / result["artifacts"]["forecast.json"]["path"]
    stored = json.loads(path.read_text())
    stored["series"][0]["window"][-1] += 50.0
    files = {name: folder / each["path"] for name, each in result["artifacts"].items()}
    files["forecast.json"] = json.dumps(stored).encode()
    changed = load_predictor(files, predictor.signature)
    with pytest.raises(DamagedArtifact, match="golden dates"):
        changed.check_golden()


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"month": "2022-06-01", "shop": "a"}, "Row 1, column “month”.*2022-07-01 to 2022-12-01"),
        ({"month": "2023-01-01", "shop": "a"}, "cannot be forecast"),
        ({"month": None, "shop": "a"}, "a date is needed"),
        ({"month": "2022-07-01", "shop": "c"}, "there is no series “c”. The version knows “a”, “b”"),
    ],
)
def test_rows_outside_the_horizon_are_refused_with_what_can_be_forecast(trained, row, sentence):
    with pytest.raises(InvalidRows, match=sentence):
        loaded(trained).checker.check([row])


def newer(months, values):
    return {
        "month": np.array(months, "datetime64[us]"),
        "shop": np.array(["a"] * len(months), object),
        "sold": np.array(values, float),
    }


@pytest.mark.parametrize(("aggregation", "value"), [("sum", 700.0), ("mean", 350.0)])
def test_newer_values_of_one_period_are_aggregated_as_in_training(trained, aggregation, value):
    spec = replace(loaded(trained).spec, aggregation=aggregation)
    extended = type(spec).from_json(spec.to_json()).extended(newer(["2022-07-01", "2022-07-15"], [300, 400]))
    assert extended.endings[0].window[-1] == value
    assert extended.endings[0].end == spec.endings[0].end + 1


def test_newer_values_that_training_would_have_refused_are_refused(trained):
    spec = loaded(trained).spec
    old = {name: each for name, each in spec.to_json().items() if name != "aggregation"}
    with pytest.raises(InvalidInput, match=r"of “a” have several rows for one period \(2022-07-01\)"):
        type(spec).from_json(old).extended(newer(["2022-07-01", "2022-07-15"], [300, 400]))
    with pytest.raises(InvalidInput, match="of “a” go down to -5"):
        replace(spec, is_log=True, floor=0.0).extended(newer(["2022-07-01"], [-5]))


def test_any_date_within_a_period_gets_the_forecast_of_the_period(trained):
    predictor = loaded(trained)
    rows = [{"month": "2022-08-01", "shop": "b"}, {"month": "2022-08-19", "shop": "b"}]
    first, second = predictor.predict(predictor.checker.check(rows).columns).values
    assert first == second


@pytest.mark.parametrize("shape", [Shape(1), Shape(12), Shape(7, 28), Shape(12, 0, has_trend=True)])
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


def test_features_are_computed_in_chunks_of_bounded_size(monkeypatch):
    values = np.random.default_rng(1).normal(10, 1, 120)
    table = SeriesTable(NAMED["monthly"], (Series("a", 0, values), Series("b", 9, values[9:] * 2)), 0)
    view = SeriesView(table, Shape(12), 6, False)
    points = training_points(view, 10_000, 0)
    whole, sizes = described(view, points), []

    def counted(windows, *rest):
        sizes.append(windows.size)
        return describe(windows, *rest)

    monkeypatch.setattr(training_table, "WINDOW_CELLS", 1_000)
    monkeypatch.setattr(training_table, "describe", counted)
    parts = described(view, points)
    assert max(sizes) <= 1_000
    for name, found in whole.columns.items():
        if name != "series":
            assert np.array_equal(found, parts.columns[name], equal_nan=True), name
    assert np.array_equal(whole.base, parts.base)
    assert np.array_equal(whole.scale, parts.scale)


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


def test_intervals_have_about_the_requested_coverage(trained):
    coverage = {each["coverage"]: each["covered"] for each in trained[1]["report"]["coverage"]}
    assert coverage[0.9] == pytest.approx(0.9, abs=0.12)
    assert coverage[0.8] <= coverage[0.95]


def test_the_same_seed_gives_the_same_version(trained, tmp_path):
    folder, result = trained
    request = replace(request_for(tmp_path), parquet=str(folder / "table.parquet"))
    run(request, tmp_path, Reporter())
    again = json.loads((tmp_path / "result.json").read_text())
    assert again["artifacts"]["forecast.json"]["sha256"] == result["artifacts"]["forecast.json"]["sha256"]
    assert again["metrics"] == result["metrics"]


def test_a_series_that_is_too_short_is_refused_with_what_is_needed(tmp_path):
    columns = {name: values[:20] for name, values in columns_of().items()}
    with pytest.raises(
        InvalidTrainingRequest, match=r"needs a past of .* periods; the longest series here has 20"
    ):
        run(request_for(tmp_path, columns), tmp_path, Reporter())
    assert least_periods(Shape(1), 6) > 20


@pytest.mark.parametrize(
    ("forecast", "target", "sentence"),
    [
        (None, "sold", "Say which column holds the dates. There is “month”"),
        (ForecastOptions("shop"), "sold", "does not hold dates"),
        (ForecastOptions("day"), "sold", "There is no column “day”"),
        (ForecastOptions("month", "month"), "sold", "different columns"),
        (ForecastOptions("month"), "shop", "does not hold numbers"),
        (ForecastOptions("month", horizon=501), "sold", "between 1 and 500"),
        (ForecastOptions("month", frequency="fortnightly"), "sold", "no frequency “fortnightly”"),
        (ForecastOptions("month", aggregation="product"), "sold", "no aggregation “product”"),
    ],
)
def test_an_invalid_request_is_refused_before_the_run(tmp_path, forecast, target, sentence):
    request = replace(request_for(tmp_path), forecast=forecast, target=target)
    with pytest.raises(InvalidTrainingRequest, match=sentence):
        check_request(request)
    assert TrainingRequest.from_json(request.to_json()) == request
