"""The target of a training run: task detection, checks that it can be learnt, and class codes or numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from ..types import positive_class
from ..types.reading import Reading
from ..types.schema import ColumnProfile, Role, Scalar, Task, canonical_text, label_text

MIN_ROWS = 20
MAX_CLASSES = 100
# Whole numbers with so few distinct values are classes (ratings, say), unless the caller sets the task.
MAX_INTEGER_CLASSES = 10
SENTENCES = {
    Task.REGRESSION: "a number (regression)",
    Task.BINARY: "one of two classes",
    Task.MULTICLASS: "one of several classes",
}


@dataclass(frozen=True)
class TargetFacts:
    """Statistics of a target that the checks need, from its profile or from its values.

    `lonely_class`: a class of one row; `similar_class`: another spelling of it, where the profile shows one.
    """

    name: str
    role: Role
    n_rows: int
    n_present: int
    n_distinct: int
    is_number: bool
    is_whole: bool
    is_sequence: bool
    lonely_class: str | None = None
    similar_class: str | None = None

    @classmethod
    def from_profile(cls, profile: ColumnProfile, n_rows: int) -> TargetFacts:
        """From the stored profile, without reading values. A rare class is seen only if all levels are listed."""
        n_present = n_rows - profile.n_missing
        low, high = profile.minimum, profile.maximum
        is_number = profile.role in (Role.NUMERIC, Role.CONSTANT) and isinstance(low, (int, float))
        is_whole = is_number and is_whole_numbers(profile)
        span = (
            high - low + 1 if isinstance(low, (int, float)) and isinstance(high, (int, float)) else math.nan
        )
        is_complete = len(profile.levels) == profile.n_distinct
        lonely = [level.value for level in profile.levels if level.count == 1] if is_complete else []
        return cls(
            name=profile.name,
            role=profile.role,
            n_rows=n_rows,
            n_present=n_present,
            n_distinct=profile.n_distinct,
            is_number=is_number,
            is_whole=is_whole,
            is_sequence=is_whole and profile.n_distinct == n_present == span,
            lonely_class=lonely[0] if lonely else None,
            similar_class=_similar(profile, lonely[0]) if lonely else None,
        )

    @classmethod
    def from_values(cls, name: str, role: Role, values: NDArray[Any]) -> TargetFacts:
        """From the values (n,) of a canonical column, missing ones included."""
        present = values[~missing(values)]
        distinct, counts = np.unique(
            present.astype(str) if present.dtype == object else present, return_counts=True
        )
        is_number = role in (Role.NUMERIC, Role.CONSTANT) and present.dtype.kind == "f"
        is_whole = bool(is_number and np.all(present == np.floor(present)))
        span = float(present.max() - present.min() + 1) if is_whole and len(present) else math.nan
        lonely = distinct[counts == 1]
        return cls(
            name=name,
            role=role,
            n_rows=len(values),
            n_present=len(present),
            n_distinct=len(distinct),
            is_number=is_number,
            is_whole=is_whole,
            is_sequence=is_whole and len(distinct) == len(present) == span,
            lonely_class=str(canonical_text(lonely[0].item())) if len(lonely) else None,
        )


@dataclass(frozen=True)
class Target:
    """A target ready for fitting: `y` is float64 for regression, class codes (intp) else.

    `classes` holds the labels as JSON scalars in the order of their codes; empty for regression.
    `positive` is the code of the positive class of two. `weights`: how much each row counts; None: all the same.
    """

    name: str
    task: Task
    y: NDArray[Any]
    classes: tuple[Scalar, ...] = ()
    positive: int = 1
    weights: NDArray[np.float64] | None = None

    @property
    def n_classes(self) -> int:
        return len(self.classes)

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(map(label_text, self.classes))

    @property
    def positive_name(self) -> str:
        """The label of the positive class of two, as text; empty for other tasks."""
        is_binary = self.task is Task.BINARY and self.n_classes == 2
        return self.class_names[self.positive] if is_binary else ""

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """Mask (n,) of the rows of the positive class."""
        return np.asarray(self.y == self.positive)

    def rows(self, index: NDArray[np.intp]) -> Target:
        weights = None if self.weights is None else self.weights[index]
        return replace(self, y=self.y[index], weights=weights)


def _similar(profile: ColumnProfile, label: str) -> str | None:
    """The most frequent other spelling of a class."""
    groups = [group for group in profile.proposal.joined if label in group]
    others = {text: n for group in groups for text, n in group.items() if text != label}
    return max(others, key=lambda text: others[text]) if others else None


def is_whole_numbers(profile: ColumnProfile) -> bool:
    """Whether all values are whole, also when they are written with a point: 1.0, as pandas does if some are missing.

    Values that the profile does not list are taken for fractions.
    """
    if "INT" in profile.storage:
        return True
    if len(profile.levels) != profile.n_distinct:
        return False
    return all(_is_whole(level.value, profile.reading) for level in profile.levels)


def _is_whole(text: str, reading: Reading | None) -> bool:
    try:
        value = float(text) if reading is None else reading.read(text)
    except ValueError:
        return False
    return value is None or (isinstance(value, (int, float)) and float(value).is_integer())


def missing(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Mask (n,) of the missing values of a canonical column."""
    if values.dtype == object:
        return np.fromiter((value is None for value in values), bool, len(values))
    is_missing: NDArray[np.bool_] = np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)
    return is_missing


def find_task(facts: TargetFacts) -> Task:
    """Detect the task of a target, for callers that do not set it."""
    if facts.n_distinct == 2:
        return Task.BINARY
    is_measured = facts.is_number and not (facts.is_whole and facts.n_distinct <= MAX_INTEGER_CLASSES)
    return Task.REGRESSION if is_measured else Task.MULTICLASS


def check_target(facts: TargetFacts, requested: Task | None) -> Task:
    """The task to train for. Raises InvalidTrainingRequest with the reason why this target cannot be learnt."""
    _check_values(facts)
    _check_kind(facts, requested)
    task = requested or find_task(facts)
    _check_task(facts, task)
    if task.is_classification:
        _check_classes(facts)
    return task


def _check_values(facts: TargetFacts) -> None:
    name = quoted(facts.name)
    if facts.n_present == 0:
        raise InvalidTrainingRequest(f"The target {name} has no values. Choose another column as target.")
    if facts.n_distinct == 1:
        raise InvalidTrainingRequest(
            f"The target {name} has the same value in every row, so there is nothing to predict."
        )
    if facts.n_present < MIN_ROWS:
        raise InvalidTrainingRequest(
            f"Only {facts.n_present} rows have a value in the target {name}; at least {MIN_ROWS} are needed.",
            limit=MIN_ROWS,
        )


def _check_kind(facts: TargetFacts, requested: Task | None) -> None:
    name = quoted(facts.name)
    looks_like_id = facts.role is Role.IDENTIFIER or (facts.is_sequence and requested is not Task.REGRESSION)
    is_mostly_unique = not facts.is_number and facts.n_distinct > max(MAX_CLASSES, facts.n_present // 2)
    if facts.role is Role.DATETIME:
        raise InvalidTrainingRequest(f"The target {name} is a date. Choose a number or a category as target.")
    if looks_like_id or is_mostly_unique or (not facts.is_number and facts.n_distinct == facts.n_present):
        raise InvalidTrainingRequest(
            f"The target {name} looks like an identifier: {facts.n_distinct} different values in "
            f"{facts.n_present} rows. A value that never comes again cannot be predicted; "
            "choose another column."
        )


def _check_task(facts: TargetFacts, task: Task) -> None:
    name = quoted(facts.name)
    if task is Task.REGRESSION and not facts.is_number:
        raise InvalidTrainingRequest(
            f"The target {name} does not hold numbers, so it cannot be predicted as {SENTENCES[task]}."
        )
    if task is Task.BINARY and facts.n_distinct != 2:
        raise InvalidTrainingRequest(
            f"The target {name} has {facts.n_distinct} different values, "
            f"so it cannot be predicted as {SENTENCES[task]}."
        )
    if task is Task.MULTICLASS and facts.n_distinct < 3:
        raise InvalidTrainingRequest(f"The target {name} has only two different values; train it as binary.")


def _check_classes(facts: TargetFacts) -> None:
    name = quoted(facts.name)
    if facts.n_distinct > MAX_CLASSES:
        raise InvalidTrainingRequest(
            f"The target {name} has {facts.n_distinct} classes; at most {MAX_CLASSES} can be told apart.",
            limit=MAX_CLASSES,
        )
    if facts.lonely_class is not None:
        raise InvalidTrainingRequest(
            f"The class {quoted(facts.lonely_class)} of the target {name} has one row only. "
            f"{_remedy(facts)}: it cannot be both learnt and tested."
        )


def _remedy(facts: TargetFacts) -> str:
    if facts.similar_class is not None:
        return f"Leave that row out, or join its spelling with that of {quoted(facts.similar_class)}"
    return "Leave that row out or join the class with another"


def make_target(
    name: str, task: Task, values: NDArray[Any], *, is_boolean: bool = False, has_points: bool = False
) -> Target:
    """The target of rows that all have a value. `has_points`: its numbers are written as 1.0, so its labels are too."""
    if task is Task.REGRESSION:
        return Target(name, task, np.asarray(values, np.float64))
    if values.dtype == object:
        labels, codes = np.unique(values.astype(str), return_inverse=True)
        return Target(name, task, codes.astype(np.intp), tuple(str(label) for label in labels))
    numbers, codes = np.unique(values, return_inverse=True)
    has_points = has_points and bool(np.all(numbers == np.floor(numbers)))
    classes = tuple(_label(each, is_boolean, has_points) for each in numbers)
    return Target(name, task, codes.astype(np.intp), classes)


def _label(value: Any, is_boolean: bool, has_points: bool) -> Scalar:
    number = float(value)
    if is_boolean:
        return bool(number)
    if has_points:
        return number
    return int(number) if number.is_integer() else number


def class_counts(target: Target) -> Mapping[str, int]:
    """The number of rows of each class, by its label as text."""
    counts = np.bincount(target.y, minlength=target.n_classes)
    return dict(zip(target.class_names, (int(each) for each in counts), strict=True))


def with_positive_class(target: Target, asked: str) -> Target:
    """The target with the positive class that was asked for, or the proposed one for "".

    Raises InvalidTrainingRequest for a class that does not occur.
    """
    if target.task is not Task.BINARY:
        return target
    chosen = asked or positive_class.proposed(class_counts(target))
    return replace(target, positive=positive_class.found_in(target.class_names, chosen))
