"""Template filters that format numbers, shares, durations and counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from ..i18n.languages import ENGLISH
from ..i18n.names import field_name
from ..i18n.translation import translated

register = template.Library()
register.filter(field_name)

# English in every locale of the server.
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# How an attempt of a job ended.
OUTCOMES = {
    "": gettext_lazy("at work"),
    "lost": gettext_lazy("the worker went silent"),
    "died": gettext_lazy("the fitting process died"),
    "succeeded": gettext_lazy("finished"),
    "failed": gettext_lazy("failed"),
    "cancelled": gettext_lazy("stopped on request"),
}
STATUS_WORDS = {
    "queued": gettext_lazy("Waiting"),
    "running": gettext_lazy("Running"),
    "succeeded": gettext_lazy("Finished"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
}
ROLE_WORDS = {
    "numeric": gettext_lazy("numeric"),
    "categorical": gettext_lazy("categorical"),
    "boolean": gettext_lazy("boolean"),
    "datetime": gettext_lazy("datetime"),
    "text": gettext_lazy("text"),
    "identifier": gettext_lazy("identifier"),
    "constant": gettext_lazy("constant"),
}
CANDIDATE_WORDS = {
    "stopped": gettext_lazy("stopped"),
    "timed out": gettext_lazy("timed out"),
    "failed": gettext_lazy("failed"),
}


@register.filter(name="translated")
def in_language(text: Any) -> Any:
    """A sentence from below (an error, a note, part of a report), or a list of such, in the language of the page."""
    return [translated(each) for each in text] if isinstance(text, list | tuple) else translated(text)


@register.filter
def role_word(role: Any) -> str:
    """The role of a column as pages show it."""
    return str(ROLE_WORDS.get(str(role), role))


@register.filter
def candidate_word(status: str) -> str:
    """What became of a candidate of a training run that was not fitted to the end."""
    return str(CANDIDATE_WORDS.get(status, status))


@register.filter
def subject_words(of: Any) -> str:
    """What a signature or a run predicts: its target, or in words what it finds without one."""
    if of.target:
        return str(of.target)
    return _("anomaly detection") if of.task == "anomaly" else _("clustering")


@register.simple_tag
def all_languages() -> list[tuple[str, str]]:
    """Code and own name of each language, for the switch."""
    return list(settings.LANGUAGES)


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
    if (get_language() or ENGLISH) != ENGLISH:
        day = date_format(at, "DATE_FORMAT")
        clock = f"{at:{'%H:%M:%S' if precision == 'second' else '%H:%M'}}"
        return day if precision == "day" else f"{day} {clock} UTC"
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
    first, _comma, rest = since.partition(",")
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
def status_word(status: str) -> Any:
    """A job's status as pages show it: "queued" → "Waiting", "failed" → "Failed". Lazy, for lists made at import."""
    return STATUS_WORDS.get(status, status.capitalize())


def job_sentence(job: Any, *, succeeded: str, after_stop: str) -> str:
    """Where a job stands: how long it waits, what it does, or how it ended.

    `succeeded` is the sentence for that end, `after_stop` what a stopped job leaves behind.
    """
    if job.status == "queued":
        if job.attempts:
            return _("Interrupted; it goes on as soon as a worker is free.")
        return _("It begins as soon as a worker is free.")
    if job.status == "running":
        return (
            _("Stopping…")
            if job.is_cancel_requested
            else translated(job.progress_message) or _("Getting ready")
        )
    if job.status == "succeeded":
        return succeeded
    if job.status == "cancelled":
        if not job.finished_at:
            return _("Stopped on request. %(after)s") % {"after": after_stop}
        when = naturaltime(job.finished_at)
        return _("Stopped on request %(when)s. %(after)s") % {"when": when, "after": after_stop}
    return str(translated(str(job.error)))


@register.filter
def counted(value: int, noun: str) -> str:
    """3, "row" → "3 rows"; 1, "row" → "1 row"; "class,classes" for other plurals."""
    one, _comma, many = noun.partition(",")
    return ngettext(f"%(n)s {one}", f"%(n)s {many or one + 's'}", value) % {"n": f"{value:,}"}


@register.filter
def noun(value: int, words: str) -> str:
    """3, "Model,Models" → "Models": the noun of a number that stands elsewhere."""
    one, _comma, many = words.partition(",")
    return ngettext(one, many, value)


@register.filter
def missing_share(column: Any, n_rows: int) -> str:
    """How much of a column is missing: "none", or a share with its count."""
    if not column.n_missing:
        return _("none")
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
    words = {
        "at": time_text(datetime.fromisoformat(began), "second"),
        "outcome": OUTCOMES.get(outcome, outcome),
    }
    if attempt.get("note"):
        return _("Began %(at)s, %(outcome)s: %(note)s") % {**words, "note": translated(attempt["note"])}
    return _("Began %(at)s, %(outcome)s.") % words
