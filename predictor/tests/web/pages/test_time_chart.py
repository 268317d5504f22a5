from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from predictor.services.prediction_log.activity import RANGES, Activity, Counts, Period
from predictor.web.pages.time_chart import HEIGHT, TOP, period_words, round_ticks, short_number, time_chart

START = datetime(2026, 2, 16, tzinfo=UTC)  # a Monday


def activity(kind: str, *rows: tuple[int, int]) -> Activity:
    """The rows (n, with warnings) of the first periods; the others have none."""
    unit, step, n = RANGES[kind]
    counts = [Counts(n_rows=a, n_requests=a, n_with_warnings=b, latency_ms_sum=2.0 * a) for a, b in rows]
    counts += [Counts()] * (n - len(counts))
    periods = tuple(Period(START + place * step, each) for place, each in enumerate(counts))
    return Activity(kind, unit, START, START + n * step, periods, {}, {})


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (4, [0, 1, 2, 3, 4]),
        (5, [0, 2, 4, 6]),
        (97, [0, 50, 100]),
        (100, [0, 50, 100]),
        (120, [0, 50, 100, 150]),
        (1_234_567, [0, 500_000, 1_000_000, 1_500_000]),
    ],
)
def test_ticks_are_round_and_reach_the_largest_value(most: int, ticks: list[int]) -> None:
    assert round_ticks(most) == ticks


def test_ticks_are_few_for_every_size() -> None:
    for most in range(1, 5_000, 7):
        ticks = round_ticks(most)
        assert ticks[-1] >= most
        assert 2 <= len(ticks) <= 5


@pytest.mark.parametrize(
    ("ticks", "words"),
    [
        ((0, 50, 100), ["0", "50", "100"]),
        ((0, 2_000, 4_000), ["0", "2,000", "4,000"]),
        ((0, 5_000, 20_000), ["0", "5 k", "20 k"]),
        ((0, 500_000, 2_500_000), ["0", "0.5 M", "2.5 M"]),
        ((0, 3_000_000_000), ["0", "3 G"]),
    ],
)
def test_large_ticks_have_one_unit(ticks: tuple[int, ...], words: list[str]) -> None:
    assert [short_number(tick, ticks[-1]) for tick in ticks] == words


def test_bars_stand_on_the_base_and_show_warnings_at_the_bottom() -> None:
    chart = time_chart(activity("30d", (100, 25), (0, 0), (50, 0)), title="t")

    full, half = chart.bars
    assert (float(full.y), float(full.height)) == (TOP, HEIGHT * 0.75)
    assert (float(full.warned_y), float(full.warned_height)) == (TOP + HEIGHT * 0.75, HEIGHT * 0.25)
    assert float(half.y) + float(half.height) == TOP + HEIGHT
    assert full.words == "16 Feb 2026: 100 predictions, 25 with warnings"
    assert 0 < float(full.x[:-1]) < float(half.x[:-1]) < 100


def test_a_single_row_beside_a_million_is_visible() -> None:
    chart = time_chart(activity("30d", (1, 0), (1_000_000, 0)), title="t")

    assert float(chart.bars[0].height) > 1


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("day", ["02:00", "05:00", "08:00", "11:00", "14:00", "17:00", "20:00", "23:00"]),
        ("30d", ["20 Feb", "25 Feb", "2 Mar", "7 Mar", "12 Mar", "17 Mar"]),
        ("year", ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"]),
    ],
)
def test_times_are_labelled_at_round_places(kind: str, labels: list[str]) -> None:
    ticks = time_chart(activity(kind), title="t").time_ticks

    assert [each.label for each in ticks] == labels
    assert len([each for each in ticks if not each.is_minor]) <= 4
    assert ticks[-1].anchor in ("end", "middle")


def test_periods_are_named_with_their_unit() -> None:
    assert period_words(START, "hour") == "16 Feb 2026, 00:00 to 01:00 UTC"
    assert period_words(START + timedelta(hours=23), "hour") == "16 Feb 2026, 23:00 to 00:00 UTC"
    assert period_words(START, "day") == "16 Feb 2026"
    assert period_words(START, "week") == "Week of 16 Feb 2026"


def test_the_description_and_the_table_say_the_same_in_words() -> None:
    chart = time_chart(activity("30d", (100, 25), (1, 0)), title="t")

    assert chart.description == (
        "101 predictions in 2 days; most, 100, in the day of 16 Feb 2026. 24.8 % with warnings."
    )
    first = chart.lines[0]
    assert (first.label, first.n_rows, first.warnings, first.latency, first.day) == (
        "16 Feb 2026",
        "100",
        "25 (25 %)",
        "2 ms",
        "2026-02-16",
    )
    assert time_chart(activity("day"), title="t").description == "No predictions."
