"""Round ticks. The right values are written by hand, or follow from the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from predictor.web.charts.scales import (
    day_words,
    linear_scale,
    log_scale,
    month_words,
    round_step,
    tick_label,
    time_scale,
)


def labels(scale: object) -> list[str]:
    return [tick.label for tick in scale.ticks]  # type: ignore[attr-defined]


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (0, 0.3, ["0.0", "0.1", "0.2", "0.3"]),
        (-3.2, 7.9, ["-5", "0", "5", "10"]),
        (0, 97, ["0", "20", "40", "60", "80", "100"]),
        (101_000, 179_000, ["100 k", "120 k", "140 k", "160 k", "180 k"]),
        (0, 2_400_000, ["0", "0.5 M", "1.0 M", "1.5 M", "2.0 M", "2.5 M"]),
        (0.012, 0.019, ["0.012", "0.014", "0.016", "0.018", "0.020"]),
    ],
)
def test_ticks_are_multiples_of_1_2_or_5_and_hold_the_values(
    low: float, high: float, words: list[str]
) -> None:
    assert labels(linear_scale(low, high)) == words


def test_an_axis_with_given_ends_keeps_them_and_has_its_ticks_inside() -> None:
    scale = linear_scale(0.13, 0.87, is_exact=True)

    assert (scale.low, scale.high) == (0.13, 0.87)
    assert labels(scale) == ["0.2", "0.4", "0.6", "0.8"]


def test_shares_are_percentages_and_counts_are_whole() -> None:
    assert labels(linear_scale(0, 0.4, is_percent=True)) == ["0 %", "10 %", "20 %", "30 %", "40 %"]
    assert labels(linear_scale(0, 2, is_whole=True)) == ["0", "1", "2"]
    assert labels(linear_scale(0, 0, is_whole=True)) == ["0", "1"]


def test_a_single_value_has_room_on_both_sides() -> None:
    scale = linear_scale(5.0, 5.0)
    assert scale.low < 5 < scale.high


@given(
    st.floats(-1e9, 1e9, allow_nan=False, allow_subnormal=False),
    st.floats(1e-3, 1e9, allow_nan=False, allow_subnormal=False),
)
def test_every_range_has_few_different_ticks_in_order_that_enclose_it(low: float, span: float) -> None:
    high = low + max(span, abs(low) * 1e-6)
    scale = linear_scale(low, high)

    assert scale.low <= low + 1e-6 * (high - low)
    assert scale.high >= high - 1e-6 * (high - low)
    values = [tick.value for tick in scale.ticks]
    assert values == sorted(set(values))
    assert 2 <= len(values) <= 7
    assert round_step(high - low) * 5 >= (high - low) * (1 - 1e-6)


def test_minus_nothing_is_nothing() -> None:
    assert tick_label(-0.0, 0.1, 1.0) == "0.0"


def test_a_logarithmic_axis_has_1_2_5_for_few_powers_and_powers_for_many() -> None:
    assert labels(log_scale(100, 6400)) == ["100", "200", "500", "1,000", "2,000", "5,000", "10 k"]
    many = log_scale(1, 1e8)
    assert labels(many)[:2] == ["1", "100"]
    assert many.at(1e4) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (at(2026, 3, 2, 8), at(2026, 3, 2, 20), ["09:00", "12:00", "15:00", "18:00"]),
        (at(2026, 3, 2, 18), at(2026, 3, 3, 6), ["18:00", "21:00", "3 Mar", "03:00", "06:00"]),
        (at(2026, 2, 27), at(2026, 3, 3), ["27 Feb 2026", "28 Feb", "1 Mar", "2 Mar", "3 Mar"]),
        # Mondays.
        (at(2026, 3, 1), at(2026, 4, 1), ["2 Mar 2026", "9 Mar", "16 Mar", "23 Mar", "30 Mar"]),
        (at(2025, 11, 15), at(2026, 3, 15), ["Dec 2025", "Jan 2026", "Feb", "Mar"]),
        (at(2020, 1, 1), at(2024, 6, 1), ["2020", "2021", "2022", "2023", "2024"]),
        (at(1900, 1, 1), at(2024, 1, 1), ["1900", "1950", "2000"]),
    ],
)
def test_times_have_ticks_of_the_calendar(low: float, high: float, words: list[str]) -> None:
    assert labels(time_scale(low, high)) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["17 Mar", "17 Mar 2026", "Mar", "Mar 2026"]),
        ("zh-hans", ["03月17日", "2026年3月17日", "三月", "2026年3月"]),
    ],
)
def test_dates_have_the_form_of_the_language(language: str, words: list[str]) -> None:
    at = datetime(2026, 3, 17, tzinfo=UTC)

    with translation.override(language):
        said = [each(at, with_year=year) for each in (day_words, month_words) for year in (False, True)]

    assert said == words
