"""Template filters that format numbers, shares, durations and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

# English in every locale of the server.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# How an attempt of a job ended.
OUTCOMES = {
    "": "at work",
    "lost": "the worker went silent",
    "died": "the fitting process died",
    "succeeded": "finished",
    "failed": "failed",
    "cancelled": "stopped on request",
}
STATUS_WORDS = {"queued": "Waiting", "succeeded": "Finished"}


@register.filter
def is_about(url_name: str, nouns: str | None) -> bool:
    """Whether a page belongs to an entry of the navigation: its URL name is one of the nouns, or begins with it."""
    name = str(url_name)
    return any(name == each or name.startswith(f"{each}-") for each in str(nouns or "").split())


@register.filter
def number(value: Any, digits: int = 5) -> str:
    """A number with grouped thousands and at most `digits` significant digits; "–" for none."""
    if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1e12 or size < 1e-4:
        return f"{value:.{digits - 1}e}"
    decimals = max(0, digits - 1 - math.floor(math.log10(size)))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def share(value: float | None) -> str:
    """0.1234 → "12.3 %"; a share just above 0 or below 1 is "< 0.1 %" or "> 99.9 %", not 0 or 100."""
    if value is None:
        return "–"
    percent = value * 100
    if 0 < percent < 0.1:
        return "< 0.1 %"
    if 99.9 < percent < 100:
        return "> 99.9 %"
    return f"{percent:.1f}".rstrip("0").rstrip(".") + " %"


@register.filter
def duration(value: timedelta | float | None) -> str:
    """75 seconds → "1 min 15 s"."""
    if value is None:
        return "–"
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def time_text(at: datetime, precision: str = "minute") -> str:
    """ "30 Nov 2026, 16:07 UTC"; `precision` "second" adds the seconds, "day" leaves out the time."""
    at = at.astimezone(UTC)
    day = f"{at.day} {MONTHS[at.month - 1]} {at.year}"
    return (
        day if precision == "day" else f"{day}, {at:{'%H:%M:%S' if precision == 'second' else '%H:%M'}} UTC"
    )


@register.filter
def moment(at: datetime | None, precision: str = "minute") -> SafeString | str:
    """A time in UTC; static/mlweb/js/times.js shows it in the zone of the reader. "" for none."""
    if at is None:
        return ""
    return format_html(
        '<time datetime="{}" data-local="{}">{}</time>', at.isoformat(), precision, time_text(at, precision)
    )


@register.filter
def ago(at: datetime | None) -> SafeString | str:
    """ "3 days ago", with the time itself as tooltip. "" for none."""
    if at is None:
        return ""
    since = str(naturaltime(at))
    first, _, rest = since.partition(",")
    words = f"{first} ago" if rest.endswith("ago") else since
    return format_html(
        '<time datetime="{}" data-local="title" title="{}">{}</time>',
        at.isoformat(),
        time_text(at),
        words,
    )


@register.filter
def get(mapping: Any, key: Any) -> Any:
    """The value of a key that a template cannot write, such as a column's name; None if it is missing."""
    return mapping.get(key) if hasattr(mapping, "get") else None


@register.filter
def status_word(status: str) -> str:
    """A job's status as pages show it: "queued" → "Waiting", "failed" → "Failed"."""
    return STATUS_WORDS.get(status, status.capitalize())


def job_sentence(job: Any, *, succeeded: str, after_stop: str) -> str:
    """Where a job stands: how long it waits, what it does, or how it ended.

    `succeeded` is the sentence for that end, `after_stop` what a stopped job leaves behind.
    """
    if job.status == "queued":
        return f"{'Interrupted; it goes on' if job.attempts else 'It begins'} as soon as a worker is free."
    if job.status == "running":
        return "Stopping…" if job.is_cancel_requested else job.progress_message or "Getting ready"
    if job.status == "succeeded":
        return succeeded
    if job.status == "cancelled":
        when = f" {naturaltime(job.finished_at)}" if job.finished_at else ""
        return f"Stopped on request{when}. {after_stop}"
    return str(job.error)


@register.filter
def counted(value: int, noun: str) -> str:
    """3, "row" → "3 rows"; 1, "row" → "1 row"; "class,classes" for other plurals."""
    one, _, many = noun.partition(",")
    return f"{value:,} {one if value == 1 else many or one + 's'}"


@register.filter
def missing_share(column: Any, n_rows: int) -> str:
    """How much of a column is missing: "none", or a share with its count."""
    if not column.n_missing:
        return "none"
    return f"{share(column.n_missing / n_rows if n_rows else 0.0)} ({column.n_missing:,})"


@register.filter
def hundredths(part: float) -> str:
    """0.1234 → "12.34": a width in a drawing of width 100, with a decimal point in every language."""
    return f"{min(max(part, 0.0), 1.0) * 100:.2f}"


@register.filter
def fixed(value: float) -> str:
    """12.5 → "12.50": a coordinate of a drawing, with a decimal point in every language."""
    return f"{value:.2f}"


@register.filter
def attempt_words(attempt: Mapping[str, Any]) -> str:
    """An entry of a job's attempts as a sentence."""
    began, outcome = str(attempt.get("began_at") or ""), str(attempt.get("outcome") or "")
    words = f"Began {time_text(datetime.fromisoformat(began), 'second')}, {OUTCOMES.get(outcome, outcome)}"
    return f"{words}: {attempt['note']}" if attempt.get("note") else f"{words}."
