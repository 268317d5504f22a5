"""Parsing and validation of one cell: the values that a column accepts, accepts with a warning, or refuses.

A reader is built once per field. It returns the canonical scalar (see `schema.py`), appends notes, or
raises InvalidValue.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, date, datetime
from typing import Any

from ...errors import quoted
from ..tables.csv_cell_sql import CODE
from ..types.reading import ERROR_WORDS, MISSING_WORDS, Reading, Unreadable, ValueKind
from ..types.schema import FeatureField, Role, canonical_text
from ..types.zones import FIXED

# Code, column and message of a RowWarning.
Note = tuple[str, str, str]
Reader = Callable[[Any, list[Note]], Any]

NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d{1,9})?)?\s*(Z|z|[+-]\d{2}:?(\d{2})?)?)?", re.ASCII
)
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?![^T ])")
is_code = re.compile(CODE).fullmatch
# At the end of a time; Z is none.
OFFSET = re.compile(r":[0-9]{2}(?:[.,][0-9]+)?\s*([+-][0-9]{2})(?::?([0-9]{2}))?\s*\Z", re.ASCII)
TRUE_TEXTS = frozenset({"true", "yes", "y", "t", "1"})
FALSE_TEXTS = frozenset({"false", "no", "n", "f", "0"})
MISSING_DATES = frozenset({"NaT", "nat"})
INFINITE_TEXTS = frozenset(f"{sign}{word}" for sign in ("", "+", "-") for word in ("inf", "infinity"))
# In lower case. As in the import: missing in every column but those of text.
MISSING_TEXTS = frozenset({"", *MISSING_WORDS, *ERROR_WORDS, *INFINITE_TEXTS})
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
    if text.lower() in MISSING_TEXTS:
        return None
    if len(text) > 400 or not NUMBER.fullmatch(text):
        checked_text(value)
        raise InvalidValue(f"{quoted(value)} is not a number.")
    number = float(text)
    if math.isinf(number):
        # Too large for a float64, as in 1e400: missing, as the import takes it.
        return None
    notes.append(("coerced", field.name, f"The text {quoted(value)} was taken as a number."))
    return number


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
        if text in MISSING_TEXTS:
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
    as_level = level_reader(field)
    knows_levels = field.role is Role.CATEGORICAL and bool(levels)
    missing = _missing_note(field)
    # Texts alone are read: numbers, dates and truth values as categories are written as training wrote them.
    is_read = field.reading is not None and field.reading.kind is ValueKind.TEXT
    reading = field.reading if is_read else None

    def read(value: Any, notes: list[Note]) -> str | None:
        if value.__class__ is str and value in levels:
            return value  # type: ignore[no-any-return]
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidValue("a number has to be finite; send null for a missing value.")
        if value is not None and not isinstance(value, (str, int, float, date)):
            raise _not_a_value(value, "a text")
        if isinstance(value, int) and value.bit_length() > LONGEST_INTEGER:
            raise InvalidValue("the number is too large.")
        if isinstance(value, datetime) and value.tzinfo is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        text = canonical_text(value)
        if text is not None:
            checked_text(text)
            if reading is not None:
                text = reading.read(text)  # type: ignore[assignment]
        if text is None:
            notes.append(missing)
            return None
        if knows_levels and text not in levels and value.__class__ is str:
            known = as_level(text)
            text = text if known is None else known
            if not text:
                notes.append(missing)
                return None
        if knows_levels and text not in levels:
            notes.append(("unseen", field.name, f"{quoted(text)} does not occur in training."))
        return text

    return read


def level_reader(field: FeatureField) -> Callable[[str], str | None]:
    """A function from a text that is no level to the level that it means: 3.0 means 3, TRUE means true.

    It returns "" for missing, and None for a text that means no level.
    """
    levels = frozenset(field.levels)
    # In a column of numbers, dates or truth values, the import takes these words as missing; in a text column not.
    missing = MISSING_TEXTS if are_typed(levels) else frozenset({""})
    has_codes = have_codes(levels)

    def read(text: str) -> str | None:
        bare = text.strip()
        if bare in levels or bare.lower() in missing:
            return bare if bare in levels else ""
        if has_codes and is_code(bare):
            return None
        number = _plain_number(bare, field)
        if number is not None and canonical_text(number) in levels:
            return canonical_text(number)
        return bare.lower() if bare.lower() in ("true", "false") and bare.lower() in levels else None

    return read


def _plain_number(text: str, field: FeatureField) -> float | None:
    if NUMBER.fullmatch(text) and len(text) <= 400:
        return float(text)
    if field.reading is not None and field.reading.kind is ValueKind.NUMBER:
        try:
            number = field.reading.read(text)
        except Unreadable:
            return None
        return None if number is None else float(number)  # type: ignore[arg-type]
    return None


def are_typed(levels: Collection[str]) -> bool:
    """Whether the levels are numbers, dates or truth values, as the import writes them."""
    return bool(levels) and all(map(_is_typed, levels))


def have_codes(levels: Iterable[str]) -> bool:
    """Whether training had codes such as 1E05: then another one is no number either, and 9E05 is not 900000."""
    return any(map(is_code, levels))


def _is_typed(level: str) -> bool:
    """Whether a category is written as numbers, dates and truth values are: the import never keeps these as text."""
    if NUMBER.fullmatch(level) and len(level) <= 400:
        return canonical_text(float(level)) == level
    return level in ("true", "false") or ISO_DATE.match(level) is not None


def _datetime_reader(field: FeatureField) -> Reader:
    missing = _missing_note(field)
    low, high = (_moment(end, field.reading) for end in (field.minimum, field.maximum))
    margin = (high - low) * RANGE_MARGIN if low and high else None
    # Training had one offset, so it is not known whether another one is that of the same place in another season.
    zone = field.reading.zone if field.reading is not None and FIXED.fullmatch(field.reading.zone) else None

    def read(value: Any, notes: list[Note]) -> datetime | None:
        if value is None or value == "" or (isinstance(value, str) and value.strip() in MISSING_DATES):
            notes.append(missing)
            return None
        moment = _read_moment(value, field)
        if moment is None:
            notes.append(missing)
            return None
        if zone is not None and isinstance(value, str) and (found := OFFSET.search(value)):
            offset = f"{found[1]}:{found[2] or '00'}"
            if offset != zone:
                text = f"The offset {offset} does not occur in training; the time was taken to the offset {zone}."
                notes.append(("unseen", field.name, text))
        if low and high and margin is not None:
            early, late = (low - moment) > margin, (moment - high) > margin
            if early or late:
                span = f"{field.minimum} to {field.maximum}"
                text = f"{moment.isoformat()} is far outside of what training saw ({span})."
                notes.append(("out_of_range", field.name, text))
        return moment

    return read


def _read_moment(value: Any, field: FeatureField) -> datetime | None:
    """A naive datetime by the reading of the field or in ISO 8601; None for a word that means missing.

    In UTC, or in local time of the reading's zone.
    """
    reading = field.reading
    if reading is not None and isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            return reading.read(str(canonical_text(value) or ""))  # type: ignore[return-value]
        except Unreadable:
            pass
    if isinstance(value, str) and value.strip().lower() in MISSING_TEXTS:
        return None
    return _as_moment(value, reading)


def _moment(value: Any, reading: Reading | None) -> datetime | None:
    try:
        return None if value is None else _as_moment(value, reading)
    except InvalidValue:
        return None


def _as_moment(value: Any, reading: Reading | None = None) -> datetime:
    """A naive datetime, as `_read_moment` gives it."""
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
    try:
        if reading is not None:
            return reading.settled(moment)
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise InvalidValue(f"{quoted(value)} lies outside of the years 1 to 9999.") from None
