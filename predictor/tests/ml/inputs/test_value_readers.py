from __future__ import annotations

import math
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.inputs import csv_rows
from predictor.ml.inputs.value_readers import InvalidValue, bounds, checked_text, reader_for
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import FeatureField, Role

AGE = FeatureField("age", Role.NUMERIC, is_integer=True, minimum=0, maximum=100)
INCOME = FeatureField("income", Role.NUMERIC, has_missing=True)
MEMBER = FeatureField("member", Role.BOOLEAN)
JOINED = FeatureField("joined", Role.DATETIME, minimum="2019-01-01T00:00:00", maximum="2023-01-01T00:00:00")
DAY = FeatureField("day", Role.DATETIME)
CITY = FeatureField("city", Role.CATEGORICAL, levels=("Łódź", "北京", "7", "true", "2024-05-31"))
NOTE = FeatureField("note", Role.TEXT, has_missing=True)


def read(field: FeatureField, value: Any) -> tuple[Any, list[str]]:
    """The canonical value, and the codes of the warnings."""
    notes: list[tuple[str, str, str]] = []
    canonical = reader_for(field)(value, notes)
    assert all(column == field.name and message.endswith(".") for _, column, message in notes)
    return canonical, [code for code, _, _ in notes]


def message_of(field: FeatureField, value: Any) -> str:
    """The message of the only warning."""
    notes: list[tuple[str, str, str]] = []
    reader_for(field)(value, notes)
    [(_, _, message)] = notes
    return message


@pytest.mark.parametrize(
    ("field", "value", "canonical", "codes"),
    [
        (AGE, 33, 33, []),
        (AGE, 33.5, 33.5, []),
        (AGE, "30", 30.0, ["coerced"]),
        (AGE, " +.5e1 ", 5.0, ["coerced"]),
        (AGE, True, 1.0, ["coerced"]),
        # A tenth of the range on each side gives no warning.
        (AGE, 110, 110, []),
        (AGE, -10.0, -10.0, []),
        (AGE, "110", 110.0, ["coerced"]),
        (AGE, 110.01, 110.01, ["out_of_range"]),
        (AGE, -10.01, -10.01, ["out_of_range"]),
        (AGE, 900, 900.0, ["out_of_range"]),
        (AGE, -1e300, -1e300, ["out_of_range"]),
        (AGE, "900", 900.0, ["coerced", "out_of_range"]),
        (INCOME, -1.75e308, -1.75e308, []),
        (MEMBER, True, 1.0, []),
        (MEMBER, False, 0.0, []),
        (MEMBER, 1, 1.0, ["coerced"]),
        (MEMBER, 0.0, 0.0, ["coerced"]),
        (MEMBER, "yes", 1.0, ["coerced"]),
        (MEMBER, " F ", 0.0, ["coerced"]),
        (JOINED, "2020-02-29", datetime(2020, 2, 29), []),
        (JOINED, date(2020, 2, 29), datetime(2020, 2, 29), []),
        (JOINED, "2020-01-01T10:00:00+02:00", datetime(2020, 1, 1, 8), []),
        (JOINED, "2020-01-01 10:00:00,25Z", datetime(2020, 1, 1, 10, 0, 0, 250_000), []),
        (
            JOINED,
            datetime(2020, 1, 1, 12, tzinfo=timezone(timedelta(hours=-2))),
            datetime(2020, 1, 1, 14),
            [],
        ),
        # Training saw 1,461 days; a tenth is 146.1.
        (JOINED, "2023-05-27", datetime(2023, 5, 27), []),
        (JOINED, "2023-05-28", datetime(2023, 5, 28), ["out_of_range"]),
        (JOINED, "2018-08-08", datetime(2018, 8, 8), []),
        (JOINED, "2018-08-07", datetime(2018, 8, 7), ["out_of_range"]),
        (DAY, "0001-01-01", datetime(1, 1, 1), []),
        (CITY, "北京", "北京", []),
        (CITY, 7, "7", []),
        (CITY, 7.0, "7", []),
        (CITY, True, "true", []),
        (CITY, date(2024, 5, 31), "2024-05-31", []),
        (CITY, "Atlantis", "Atlantis", ["unseen"]),
        (CITY, 8, "8", ["unseen"]),
        (CITY, " 7", "7", []),
        (NOTE, 12.0, "12", []),
        (NOTE, "never seen", "never seen", []),
        (FeatureField("city", Role.CATEGORICAL), "Atlantis", "Atlantis", []),
    ],
)
def test_a_value_becomes_canonical(field: FeatureField, value: Any, canonical: Any, codes: list[str]) -> None:
    assert read(field, value) == (canonical, codes)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(
            (AGE, value)
            for value in (None, "", "  ", "NA", "null", "#DIV/0!", " Inf ", "-Infinity", "1e999", "nan")
        ),
        *((MEMBER, value) for value in (None, "", "  ", "NA", "?")),
        *((JOINED, value) for value in (None, "", "NaT", "nat", "n/a", " NULL ")),
        *((CITY, value) for value in (None, "")),
        *((NOTE, value) for value in (None, "")),
    ],
)
def test_an_empty_value_is_missing(field: FeatureField, value: Any) -> None:
    canonical, codes = read(field, value)

    assert codes == ["missing"]
    assert canonical is None or math.isnan(canonical)
    assert (canonical is None) == (field.role not in (Role.NUMERIC, Role.BOOLEAN))


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        (AGE, "abc", "“abc” is not a number"),
        (AGE, "1_000", "is not a number"),
        (AGE, "nanny", "is not a number"),
        (AGE, "$12", "is not a number"),
        (AGE, "٣", "is not a number"),
        (AGE, "1" * 401, "is not a number"),
        (AGE, math.nan, "has to be finite"),
        (INCOME, math.inf, "has to be finite"),
        (INCOME, -math.inf, "has to be finite"),
        (AGE, 10**400, "too large"),
        (AGE, [1], "a list is not a number"),
        (AGE, {"a": 1}, "an object is not a number"),
        (AGE, b"1", "is not a number"),
        (AGE, "1\x00", "NUL"),
        (MEMBER, "perhaps", "neither true nor false"),
        (MEMBER, 2, "is not true or false"),
        (MEMBER, math.nan, "is not true or false"),
        (MEMBER, [], "a list is not true or false"),
        (MEMBER, "\ud800", "surrogate"),
        (JOINED, "01/02/2024", "is not a date such as"),
        (JOINED, "2023-02-29", "not a date of the calendar"),
        (JOINED, "0000-01-01", "not a date of the calendar"),
        (JOINED, 1700000000, "is not a date such as"),
        (JOINED, "9999-12-31T23:59:59-14:00", "outside of the years"),
        (JOINED, ["2020-01-01"], "a list is not a date"),
        (CITY, ["a"], "a list is not a text"),
        (CITY, math.nan, "has to be finite"),
        pytest.param(CITY, 10**5000, "too large", id="more digits than Python writes"),
        (CITY, "a\x00b", "NUL"),
        (NOTE, "\ud800", "surrogate"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(field: FeatureField, value: Any, sentence: str) -> None:
    with pytest.raises(InvalidValue, match=sentence):
        reader_for(field)(value, [])


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (AGE, None, "There is no value, and training had one in every row; a usual one is assumed."),
        (INCOME, None, "There is no value; it is treated as missing values were in training."),
        (AGE, "3", "The text “3” was taken as a number."),
        (AGE, False, "false was taken as 0."),
        (AGE, 1234.5, "1234.5 is far outside of what training saw (0 to 100)."),
        (MEMBER, 0, "0 was taken as false."),
        (MEMBER, "No", "The text “No” was taken as false."),
        (CITY, "Rom", "“Rom” does not occur in training."),
        (
            JOINED,
            "1999-12-31",
            "1999-12-31T00:00:00 is far outside of what training saw "
            "(2019-01-01T00:00:00 to 2023-01-01T00:00:00).",
        ),
    ],
)
def test_a_warning_says_what_was_assumed(field: FeatureField, value: Any, message: str) -> None:
    assert message_of(field, value) == message


@given(moment=st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)), hours=st.integers(-14, 14))
@settings(max_examples=50, deadline=None)
def test_a_time_in_iso_8601_is_the_same_instant_in_utc(moment: datetime, hours: int) -> None:
    zoned = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
    instant = zoned.astimezone(UTC).replace(tzinfo=None)

    assert read(DAY, zoned.isoformat()) == (instant, [])
    assert read(DAY, zoned) == (instant, [])
    assert read(DAY, moment.isoformat(" ")) == (moment, [])


@given(number=st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(2**70), 2**70)))
@settings(max_examples=50, deadline=None)
def test_any_finite_number_is_read_also_as_a_text(number: float) -> None:
    assert read(INCOME, number) == (number, [])
    assert read(INCOME, repr(number)) == (float(number), ["coerced"])


# --- Bounds and texts ---------------------------------------------------------------------------------------


def test_the_bounds_are_a_tenth_of_the_range_outside_of_training() -> None:
    assert bounds(AGE) == (-10.0, 110.0, True)
    assert bounds(FeatureField("n", Role.NUMERIC, minimum=5, maximum=5)) == (5.0, 5.0, True)


@pytest.mark.parametrize("field", [INCOME, FeatureField("n", Role.NUMERIC, minimum=1.0), DAY])
def test_without_a_range_of_training_only_the_largest_numbers_are_outside(field: FeatureField) -> None:
    low, high, is_bounded = bounds(field)

    assert not is_bounded
    assert -sys.float_info.max < low < -1e308
    assert 1e308 < high < sys.float_info.max


@pytest.mark.parametrize(("low", "high"), [(-1e308, 1e308), (0.0, sys.float_info.max)])
def test_infinite_numbers_are_outside_of_any_range(low: float, high: float) -> None:
    """The range, or its end with a tenth more, is beyond the largest float64."""
    field = FeatureField("n", Role.NUMERIC, minimum=low, maximum=high)

    assert read(field, high) == (high, [])
    for value in (math.inf, -math.inf):
        with pytest.raises(InvalidValue, match="has to be finite"):
            reader_for(field)(value, [])


@pytest.mark.parametrize("text", ["", "é 北京 😀", "a\nb"])
def test_a_text_of_unicode_characters_is_accepted(text: str) -> None:
    checked_text(text)


@pytest.mark.parametrize(
    ("text", "sentence"), [("a\x00", "NUL"), ("\udc00x", "surrogate"), (3, "a column name has to be text")]
)
def test_a_text_that_cannot_be_stored_is_refused(text: Any, sentence: str) -> None:
    with pytest.raises(InvalidValue, match=sentence):
        checked_text(text)


@pytest.mark.parametrize(
    ("text", "has_note"),
    [
        ("2024-04-01T00:00+02:00", True),
        ("2024-04-01T00:00:00.5 +0200", True),
        ("2024-04-01T00:00+01:00", False),
        ("2024-04-01T00:00+01", False),
        ("2024-04-01T00:00Z", False),
        ("2024-04-01", False),
    ],
)
def test_an_offset_that_training_did_not_have_is_told(text: str, has_note: bool) -> None:
    reading = Reading(ValueKind.DATE, dates=("Y-M-D",), zone="+01:00")
    fixed = FeatureField("at", Role.DATETIME, reading=reading)
    in_berlin = FeatureField("at", Role.DATETIME, reading=replace(reading, zone="Europe/Berlin"))

    assert read(fixed, text)[1] == ["unseen"] * has_note
    assert read(fixed, csv_rows._reader(fixed, ".")(text)) == read(fixed, text)
    assert not read(in_berlin, text)[1]
