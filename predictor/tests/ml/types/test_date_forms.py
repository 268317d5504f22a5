"""Dates in text are read back to the dates that were written, or doubted where two dates are written alike."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.inputs.value_readers import reader_for
from predictor.ml.types.date_forms import DATE_FORMS, EXAMPLES, is_date_name, parse_date
from predictor.ml.types.reading import Finding, Reading, ValueKind, find_reading
from predictor.ml.types.schema import FeatureField, Role

NAMES = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
WRITERS: dict[str, Any] = {
    "iso": lambda day: day.isoformat(),
    "slashes": lambda day: f"{day:%Y/%m/%d}",
    "bare": lambda day: f"{day.year}-{day.month}-{day.day}",
    "dots": lambda day: f"{day:%d.%m.%Y}",
    "chinese": lambda day: f"{day.year}年{day.month}月{day.day}日",
    "english": lambda day: f"{NAMES['en'].split()[day.month - 1]} {day.day}, {day.year}",
    "weekday": lambda day: f"{day:%A}, {day.day} {day:%b %Y}",
    "german": lambda day: f"{day.day}. {NAMES['de'].split()[day.month - 1]} {day.year}",
    "french": lambda day: (
        f"{day.day} {NAMES['fr'].split()[day.month - 1]} {day.year}".replace("1 ", "1er ", 1)
        if day.day == 1
        else f"{day.day} {NAMES['fr'].split()[day.month - 1]} {day.year}"
    ),
    "spanish": lambda day: f"{day.day} de {NAMES['es'].split()[day.month - 1]} de {day.year}",
    "week": lambda day: "{}-W{:02d}-{}".format(*day.isocalendar()),
}


def found(*texts: str, **options: Any) -> Finding:
    return find_reading(Counter(texts), ValueKind.DATE, **options)


def values(*texts: str, **options: Any) -> list[Any]:
    reading = found(*texts, **options).reading
    assert reading is not None, texts
    return [reading.read(text) for text in texts]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    writer=st.sampled_from(sorted(WRITERS)),
    days=st.lists(st.dates(date(1900, 1, 1), date(2100, 12, 31)), min_size=1, max_size=30),
)
def test_days_are_read_back_in_each_form(writer: str, days: list[date]) -> None:
    assert values(*map(WRITERS[writer], days)) == [datetime(day.year, day.month, day.day) for day in days]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    form=st.sampled_from(
        ["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d/%m/%y", "%m/%d/%y", "%y-%m-%d", "%y/%m/%d"]
    ),
    days=st.lists(st.dates(date(1969, 1, 1), date(2068, 12, 31)), min_size=1, max_size=30),
)
def test_days_and_months_are_told_apart_or_doubted(form: str, days: list[date]) -> None:
    texts = [day.strftime(form) for day in days]
    right = [datetime(day.year, day.month, day.day) for day in days]
    finding = found(*texts)
    readings = [finding.reading] if finding.reading else finding.doubts
    assert readings
    if right not in [[each.read(text) for text in texts] for each in readings]:
        # Two-digit years first are doubted only where days take more values than years.
        assert form.startswith("%y")
        years, days_of_months = {text[:2] for text in texts}, {text[-2:] for text in texts}
        assert len(years) >= len(days_of_months) or years == {"01"}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Adelaide"]),
    start=st.datetimes(datetime(1995, 1, 1), datetime(2030, 1, 1)),
    form=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M:%S"]),
)
def test_local_times_of_a_year_with_offsets_are_read_back(zone: str, start: datetime, form: str) -> None:
    moments = [
        (start.replace(microsecond=0, tzinfo=UTC) + timedelta(days=9 * each)).astimezone(ZoneInfo(zone))
        for each in range(41)
    ]
    texts = [f"{each:{form}}{f'{each:%z}'[:3]}:{f'{each:%z}'[3:]}" for each in moments]
    reading = found(*texts).reading
    assert reading is not None
    assert [reading.read(text) for text in texts] == [each.replace(tzinfo=None) for each in moments]
    by_json = reader_for(FeatureField("at", Role.DATETIME, reading=reading))
    assert [by_json(reading.written(by_json(text, [])), []) for text in texts] == [
        each.replace(tzinfo=None) for each in moments
    ]
    assert bool(reading.zone)
    in_utc = Reading(ValueKind.DATE, dates=reading.dates, zone=reading.zone, is_utc=True)
    assert [in_utc.read(text) for text in texts] == [
        each.astimezone(UTC).replace(tzinfo=None) for each in moments
    ]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("1949-01", "1949-01-01"),
        ("2024Q1", "2024-01-01"),
        ("2024-Q4", "2024-10-01"),
        ("Q3 2024", "2024-07-01"),
        ("2024年1季度", "2024-01-01"),
        ("2024年第四季度", "2024-10-01"),
        ("2024-W05", "2024-01-29"),
        ("2020-W53-7", "2021-01-03"),
        ("2024年1月31日 下午3:05", "2024-01-31T15:05"),
        ("2024/1/31 上午 9:05:06", "2024-01-31T09:05:06"),
        ("1/31/2024 12:05 AM", "2024-01-31T00:05"),
        ("01/31/2024, 12:05:10\u202fPM", "2024-01-31T12:05:10"),
        ("Mi., 31.01.2024 14:30 Uhr", "2024-01-31T14:30"),
        ("31JAN2024", "2024-01-31"),
        ("31-Jan-69", "1969-01-31"),
        ("31-Jan-68", "2068-01-31"),
        ("Jan 2024", "2024-01-01"),
        ("Dez-49", "2049-12-01"),
        ("Jan-70", "1970-01-01"),
        ("2024-01-31T10:00:00Z", "2024-01-31T10:00"),
    ],
)
def test_forms_worked_out_by_hand(text: str, right: str) -> None:
    assert values(text) == [datetime.fromisoformat(right)]


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30", "2024-13-01", "2024-W53", "2024-W00", "2024Q5", "1/31/2024 13:05 PM", "1/31/2024 0:05 AM",
        "2024-01-31 10:00+99:99", "2024-01-31 10:00+14:30", "2024-01-31 10:00+15:00", "3 Foo 2024", "41_10_1", "12:30",
        "20240131", "1949", "45321", "24.01", "10.4.1", "10/4/1",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert found(text).reading is None
    assert not found(text).doubts


def test_numbers_are_dates_only_where_a_name_or_a_person_says_so() -> None:
    assert values("20240131", "20240201", name="OrderDate") == [datetime(2024, 1, 31), datetime(2024, 2, 1)]
    assert found("20240131", "20241301", name="OrderDate").reading is None
    assert found("1949", "1950", name="date").reading is None
    assert values("1949", "1950", is_forced=True) == [datetime(1949, 1, 1), datetime(1950, 1, 1)]
    assert values("194901", is_forced=True) == [datetime(1949, 1, 1)]
    # pandas: pd.Timestamp("1899-12-30") + pd.Timedelta(days=45321.75).
    right = pd.Timestamp("1899-12-30") + pd.Timedelta(days=45321.75)
    assert values("45321.75", is_forced=True) == [right.to_pydatetime()]


def test_two_digit_years_are_said_in_words() -> None:
    reading = found("05/02/21", "13/02/21").reading
    assert reading is not None
    assert reading.words == "dates written D/M/Y, years of two digits from 1969 to 2068"
    assert reading.read("05/02/21") == datetime(2021, 2, 5)
    doubts = found("05/02/21", "06/02/21").doubts
    assert [each.dates for each in doubts] == [("D/M/Y",), ("M/D/Y",)]


def test_year_first_is_doubted_where_days_vary_more() -> None:
    texts = [f"21-02-{day:02d}" for day in range(1, 29)]
    assert [each.dates for each in found(*texts).doubts] == [("yy-M-D",), ("D-M-Y",)]


def test_rows_that_contradict_each_other_are_no_dates() -> None:
    assert found("13/01/2024", "05/14/2024") == Finding()


@pytest.mark.parametrize(
    "name", ["date", "Datum", "fecha", "日期", "order_date", "OrderDate", "orderdate", "date_of_birth"]
)
def test_names_of_dates(name: str) -> None:
    assert is_date_name(name)


@pytest.mark.parametrize("name", ["update", "candidate", "mandate", "amount", "id", "updated", "candidates"])
def test_names_of_other_things(name: str) -> None:
    assert not is_date_name(name)


def test_every_form_has_a_date() -> None:
    samples = {
        *(writer(date(2024, 1, 31)) for writer in WRITERS.values()), "2024.01.31", "2024年1月", "1949-01", "2024/01",
        "01/2024", "31/01/2024", "01/31/2024", "31-01-2024", "01-31-2024", "2024-Jan-31", "Jan 2024", "Jan-24",
        "2024-Q1", "Q1 2024", "2024年1季度", "2024-W05", "24-01-31", "24/01/31", "24.01.31", "20240131", "202401",
        "2024", "45321",
    }  # fmt: skip
    assert {name for name in DATE_FORMS if any(parse_date(text, name) for text in samples)} == set(DATE_FORMS)


def test_each_form_has_an_example_of_one_day() -> None:
    days = {name: parse_date(text, name) for name, text in EXAMPLES.items()}
    begins = {"Y-Wn": datetime(2024, 1, 29), "YYYY": datetime(2024, 1, 1)}
    for name in DATE_FORMS:
        has_day = "D" in name or name in ("Y-Wn-d", "days since 1899-12-30")
        assert days[name] == begins.get(name, datetime(2024, 1, 31 if has_day else 1)), name
    assert set(EXAMPLES) == set(DATE_FORMS)


@pytest.mark.parametrize(
    "text", ["Jan-31-2024", "Jan/31/2024", "January 31 2024", "Jan 31st, 2024", "jan 31,2024"]
)
def test_the_name_of_a_month_may_come_first_with_any_mark(text: str) -> None:
    assert parse_date(text, "Mon D Y") == datetime(2024, 1, 31)
