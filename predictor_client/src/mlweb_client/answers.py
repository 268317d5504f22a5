"""Typed responses of the API. Keys that a newer server adds are ignored; `raw` holds all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Scalar = str | float | int | bool | None
FINISHED = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class Warned:
    """Warning about a value of a row. `code`: missing, unseen, out_of_range, coerced or extra."""

    code: str
    column: str
    message: str


@dataclass(frozen=True)
class Interval:
    """Prediction interval: holds the true value with a probability of `coverage`."""

    low: float
    high: float
    coverage: float


@dataclass(frozen=True)
class PredictionSet:
    """Prediction set: holds the true class with a probability of `coverage`."""

    classes: tuple[Scalar, ...]
    coverage: float


@dataclass(frozen=True)
class Explanation:
    """Shapley values: `base` and the contributions sum to the value, or to the probability of `of_class`."""

    base: float
    contributions: Mapping[str, float]
    of_class: Scalar = None


@dataclass(frozen=True)
class Near:
    """Nearest training row, with its true target. `distance`: 0 for an equal row, 1 if all columns differ."""

    distance: float
    row: Mapping[str, Scalar]
    target: Scalar


@dataclass(frozen=True)
class Prediction:
    """Prediction of one row. `error`: why there is none, else "".

    `score` (anomaly detection): the share of rows that are less unusual. `row` (horizon of a forecast): the date
    and the series. `quantiles`: by the probability that was asked for.
    """

    id: str
    prediction: Scalar
    probabilities: Mapping[str, float] | None = None
    interval: Interval | None = None
    set: PredictionSet | None = None
    explanation: Explanation | None = None
    warnings: tuple[Warned, ...] = ()
    error: str = ""
    score: float | None = None
    nearest: tuple[Near, ...] = ()
    row: Mapping[str, Scalar] | None = None
    quantiles: Mapping[str, float] | None = None
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Prediction:
        interval, within, explained = data.get("interval"), data.get("set"), data.get("explanation")
        return cls(
            id=str(data["id"]),
            prediction=data["prediction"],
            probabilities=data.get("probabilities"),
            interval=Interval(interval["low"], interval["high"], interval["coverage"]) if interval else None,
            set=PredictionSet(tuple(within["classes"]), within["coverage"]) if within else None,
            explanation=Explanation(explained["base"], explained["contributions"], explained.get("class"))
            if explained
            else None,
            warnings=tuple(
                Warned(each["code"], each["column"], each["message"]) for each in data.get("warnings", ())
            ),
            error=str(data.get("error", "")),
            score=data.get("score"),
            nearest=tuple(
                Near(each["distance"], each["row"], each["target"]) for each in data.get("nearest", ())
            ),
            row=data.get("row"),
            quantiles=data.get("quantiles"),
            raw=data,
        )


@dataclass(frozen=True)
class Answer(Sequence[Prediction]):
    """Predictions in the order of the rows, and the version that made them.

    `threshold`: decision threshold of a binary model, from which probability `positive_class` is predicted; None
    if the more probable class is.
    """

    model: str
    version: int
    request_id: str
    latency_ms: float
    predictions: tuple[Prediction, ...]
    threshold: float | None = None
    positive_class: str | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Answer:
        return cls(
            model=data["model"],
            version=data["version"],
            request_id=data["request_id"],
            latency_ms=data.get("latency_ms", 0.0),
            predictions=tuple(map(Prediction.from_json, data["predictions"])),
            threshold=data.get("threshold"),
            positive_class=data.get("positive_class"),
        )

    def __len__(self) -> int:
        return len(self.predictions)

    def __getitem__(self, place: Any) -> Any:
        return self.predictions[place]

    def __iter__(self) -> Iterator[Prediction]:
        return iter(self.predictions)


@dataclass(frozen=True)
class Dataset:
    """An uploaded table."""

    id: int
    name: str
    n_rows: int
    n_columns: int
    sha256: str
    columns: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Dataset:
        columns = tuple(each["name"] for each in data.get("columns") or ())
        return cls(data["id"], data["name"], data["n_rows"], data["n_columns"], data["sha256"], columns, data)


@dataclass(frozen=True)
class Run:
    """A training run. `is_finished` once it succeeded, failed or was cancelled."""

    id: int
    status: str
    registered_model: str
    version: int | None
    progress: float
    progress_message: str
    error: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Run:
        return cls(
            id=data["id"],
            status=data["status"],
            registered_model=data["registered_model"],
            version=data.get("model_version"),
            progress=data.get("progress") or 0.0,
            progress_message=data.get("progress_message", ""),
            error=data.get("error", ""),
            metrics=data.get("metrics") or {},
            raw=data,
        )

    @property
    def kind(self) -> str:
        return "Training run"

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True)
class Batch:
    """Batch prediction of a file by a worker. `row_errors`: {"row", "message"} of the first rows that failed."""

    id: int
    status: str
    registered_model: str
    version: int
    n_rows_done: int
    n_errors: int
    progress: float
    error: str
    row_errors: tuple[Mapping[str, Any], ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Batch:
        return cls(
            id=data["id"],
            status=data["status"],
            registered_model=data["registered_model"],
            version=data["model_version"],
            n_rows_done=data.get("n_rows_done") or 0,
            n_errors=data.get("n_errors") or 0,
            progress=data.get("progress") or 0.0,
            error=data.get("error", ""),
            row_errors=tuple(data.get("row_errors") or ()),
            raw=data,
        )

    @property
    def kind(self) -> str:
        return "Batch"

    @property
    def is_finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True)
class Model:
    """A registered model: the name that clients know, and the versions behind its aliases."""

    slug: str
    name: str
    n_versions: int
    aliases: Mapping[str, int]
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Model:
        return cls(data["slug"], data["name"], data["n_versions"], data["aliases"], data)


@dataclass(frozen=True)
class Version:
    """A model version. `signature` is empty in a list."""

    model: str
    number: int
    aliases: tuple[str, ...]
    task: str
    estimator: str
    metrics: Mapping[str, Any]
    is_archived: bool
    signature: Mapping[str, Any] = field(default_factory=dict, repr=False)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Version:
        return cls(
            model=data["model"],
            number=data["number"],
            aliases=tuple(data["aliases"]),
            task=data["task"],
            estimator=data["estimator"],
            metrics=data["metrics"],
            is_archived=data["is_archived"],
            signature=data.get("signature") or {},
            raw=data,
        )
