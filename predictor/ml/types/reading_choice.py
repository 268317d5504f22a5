"""A person's choice of how a column is read: from JSON, checked, with the usual marks where none are given.

Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import InvalidInput, quoted, quoted_list
from .date_forms import DATE_FORMS
from .reading import CONVENTIONS, Reading, ValueKind
from .schema import Role
from .spellings import IGNORED, tidied

# The largest share of a column's filled cells that a role or a reading may empty, unless a person allows more.
MAX_LOST_SHARE = 0.25
TEXT = ValueKind.TEXT.value
KINDS = tuple(kind.value for kind in ValueKind)
ROLES = {ValueKind.NUMBER: Role.NUMERIC, ValueKind.DATE: Role.DATETIME, ValueKind.BOOLEAN: Role.BOOLEAN}
TEXT_ROLES = (Role.CATEGORICAL, Role.TEXT, Role.IDENTIFIER)
DECIMALS = tuple(dict.fromkeys(decimal for decimal, _ in CONVENTIONS))
THOUSANDS = ("", *dict.fromkeys(thousands for _, thousands in CONVENTIONS))
WORDS = ("missing", "true", "false")
DATE_PARTS = tuple(each.name for each in fields(Reading) if each.name in ("dates", "zone", "missing"))
# A reading of categories as it is shown can be given back; its spellings are found anew.
OF_TEXT = ("ignores", "missing", "spellings")
MAX_WORDS, MAX_WORD_CHARACTERS = 100, 100


@dataclass(frozen=True)
class ReadingChoice:
    """How a person wants a column to be read. `kind` None: as text, in the role `role` (None: as found).

    `reading` None: the reading of this kind that fits best is taken, with the parts of `beside` instead of its own. Of
    text: its categories are not joined, but for blanks and the Unicode form.
    """

    kind: ValueKind | None
    reading: Reading | None = None
    role: Role | None = None
    beside: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ReadingChoice:
        """From `{"kind": "number", "decimal": ",", …}`; only `kind` is required. Raises InvalidInput.

        Without marks or date forms, those that fit the cells best are found.
        """
        kind = data.get("kind")
        if kind not in KINDS:
            raise InvalidInput(
                f"There is no kind of value {quoted(kind)}. Choose one of {quoted_list(KINDS)}.", field="kind"
            )
        given = {
            name: value for name, value in data.items() if value is not None and name not in ("kind", "role")
        }
        if kind == TEXT:
            role = _text_role(data.get("role"))
            return cls(None, _categories(given, role), role)
        kind = ValueKind(kind)
        _check_names(kind, given)
        words = {name: _words(given[name], name) for name in WORDS if name in given}
        own = {name: given[name] for name in given if name not in words}
        if kind is not ValueKind.BOOLEAN and not set(own) - {"zone"}:
            beside = {"missing": tuple(words.get("missing", ())), **own}
            _checked({"kind": kind.value, **beside})
            return cls(kind, beside=beside)
        return cls(kind, _reading(kind, {**own, **words}))

    @property
    def is_text(self) -> bool:
        return self.kind is None


def checked_share(share: Any) -> float:
    """The share of cells that may be lost. Raises InvalidInput."""
    if share is None:
        return MAX_LOST_SHARE
    is_number = isinstance(share, (int, float)) and not isinstance(share, bool)
    if not is_number or not math.isfinite(share) or not 0 <= share <= 1:
        raise InvalidInput(
            f"The share of cells that may become missing is {quoted(share)}; it has to be between 0 and 1.",
            limit=1,
            field="max_lost_share",
        )
    return float(share)


def _categories(given: Mapping[str, Any], role: Role | None) -> Reading | None:
    """How categories are joined and which words are missing; None for nothing. Raises InvalidInput."""
    if unknown := [name for name in given if name not in OF_TEXT]:
        raise InvalidInput(f"A column of text takes no {quoted_list(unknown)}.", field=unknown[0])
    ignores = given.get("ignores", ())
    if not isinstance(ignores, (list, tuple)) or any(each not in IGNORED for each in ignores):
        raise InvalidInput(
            f"Categories can be joined without regard to {quoted_list(IGNORED)}, as a list.", field="ignores"
        )
    words = dict.fromkeys(tidied(each) for each in _words(given.get("missing", ()), "missing"))
    reading = Reading(
        ValueKind.TEXT, ignores=tuple(each for each in IGNORED if each in ignores), missing=tuple(words)
    )
    if reading == Reading(ValueKind.TEXT):
        return None
    if role not in (None, Role.CATEGORICAL):
        raise InvalidInput(
            "Only categories are joined or taken as missing; choose the role categorical.", field="role"
        )
    return reading


def _check_names(kind: ValueKind, given: Mapping[str, Any]) -> None:
    of_kind = {
        ValueKind.NUMBER: ("decimal", "thousands", "codes", "missing"),
        ValueKind.BOOLEAN: ("true", "false", "missing"),
    }
    known = of_kind.get(kind, DATE_PARTS)
    if unknown := [name for name in given if name not in known]:
        raise InvalidInput(
            f"A reading of {kind.value}s takes no {quoted_list(unknown)}; it takes {quoted_list(known)}.",
            field=unknown[0],
        )


def _reading(kind: ValueKind, given: Mapping[str, Any]) -> Reading:
    """The reading with these parts; the marks of numbers get their defaults. Raises InvalidInput."""
    if kind is ValueKind.NUMBER:
        decimal = given.get("decimal") or _other_mark(given.get("thousands"))
        _check_marks(decimal, given.get("thousands") or "")
        codes = given.get("codes", False)
        if not isinstance(codes, bool):
            raise InvalidInput("“codes” is true or false: whether 007 and 1E05 are numbers.", field="codes")
        given = {**given, "decimal": decimal, "thousands": given.get("thousands") or "", "codes": codes}
    if kind is ValueKind.DATE:
        given = {**given, "dates": _date_forms(given.get("dates"))}
    reading = _checked({"kind": kind.value, **given})
    if both := set(reading.true) & set(reading.false):
        raise InvalidInput(f"{quoted_list(sorted(both))} cannot mean true and false.", field="true")
    return reading


def _checked(data: Mapping[str, Any]) -> Reading:
    """The reading of this JSON. Raises InvalidInput, for example for a time zone that does not exist."""
    try:
        reading = Reading.from_json(data)
        if reading is not None:
            reading.patterns()
            return reading
    except (TypeError, ValueError) as error:
        raise InvalidInput(
            f"The reading cannot be used: {str(error).rstrip('.')}.", field="reading"
        ) from None
    raise InvalidInput("There is no reading.", field="reading")


def _other_mark(thousands: Any) -> str:
    return "," if thousands == "." else "."


def _check_marks(decimal: Any, thousands: Any) -> None:
    if decimal not in DECIMALS:
        raise InvalidInput(
            f"The decimal mark is {quoted(decimal)}; it has to be one of {quoted_list(DECIMALS)}.",
            field="decimal",
        )
    if thousands not in THOUSANDS or thousands == decimal:
        others = [mark for mark in THOUSANDS if mark and mark != decimal]
        raise InvalidInput(
            f"The thousands mark is {quoted(thousands)}; beside the decimal mark {quoted(decimal)} it has to be "
            f"empty or one of {quoted_list(others)}.",
            field="thousands",
        )


def _date_forms(names: Any) -> list[str]:
    if not isinstance(names, Sequence) or isinstance(names, str) or not names:
        raise InvalidInput(
            f"A reading of dates needs “dates”: at least one form, such as {quoted_list(DATE_FORMS, 3)}.",
            field="dates",
        )
    if unknown := [name for name in names if name not in DATE_FORMS]:
        raise InvalidInput(
            f"There is no date form {quoted_list(unknown)}. Choose from {quoted_list(DATE_FORMS, 99)}.",
            field="dates",
        )
    return list(dict.fromkeys(names))


def _words(words: Any, name: str) -> list[str]:
    if (
        not isinstance(words, Sequence)
        or isinstance(words, str)
        or not all(isinstance(each, str) for each in words)
    ):
        raise InvalidInput(f"{quoted(name)} has to be a list of texts.", field=name)
    cleaned = list(dict.fromkeys(each.strip().lower() for each in words if each.strip()))
    if len(cleaned) > MAX_WORDS or any(len(each) > MAX_WORD_CHARACTERS for each in cleaned):
        raise InvalidInput(
            f"{quoted(name)} can hold {MAX_WORDS} words of {MAX_WORD_CHARACTERS} characters.",
            limit=MAX_WORDS,
            field=name,
        )
    return cleaned


def _text_role(role: Any) -> Role | None:
    if not role:
        return None
    if role not in TEXT_ROLES:
        raise InvalidInput(
            f"A column of text cannot have the role {quoted(role)}. Choose one of {quoted_list(TEXT_ROLES)}.",
            field="role",
        )
    return Role(role)
