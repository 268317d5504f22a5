"""Hyperparameters that people may set: meaning, bounds, and how JSON or form text is read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import InvalidHyperparameters, Problem, listed, shown
from ..types.schema import Task

TRUE_TEXTS = frozenset({"true", "on", "yes", "1"})
FALSE_TEXTS = frozenset({"false", "off", "no", "0"})
SUPERVISED = frozenset(task for task in Task if task.is_supervised)
CLASSIFICATION = frozenset(task for task in Task if task.is_classification)
REGRESSION = frozenset({Task.REGRESSION})
CLUSTERING = frozenset({Task.CLUSTERING})
ANOMALY = frozenset({Task.ANOMALY})


@dataclass(frozen=True)
class Hyperparameter:
    """One knob. `choices` is for kind "choice"; bounds are inclusive; `is_optional` allows None."""

    name: str
    title: str
    kind: Literal["integer", "number", "boolean", "choice"]
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    is_optional: bool = False
    tasks: frozenset[Task] = SUPERVISED

    def convert(self, value: Any) -> Any:
        """The value in its own type, from JSON or form text; the empty text is the default.

        Raises InvalidHyperparameters naming the hyperparameter and what it takes.
        """
        if isinstance(value, str):
            value = value.strip()
            if value == "":
                return self.default
        if value is None:
            if self.is_optional:
                return None
            raise InvalidHyperparameters(f"{self.title} ({self.name}) needs a value: {self.expected}.")
        if self.kind == "boolean":
            return self._boolean(value)
        if self.kind == "choice":
            if value in self.choices:
                return value
            raise self._refusal(value)
        return self._number(value)

    @property
    def expected(self) -> str:
        """What it takes, as the end of a sentence."""
        if self.kind == "boolean":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        kind = "a whole number" if self.kind == "integer" else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}" + (
            ", or nothing" if self.is_optional else ""
        )

    def _refusal(self, value: Any) -> InvalidHyperparameters:
        return InvalidHyperparameters(
            f"{self.title} ({self.name}) takes {self.expected}, not {shown(value)}."
        )

    def _boolean(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).lower()
        if text in TRUE_TEXTS or text in FALSE_TEXTS:
            return text in TRUE_TEXTS
        raise self._refusal(value)

    def _number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self._refusal(value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise self._refusal(value) from None
        is_inside = (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )
        if not math.isfinite(number) or not is_inside or (self.kind == "integer" and not number.is_integer()):
            raise self._refusal(value)
        return int(number) if self.kind == "integer" else number


def convert_all(
    title: str, knobs: Iterable[Hyperparameter], params: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Every hyperparameter with its value or default. Raises InvalidHyperparameters that lists each fault."""
    known = {knob.name: knob for knob in knobs}
    problems = []
    found: dict[str, Any] = {name: knob.default for name, knob in known.items()}
    for name, value in (params or {}).items():
        if name not in known:
            what = f"{title} takes {', '.join(known)}." if known else f"{title} takes none."
            problems.append(Problem(f"There is no hyperparameter {shown(name)}. {what}", str(name)))
            continue
        try:
            found[name] = known[name].convert(value)
        except InvalidHyperparameters as error:
            problems.append(Problem(str(error), name))
    if len(problems) == 1:
        raise InvalidHyperparameters(problems[0].detail, problems=problems)
    if problems:
        names = listed(problem.pointer for problem in problems)
        message = f"{len(problems)} hyperparameters cannot be used: {names}. "
        raise InvalidHyperparameters(
            message + " ".join(each.detail for each in problems[:5]), problems=problems
        )
    return found
