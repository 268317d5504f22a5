"""Comparison of two model versions: metrics, hyperparameters, features, dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import InvalidInput
from ...ml.types.schema import Scalar, Task
from ...models import ModelVersion

Side = Literal["a", "b"]

# For these, less is better; for every other metric, more is.
SMALLER_IS_BETTER = frozenset(
    {
        "mse",
        "rmse",
        "mae",
        "median_absolute_error",
        "max_error",
        "mape",
        "log_loss",
        "brier",
        "calibration_error",
        "poisson_deviance",
        "mase",
        "smape",
        "scaled_rmse",
    }
)


# For these, neither more nor less is better.
NEITHER_IS_BETTER = frozenset({"n_clusters", "largest_share", "n_clear", "contamination"})


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of both versions; `better` is None when they are equal or one is missing."""

    name: str
    a: float | None
    b: float | None
    better: Side | None


@dataclass(frozen=True)
class ComparedValue:
    """One hyperparameter or fact of both versions."""

    name: str
    a: Any
    b: Any

    @property
    def is_same(self) -> bool:
        return bool(self.a == self.b)


@dataclass(frozen=True)
class ComparedFeature:
    """One feature: its role in each version, None where the version does not use it."""

    name: str
    a: str | None
    b: str | None

    @property
    def is_same(self) -> bool:
        return self.a == self.b


@dataclass(frozen=True)
class Comparison:
    """The values of two versions. Metrics are comparable when `is_same_data`: same dataset, same target."""

    a: ModelVersion
    b: ModelVersion
    is_same_data: bool
    metrics: tuple[ComparedMetric, ...]
    params: tuple[ComparedValue, ...]
    features: tuple[ComparedFeature, ...]
    facts: tuple[ComparedValue, ...]
    dataset: tuple[ComparedValue, ...]


def compare(a: ModelVersion, b: ModelVersion) -> Comparison:
    """Compare the metrics, hyperparameters, features and dataset of two versions of one model.

    Raises InvalidInput for versions of different models.
    """
    if a.registered_model_id != b.registered_model_id:
        raise InvalidInput("Two versions can be compared when they belong to one registered model.")
    return Comparison(
        a=a,
        b=b,
        is_same_data=bool(a.dataset_sha256)
        and (a.dataset_sha256, a.signature.target) == (b.dataset_sha256, b.signature.target),
        metrics=_metrics(a.metrics, b.metrics),
        params=_values(a.params, b.params),
        features=_features(a, b),
        facts=_values(_facts(a), _facts(b)),
        dataset=_values(_dataset(a), _dataset(b)),
    )


def _metrics(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[ComparedMetric, ...]:
    metrics = []
    for name in dict.fromkeys([*a, *b]):
        left, right = _number(a.get(name)), _number(b.get(name))
        if left is None and right is None:
            continue
        metrics.append(ComparedMetric(name=name, a=left, b=right, better=_better(name, left, right)))
    return tuple(metrics)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _better(name: str, a: float | None, b: float | None) -> Side | None:
    if a is None or b is None or a == b or name in NEITHER_IS_BETTER:
        return None
    return "a" if (a < b) == (name in SMALLER_IS_BETTER) else "b"


def _values(a: Mapping[str, Any], b: Mapping[str, Any]) -> tuple[ComparedValue, ...]:
    return tuple(ComparedValue(name=name, a=a.get(name), b=b.get(name)) for name in dict.fromkeys([*a, *b]))


def _features(a: ModelVersion, b: ModelVersion) -> tuple[ComparedFeature, ...]:
    left = {each.name: each.role.value for each in a.signature.fields}
    right = {each.name: each.role.value for each in b.signature.fields}
    return tuple(
        ComparedFeature(name=name, a=left.get(name), b=right.get(name))
        for name in dict.fromkeys([*left, *right])
    )


def _facts(version: ModelVersion) -> dict[str, Scalar]:
    return {
        "estimator": version.estimator,
        "task": version.task,
        "target": version.signature.target,
        # A version of two classes that was given no threshold names the more probable one.
        **(
            {"threshold": version.threshold or 0.5, "positive_class": version.signature.positive_name}
            if version.task == Task.BINARY
            else {}
        ),
        "served": "compiled" if version.is_compiled else "in-process",
        "n_bytes": version.n_bytes,
    }


def _dataset(version: ModelVersion) -> dict[str, Scalar]:
    dataset = version.dataset
    if dataset is None:
        return {"name": None, "n_rows": None, "n_columns": None, "sha256": version.dataset_sha256 or None}
    return {
        "name": dataset.name,
        "n_rows": dataset.n_rows,
        "n_columns": dataset.n_columns,
        "sha256": dataset.sha256,
    }
