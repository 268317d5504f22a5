"""Comparison of two model versions: metrics, hyperparameters, features, dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...errors import InvalidInput
from ...ml.types.schema import Scalar, Task
from ...models import ModelVersion
from .paired_comparison import Disagreement, PairedTests, tested_against

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


OTHER_DATA = "They were not judged on the same table with the same target."
# For these, neither more nor less is better.
NEITHER_IS_BETTER = frozenset({"n_clusters", "largest_share", "n_clear", "contamination"})


@dataclass(frozen=True)
class ComparedMetric:
    """One metric of both versions.

    `better` is the side that a paired test on the same held-out rows shows to be better; None without such a
    test or without a clear difference. `difference` is b − a, with its 95 % interval; None where it is not tested.
    """

    name: str
    a: float | None
    b: float | None
    better: Side | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    # How probable so large a difference is by chance; None where too few rows differ.
    p: float | None = None
    # Adjusted for the number of versions that are tested against one; None for two versions.
    adjusted_p: float | None = None

    @property
    def is_tested(self) -> bool:
        return self.difference is not None


@dataclass(frozen=True)
class ComparisonVerdict:
    """Which version is better by the metric that candidates are chosen by, in a sentence."""

    sentence: str
    better: Side | None
    is_tested: bool
    metric: str
    n_rows: int


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
    verdict: ComparisonVerdict
    metrics: tuple[ComparedMetric, ...]
    params: tuple[ComparedValue, ...]
    features: tuple[ComparedFeature, ...]
    facts: tuple[ComparedValue, ...]
    dataset: tuple[ComparedValue, ...]
    disagreement: Disagreement | None = None


def compare(a: ModelVersion, b: ModelVersion) -> Comparison:
    """Compare the metrics, hyperparameters, features and dataset of two versions of one model.

    Raises InvalidInput for versions of different models.
    """
    return compared_with(a, [b])[0]


def compared_with(base: ModelVersion, others: Sequence[ModelVersion]) -> list[Comparison]:
    """Compare each of several versions with one, the base (`a` of each). Raises InvalidInput, as `compare`.

    Of several, a difference is clear when its p-value is small after Holm's adjustment for their number.
    """
    if any(each.registered_model_id != base.registered_model_id for each in others):
        raise InvalidInput("Two versions can be compared when they belong to one registered model.")
    on_same_data = [_is_same_data(base, each) for each in others]
    tests = iter(
        tested_against(base, [each for each, same in zip(others, on_same_data, strict=True) if same])
    )
    return [
        _compared(base, each, same, next(tests) if same else PairedTests(reason=OTHER_DATA))
        for each, same in zip(others, on_same_data, strict=True)
    ]


def _is_same_data(a: ModelVersion, b: ModelVersion) -> bool:
    return bool(a.dataset_sha256) and (a.dataset_sha256, a.signature.target) == (
        b.dataset_sha256,
        b.signature.target,
    )


def _compared(a: ModelVersion, b: ModelVersion, is_same_data: bool, tests: PairedTests) -> Comparison:
    metrics = _metrics(a.metrics, b.metrics, tests)
    return Comparison(
        a=a,
        b=b,
        is_same_data=is_same_data,
        verdict=_verdict(a, b, metrics, tests),
        metrics=metrics,
        disagreement=tests.disagreement,
        params=_values(a.params, b.params),
        features=_features(a, b),
        facts=_values(facts_of(a), facts_of(b)),
        dataset=_values(dataset_facts(a), dataset_facts(b)),
    )


def _metrics(a: Mapping[str, Any], b: Mapping[str, Any], tests: PairedTests) -> tuple[ComparedMetric, ...]:
    metrics = []
    for name in dict.fromkeys([*a, *b]):
        left, right = _number(a.get(name)), _number(b.get(name))
        if left is None and right is None:
            continue
        found = tests.differences.get(name) if left is not None and right is not None else None
        if found is None or not math.isfinite(found.low):
            metrics.append(ComparedMetric(name=name, a=left, b=right, better=None))
            continue
        better = _better(name, left, right) if found.is_sure else None
        metrics.append(
            ComparedMetric(
                name, left, right, better, found.difference, found.low, found.high, found.p, found.adjusted_p
            )
        )
    return tuple(metrics)


def _verdict(
    a: ModelVersion, b: ModelVersion, metrics: Sequence[ComparedMetric], tests: PairedTests
) -> ComparisonVerdict:
    task = Task(a.task)
    name = "log_loss" if task.is_classification else "mae" if task is Task.FORECASTING else "rmse"
    error = {"log_loss": "log-loss", "rmse": "RMSE", "mae": "mean absolute error"}[name]
    if not tests.is_tested:
        return ComparisonVerdict(f"Not tested. {tests.reason}", None, False, name, 0)
    chosen = next((each for each in metrics if each.name == name), None)
    what = "forecasts of held-out values" if task is Task.FORECASTING else "held-out rows"
    of = f" of {tests.n_clusters:,} {tests.unit}" if tests.n_clusters else ""
    rows = f"on the same {tests.n_rows:,} {what}{of}"
    if chosen is None or not chosen.is_tested or chosen.better is None:
        return ComparisonVerdict(
            f"No clear difference: the {error} {rows} differs by no more than chance can give."
            + _of_decisions(a, b, metrics),
            None, True, name, tests.n_rows,
        )  # fmt: skip
    winner, loser = (a, b) if chosen.better == "a" else (b, a)
    size, low, high = (
        abs(each) for each in (chosen.difference or 0.0, chosen.low or 0.0, chosen.high or 0.0)
    )
    least, most = sorted((low, high))
    return ComparisonVerdict(
        f"Version {winner.number} is better than version {loser.number}: its {error} {rows} is lower by {size:.3g} "
        f"({least:.3g} to {most:.3g}, 95 % interval of a paired test)."
        + _of_decisions(a, b, metrics),
        chosen.better, True, name, tests.n_rows,
    )  # fmt: skip


def _of_decisions(a: ModelVersion, b: ModelVersion, metrics: Sequence[ComparedMetric]) -> str:
    """What two classes' thresholds change: a sentence on recall and precision, where they clearly differ."""
    if (a.threshold or 0.5, a.signature.positive_name) == (b.threshold or 0.5, b.signature.positive_name):
        return ""
    parts = [
        f"the {each.name} of version {(a if each.better == 'a' else b).number} is better "
        f"({_percent(each.a)} and {_percent(each.b)})"
        for each in metrics
        if each.name in ("recall", "precision") and each.better is not None
    ]
    return f" They decide by different thresholds: {', and '.join(parts)}." if parts else ""


def _percent(value: float | None) -> str:
    return f"{100 * (value or 0.0):.3g} %"


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _better(name: str, a: float | None, b: float | None) -> Side | None:
    """The side with the better number."""
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


def facts_of(version: ModelVersion) -> dict[str, Scalar]:
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


def dataset_facts(version: ModelVersion) -> dict[str, Scalar]:
    dataset = version.dataset
    if dataset is None:
        return {"name": None, "n_rows": None, "n_columns": None, "sha256": version.dataset_sha256 or None}
    return {
        "name": dataset.name,
        "n_rows": dataset.n_rows,
        "n_columns": dataset.n_columns,
        "sha256": dataset.sha256,
    }
