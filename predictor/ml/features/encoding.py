"""How columns become numbers, for each kind of estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Encoding:
    """How columns become numbers for one kind of estimator.

    numbers: "impute" fills with the median and adds a missing flag where training had gaps; "nan" keeps NaN.
    is_scaled: numbers get mean 0 and deviation 1; with `bend`, median 0 and quartiles about ±0.7, and bend
    smoothly towards ±bend, so that no outlier pulls a weighted sum away (Holzmüller et al., "Better by
    default", NeurIPS 2024).
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
    bend: float | None = None


LINEAR = Encoding(is_scaled=True, is_cyclic=True)
BENT = Encoding(is_scaled=True, is_cyclic=True, bend=3.0)
# For distances between rows: no column may drown the others, so rare levels and words are few.
DISTANCES = Encoding(
    is_scaled=True, is_cyclic=True, bend=3.0, max_levels=20, has_target_extra=False, max_words=50
)
# For isolation: one number for each column. Rare levels have the largest codes, so they are soon cut off.
ISOLATION = Encoding(categories="ordinal", max_levels=1000, has_target_extra=False, max_words=20)
ONE_HOT_TREES = Encoding()
ORDINAL_TREES = Encoding(categories="ordinal", max_levels=1000)
ORDERED_BOOSTING = Encoding(numbers="nan", categories="ordinal", max_levels=1000)
NATIVE_BOOSTING = Encoding(numbers="nan", categories="native", max_levels=200)
TARGET_BOOSTING = Encoding(numbers="nan", categories="target", max_levels=100_000)
