"""The stored specification of a forecast: it predicts from its windows what training saw in whole series."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import DamagedArtifact, InvalidInput
from predictor.ml.forecasting.forecast_spec import MAX_AHEAD, ForecastSpec, SeriesEnd, roles_of, with_calendar
from predictor.ml.forecasting.frequency import NAMED, Frequency
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.series import Series
from predictor.ml.forecasting.training_table import Points, described
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import Role, Signature, Task

from .views import spec_of, view_of

# 24 and 18 months from January 1970 on; the forecast begins in January 1972.
SALES = (np.arange(24.0) + 100, np.arange(18.0) * 2 + 10)
SHOPS = spec_of(view_of(*SALES, starts=[0, 6], horizon=6))
ALONE = spec_of(view_of(SALES[0], horizon=6))


def months(*texts):
    return np.array(texts, "datetime64[us]")


def columns_of(dates, shops=None, **others):
    columns = {"month": months(*dates), **others}
    return columns if shops is None else {**columns, "shop": np.array([*shops, None], object)[:-1]}


@pytest.mark.parametrize(
    "shape",
    [Shape(1), Shape(4), Shape(7, 28), Shape(12, 0, has_trend=True)],
    ids=lambda each: str(each.season),
)
@pytest.mark.parametrize("is_log", [False, True])
def test_the_stored_windows_give_the_features_that_training_computes_from_whole_series(shape, is_log):
    rng = np.random.default_rng(0)
    values = [rng.lognormal(3, 0.5, n) for n in (90, 70, 5)]
    values[0][[20, 70, 88]] = np.nan
    view = view_of(*values, starts=[0, 20, 85], shape=shape, horizon=5, is_log=is_log)
    spec = ForecastSpec.from_json(json.loads(json.dumps(spec_of(view).to_json())))

    # The next five periods of each series, once in training's form and once as dates.
    series, steps = np.repeat(np.arange(3), 5), np.tile(np.arange(1, 6), 3)
    origins = np.array([len(each) - 1 for each in values])[series]
    dates = spec.frequency.moments(90 - 1 + steps)
    stored = spec.describe(spec.rows({"month": dates, "shop": np.array(list("abc"), object)[series]}))
    trained = described(view, Points(series, origins, steps))

    assert stored.columns.keys() == trained.columns.keys()
    for name, column in trained.columns.items():
        if name == "series":
            assert stored.columns[name].tolist() == column.tolist()
        else:
            assert np.allclose(stored.columns[name], column, rtol=1e-9, atol=1e-9, equal_nan=True), name
    assert stored.base == pytest.approx(trained.base)
    assert stored.scale == pytest.approx(trained.scale)


@given(
    season=st.sampled_from([1, 4, 7, 12]),
    values=st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=2, max_size=100),
    data=st.data(),
)
@settings(max_examples=50, deadline=None)
def test_a_series_that_got_newer_values_ends_as_if_they_had_been_there_in_training(season, values, data):
    shape = Shape(season)
    n_old = data.draw(st.integers(1, len(values) - 1))
    # A series begins and ends with a value.
    values = np.array(values)
    values[[0, n_old - 1, -1]] = np.nan_to_num(values[[0, n_old - 1, -1]])
    old = SeriesEnd.of(Series("a", 5, values[:n_old]), shape)

    newer = values[n_old:]
    steps = 1 + np.flatnonzero(~np.isnan(newer))
    extended = old.extended(steps, newer[steps - 1], shape)

    assert extended == SeriesEnd.of(Series("a", 5, values), shape)


def test_a_value_of_a_known_period_replaces_it():
    end = SeriesEnd.of(Series("a", 0, np.array([1.0, 2.0, 3.0])), Shape(1))

    corrected = end.extended(np.array([-1, 0, -500]), np.array([20.0, 30.0, 99.0]), Shape(1))

    # Older values than those of the window have no place in it.
    assert corrected == SeriesEnd("a", 2, (1.0, 20.0, 30.0))


def test_newer_values_far_in_the_future_are_refused():
    end = SeriesEnd("a", 0, (1.0,))

    assert end.extended(np.array([MAX_AHEAD]), np.array([1.0]), Shape(1)).end == MAX_AHEAD
    with pytest.raises(
        InvalidInput, match=r"The newest value of “a” lies 10,001 periods past .* at most 10,000"
    ):
        end.extended(np.array([MAX_AHEAD + 1]), np.array([1.0]), Shape(1))
    with pytest.raises(InvalidInput, match="The newest value lies"):
        replace(end, name="").extended(np.array([MAX_AHEAD + 1]), np.array([1.0]), Shape(1))


def test_rows_are_placed_by_series_and_step():
    rows = SHOPS.rows(
        columns_of(
            ["1972-01-01", "1972-06-30", "1972-07-01", "1971-12-01", "NaT", "1972-01-01", "1972-01-01"],
            ["a", "b", "a", "a", "a", "c", None],
        )
    )

    assert rows.series.tolist() == [0, 1, 0, 0, 0, -1, -1]
    assert rows.steps.tolist() == [1, 6, 7, 0, 0, 0, 0]
    assert SHOPS.is_within(rows).tolist() == [True, True, False, False, False, False, False]


def test_the_steps_of_a_series_count_from_its_own_end():
    spec = spec_of(view_of(np.arange(24.0), np.arange(20.0), horizon=6))

    rows = spec.rows(columns_of(["1972-01-01", "1972-01-01"], ["a", "b"]))

    assert rows.steps.tolist() == [1, 5]


def test_the_features_of_a_later_series_are_those_of_its_own_window():
    rows = SHOPS.rows(columns_of(["1972-01-01", "1972-02-01"], ["b", "b"]))

    past = SHOPS.describe(rows)

    # Without a season, the base is the last value.
    assert past.base.tolist() == [SALES[1][-1]] * 2
    assert past.scale == pytest.approx([SALES[1][-8:].std()] * 2)
    assert past.columns["series"].tolist() == ["b", "b"]


def test_without_a_group_column_every_row_is_of_the_one_series():
    rows = ALONE.rows(columns_of(["1972-01-01", "NaT"]))

    assert rows.series.tolist() == [0, 0]
    assert ALONE.is_within(rows).tolist() == [True, False]
    assert not ALONE.has_groups
    assert "series" not in ALONE.describe(rows[np.array([True, False])]).columns


@pytest.mark.parametrize("is_log", [False, True])
def test_predictions_are_returned_in_the_unit_of_the_target(is_log):
    spec = spec_of(view_of(SALES[0], horizon=6, is_log=is_log))
    rows = spec.rows(columns_of(["1972-01-01"]))
    past = spec.describe(rows)

    value = spec.values(past, np.array([1.5]))

    # The last value, and 1.5 times the deviation of the last eight.
    last = np.log1p(SALES[0][-8:]) if is_log else SALES[0][-8:]
    expected = last[-1] + 1.5 * last.std()
    assert value == pytest.approx([np.expm1(expected) if is_log else expected])
    assert past.scale == pytest.approx([last.std()])


def test_no_forecast_lies_below_the_floor():
    values = np.array([-5.0, 0.0, 5.0])

    assert replace(ALONE, floor=0.0).bounded(values).tolist() == [0.0, 0.0, 5.0]
    assert ALONE.bounded(values).tolist() == [-5.0, 0.0, 5.0]


def newer(dates, values, shops=None):
    return columns_of(dates, shops or ["a"] * len(dates), sold=np.array(values, float))


@pytest.mark.parametrize(("aggregation", "value"), [("sum", 700.0), ("mean", 350.0)])
def test_newer_values_of_one_period_are_aggregated_as_in_training(aggregation, value):
    spec = replace(SHOPS, aggregation=aggregation)

    extended = ForecastSpec.from_json(spec.to_json()).extended(
        newer(["1972-01-01", "1972-01-15"], [300, 400])
    )

    assert extended.endings[0].window[-1] == value
    assert extended.endings[0].end == spec.endings[0].end + 1


def test_newer_values_that_training_would_have_refused_are_refused():
    # Files of earlier versions have no aggregation.
    old = {name: each for name, each in SHOPS.to_json().items() if name != "aggregation"}
    with pytest.raises(InvalidInput, match=r"of “a” have several rows for one period \(1972-01-01\)"):
        ForecastSpec.from_json(old).extended(newer(["1972-01-01", "1972-01-15"], [300, 400]))
    with pytest.raises(InvalidInput, match="of “a” go down to -5"):
        replace(SHOPS, is_log=True, floor=0.0).extended(newer(["1972-01-01"], [-5]))


def test_newer_values_change_their_own_series_and_move_its_forecast():
    extended = SHOPS.extended(newer(["1972-01-01", "1972-03-01"], [500, 700]))

    assert extended.endings[1] is SHOPS.endings[1]
    # February has no value and takes the last one.
    assert extended.endings[0].window[-3:] == (500.0, 500.0, 700.0)
    rows = extended.rows(columns_of(["1972-03-01", "1972-04-01", "1972-04-01"], ["a", "a", "b"]))
    assert rows.steps.tolist() == [0, 1, 4]
    assert SHOPS.endings[0].end == 23


def test_newer_rows_without_a_date_a_value_or_a_known_series_are_left_out():
    rows = newer(
        ["NaT", "1972-01-01", "1972-01-01", "1972-01-01"], [1, np.nan, np.inf, 4], ["a", "a", "b", "c"]
    )

    assert SHOPS.extended(rows) == SHOPS


def test_the_rows_of_a_horizon_can_be_forecast_and_are_those_that_a_caller_sends():
    rows = SHOPS.horizon_rows(2, ["b", "a"])

    assert rows == [
        {"month": "1972-01-01", "shop": "b"},
        {"month": "1972-02-01", "shop": "b"},
        {"month": "1972-01-01", "shop": "a"},
        {"month": "1972-02-01", "shop": "a"},
    ]
    checked = RowChecker(SHOPS.signature()).check(rows, strict=True)
    assert SHOPS.rows(checked.columns).steps.tolist() == [1, 2, 1, 2]
    assert ALONE.horizon_rows(1, [""]) == [{"month": "1972-01-01"}]


def test_the_signature_names_the_dates_and_series_that_can_be_forecast():
    spec = spec_of(view_of(np.arange(24.0), np.arange(20.0), horizon=6))

    date, shop = spec.signature().fields

    # From the month after the first end to the last month of the last series.
    assert (date.name, date.role, date.minimum, date.maximum) == (
        "month", Role.DATETIME, "1971-09-01", "1972-06-01",
    )  # fmt: skip
    assert (shop.name, shop.role, shop.levels) == ("shop", Role.CATEGORICAL, ("a", "b"))
    assert (spec.signature().target, spec.signature().task) == ("sold", Task.FORECASTING)
    assert ALONE.signature().names == ("month",)


def test_the_signature_of_the_history_has_the_target_as_a_field():
    signature: Signature = SHOPS.history_signature()

    assert signature.names == ("month", "shop", "sold")
    assert signature.fields[-1].role is Role.NUMERIC


@pytest.mark.parametrize(
    "spec",
    [SHOPS, ALONE, replace(ALONE, floor=0.0, is_log=True, aggregation="mean", shape=Shape(7, 28, True))],
    ids=["several series", "one series", "other options"],
)
def test_a_specification_is_the_same_after_json(spec):
    assert ForecastSpec.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False))) == spec


def changed(**changes):
    return {name: each for name, each in {**SHOPS.to_json(), **changes}.items() if each is not ...}


@pytest.mark.parametrize(
    "data",
    [
        {},
        changed(series=[]),
        changed(series=[{"name": "a", "end": 1}]),
        changed(series=[{"name": "a", "end": "x", "window": [1]}]),
        changed(series=[{"name": "a", "end": 1, "window": [None]}]),
        changed(horizon=...),
        changed(horizon=None),
        changed(horizon=0),
        changed(horizon=math.inf),
        changed(series=[{"name": "a", "end": math.inf, "window": [1]}]),
        changed(shape={"season": 0, "long_season": 0, "has_trend": False}),
        changed(frequency={"unit": "month"}),
        changed(shape={}),
        changed(floor="low"),
        changed(floor=...),
        changed(aggregation="product"),
    ],
)
def test_a_damaged_specification_is_refused(data):
    with pytest.raises(DamagedArtifact, match="forecast specification is not complete"):
        ForecastSpec.from_json(data)


def test_calendar_features_are_numbers_and_their_place_on_a_circle():
    dates = months("2024-01-31", "2024-07-01")

    columns = with_calendar({"step": np.array([1.0, 2.0])}, dates, None, NAMED["daily"])

    assert columns["month"].tolist() == [1.0, 7.0]
    # A Wednesday and a Monday, counted from Monday.
    assert columns["weekday"].tolist() == [2.0, 0.0]
    assert columns["month_sine"] == pytest.approx(np.sin(2 * np.pi * np.array([1, 7]) / 12))
    assert columns["weekday_cosine"] == pytest.approx(np.cos(2 * np.pi * np.array([2, 0]) / 7))
    assert columns["step"].tolist() == [1.0, 2.0]
    assert "hour" not in columns


def test_yearly_series_have_no_calendar_and_hourly_ones_the_hour():
    moment = months("2024-01-31T13:00")

    assert with_calendar({}, moment, None, NAMED["yearly"]) == {}
    assert with_calendar({}, moment, None, NAMED["hourly"])["hour"].tolist() == [13.0]
    quarters = with_calendar({}, moment, np.array(["a"], object), Frequency("month", 3))
    assert set(quarters) == {"month", "month_sine", "month_cosine", "series"}
    assert roles_of(quarters)["series"] is Role.CATEGORICAL


BERLIN = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="Europe/Berlin", is_utc=True)
# The day 19,843 since 1970 is 2024-04-30; so the forecast begins with May 1.
DAYS = spec_of(
    view_of(np.arange(40.0), starts=[19_843 - 39], horizon=5),
    frequency=NAMED["daily"].in_zone("Europe/Berlin"),
    reading=BERLIN,
)


def test_dates_of_a_zone_have_its_offset_and_its_days():
    assert DAYS.horizon_rows(2, [""]) == [
        {"month": "2024-05-01T00:00:00+02:00"},
        {"month": "2024-05-02T00:00:00+02:00"},
    ]
    checker = RowChecker(DAYS.signature())
    sent = [
        "2024-05-01",
        "2024-05-01T00:00+02:00",
        "2024-04-30T22:00Z",
        "2024-05-01T18:00-04:00",
        "2024-05-02T00:30",
    ]
    checked = checker.check([{"month": each} for each in sent])
    # 18:00 in New York is midnight in Berlin, of the next day.
    assert DAYS.rows(checked.columns).steps.tolist() == [1, 1, 1, 2, 2]
    assert not any(checked.warnings)


def test_the_reading_is_stored_and_an_old_specification_has_none():
    assert ForecastSpec.from_json(json.loads(json.dumps(DAYS.to_json()))) == DAYS
    assert "reading" not in ALONE.to_json()
    assert ForecastSpec.from_json(ALONE.to_json()).reading is None


def test_rows_are_read_by_the_reading():
    spec = replace(ALONE, reading=Reading(ValueKind.DATE, dates=("Y-Qn", "Y-M", "YYYYMM")))
    rows = [{"month": each} for each in ("1972-01", "1972Q2", "197206", 197206, "1972-03-01")]
    checked = RowChecker(spec.signature()).check(rows)
    assert spec.rows(checked.columns).steps.tolist() == [1, 4, 6, 6, 3]


def test_newer_values_are_read_by_the_reading_of_the_target():
    spec = replace(ALONE, target_reading=Reading(ValueKind.NUMBER, ",", "."))
    assert ForecastSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec
    history = RowChecker(spec.history_signature()).check([{"month": "1972-01-01", "sold": "1.234,5"}])
    assert spec.extended(history.columns).endings[0].window[-1] == 1234.5
