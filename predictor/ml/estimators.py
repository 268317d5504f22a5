"""The catalogue of estimators: what people can choose, in plain words, with bounded hyperparameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .features import Encoding
from .schema import Task


@dataclass(frozen=True)
class Hyperparameter:
    """One knob. `choices` for kind "choice"; `minimum` and `maximum` are inclusive; `is_optional` allows None."""

    name: str
    title: str
    kind: Literal["integer", "number", "boolean", "choice"]
    default: Any
    help: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    is_optional: bool = False

    def convert(self, value: Any) -> Any:
        """The value in its own type, from JSON or form text; raises InvalidHyperparameters."""
        raise NotImplementedError


@dataclass(frozen=True)
class EstimatorInfo:
    """One kind of estimator. `build(task, params, seed, n_jobs, categorical_mask)` gives it unfitted.

    `max_rows`: fit on a sample of at most this many rows (None: no limit), since its cost grows faster than n log n.
    `has_scaled_target`: fit on TargetScaling(is_scaled=True) for regression.
    """

    key: str
    title: str
    summary: str
    tasks: frozenset[Task]
    hyperparameters: tuple[Hyperparameter, ...]
    encoding: Encoding
    builder: Callable[..., Any]
    max_rows: int | None = None
    has_scaled_target: bool = False

    def build(
        self,
        task: Task,
        params: Mapping[str, Any] | None = None,
        *,
        seed: int = 0,
        n_jobs: int = 1,
        categorical_mask: tuple[bool, ...] = (),
    ) -> Any:
        """An unfitted scikit-learn estimator. Classifiers take class codes 0 … n_classes-1 and predict_proba."""
        raise NotImplementedError


CATALOGUE: dict[str, EstimatorInfo] = {}


def validate_params(key: str, task: Task, params: Mapping[str, Any]) -> dict[str, Any]:
    """All hyperparameters of the estimator with defaults filled in; raises InvalidHyperparameters naming each fault."""
    raise NotImplementedError
