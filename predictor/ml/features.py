"""From canonical columns to a float32 matrix, by a specification that is plain JSON.

    spec, matrix = FeatureSpec.fit_transform(columns, roles, encoding, y=y, task=task, seed=0)   # training
    spec.transform(columns)                                                                      # everything else
    spec, places = FeatureSpec.union([spec_a, spec_b])   # places[i]: the columns of member i in the joint matrix
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .schema import Role, Task

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Encoding:
    """How columns become numbers for one kind of estimator.

    numbers: "impute" fills with the median and adds a missing flag where training had gaps; "nan" passes NaN on.
    is_scaled: numbers get mean 0 and deviation 1.
    categories: "onehot"; "ordinal" (codes by frequency); "native" (codes that the estimator knows to be
    categories, NaN for missing, for HistGradientBoosting only); "target" (smoothed target means).
    Levels beyond `max_levels` or rarer than `min_count` rows share one "other" code; a column with more than
    `max_levels` levels also gets a target-coded column when `has_target_extra`.
    """

    numbers: Literal["impute", "nan"] = "impute"
    is_scaled: bool = False
    categories: Literal["onehot", "ordinal", "native", "target"] = "onehot"
    max_levels: int = 40
    min_count: int = 3
    has_target_extra: bool = True
    smoothing: float = 10.0
    max_words: int = 200
    is_cyclic: bool = False


LINEAR = Encoding(is_scaled=True, is_cyclic=True)
ONE_HOT_TREES = Encoding()
ORDINAL_TREES = Encoding(categories="ordinal", max_levels=1000)
NATIVE_BOOSTING = Encoding(numbers="nan", categories="native", max_levels=200)
TARGET_BOOSTING = Encoding(numbers="nan", categories="target", max_levels=100_000)


@dataclass(frozen=True)
class Output:
    """One column of the matrix: its name, the source column, and whether it holds category codes."""

    name: str
    source: str
    is_categorical: bool = False


@dataclass(frozen=True)
class FeatureSpec:
    """Everything needed to turn columns into the matrix."""

    outputs: tuple[Output, ...]
    left_out: Mapping[str, str]

    @classmethod
    def fit(
        cls,
        columns: Columns,
        roles: Mapping[str, Role],
        encoding: Encoding,
        *,
        y: NDArray[Any] | None = None,
        task: Task | None = None,
        n_classes: int = 0,
    ) -> FeatureSpec:
        """The specification learnt from these columns (the target is not among them).

        `y` is the float target for regression and class codes 0 … n_classes-1 else; needed for target coding.
        """
        raise NotImplementedError

    @classmethod
    def fit_transform(
        cls,
        columns: Columns,
        roles: Mapping[str, Role],
        encoding: Encoding,
        *,
        y: NDArray[Any] | None = None,
        task: Task | None = None,
        n_classes: int = 0,
        seed: int = 0,
    ) -> tuple[FeatureSpec, NDArray[np.float32]]:
        """The specification, and the matrix to fit on: as `transform`, but target codes are cross-fitted (5 folds)."""
        raise NotImplementedError

    @classmethod
    def union(cls, specs: Sequence[FeatureSpec]) -> tuple[FeatureSpec, tuple[tuple[int, ...], ...]]:
        """One spec for several, equal columns shared, and for each its columns in the joint matrix."""
        raise NotImplementedError

    def transform(self, columns: Columns) -> NDArray[np.float32]:
        """The matrix (n, k), float32, C order. Unseen and missing values never fail."""
        raise NotImplementedError

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns that the matrix depends on."""
        raise NotImplementedError

    @property
    def categorical_mask(self) -> tuple[bool, ...]:
        """For each output, whether it holds category codes (`categorical_features` of HistGradientBoosting)."""
        return tuple(each.is_categorical for each in self.outputs)

    def to_json(self) -> dict[str, Any]:
        raise NotImplementedError

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> FeatureSpec:
        raise NotImplementedError
