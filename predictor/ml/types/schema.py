"""Schemas of tables and model versions: roles, tasks, column profiles and signatures.

Standard library only, so that models, services and interfaces can read a schema without loading numpy.
Every class here is frozen and has a JSON form (`to_json`, `from_json`) that round-trips.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from .date_forms import WRITTEN_DATES
from .reading import Reading, ValueKind
from .reading_evidence import ReadingEvidence
from .spellings import MAX_CHARACTERS, Proposal

Scalar = str | int | float | bool | None


class Role(StrEnum):
    """Semantic type of a column: how a model uses it."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    TEXT = "text"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"


# The labels of anomaly detection.
USUAL, UNUSUAL = "usual", "unusual"
FEATURE_ROLES = frozenset({Role.NUMERIC, Role.CATEGORICAL, Role.BOOLEAN, Role.DATETIME, Role.TEXT})


class Task(StrEnum):
    """Learning task: what a model predicts."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"
    CLUSTERING = "clustering"
    ANOMALY = "anomaly"
    FORECASTING = "forecasting"

    @property
    def is_classification(self) -> bool:
        """Whether a prediction is one of the target's classes, each with a probability."""
        return self in (Task.BINARY, Task.MULTICLASS)

    @property
    def is_supervised(self) -> bool:
        """Whether the model learns from independent, labelled rows: candidates are compared on held-out rows."""
        return self is Task.REGRESSION or self.is_classification

    @property
    def has_target(self) -> bool:
        """Whether one column is the target; else all columns are features."""
        return self not in (Task.CLUSTERING, Task.ANOMALY)

    @property
    def has_probabilities(self) -> bool:
        """Whether a prediction is a label with a probability for each class or cluster."""
        return self.is_classification or self is Task.CLUSTERING

    @property
    def fitted_as(self) -> Task:
        """The task that its estimators are fitted for: a forecast is a regression on the past."""
        return Task.REGRESSION if self is Task.FORECASTING else self

    @property
    def label(self) -> str:
        """Its name in a sentence."""
        return "anomaly detection" if self is Task.ANOMALY else self.value


def canonical_text(value: Any) -> str | None:
    """The one text form of a scalar in a categorical column; None when the value is missing.

    Integers lose a trailing ".0", booleans are "true" and "false", dates are ISO 8601, text is kept.
    The empty string and NaN are missing.
    """
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    return str(value)


def label_text(label: Any) -> str:
    """A label as text, as the data writes it: a whole number with a point keeps it (1.0)."""
    if isinstance(label, float) and label.is_integer() and abs(label) < 2**53:
        return repr(label)
    return str(canonical_text(label))


@dataclass(frozen=True)
class Level:
    """One distinct value of a column and how many rows hold it."""

    value: str
    count: int


@dataclass(frozen=True)
class Bin:
    """One bar of a histogram over [low, high)."""

    low: float
    high: float
    count: int


@dataclass(frozen=True)
class ColumnProfile:
    """Profile of one column of a dataset: its statistics and its inferred role.

    `storage` is the DuckDB type of the Parquet column (BIGINT, DOUBLE, BOOLEAN, DATE, TIMESTAMP, VARCHAR).
    `minimum`, `maximum` are numbers for numeric columns and ISO 8601 text for dates.
    `reading`: how cells that are stored as text become numbers, dates or truth values; None where they are not text.
    `evidence`: what the reading makes of the cells.
    """

    name: str
    role: Role
    storage: str
    n_missing: int = 0
    n_distinct: int = 0
    minimum: float | str | None = None
    maximum: float | str | None = None
    mean: float | None = None
    median: float | str | None = None
    levels: tuple[Level, ...] = ()
    histogram: tuple[Bin, ...] = ()
    warnings: tuple[str, ...] = ()
    reading: Reading | None = None
    evidence: ReadingEvidence | None = None

    @property
    def may_be_dates(self) -> bool:
        """Whether its whole numbers may be years, months or days: 1949, 194901 or 19490131."""
        least, most = self.minimum, self.maximum
        if (
            self.storage != "BIGINT"
            or not isinstance(least, int | float)
            or not isinstance(most, int | float)
        ):
            return False
        return any(low <= least <= most <= high for low, high in WRITTEN_DATES)

    def with_role(self, role: Role) -> ColumnProfile:
        """The column in this role. Its reading stays when the role does: another role needs other values."""
        if role is self.role:
            return self
        return replace(self, role=role, reading=None, evidence=None)

    @property
    def has_categories(self) -> bool:
        """Whether its cells are texts that are read as categories."""
        is_text = self.storage == "VARCHAR" and self.role is Role.CATEGORICAL
        return is_text and (self.reading is None or self.reading.kind is ValueKind.TEXT)

    @property
    def proposal(self) -> Proposal:
        """What a person may decide about its categories, of those that are listed in `levels`."""
        return Proposal.of(self._counts) if self.has_categories else Proposal()

    def with_categories(self, reading: Reading, counts: Mapping[str, int] | None = None) -> ColumnProfile:
        """The column with its categories read by a reading of texts. `counts`: all texts; default: its levels."""
        counts = self._counts if counts is None else counts
        reading = reading.with_spellings(counts)
        joined: dict[Any, int] = {}
        for text, n in counts.items():
            value = reading.read(text)
            joined[value] = joined.get(value, 0) + n
        n_lost = joined.pop(None, 0)
        levels = sorted(joined.items(), key=lambda each: (-each[1], each[0]))
        return replace(
            self,
            reading=reading,
            n_missing=self.n_missing + n_lost,
            n_distinct=self.n_distinct - (len(counts) - len(joined)),
            levels=tuple(Level(text[: MAX_CHARACTERS + 1], n) for text, n in levels[: len(self.levels)]),
        )

    @property
    def _counts(self) -> dict[str, int]:
        return {level.value: level.count for level in self.levels}

    def to_json(self) -> dict[str, Any]:
        known = _with_reading(asdict(self), self.reading)
        known.pop("evidence")
        return known if self.evidence is None else {**known, "evidence": self.evidence.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ColumnProfile:
        known = {
            **data,
            "role": Role(data["role"]),
            "levels": tuple(Level(**level) for level in data.get("levels", ())),
            "histogram": tuple(Bin(**each) for each in data.get("histogram", ())),
            "warnings": tuple(data.get("warnings", ())),
            "reading": Reading.from_json(data.get("reading")),
            "evidence": ReadingEvidence.from_json(data.get("evidence")),
        }
        return cls(**known)


def _with_reading(data: dict[str, Any], reading: Reading | None) -> dict[str, Any]:
    """The JSON form of a column: without a reading as before there were readings, so that digests stay."""
    data.pop("reading")
    return data if reading is None else {**data, "reading": reading.to_json()}


@dataclass(frozen=True)
class TableSchema:
    """The columns of a dataset in file order. `decimal`: the decimal mark of the file; "" when it is not known."""

    columns: tuple[ColumnProfile, ...]
    n_rows: int
    decimal: str = ""

    def __getitem__(self, name: str) -> ColumnProfile:
        return next(column for column in self.columns if column.name == name)

    def __contains__(self, name: object) -> bool:
        return any(column.name == name for column in self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def roles(self) -> dict[str, Role]:
        return {column.name: column.role for column in self.columns}

    def to_json(self) -> dict[str, Any]:
        known = {"n_rows": self.n_rows, "columns": [column.to_json() for column in self.columns]}
        # Without a mark as before there was one, so that digests stay.
        return {**known, "decimal": self.decimal} if self.decimal else known

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableSchema:
        columns = tuple(ColumnProfile.from_json(column) for column in data["columns"])
        return cls(columns=columns, n_rows=data["n_rows"], decimal=data.get("decimal", ""))


@dataclass(frozen=True)
class FeatureField:
    """One input feature of a model version: what callers may send, and its statistics in training.

    `minimum` and `maximum` are the training range, `typical` the median or the most frequent value
    (a number, a text, a boolean, or ISO 8601 text for dates), `levels` the categories in training,
    most frequent first. `reading`: how texts become values, as in training; None where training had typed values.
    """

    name: str
    role: Role
    has_missing: bool = False
    is_integer: bool = False
    minimum: float | str | None = None
    maximum: float | str | None = None
    typical: Scalar = None
    levels: tuple[str, ...] = ()
    reading: Reading | None = None

    def to_json(self) -> dict[str, Any]:
        return _with_reading(asdict(self), self.reading)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureField:
        levels, reading = tuple(data.get("levels", ())), Reading.from_json(data.get("reading"))
        return cls(**{**data, "role": Role(data["role"]), "levels": levels, "reading": reading})


@dataclass(frozen=True)
class Signature:
    """Model signature: the inputs and the output of a model version.

    `target` is empty for a task without one. `classes` holds the labels as JSON scalars in the order of the
    probabilities; empty where there are none. `positive_class` is the label, as text, of the positive one of two;
    empty in versions stored before it could be chosen, where it is the second.
    `left_out`: the columns that are no features, each with the reason. `class_texts`: the labels as the data writes
    them, where their JSON form says something else: True and False are true and false in JSON.
    """

    target: str
    task: Task
    fields: tuple[FeatureField, ...]
    classes: tuple[Scalar, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    positive_class: str = ""
    class_texts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.fields)

    @property
    def subject(self) -> str:
        """Its name in a sentence: the target, or the task when there is none."""
        return self.target or self.task.label

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        return tuple(map(label_text, self.classes))

    @property
    def positive(self) -> int:
        """The code of the positive class of two."""
        names = self.class_names
        return names.index(self.positive_class) if self.positive_class in names else 1

    @property
    def positive_name(self) -> str:
        """The name of the positive class of two, also of an older version; empty for other tasks."""
        return self.class_names[self.positive] if self.task is Task.BINARY and len(self.classes) == 2 else ""

    @property
    def labels(self) -> tuple[Scalar, ...]:
        """The labels that a prediction can have, by their code; empty where predictions are numbers."""
        return (USUAL, UNUSUAL) if self.task is Task.ANOMALY else self.classes

    @property
    def label_texts(self) -> tuple[str, ...]:
        """The labels as the data writes them, for files."""
        return self.class_texts or tuple(map(label_text, self.labels))

    def typical_row(self) -> dict[str, Scalar]:
        """The median or most frequent value of each field: a row to start from."""
        return {each.name: each.typical for each in self.fields}

    def to_json(self) -> dict[str, Any]:
        return {
            "target": self.target,
            "task": self.task.value,
            "fields": [each.to_json() for each in self.fields],
            "classes": list(self.classes),
            "left_out": dict(self.left_out),
            # Without them as before there were any, so that digests stay.
            **({"positive_class": self.positive_class} if self.positive_class else {}),
            **({"class_texts": list(self.class_texts)} if self.class_texts else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Signature:
        return cls(
            target=data["target"],
            task=Task(data["task"]),
            fields=tuple(FeatureField.from_json(each) for each in data["fields"]),
            classes=tuple(data.get("classes", ())),
            left_out=dict(data.get("left_out", {})),
            positive_class=data.get("positive_class", ""),
            class_texts=tuple(data.get("class_texts", ())),
        )
