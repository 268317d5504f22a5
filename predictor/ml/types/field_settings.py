"""How an owner wants the columns of a model shown and bounded in forms: labels, units, order, fixed values, ranges.

They say nothing of how a version computes: a column keeps its name in every interface.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import InvalidInput, Problem, quoted, quoted_list
from .schema import Scalar, Signature, canonical_text

MAX_LABEL, MAX_UNIT, MAX_HELP, MAX_CHOICES, MAX_TEXT = 120, 20, 300, 100, 200
MAX_ORDER = 9_999
# The names in JSON; of flags, with their attributes.
TEXTS = {"label": MAX_LABEL, "unit": MAX_UNIT, "help": MAX_HELP}
FLAGS = {"hidden": "is_hidden", "immutable": "is_immutable"}
BOUNDS = ("minimum", "maximum")
NAMES = (*TEXTS, "order", *FLAGS, "locked", *BOUNDS, "choices")


@dataclass(frozen=True)
class FieldSetting:
    """The setting of one column. `locked` holds only with `is_locked`: a column can be fixed to missing."""

    label: str = ""
    unit: str = ""
    help: str = ""
    order: int | None = None
    is_hidden: bool = False
    is_immutable: bool = False
    is_locked: bool = False
    locked: Scalar = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def is_fixed(self) -> bool:
        """Whether people who fill a form cannot change the value."""
        return self.is_locked or self.is_hidden

    def to_json(self) -> dict[str, Any]:
        """Only what is set."""
        found: dict[str, Any] = {name: getattr(self, name) for name in TEXTS if getattr(self, name)}
        if self.order is not None:
            found["order"] = self.order
        found |= {name: True for name, attribute in FLAGS.items() if getattr(self, attribute)}
        if self.is_locked:
            found["locked"] = self.locked
        found |= {name: getattr(self, name) for name in BOUNDS if getattr(self, name) is not None}
        return {**found, "choices": list(self.choices)} if self.choices else found

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FieldSetting:
        """Raises InvalidInput with a sentence for the first fault."""
        if unknown := sorted(set(data) - set(NAMES)):
            raise InvalidInput(
                f"A column has no setting {quoted_list(unknown)}; it may have {', '.join(NAMES)}."
            )
        label, unit, help_text = (_text(name, data.get(name, ""), limit) for name, limit in TEXTS.items())
        is_hidden, is_immutable = (_flag(name, data.get(name, False)) for name in FLAGS)
        low, high = (_bound(name, data.get(name)) for name in BOUNDS)
        if low is not None and high is not None and low > high:
            raise InvalidInput("The smallest allowed value is greater than the greatest one.")
        locked = data.get("locked")
        if not isinstance(locked, str | int | float | None) or _is_infinite(locked):
            raise InvalidInput("A fixed value is a number, a text, true, false or null.")
        if isinstance(locked, str):
            _text("locked", locked, MAX_TEXT)
        return cls(
            label=label,
            unit=unit,
            help=help_text,
            is_hidden=is_hidden,
            is_immutable=is_immutable,
            order=_order(data.get("order")),
            is_locked="locked" in data,
            locked=locked,
            minimum=low,
            maximum=high,
            choices=_choices(data.get("choices", ())),
        )

    def fault_of(self, value: Scalar) -> str:
        """Why the value is not allowed, as a sentence; empty when it is, and for a missing value."""
        if value is None or value == "":
            return ""
        if self.choices and str(canonical_text(value)) not in self.choices:
            return f"Choose one of {quoted_list(self.choices)}; got {quoted(value)}."
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ""
        if self.minimum is not None and value < self.minimum:
            return f"The smallest allowed value is {self.minimum:g}; got {quoted(value)}."
        if self.maximum is not None and value > self.maximum:
            return f"The greatest allowed value is {self.maximum:g}; got {quoted(value)}."
        return ""


PLAIN = FieldSetting()


@dataclass(frozen=True)
class FieldSettings:
    """The settings of all columns of a model, by name; a column without one is shown plainly."""

    fields: Mapping[str, FieldSetting] = field(default_factory=dict)

    def of(self, name: str) -> FieldSetting:
        return self.fields.get(name, PLAIN)

    def fixed(self, signature: Signature, shown: Collection[str] | None = None) -> dict[str, Scalar]:
        """The values of columns that people cannot change: the locked value, else the typical one of training.

        `shown`: the columns that a form asks for; None: all that are not hidden.
        """
        found = {}
        for each in signature.fields:
            setting = self.of(each.name)
            is_asked = not setting.is_hidden if shown is None else each.name in shown
            if setting.is_locked or setting.is_hidden or not is_asked:
                found[each.name] = setting.locked if setting.is_locked else each.typical
        return found

    def immutable(self, signature: Signature) -> list[str]:
        """The columns that counterfactuals leave as they are."""
        settings = ((name, self.of(name)) for name in signature.names)
        return [name for name, each in settings if each.is_immutable or each.is_fixed]

    def problems(self, row: Mapping[str, Any], names: Iterable[str]) -> list[Problem]:
        """The values that are not allowed, each with the column's JSON pointer in the row."""
        faults = ((name, self.of(name).fault_of(row.get(name))) for name in names if name in self.fields)
        return [Problem(fault, f"/rows/0/{escaped(name)}") for name, fault in faults if fault]

    def to_json(self) -> dict[str, Any]:
        entries = {name: each.to_json() for name, each in self.fields.items()}
        return {name: entry for name, entry in entries.items() if entry}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FieldSettings:
        """Raises InvalidInput; each problem names its column."""
        fields, problems = {}, []
        for name, entry in data.items():
            try:
                if not isinstance(entry, Mapping):
                    raise InvalidInput("The settings of a column are an object.")
                fields[name] = FieldSetting.from_json(entry)
            except InvalidInput as error:
                problems.append(Problem(error.message, f"/fields/{escaped(name)}"))
        if problems:
            raise InvalidInput(f"Column settings are invalid: {problems[0].detail}", problems=problems[:20])
        return cls(fields)


def escaped(name: str) -> str:
    """A name as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _text(name: str, value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"The {name} has to be text.")
    text = value.strip() if name != "locked" else value
    if len(text) > limit:
        raise InvalidInput(f"The {name} may have {limit} characters; it has {len(text):,}.", limit=limit)
    if any(not character.isprintable() and character not in "\n\t" for character in text):
        raise InvalidInput(f"The {name} has characters that cannot be shown.")
    return text


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(f"The setting {name} is true or false.")
    return value


def _bound(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or _is_infinite(value):
        raise InvalidInput(f"The {name} has to be a finite number.")
    return float(value)


def _is_infinite(value: Any) -> bool:
    try:
        return isinstance(value, int | float) and not math.isfinite(value)
    except OverflowError:
        return True


def _order(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_ORDER:
        raise InvalidInput(f"The order is a whole number from 0 to {MAX_ORDER:,}.", limit=MAX_ORDER)
    return value


def _choices(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_CHOICES:
        raise InvalidInput(f"The choices are a list of at most {MAX_CHOICES} texts.", limit=MAX_CHOICES)
    found = [str(canonical_text(each) or "") for each in value if isinstance(each, str | int | float)]
    if len(found) != len(value) or any(not each or len(each) > MAX_TEXT for each in found):
        raise InvalidInput(f"Each choice is a text of 1 to {MAX_TEXT} characters.", limit=MAX_TEXT)
    return tuple(dict.fromkeys(found))
