"""Training request: the options of a training run, as a frozen dataclass with a JSON form.

Standard library only: the service that queues a run and the supervisor that starts the child read it
without loading numpy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from ...errors import InvalidTrainingRequest, quoted, quoted_list
from . import monotone
from .monotone import Direction
from .reading import Reading, ValueKind
from .reading_choice import MAX_LOST_SHARE
from .schema import ColumnProfile, Role, TableSchema, Task
from .spellings import IGNORED, MAX_CHARACTERS, tidied
from .split import SplitBy, SplitKind
from .threshold_rule import ThresholdRule

AUTO = "auto"
# Named time budgets, in seconds.
EFFORTS = {"quick": 10, "standard": 60, "thorough": 600}
# From this budget on, Auto uses model-based hyperparameter tuning (TPE).
THOROUGH_SECONDS = 240.0

# Options of a forecast: the keys of `frequency.NAMED`, and how rows of one period are aggregated.
FREQUENCIES = ("hourly", "daily", "weekly", "monthly", "quarterly", "yearly")
AGGREGATIONS = ("sum", "mean")
MAX_HORIZON = 500
# Options of a forecast that list columns.
COLUMN_LISTS = ("known_columns", "static_columns")
# Words that mean missing in one column.
MAX_WORDS = 100

# The options that a TrainingRun row keeps. Its columns have the names and values of the JSON form.
ROW_FIELDS = (
    "target", "task", "estimator", "params", "roles", "max_lost_share", "budget_seconds", "seed", "split", "threshold",
    "forecast", "positive_class", "readings", "monotone", "weight_column",
)  # fmt: skip


@dataclass(frozen=True)
class TrainingLimits:
    """Resource limits of a training run.

    `n_threads` fits run in parallel, each with one thread, so that fits do not compete for a core.
    `max_memory_bytes` limits the memory that one fit may add; None: no limit.
    `max_members` limits a blend, because each member adds to file size and prediction latency.
    """

    n_threads: int = 1
    max_memory_bytes: int | None = None
    max_members: int = 8


@dataclass(frozen=True)
class ForecastOptions:
    """Options of forecasting, besides the target.

    `group_column` names the series of a table that holds several; "" when it holds one. `horizon` is how many
    periods ahead, 0 for the default of the frequency. `frequency` is inferred from the dates when it is "".
    `aggregation` combines rows of one period: "sum", "mean", or "" to refuse them.
    `known_columns`: their values of the future are known when a forecast is made. `static_columns`: one value for each
    series. `holidays`: the country, and perhaps its part, whose public holidays are used ("DE", "DE-BY").
    """

    date_column: str
    group_column: str = ""
    horizon: int = 0
    frequency: str = ""
    aggregation: str = ""
    known_columns: tuple[str, ...] = ()
    static_columns: tuple[str, ...] = ()
    holidays: str = ""

    def to_json(self) -> dict[str, Any]:
        # Left out when not given: the digest of older requests stays as it is.
        lists = {name: list(getattr(self, name)) for name in COLUMN_LISTS if getattr(self, name)}
        holidays = {"holidays": self.holidays} if self.holidays else {}
        old = {name: value for name, value in asdict(self).items() if name not in (*COLUMN_LISTS, "holidays")}
        return {**old, **lists, **holidays}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> ForecastOptions | None:
        """None for nothing; an option that is None or missing is not given. Raises InvalidTrainingRequest."""
        given = {name: value for name, value in (data or {}).items() if value not in (None, "", [], ())}
        if not given:
            return None
        unknown = sorted(set(given) - set(cls.__dataclass_fields__))
        texts = [name for name in given if name not in ("horizon", *COLUMN_LISTS)]
        horizon = given.get("horizon", 0)
        if unknown or not all(isinstance(given[name], str) for name in texts):
            raise InvalidTrainingRequest(
                f"A forecast takes {quoted_list(cls.__dataclass_fields__, 8)}; all but the horizon and the lists of "
                "columns are texts."
            )
        lists = {name: column_list(given[name], name) for name in COLUMN_LISTS if name in given}
        if isinstance(horizon, bool) or not isinstance(horizon, int):
            raise InvalidTrainingRequest(
                f"The horizon is {quoted(horizon)}; it has to be a whole number of periods.", field="horizon"
            )
        return cls(**{"date_column": "", **given, **lists})


def column_list(value: Any, field: str) -> tuple[str, ...]:
    """Distinct names of columns, from a list. Raises InvalidTrainingRequest."""
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InvalidTrainingRequest(f"{quoted(field)} has to be a list of column names.", field=field)
    return tuple(dict.fromkeys(value))


@dataclass(frozen=True)
class TrainingRequest:
    """Training request: a table, a target (empty for a task without one), and a time budget.

    `schema` is the dataset's; `roles` overrides the inferred roles of some of its columns. `max_lost_share`: the
    largest share of a column's filled cells that such a role may empty.
    `task` None means: inferred from the target. `estimator` is "auto" or a key of the catalogue, with `params`.
    `budget_seconds` is wall time from the start of the child to its result. `split` says which rows are held out.
    `threshold`: the rule for the decision threshold of a binary task; None leaves it at 0.5.
    `positive_class`: the label of the positive class of a binary task; "" leaves it to `positive_class.proposed`.
    `forecast`: the options of forecasting, None for other tasks.
    `readings`: how the categories of some columns are read in this run, beside what the dataset joins already.
    `monotone`: columns of numbers that the prediction may follow in one direction only.
    `weight_column`: a column of numbers that say how much each row counts; "" for none.
    """

    parquet: str
    schema: TableSchema
    target: str
    task: Task | None = None
    estimator: str = AUTO
    params: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, Role] = field(default_factory=dict)
    budget_seconds: float = 60.0
    seed: int = 0
    holdout_share: float = 0.2
    n_folds: int = 5
    split: SplitBy = field(default_factory=SplitBy)
    limits: TrainingLimits = field(default_factory=TrainingLimits)
    threshold: ThresholdRule | None = None
    forecast: ForecastOptions | None = None
    max_lost_share: float = MAX_LOST_SHARE
    positive_class: str = ""
    readings: Mapping[str, Reading] = field(default_factory=dict)
    monotone: Mapping[str, Direction] = field(default_factory=dict)
    weight_column: str = ""

    @property
    def table(self) -> TableSchema:
        """The schema with the overridden roles and readings in it.

        The group column of a split is not a feature: new rows belong to new groups. Neither are weights.
        """
        roles = dict(self.roles)
        if self.weight_column and self.weight_column != self.target:
            roles[self.weight_column] = Role.IDENTIFIER
        if self.split.kind is SplitKind.GROUP and self.split.column not in (None, self.target):
            roles[str(self.split.column)] = Role.IDENTIFIER
        columns = tuple(
            self._read(column.with_role(roles.get(column.name, column.role)))
            for column in self.schema.columns
        )
        return replace(self.schema, columns=columns)

    def _read(self, column: ColumnProfile) -> ColumnProfile:
        reading = self.readings.get(column.name)
        if reading is None or not column.has_categories:
            return column
        return column.with_categories(reading.joined_with(column.reading))

    @property
    def digest(self) -> str:
        """SHA-256 of the request. It names the checkpoints, so that those of another request are never used."""
        return sha256(json.dumps(self.to_json(), sort_keys=True).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        readings = {name: reading.to_json() for name, reading in self.readings.items()}
        # Without readings as before there were any, so that digests stay.
        return self._options_to_json() | ({"readings": readings} if readings else {})

    def _options_to_json(self) -> dict[str, Any]:
        return {
            "parquet": self.parquet,
            "schema": self.schema.to_json(),
            "target": self.target,
            "task": self.task.value if self.task else None,
            "estimator": self.estimator,
            "params": dict(self.params),
            "roles": {name: Role(role).value for name, role in self.roles.items()},
            "budget_seconds": self.budget_seconds,
            "seed": self.seed,
            "holdout_share": self.holdout_share,
            "n_folds": self.n_folds,
            "split": self.split.to_json(),
            "limits": asdict(self.limits),
            "threshold": self.threshold.to_json() if self.threshold else None,
            "forecast": self.forecast.to_json() if self.forecast else None,
            # Left out when not given: the digest of older requests stays as it is.
            **({"max_lost_share": self.max_lost_share} if self.max_lost_share != MAX_LOST_SHARE else {}),
            **({"positive_class": self.positive_class} if self.positive_class else {}),
            **(
                {"monotone": {name: each.value for name, each in self.monotone.items()}}
                if self.monotone
                else {}
            ),
            **({"weight_column": self.weight_column} if self.weight_column else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainingRequest:
        """Raises InvalidTrainingRequest when a part is missing or is not what it should be."""
        try:
            known = {
                **_parsed(data),
                "schema": TableSchema.from_json(data["schema"]),
                "limits": TrainingLimits(**data.get("limits", {})),
            }
            return cls(**known)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidTrainingRequest(f"The training request cannot be read: {error}.") from error

    @classmethod
    def read(cls, path: Path) -> TrainingRequest:
        try:
            return cls.from_json(json.loads(path.read_text("utf-8")))
        except OSError as error:
            # Its text would hold the path.
            raise InvalidTrainingRequest(f"The training request cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise InvalidTrainingRequest(f"The training request cannot be read: {error}.") from error

    def to_row_fields(self) -> dict[str, Any]:
        """The columns of a TrainingRun row, which take no NULL: {} stands for None. The task has to be set."""
        data = {
            "positive_class": "",
            "weight_column": "",
            "max_lost_share": self.max_lost_share,
            **self.to_json(),
        }
        return {name: {} if data.get(name) is None else data[name] for name in ROW_FIELDS}

    @classmethod
    def of(cls, run: object, *, parquet: str, schema: TableSchema, limits: TrainingLimits) -> TrainingRequest:
        """The request of a TrainingRun row: the reverse of `to_row_fields`."""
        options = _parsed({name: getattr(run, name) for name in ROW_FIELDS})
        return cls(parquet=parquet, schema=schema, limits=limits, **options)


def _parsed(data: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON form with its options as objects; a missing option gets its default."""
    return {
        **data,
        "task": Task(data["task"]) if data.get("task") else None,
        "roles": {name: Role(role) for name, role in data.get("roles", {}).items()},
        "split": SplitBy.from_json(data.get("split")),
        "threshold": ThresholdRule.from_json(data["threshold"]) if data.get("threshold") else None,
        "forecast": ForecastOptions.from_json(data.get("forecast")),
        "readings": {name: parsed_reading(each) for name, each in (data.get("readings") or {}).items()},
        "monotone": monotone.parsed(data.get("monotone")),
    }


def parsed_reading(data: Any) -> Reading:
    """How the categories of a column are read: {kind: "text", ignores?, missing?}. Raises InvalidTrainingRequest.

    Spellings are found in the column, so those that are given are not used.
    """
    options = dict(data) if isinstance(data, Mapping) else {}
    ignores, words = options.pop("ignores", ()), options.pop("missing", ())
    is_known = options.pop("kind", None) == ValueKind.TEXT and not set(options) - {"spellings"}
    are_texts = all(
        isinstance(each, (list, tuple)) and all(isinstance(word, str) for word in each)
        for each in (ignores, words)
    )
    if not is_known or not are_texts or not set(ignores) <= set(IGNORED):
        raise InvalidTrainingRequest(
            'The reading of a column\'s categories is {"kind": "text"}, with "ignores" (a list of '
            f'{quoted_list(IGNORED)}) and "missing" (a list of words).',
            field="readings",
        )
    if len(words) > MAX_WORDS or any(len(word) > MAX_CHARACTERS for word in words):
        raise InvalidTrainingRequest(
            f"A reading takes {MAX_WORDS} words for missing of {MAX_CHARACTERS} characters at most.",
            field="readings",
            limit=MAX_WORDS,
        )
    missing = tuple(dict.fromkeys(word for each in words if (word := tidied(each).lower())))
    return Reading(
        ValueKind.TEXT, ignores=tuple(each for each in IGNORED if each in ignores), missing=missing
    )
