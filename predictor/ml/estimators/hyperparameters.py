"""Hyperparameters that users may set: type, bounds, and parsing from JSON or form text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import InvalidHyperparameters, Problem, quoted, quoted_list
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
    """One hyperparameter. `choices` is for kind "choice"; bounds are inclusive; `is_optional` allows None."""

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
        """Parse and validate a value from JSON or form text; empty text means the default.

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
            raise self._error(value)
        return self._number(value)

    @property
    def expected(self) -> str:
        """The accepted values, as the end of an error sentence."""
        if self.kind == "boolean":
            return "true or false"
        if self.kind == "choice":
            return "one of " + ", ".join(self.choices)
        kind = "a whole number" if self.kind == "integer" else "a number"
        return f"{kind} from {self.minimum:g} to {self.maximum:g}" + (
            ", or nothing" if self.is_optional else ""
        )

    def _error(self, value: Any) -> InvalidHyperparameters:
        return InvalidHyperparameters(
            f"{self.title} ({self.name}) takes {self.expected}, not {quoted(value)}."
        )

    def _boolean(self, value: Any) -> bool:
        if isinstance(value, bool):
            return value
        text = str(value).lower()
        if text in TRUE_TEXTS or text in FALSE_TEXTS:
            return text in TRUE_TEXTS
        raise self._error(value)

    def _number(self, value: Any) -> int | float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise self._error(value)
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise self._error(value) from None
        is_inside = (self.minimum is None or number >= self.minimum) and (
            self.maximum is None or number <= self.maximum
        )
        if not math.isfinite(number) or not is_inside or (self.kind == "integer" and not number.is_integer()):
            raise self._error(value)
        return int(number) if self.kind == "integer" else number


def convert_all(
    title: str, hyperparameters: Iterable[Hyperparameter], params: Mapping[str, Any] | None
) -> dict[str, Any]:
    """All hyperparameters with their value or default. Raises InvalidHyperparameters that lists each fault."""
    known = {each.name: each for each in hyperparameters}
    problems = []
    values: dict[str, Any] = {name: each.default for name, each in known.items()}
    for name, value in (params or {}).items():
        if name not in known:
            accepted = f"{title} takes {', '.join(known)}." if known else f"{title} takes none."
            problems.append(Problem(f"There is no hyperparameter {quoted(name)}. {accepted}", str(name)))
            continue
        try:
            values[name] = known[name].convert(value)
        except InvalidHyperparameters as error:
            problems.append(Problem(str(error), name))
    if len(problems) == 1:
        raise InvalidHyperparameters(problems[0].detail, problems=problems)
    if problems:
        names = quoted_list(problem.pointer for problem in problems)
        message = f"{len(problems)} hyperparameters cannot be used: {names}. "
        raise InvalidHyperparameters(
            message + " ".join(each.detail for each in problems[:5]), problems=problems
        )
    return values
