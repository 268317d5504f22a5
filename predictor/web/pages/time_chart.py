"""Predictions over time as a chart that the server draws: an SVG and the same numbers as a table, without JavaScript.

Positions along the time are percentages and heights are pixels, so that the drawing fits any width and its texts keep
their size. Drawn by `includes/_time_chart.html`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from ...services.prediction_log.activity import Activity, Period
from ...templatetags.mlweb import number, share
from ..charts.scales import day_words, month_words

HEIGHT = 168
TOP = 10  # above the highest line, for half of its label
MAX_TICKS = 4
BAR_SHARE = 0.72
# Labels further than this from an end are centred at their bar.
EDGE = 4.0
# Every which period has a label, and every which of those is left out on a narrow screen.
LABELS = {"hour": 3, "day": 5}
UNIT_TITLES = {
    "hour": gettext_lazy("Hour (UTC)"),
    "day": gettext_lazy("Day (UTC)"),
    "week": gettext_lazy("Week (UTC)"),
}


@dataclass(frozen=True)
class Bar:
    """A period: `x` and `width` in percent, the rest in pixels. The part with warnings stands at the bottom."""

    x: str
    width: str
    y: str
    height: str
    warned_y: str
    warned_height: str
    words: str


@dataclass(frozen=True)
class Tick:
    position: str
    label: str
    anchor: str = "middle"
    is_minor: bool = False


@dataclass(frozen=True)
class Line:
    """A row of the table; `day` is its date where the page can show its hours."""

    label: str
    n_rows: str
    n_requests: str
    warnings: str
    latency: str
    day: str = ""


@dataclass(frozen=True)
class TimeChart:
    title: str
    description: str
    unit_title: str
    bars: Sequence[Bar]
    value_ticks: Sequence[Tick]
    time_ticks: Sequence[Tick]
    lines: Sequence[Line]
    has_warnings: bool
    bottom: int = HEIGHT + TOP
    time_labels_at: int = HEIGHT + TOP + 18
    full_height: int = HEIGHT + TOP + 24


def time_chart(activity: Activity, *, title: str) -> TimeChart:
    """The chart of rows for each period of an activity."""
    values = [each.counts.n_rows for each in activity.periods]
    ticks = round_ticks(max(values, default=0))
    return TimeChart(
        title=title,
        description=_description(activity),
        unit_title=str(UNIT_TITLES[activity.unit]),
        bars=list(_bars(activity, ticks[-1])),
        value_ticks=[Tick(f"{_y(tick, ticks[-1]):.1f}", short_number(tick, ticks[-1])) for tick in ticks],
        time_ticks=list(_time_ticks(activity)),
        lines=[_line(each, activity.unit) for each in activity.periods],
        has_warnings=bool(activity.total.n_with_warnings),
    )


def round_ticks(most: float) -> list[int]:
    """Whole numbers from 0 to at least `most`, in steps of 1, 2 or 5 times a power of ten: at most MAX_TICKS steps."""
    least_step = max(1.0, most / MAX_TICKS)
    power = 10 ** math.floor(math.log10(least_step))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= least_step)
    return [step * place for place in range(max(1, math.ceil(most / step)) + 1)]


def short_number(value: int, largest: int) -> str:
    """A tick in the unit of the largest: of 0, 5000, 10000 "0", "5 k", "10 k"; below 10,000 without a unit."""
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if value and largest >= max(size, 10_000):
            return f"{value / size:.4g} {letter}"
    return f"{value:,}"


def _y(value: float, top: float) -> float:
    return TOP + HEIGHT * (1 - value / top)


def _bars(activity: Activity, top: int) -> Iterator[Bar]:
    width = 100 / len(activity.periods)
    for place, period in enumerate(activity.periods):
        counts = period.counts
        if not counts.n_rows:
            continue
        # One row beside a million is still to be seen.
        height = max(1.5, HEIGHT * counts.n_rows / top)
        warned = height * counts.n_with_warnings / counts.n_rows
        yield Bar(
            x=f"{(place + (1 - BAR_SHARE) / 2) * width:.3f}%",
            width=f"{BAR_SHARE * width:.3f}%",
            y=f"{TOP + HEIGHT - height:.2f}",
            height=f"{height - warned:.2f}",
            warned_y=f"{TOP + HEIGHT - warned:.2f}",
            warned_height=f"{warned:.2f}",
            words=f"{period_words(period.start, activity.unit)}: {_bar_words(period)}",
        )


def _bar_words(period: Period) -> str:
    n = period.counts.n_with_warnings
    words = _predictions(period.counts.n_rows)
    return _("%(predictions)s, %(n)s with warnings") % {"predictions": words, "n": f"{n:,}"} if n else words


def _predictions(n: int) -> str:
    return ngettext("%(n)s prediction", "%(n)s predictions", n) % {"n": f"{n:,}"}


def period_words(start: datetime, unit: str) -> str:
    """ "17 Mar 2026, 11:00 to 12:00 UTC", "17 Mar 2026" or "week of 16 Mar 2026"."""
    day = day_words(start, with_year=True)
    if unit == "hour":
        times = {"day": day, "start": f"{start:%H:%M}", "end": f"{start + timedelta(hours=1):%H:%M}"}
        return _("%(day)s, %(start)s to %(end)s UTC") % times
    return _("Week of %(day)s") % {"day": day} if unit == "week" else day


def _time_ticks(activity: Activity) -> Iterator[Tick]:
    n = len(activity.periods)
    n_labels = 0
    for place, period in enumerate(activity.periods):
        label = _label(activity, place)
        if not label:
            continue
        centre = (place + 0.5) * 100 / n
        anchor = "start" if centre < EDGE else "end" if centre > 100 - EDGE else "middle"
        n_labels += 1
        yield Tick(f"{centre:.3f}%", label, anchor, is_minor=_is_minor(activity, place, period))


def _is_minor(activity: Activity, place: int, period: Period) -> bool:
    if activity.unit == "week":
        return period.start.month % 3 != 1
    return (len(activity.periods) - 1 - place) % (2 * LABELS[activity.unit]) != 0


def _label(activity: Activity, place: int) -> str:
    """The label of a period, empty for most: each third hour, each fifth day, the first week of a month."""
    start, before_end = activity.periods[place].start, len(activity.periods) - 1 - place
    if activity.unit == "week":
        is_first = place > 0 and activity.periods[place - 1].start.month != start.month
        return month_words(start) if is_first else ""
    if before_end % LABELS[activity.unit]:
        return ""
    return f"{start:%H:%M}" if activity.unit == "hour" else day_words(start)


def _description(activity: Activity) -> str:
    total, unit = activity.total, activity.unit
    if not total.n_rows:
        return _("No predictions.")
    most = max(activity.periods, key=lambda each: each.counts.n_rows)
    words = _("%(predictions)s in %(periods)s; most, %(most)s, %(when)s.") % {
        "predictions": _predictions(total.n_rows),
        "periods": _periods(sum(1 for each in activity.periods if each.counts.n_rows), unit),
        "most": number(most.counts.n_rows),
        "when": _when(most.start, unit),
    }
    if not total.n_with_warnings:
        return words
    return f"{words} " + _("%(share)s with warnings.") % {"share": share(total.warning_share)}


def _periods(n: int, unit: str) -> str:
    words = {
        "hour": ngettext("%(n)s hour", "%(n)s hours", n),
        "day": ngettext("%(n)s day", "%(n)s days", n),
        "week": ngettext("%(n)s week", "%(n)s weeks", n),
    }
    return words[unit] % {"n": f"{n:,}"}


def _when(start: datetime, unit: str) -> str:
    words = {
        "hour": _("in the hour of %(period)s"),
        "day": _("in the day of %(period)s"),
        "week": _("in the week of %(period)s"),
    }
    return words[unit] % {"period": period_words(start, "day" if unit == "week" else unit)}


def _line(period: Period, unit: str) -> Line:
    counts = period.counts
    warned = f"{counts.n_with_warnings:,} ({share(counts.warning_share)})" if counts.n_with_warnings else "0"
    return Line(
        label=period_words(period.start, unit),
        n_rows=number(counts.n_rows),
        n_requests=number(counts.n_requests),
        warnings=warned,
        latency=f"{number(counts.mean_latency_ms, 3)} ms" if counts.n_requests else "–",
        day=f"{period.start:%Y-%m-%d}" if unit == "day" and counts.n_rows else "",
    )
