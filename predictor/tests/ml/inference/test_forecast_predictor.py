"""Forecasts from stored files: of a version whose pipeline answers 1.5 scales above the base, so all is known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import DamagedArtifact, InvalidRows
from predictor.ml.calibration.conformal import Group
from predictor.ml.forecasting.horizon_intervals import StepErrors
from predictor.ml.inference.forecast_predictor import ForecastPredictor, StoredForecast, golden_of
from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence.version_files import FORECAST, columns_to_json

from ..forecasting.views import spec_of, view_of
from .constant_versions import changed, stored_files

ANSWER = 1.5
# 24 months until the end of 1971; without a season, the base is the last value.
SALES, OTHERS = np.arange(24.0) + 100, np.arange(24.0) * 10 + 40
SCALE = np.sqrt(5.25)
# The errors of each step are -1, 0 and its number, in units of scale.
ERRORS = StepErrors(tuple(Group(3, (-1.0, 0.0, float(step))) for step in range(1, 7)))


def months(*texts):
    return np.array(texts, "datetime64[us]")


def row_columns(*dates, shops=None):
    columns = {"month": months(*dates)}
    return columns if shops is None else {**columns, "shop": np.array([*shops, None], object)[:-1]}


def stored(spec, *, golden=None):
    """The files of a version with this specification; its golden dates are the first two periods of each series."""
    rows = spec.horizon_rows(2, list(spec.codes))
    shops = [row["shop"] for row in rows] if spec.group_column else None
    columns = row_columns(*[row["month"] for row in rows], shops=shops)
    described = spec.describe(spec.rows(columns)).columns
    files = stored_files({name: each for name, each in described.items() if name != "series"}, ANSWER)
    if golden is None:
        inner = load_predictor(files, spec.signature())
        golden = golden_of(inner, spec, columns)
    forecast = StoredForecast(spec, ERRORS, golden)
    return {**files, FORECAST: json.dumps(forecast.to_json()).encode()}


def predictor_of(spec):
    return load_predictor(stored(spec), spec.signature())


@pytest.fixture(scope="module")
def shops():
    return predictor_of(spec_of(view_of(SALES, OTHERS, horizon=6)))


@pytest.fixture(scope="module")
def alone():
    return predictor_of(spec_of(view_of(SALES, horizon=6)))


def test_an_answer_is_turned_into_a_value_by_base_and_scale_of_its_series(shops):
    columns = row_columns("1972-01-01", "1972-06-01", "1972-01-01", shops=["a", "a", "b"])

    values = shops.predict(columns).values

    assert isinstance(shops, ForecastPredictor)
    assert values == pytest.approx([123 + 1.5 * SCALE, 123 + 1.5 * SCALE, 270 + 1.5 * 10 * SCALE])


def test_a_logarithm_is_undone_and_the_floor_holds():
    logged = spec_of(view_of(SALES, horizon=6, is_log=True))
    scale = np.log1p(SALES[-8:]).std()

    value = predictor_of(logged).predict(row_columns("1972-01-01")).values
    floored = predictor_of(replace(logged, floor=500.0)).predict(row_columns("1972-01-01")).values

    assert value == pytest.approx([np.expm1(np.log1p(123) + 1.5 * scale)])
    assert floored.tolist() == [500.0]


def test_rows_outside_the_horizon_have_no_value(shops):
    columns = row_columns(
        "1971-12-01", "1972-01-01", "1972-07-01", "NaT", "1972-01-01", shops=["a", "a", "a", "a", "z"]
    )

    rows = shops.answer(columns)

    for each in (rows.values, *rows.intervals):
        assert np.isfinite(each).tolist() == [False, True, False, False, False]
    assert rows.without == [0, 2, 3, 4]


def test_no_rows_at_all_within_the_horizon_are_no_error(shops):
    rows = shops.answer(row_columns("1999-01-01", shops=["a"]))
    assert np.isnan([*rows.values, *np.concatenate(rows.intervals)]).all()


def test_any_date_within_a_period_gets_the_forecast_of_the_period(shops):
    rows = [{"month": "1972-02-01", "shop": "b"}, {"month": "1972-02-19", "shop": "b"}]
    first, second = shops.predict(shops.checker.check(rows).columns).values
    assert first == second


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"month": "1971-12-01", "shop": "a"}, "Row 1, column “month”.*1972-01-01 to 1972-06-01"),
        ({"month": "1972-07-01", "shop": "a"}, "cannot be forecast"),
        ({"month": None, "shop": "a"}, "a date is needed"),
        ({"month": "1972-01-01", "shop": "c"}, "there is no series “c”. The version knows “a”, “b”"),
        ({"month": "1972-01-01", "shop": None}, "a series has to be named. The version knows “a”, “b”"),
    ],
)
def test_rows_outside_the_horizon_are_refused_with_what_can_be_forecast(shops, row, sentence):
    with pytest.raises(InvalidRows, match=sentence):
        shops.checker.check([row])


def test_each_wrong_row_is_named_by_its_number_and_place(shops):
    rows = [
        {"month": "1972-07-01", "shop": "a"},
        {"month": "1972-01-01", "shop": "a"},
        {"month": "1972-01-01", "shop": "z"},
    ]

    with pytest.raises(InvalidRows) as refused:
        shops.checker.check(rows, first_row=11)

    first, second = refused.value.problems
    assert first.pointer == "/rows/0/month"
    assert first.detail == (
        "Row 11, column “month”: 1972-07-01T00:00:00 cannot be forecast; the forecast of “a” goes from 1972-01-01 to "
        "1972-06-01 (monthly)."
    )
    assert second.pointer == "/rows/2/shop"
    assert second.detail.startswith("Row 13, column “shop”: there is no series “z”.")


def test_a_horizon_of_one_period_is_named_by_its_date():
    checker = predictor_of(spec_of(view_of(SALES, horizon=2), horizon=1)).checker

    with pytest.raises(
        InvalidRows, match=r"cannot be forecast; the forecast goes from 1972-01-01 \(monthly\)\."
    ):
        checker.check([{"month": "1972-02-01"}])


def test_the_ends_of_an_interval_are_the_errors_of_its_step_in_units_of_scale(alone):
    columns = row_columns("1972-01-01", "1972-03-01")

    rows = alone.answer(columns, 0.9)

    values, (low, high) = rows.values, rows.intervals
    assert alone.has_intervals
    assert rows.coverage == 0.9
    assert values.tolist() == alone.predict(columns).values.tolist()
    assert low == pytest.approx(values - SCALE)
    assert high == pytest.approx(values + SCALE * np.array([1, 3]))


def test_an_interval_is_bounded_by_the_floor_and_holds_its_value():
    predictor = predictor_of(spec_of(view_of(SALES, horizon=6), floor=126.0))

    rows = predictor.answer(row_columns("1972-01-01"), 0.9)

    low, high = rows.intervals
    assert rows.values == pytest.approx([123 + 1.5 * SCALE])
    assert low.tolist() == [126.0]
    assert high > rows.values


def test_each_row_gets_the_errors_of_its_own_step_and_series(shops):
    # Of only three errors, also an interval of coverage 0.5 for a fourth one leaves out none.
    columns = row_columns("1972-03-01", "1972-01-01", shops=["b", "a"])

    narrow, wide = shops.answer(columns, 0.5), shops.answer(columns, 0.99)

    assert narrow.values.tolist() == wide.values.tolist()
    for rows in (narrow, wide):
        assert rows.intervals[0] == pytest.approx(rows.values - SCALE * np.array([10, 1]))
        assert rows.intervals[1] == pytest.approx(rows.values + SCALE * np.array([30, 1]))


def test_a_forecast_has_no_explanations(shops):
    with pytest.raises(ValueError, match="no explanations"):
        shops.answer(row_columns("1972-01-01", shops=["a"]), explain=True)


def test_newer_values_move_the_forecast_of_a_copy(shops):
    shops.checker.check([{"month": "1972-01-01", "shop": "a"}])
    history = {**row_columns("1972-01-01", shops=["a"]), "sold": np.array([200.0])}

    newer = shops.with_history(history)

    rows = [{"month": "1972-07-01", "shop": "a"}]
    scale = np.r_[SALES[-7:], 200.0].std()
    assert newer.predict(newer.checker.check(rows).columns).values == pytest.approx([200 + 1.5 * scale])
    with pytest.raises(InvalidRows):
        newer.checker.check([{"month": "1972-01-01", "shop": "a"}])
    with pytest.raises(InvalidRows):
        shops.checker.check(rows)


def test_golden_dates_are_replayed(shops, alone):
    shops.check_golden()
    alone.check_golden()


def golden_changed(spec, change):
    files = stored(spec)
    golden = json.loads(files[FORECAST])["golden"]
    change(golden)
    return load_predictor({**files, FORECAST: changed(files[FORECAST], golden=golden)}, spec.signature())


SPEC = spec_of(view_of(SALES, horizon=6))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda golden: golden["answers"].__setitem__(0, golden["answers"][0] * 1.01), "get other forecasts"),
        (lambda golden: golden["answers"].__setitem__(0, float("nan")), "get other forecasts"),
        (lambda golden: golden.pop("answers"), "cannot be forecast"),
        (lambda golden: golden.pop("rows"), "cannot be forecast"),
        (lambda golden: golden.update(rows=[]), "cannot be forecast"),
        (lambda golden: golden["answers"].append(1.0), "cannot be forecast"),
        (
            lambda golden: golden.update(rows=columns_to_json(row_columns("1999-01-01", "1972-01-01"))),
            "get other",
        ),
    ],
    ids=[
        "another value",
        "NaN",
        "no answers",
        "no rows",
        "rows without names",
        "too many answers",
        "a date outside the horizon",
    ],
)
def test_golden_dates_that_get_other_forecasts_are_refused(change, sentence):
    with pytest.raises(DamagedArtifact, match=f"golden dates {sentence}"):
        golden_changed(SPEC, change).check_golden()


def test_a_changed_window_is_found_by_its_golden_dates():
    files = stored(SPEC)
    series = json.loads(files[FORECAST])["series"]
    series[0]["window"][-1] += 1.0

    predictor = load_predictor({**files, FORECAST: changed(files[FORECAST], series=series)}, SPEC.signature())

    with pytest.raises(DamagedArtifact, match="golden dates"):
        predictor.check_golden()


def test_a_stored_forecast_is_the_same_after_json():
    forecast = StoredForecast(SPEC, ERRORS, {"rows": {}, "answers": [1.0]})

    assert StoredForecast.read(json.dumps(forecast.to_json()).encode()) == forecast


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"errors": ...}, "stored forecast is not complete"),
        ({"golden": ...}, "stored forecast is not complete"),
        ({"errors": []}, "stored errors of the forecast are not complete"),
        ({"series": []}, "stored forecast specification is not complete"),
        ({"format": 2}, "has a format that is not known here"),
    ],
)
def test_a_damaged_forecast_is_refused(changes, sentence):
    content = json.dumps(StoredForecast(SPEC, ERRORS, {}).to_json()).encode()

    with pytest.raises(DamagedArtifact, match=sentence):
        StoredForecast.read(changed(content, **changes))
