"""Forecasting runs on synthetic series: accuracy, coverage, and a version that predicts from its stored files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.execution.progress import Reporter
from predictor.ml.forecasting.backtest import least_periods
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.inference.loading import load_predictor
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.training.forecasting_run import run
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
    assert set(others) == {"seasonal_naive", "naive", "drift", "theta", "damped"}
    assert report["held_out"]["mae"] < 0.5 * others["seasonal_naive"]
    assert report["verdict"]["is_better"]
    assert report["verdict"]["sentence"].startswith("The forecast is better than")
    assert [each["step"] for each in report["by_step"]] == list(range(1, HORIZON + 1))
    assert report["n_cuts"] == 3
    # Two series, three cuts.
    assert len(report["backtest"]) == 6
    assert all(len(each["forecast"]) == HORIZON for each in report["backtest"])


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


def test_a_larger_coverage_widens_the_interval_and_leaves_the_forecast(trained):
    predictor = loaded(trained)
    columns = predictor.checker.check(predictor.spec.horizon_rows(HORIZON, ["a", "b"])).columns
    narrow, wide = predictor.answer(columns, 0.6), predictor.answer(columns, 0.95)
    assert np.array_equal(narrow.values, wide.values)
    assert (wide.intervals[0] < narrow.intervals[0]).all()
    assert (narrow.intervals[1] < wide.intervals[1]).all()


def test_the_pipeline_is_compiled_and_its_golden_dates_are_replayed(trained):
    _, result = trained
    assert result["is_compiled"]
    assert result["parity"]["n_rows"] >= 1_000
    loaded(trained).check_golden()


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


def imported_request(folder: Path, text: str, **options) -> TrainingRequest:
    """A request for the table of a CSV file, as an import stores it."""
    source, parquet = folder / "table.csv", folder / "table.parquet"
    source.write_text(text)
    schema = ingest_csv(source, parquet, scratch=folder).schema
    forecast = ForecastOptions("d", horizon=3, **options)
    return TrainingRequest(
        str(parquet),
        schema,
        "v",
        task=Task.FORECASTING,
        estimator="ridge",
        forecast=forecast,
        budget_seconds=10,
    )


def forecast_of(folder: Path, request: TrainingRequest):
    run(request, folder, Reporter())
    return loaded((folder, json.loads((folder / "result.json").read_text())))


def test_local_midnights_are_days_of_their_zone(tmp_path):
    days = pd.date_range("2024-02-01", periods=100, freq="D", tz="Europe/Berlin")
    rows = "".join(f"{day.isoformat()},{100 + 10 * (day.weekday() == 6)}\n" for day in days)

    predictor = forecast_of(tmp_path, imported_request(tmp_path, "d,v\n" + rows))

    assert predictor.spec.frequency.title == "daily"
    ahead = predictor.spec.horizon_rows(3, [""])
    assert [row["d"] for row in ahead] == [f"2024-05-{day}T00:00:00+02:00" for day in (11, 12, 13)]
    values = predictor.answer(predictor.checker.check(ahead).columns).values
    assert np.allclose(values, [100, 110, 100], atol=2)
    by_name = predictor.answer(predictor.checker.check([{"d": "2024-05-12"}]).columns).values
    assert by_name[0] == values[1]


def test_hours_of_a_zone_are_two_in_autumn(tmp_path):
    hours = pd.date_range("2024-10-20", periods=24 * 10, freq="h", tz="Europe/Berlin")
    rows = "".join(f"{hour.isoformat()},{place % 24}\n" for place, hour in enumerate(hours))

    predictor = forecast_of(tmp_path, imported_request(tmp_path, "d,v\n" + rows))

    assert predictor.spec.frequency.title == "hourly"
    first = predictor.spec.horizon_rows(1, [""])[0]["d"]
    assert first == (hours[-1] + pd.Timedelta(hours=1)).isoformat()


@pytest.mark.parametrize(
    ("written", "title", "ahead"),
    [
        ([f"{1949 + i // 12}-{1 + i % 12:02d}" for i in range(60)], "monthly", ("1954-01", "1954-01-01")),
        ([f"{2010 + i // 4}Q{1 + i % 4}" for i in range(60)], "quarterly", ("2025Q1", "2025-01-01")),
        ([f"2023-W{1 + i:02d}" for i in range(50)], "weekly", ("2023-W51", "2023-12-18")),
        ([str(1949 + i) for i in range(60)], "yearly", ("2009", "2009-01-01")),
        ([f"{1949 + i // 12}{1 + i % 12:02d}" for i in range(60)], "monthly", ("195401", "1954-01-01")),
    ],
)
def test_months_quarters_weeks_and_years_are_frequencies(tmp_path, written, title, ahead):
    rows = "".join(f"{each},{100 + place}\n" for place, each in enumerate(written))

    predictor = forecast_of(tmp_path, imported_request(tmp_path, "d,v\n" + rows))

    assert predictor.spec.frequency.title == title
    assert predictor.spec.horizon_rows(1, [""]) == [{"d": ahead[1]}]
    sent = predictor.checker.check([{"d": each} for each in ahead])
    assert len(set(predictor.answer(sent.columns).values.tolist())) == 1


def test_dates_that_can_be_read_in_two_ways_are_told(tmp_path):
    rows = "".join(f"01/{1 + i % 12:02d}/{10 + i // 12},{100 + i}\n" for i in range(60))
    request = imported_request(tmp_path, "d,v\n" + rows)
    assert request.schema["d"].role is not Role.DATETIME
    told = []
    reporter = Reporter()
    reporter.warn = told.append
    run(replace(request, roles={"d": Role.DATETIME}), tmp_path, reporter)

    assert any("can be read in two ways" in each.message and "M/D/Y" in each.message for each in told)


def test_a_public_holiday_is_forecast_as_those_of_the_past(tmp_path):
    """Sales follow the weekdays, and are 20 on the public holidays of Bavaria: next on 2024-12-25 and 26."""
    days = np.arange(np.datetime64("2022-01-01"), np.datetime64("2024-12-24"))
    closed = {str(day) for year in (2022, 2023, 2024) for day in closed_days(year)}
    draw = np.random.default_rng(1)
    usual = dict(enumerate((80, 90, 100, 110, 130, 150, 60)))
    expected = [20 if str(day) in closed else usual[(int(day.astype(int)) + 3) % 7] for day in days]
    rows = "".join(
        f"{day},{value + draw.normal(0, 3):.2f}\n" for day, value in zip(days, expected, strict=True)
    )
    request = imported_request(tmp_path, "d,v\n" + rows, holidays="DE-BY")

    predictor = forecast_of(tmp_path, request)

    answers = predictor.answer(predictor.checker.check(predictor.spec.horizon_rows(3, [""])).columns).values
    assert answers[0] == pytest.approx(90, abs=10)
    # Usual are 100 and 110 on these days of the week; a linear model learns the mean drop of all holidays.
    assert (answers[1:] < 60).all()
    assert predictor.spec.holidays.last_year == 2029
    report = json.loads((tmp_path / "result.json").read_text())["report"]
    assert report["holidays"]["place"] == "DE-BY"


def closed_days(year: int) -> list[np.datetime64]:
    """The public holidays of Bavaria that have a fixed day, and those that follow Easter."""
    easter = {2022: "2022-04-17", 2023: "2023-04-09", 2024: "2024-03-31"}[year]
    fixed = ("01-01", "01-06", "05-01", "08-15", "10-03", "11-01", "12-25", "12-26")
    moving = [np.datetime64(easter) + days for days in (-2, 1, 39, 50, 60)]
    return [*(np.datetime64(f"{year}-{day}") for day in fixed), *moving]


def test_a_classical_forecast_answers_where_it_is_better(tmp_path, monkeypatch):
    """The version says so, tests that forecast, and gives it, also after newer history."""
    monkeypatch.setattr("predictor.ml.training.forecasting_run.AUTO", "ridge")
    monkeypatch.setattr("predictor.ml.forecasting.served_method.LEAST_GAIN", np.inf)
    run(request_for(tmp_path), tmp_path, Reporter())
    result = json.loads((tmp_path / "result.json").read_text())
    predictor = loaded((tmp_path, result))

    chosen = result["report"]["served_method"]
    assert result["title"] == chosen["title"]
    assert predictor.spec.method == chosen["method"]
    assert chosen["sentence"] in [each["message"] for each in result["warnings"]]
    assert chosen["method"] not in [each["key"] for each in result["report"]["baselines"]]
    predictor.check_golden()
    rows = predictor.spec.horizon_rows(HORIZON, ["a"])
    answer = predictor.answer(predictor.checker.check(rows).columns)
    assert np.abs(answer.values - truth(N_MONTHS + HORIZON, 50.0)[N_MONTHS:]).max() < 6 * NOISE
    assert (answer.intervals[0] < answer.values).all()
    assert (answer.values < answer.intervals[1]).all()
