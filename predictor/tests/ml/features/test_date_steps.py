from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from predictor.ml.features.date_steps import FARTHEST, DatetimeStep, date_parts

DAY = 86_400_000_000
NEW_YEAR = int(np.datetime64("2024-01-01", "us").astype(np.int64))  # a Monday
ALL_PARTS = ("year", "month", "day", "weekday", "hour", "minute")


def moments(*texts: str) -> np.ndarray:
    return np.array(texts, "datetime64[us]")


def written(step: DatetimeStep, cell: np.ndarray) -> list[float]:
    """What the step writes for a column of one row."""
    row = [0.0] * len(step.outputs)
    step.writer(0)(cell, row)
    return row


@given(moment=st.datetimes())
def test_date_parts_agree_with_the_calendar(moment: datetime) -> None:
    microseconds = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    expected = {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "weekday": moment.weekday(),
        "hour": moment.hour,
        "minute": moment.minute,
    }
    assert date_parts(microseconds) == expected
    many = date_parts(np.array([microseconds], np.int64))
    assert {part: int(values[0]) for part, values in many.items()} == expected


@settings(max_examples=50, deadline=None)
@given(microseconds=st.integers(-FARTHEST, FARTHEST))
@example(microseconds=int(np.datetime64("2000-02-29", "us").astype(np.int64)))  # the last day of an era
def test_date_parts_beyond_the_years_of_python_agree_with_numpy(microseconds: int) -> None:
    moment = np.datetime64(microseconds, "us")
    year, month, day = (moment.astype(f"datetime64[{unit}]") for unit in "YMD")

    parts = date_parts(microseconds)

    assert parts["year"] == year.astype(int) + 1970
    assert parts["month"] == (month - year).astype(int) + 1
    assert parts["day"] == (day - month.astype("datetime64[D]")).astype(int) + 1
    assert parts["hour"] * 60 + parts["minute"] == (moment - day).astype("timedelta64[m]").astype(int)


def test_days_elapsed_and_calendar_parts_come_in_the_order_of_the_outputs() -> None:
    step = DatetimeStep("joined", origin=NEW_YEAR, parts=ALL_PARTS)

    rows = step.transform(moments("2024-01-02T12:00", "2023-12-31T23:59"))

    assert rows.tolist() == [[1.5, 2024, 1, 2, 1, 12, 0], [-1 / 1440, 2023, 12, 31, 6, 23, 59]]
    assert [each.name for each in step.outputs] == [
        "joined: days elapsed",
        *(f"joined: {p}" for p in ALL_PARTS),
    ]
    assert {each.source for each in step.outputs} == {"joined"}


def test_cyclic_parts_are_points_on_a_circle_as_sine_and_cosine() -> None:
    step = DatetimeStep("t", origin=NEW_YEAR, parts=("weekday",), cyclic=("weekday", "hour"))

    (row,) = step.transform(moments("2024-01-03T06:00"))  # Wednesday, a quarter of a day

    angle = 2 * math.pi * 2 / 7
    assert row == pytest.approx([2.25, 2, math.sin(angle), math.cos(angle), 1.0, 0.0])
    assert [each.name for each in step.outputs][2:] == [
        "t: sine of weekday", "t: cosine of weekday", "t: sine of hour", "t: cosine of hour",
    ]  # fmt: skip


def test_a_missing_date_becomes_the_fill_value_and_is_flagged() -> None:
    step = DatetimeStep("t", origin=NEW_YEAR, parts=("day",), fill=NEW_YEAR + 3 * DAY, has_flag=True)

    rows = step.transform(moments("NaT", "2024-01-06"))

    assert rows.tolist() == [[3.0, 4.0, 1.0], [5.0, 6.0, 0.0]]
    assert step.outputs[-1].name == "t is missing"


def test_a_missing_date_without_a_fill_value_is_nan_in_every_output() -> None:
    step = DatetimeStep("t", origin=NEW_YEAR, parts=("month",), cyclic=("month",))

    rows = step.transform(moments("NaT", "2024-03-01"))

    assert np.isnan(rows[0]).all()
    assert np.isfinite(rows[1]).all()


def test_numbers_are_centred_and_scaled_one_by_one() -> None:
    step = DatetimeStep("t", origin=NEW_YEAR, parts=("month", "day"), means=(2, 6.5, 10), scales=(2, 0.5, 4))

    (row,) = step.transform(moments("2024-01-09"))

    assert row.tolist() == [(8 - 2) / 2, (1 - 6.5) / 0.5, (9 - 10) / 4]


@pytest.mark.parametrize("moment", [-(2**63) + 1, 2**63 - 1])
def test_dates_at_the_ends_of_the_range_are_clipped_instead_of_overflowing(moment: int) -> None:
    step = DatetimeStep("t", origin=NEW_YEAR)

    (days,) = step.transform(np.array([moment], np.int64).view("datetime64[us]"))

    end = math.copysign(FARTHEST, moment)
    assert days == pytest.approx([(end - NEW_YEAR) / DAY])


def test_dates_in_other_units_are_converted_to_microseconds() -> None:
    step = DatetimeStep("t", origin=NEW_YEAR, parts=("minute",))
    for unit in ("D", "s", "ms", "ns"):
        cell = np.array(["2024-01-03"], f"datetime64[{unit}]")
        assert step.transform(cell).tolist() == [[2.0, 0.0]]
        assert written(step, cell) == [2.0, 0.0]


@settings(max_examples=50, deadline=None)
@given(
    microseconds=st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(NEW_YEAR, NEW_YEAR + 400 * DAY)),
    fill=st.sampled_from([None, NEW_YEAR + DAY]),
    is_scaled=st.booleans(),
)
@example(microseconds=-(2**63), fill=NEW_YEAR + DAY, is_scaled=True)  # missing
@example(microseconds=-(2**63), fill=None, is_scaled=True)
@example(microseconds=-(2**63) + 1, fill=None, is_scaled=False)
@example(microseconds=2**63 - 1, fill=None, is_scaled=False)
def test_one_row_has_the_same_bits_as_in_a_batch(
    microseconds: int, fill: int | None, is_scaled: bool
) -> None:
    step = DatetimeStep("t", NEW_YEAR, ALL_PARTS, ("month", "minute"), fill, has_flag=fill is not None)
    if is_scaled:
        n = len(step.outputs)
        step = replace(step, means=(0.1,) * n, scales=(0.7,) * n)
    cell = np.array([microseconds], np.int64).view("datetime64[us]")

    assert np.array_equal(step.transform(cell), [written(step, cell)], equal_nan=True)
