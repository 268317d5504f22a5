"""Conversion between the JSON values of a row and the text of form fields."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Literal

from django.utils.translation import gettext as _

from ...ml.types.reading import Unreadable, ValueKind
from ...ml.types.schema import FeatureField, Role, canonical_text
from ...templatetags.mlweb import number

WHOLE = re.compile(r"[+-]?\d{1,400}", re.ASCII)
DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
OFFSET = re.compile(r"(T\d\d:\d\d:\d\d)[+-]\d\d:\d\d\Z", re.ASCII)
# In a longer list, typing is faster than scrolling.
MAX_OPTIONS = 40
LONG_TEXT = 60
# JavaScript holds whole numbers exactly up to this one.
GREATEST_WHOLE = 2**53

Kind = Literal["number", "choice", "suggest", "boolean", "date", "datetime", "line", "text"]


def range_words(field: FeatureField) -> list[str]:
    """The range of training in the writing of the data, and the forms of its dates."""
    if field.minimum is None or field.maximum is None:
        return []
    low, high = (
        in_own_marks(field, plain(end)) if isinstance(end, int | float) else day(end)
        for end in (field.minimum, field.maximum)
    )
    # Dates are shown as Y-M-D anyway.
    forms = [each for each in (field.reading.dates if field.reading is not None else ()) if each != "Y-M-D"]
    words = [_("%(low)s to %(high)s") % {"low": low, "high": high}]
    return [*words, _("in the data as %(forms)s") % {"forms": _(" or ").join(forms)}] if forms else words


def in_own_marks(field: FeatureField, text: str) -> str:
    """A number such as 1,234.5 with the marks that the column has in the data."""
    reading = field.reading
    if reading is None or reading.kind is not ValueKind.NUMBER:
        return text
    return text.translate({ord("."): reading.decimal, ord(","): reading.thousands})


def plain(value: float) -> str:
    """A number; one that may be a year has no thousands separator."""
    is_short = float(value).is_integer() and abs(value) < 10_000
    return str(int(value)) if is_short else number(value)


def day(text: str) -> str:
    """A date as it is there: without the offset of a zone, and without its time if that is midnight."""
    text = OFFSET.sub(r"\1", text)
    return text.removesuffix("T00:00:00").removesuffix(" 00:00:00")


def kind_of(field: FeatureField, text: str) -> Kind:
    """The form control of a field. A date that a date picker cannot show becomes a text field: nothing is lost."""
    match field.role:
        case Role.NUMERIC:
            return "number"
        case Role.BOOLEAN:
            return "boolean" if text in ("", "true", "false") else "line"
        case Role.CATEGORICAL:
            return "choice" if 0 < len(field.levels) <= MAX_OPTIONS else "suggest"
        case Role.DATETIME:
            return date_kind(field, text)
        case _:
            return "text" if len(text) > LONG_TEXT or "\n" in text else "line"


def date_kind(field: FeatureField, text: str) -> Kind:
    is_plain_date = all(
        len(day(str(end))) <= len("2024-01-31") for end in (field.minimum, field.maximum) if end
    )
    if not text:
        return "date" if is_plain_date else "datetime"
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return "date" if is_plain_date else "line"
    return "datetime" if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?", text) else "line"


def text_of(field: FeatureField, value: Any) -> str:
    """A JSON value as the text of its form field."""
    if isinstance(value, list | dict):
        return str(value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    match field.role:
        case Role.NUMERIC:
            is_whole = isinstance(value, float) and value.is_integer() and abs(value) < GREATEST_WHOLE
            text = str(int(value)) if is_whole else str(canonical_text(value) or "")
            return in_own_marks(field, text) if isinstance(value, int | float) else text
        case Role.BOOLEAN:
            return boolean_text(str(canonical_text(value) or ""))
        case Role.DATETIME:
            return date_text(field, str(canonical_text(value) or ""))
        case _:
            return str(canonical_text(value) or "")


def cell_text(value: Any) -> str:
    """A JSON value as text in a sentence or a table cell."""
    return number(value) if isinstance(value, float) else str(canonical_text(value) or "missing")


def boolean_text(text: str) -> str:
    known = {"1": "true", "0": "false", "true": "true", "false": "false"}
    return known.get(text.strip().lower(), text)


def date_text(field: FeatureField, text: str) -> str:
    """The text that a date picker accepts: UTC, or local time of the field's zone, without an offset."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        reading = replace(field.reading, is_utc=False) if field.reading else None
        moment = reading.settled(moment) if reading else moment.astimezone(UTC).replace(tzinfo=None)
    if date_kind(field, "") == "date" and moment.time() == datetime.min.time():
        return date.isoformat(moment.date())
    return moment.isoformat()


def value_of(field: FeatureField, text: str) -> Any:
    """A form's text as a JSON value. Text that is no number stays text: the service rejects it with a message."""
    if field.role is Role.NUMERIC:
        return own_number_of(field, text)
    if field.role is Role.BOOLEAN:
        return {"": None, "true": True, "false": False}.get(text, text)
    return text.replace("\r\n", "\n") or None


def own_number_of(field: FeatureField, text: str) -> Any:
    """A number as the column's cells are written, else as programs write it: the order of every interface."""
    if field.reading is not None:
        try:
            return field.reading.read(text)
        except Unreadable:
            pass
    return number_of(text)


def number_of(text: str) -> Any:
    text = text.strip()
    if not text:
        return None
    if WHOLE.fullmatch(text):
        return int(text)
    if DECIMAL.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
