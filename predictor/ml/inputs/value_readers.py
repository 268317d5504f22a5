"""Parsing and validation of one cell: the values that a column accepts, accepts with a warning, or refuses.

A reader is built once per field. It returns the canonical scalar (see `schema.py`), appends notes, or
raises InvalidValue.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from ...errors import quoted
from ..types.reading import Unreadable
from ..types.schema import FeatureField, Role, canonical_text

# Code, column and message of a RowWarning.
Note = tuple[str, str, str]
Reader = Callable[[Any, list[Note]], Any]

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s*(Z|z|[+-]\d{2}:?(\d{2})?)?)?", re.ASCII
)
TRUE_TEXTS = frozenset({"true", "yes", "y", "t", "1"})
FALSE_TEXTS = frozenset({"false", "no", "n", "f", "0"})
MISSING_DATES = frozenset({"NaT", "nat"})
# A value gets a warning when it is further outside the training range than this share of the range.
RANGE_MARGIN = 0.1
LARGEST = sys.float_info.max
# In bits. Python does not write integers of more than 4,300 digits.
LONGEST_INTEGER = 1_024


class InvalidValue(Exception):
    """Validation error of one value; the message ends a sentence that begins with row and column."""


def reader_for(field: FeatureField) -> Reader:
    """The function that parses and validates the cells of a field."""
    if field.role is Role.NUMERIC:
        return _number_reader(field)
    if field.role is Role.BOOLEAN:
        return _boolean_reader(field)
    if field.role is Role.DATETIME:
        return _datetime_reader(field)
    return _text_reader(field)


def checked_text(value: Any) -> None:
    """Raises InvalidValue for text that a database or JSON cannot hold."""
    if not isinstance(value, str):
        raise InvalidValue("a column name has to be text.")
    if "\x00" in value:
        raise InvalidValue("the text holds a NUL character.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidValue("the text holds half of a surrogate pair, which is no character.") from None


def _missing_note(field: FeatureField) -> Note:
    if field.has_missing:
        message = "There is no value; it is treated as missing values were in training."
    else:
        message = "There is no value, and training had one in every row; a usual one is assumed."
    return ("missing", field.name, message)


def _number_reader(field: FeatureField) -> Reader:
    low, high, is_bounded = bounds(field)
    missing = _missing_note(field)

    def read(value: Any, notes: list[Note]) -> float:
        kind = value.__class__
        if kind is float or kind is int:
            if low <= value <= high:
                return value  # type: ignore[no-any-return]
        else:
            value = _as_number(value, field, notes)
            if value is None:
                notes.append(missing)
                return math.nan
        try:
            number = float(value)
        except OverflowError:
            raise InvalidValue("the number is too large.") from None
        if not math.isfinite(number):
            raise InvalidValue("a number has to be finite; send null for a missing value.")
        if is_bounded and not low <= number <= high:
            span = f"{field.minimum:g} to {field.maximum:g}"
            notes.append(
                ("out_of_range", field.name, f"{number:g} is far outside of what training saw ({span}).")
            )
        return number

    return read


def bounds(field: FeatureField) -> tuple[float, float, bool]:
    """The range without a warning (low, high), and whether it comes from training."""
    low, high = field.minimum, field.maximum
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)):
        # Close to the largest finite float64: values beyond take the slower checks.
        return -1.7e308, 1.7e308, False
    margin = RANGE_MARGIN * (high - low)
    # A range beyond the largest float64 would let infinity pass.
    return max(low - margin, -LARGEST), min(high + margin, LARGEST), True


def _as_number(value: Any, field: FeatureField, notes: list[Note]) -> float | int | None:
    """Convert a value that is not a plain number; None when it is missing."""
    if value is None:
        return None
    if isinstance(value, bool):
        notes.append(("coerced", field.name, f"{str(value).lower()} was taken as {int(value)}."))
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str):
        raise _not_a_value(value, "a number")
    if field.reading is not None:
        try:
            number = field.reading.read(value)
        except Unreadable:
            pass
        else:
            if number is not None:
                notes.append(("coerced", field.name, f"The text {quoted(value)} was taken as {number:g}."))
            return number  # type: ignore[return-value]
    text = value.strip()
    if not text:
        return None
    if len(text) > 400 or not NUMBER.fullmatch(text):
        checked_text(value)
        raise InvalidValue(f"{quoted(value)} is not a number.")
    notes.append(("coerced", field.name, f"The text {quoted(value)} was taken as a number."))
    return float(text)


def _not_a_value(value: Any, expected: str) -> InvalidValue:
    if isinstance(value, (list, tuple)):
        return InvalidValue(f"a list is not {expected}.")
    if isinstance(value, dict):
        return InvalidValue(f"an object is not {expected}.")
    return InvalidValue(f"{quoted(value)} is not {expected}.")


def _boolean_reader(field: FeatureField) -> Reader:
    missing = _missing_note(field)

    def read(value: Any, notes: list[Note]) -> float:
        if value is True:
            return 1.0
        if value is False:
            return 0.0
        if value is None or value == "":
            notes.append(missing)
            return math.nan
        if isinstance(value, (int, float)) and value in (0, 1):
            notes.append(("coerced", field.name, f"{value:g} was taken as {'true' if value else 'false'}."))
            return float(value)
        if not isinstance(value, str):
            raise _not_a_value(value, "true or false")
        text = value.strip().lower()
        if field.reading is not None:
            try:
                is_true = field.reading.read(value)
            except Unreadable:
                pass
            else:
                if is_true is None:
                    notes.append(missing)
                    return math.nan
                taken = "true" if is_true else "false"
                notes.append(("coerced", field.name, f"The text {quoted(value)} was taken as {taken}."))
                return float(bool(is_true))
        if not text:
            notes.append(missing)
            return math.nan
        if text not in TRUE_TEXTS and text not in FALSE_TEXTS:
            checked_text(value)
            raise InvalidValue(f"{quoted(value)} is neither true nor false.")
        is_true = text in TRUE_TEXTS
        taken = "true" if is_true else "false"
        notes.append(("coerced", field.name, f"The text {quoted(value)} was taken as {taken}."))
        return float(is_true)

    return read


def _text_reader(field: FeatureField) -> Reader:
    """Categories and free text; only categories can be unseen."""
    levels = {level: level for level in field.levels}
    knows_levels = field.role is Role.CATEGORICAL and bool(levels)
    missing = _missing_note(field)
    reading = field.reading

    def read(value: Any, notes: list[Note]) -> str | None:
        if value.__class__ is str and value in levels:
            return value  # type: ignore[no-any-return]
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidValue("a number has to be finite; send null for a missing value.")
        if value is not None and not isinstance(value, (str, int, float, date)):
            raise _not_a_value(value, "a text")
        if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
            raise InvalidValue("the number is too large.")
        text = canonical_text(value)
        if text is not None:
            checked_text(text)
            if reading is not None:
                text = reading.read(text)  # type: ignore[assignment]
        if text is None:
            notes.append(missing)
            return None
        if knows_levels and text not in levels:
            notes.append(("unseen", field.name, f"{quoted(text)} does not occur in training."))
        return text

    return read


def _datetime_reader(field: FeatureField) -> Reader:
    missing = _missing_note(field)
    low, high = _moment(field.minimum), _moment(field.maximum)
    margin = (high - low) * RANGE_MARGIN if low and high else None

    def read(value: Any, notes: list[Note]) -> datetime | None:
        if value is None or value == "" or (isinstance(value, str) and value in MISSING_DATES):
            notes.append(missing)
            return None
        moment = _read_moment(value, field)
        if moment is None:
            notes.append(missing)
            return None
        if low and high and margin is not None:
            early, late = (low - moment) > margin, (moment - high) > margin
            if early or late:
                span = f"{field.minimum} to {field.maximum}"
                text = f"{moment.isoformat()} is far outside of what training saw ({span})."
                notes.append(("out_of_range", field.name, text))
        return moment

    return read


def _read_moment(value: Any, field: FeatureField) -> datetime | None:
    """A naive datetime in UTC, by the reading of the field or in ISO 8601; None for a word that means missing."""
    if field.reading is not None and isinstance(value, str):
        try:
            return field.reading.read(value)  # type: ignore[return-value]
        except Unreadable:
            pass
    return _as_moment(value)


def _moment(value: Any) -> datetime | None:
    try:
        return None if value is None else _as_moment(value)
    except InvalidValue:
        return None


def _as_moment(value: Any) -> datetime:
    """A naive datetime in UTC."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day)
    elif isinstance(value, str):
        text = value.strip()
        if not DATE.fullmatch(text):
            checked_text(value)
            raise InvalidValue(f"{quoted(value)} is not a date such as 2024-05-31 or 2024-05-31T14:30.")
        try:
            moment = datetime.fromisoformat(text.replace(",", ".").upper())
        except ValueError:
            raise InvalidValue(f"{quoted(value)} is not a date of the calendar.") from None
    else:
        raise _not_a_value(value, "a date such as 2024-05-31")
    if moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise InvalidValue(f"{quoted(value)} lies outside of the years 1 to 9999.") from None
