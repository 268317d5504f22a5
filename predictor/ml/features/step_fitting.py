"""Fit the steps of a feature spec to training columns, one function per role."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..types.schema import Role
from .date_steps import CYCLES, FARTHEST, NAT, DatetimeStep, date_parts
from .encoding import Encoding
from .step import MISSING, Step
from .tabular_steps import RAW_LIMIT, SCALED_LIMIT, CodeStep, NumberStep, OneHotStep, TargetStep
from .text_steps import TextStep, tokens

# With more classes than this, only the most frequent ones are target-encoded.
MOST_TARGET_CLASSES = 10
# float32 holds 24 bits: a number whose spread is this much smaller than its size would lose most of them.
SMALLEST_SPREAD = 1e-4
WORD_SAMPLE = 50_000
# Interquartile range of a normal distribution, in standard deviations.
QUARTILE_DISTANCE = 1.349


class NothingToLearn(Exception):
    """The column gives no feature; the message is the reason shown to people."""


class Target:
    """The target for target encoding: one column of numbers, or one indicator per class.

    `weights`: how much each row counts; ones where all count the same.
    """

    def __init__(self, y: NDArray[Any], n_classes: int, weights: NDArray[np.float64] | None = None):
        self.y = np.asarray(y)
        self.weights = np.ones(len(self.y)) if weights is None else weights
        self.classes: tuple[int, ...] = ()
        if n_classes > 2:
            counts = np.bincount(self.y.astype(np.intp), minlength=n_classes)
            self.classes = tuple(sorted(np.argsort(-counts, kind="stable")[:MOST_TARGET_CLASSES].tolist()))
            self.numbers = np.stack([self.y == code for code in self.classes], axis=1).astype(np.float64)
        else:
            self.numbers = self.y.astype(np.float64).reshape(-1, 1)


def fit_steps(
    source: str, values: NDArray[Any], role: Role, encoding: Encoding, target: Target | None
) -> list[Step]:
    """The steps of one column. Raises NothingToLearn with the reason why the column is left out."""
    if role is Role.IDENTIFIER:
        raise NothingToLearn("It identifies rows, so it says nothing about new ones.")
    if role is Role.CONSTANT:
        raise NothingToLearn("It holds one value only.")
    if role is Role.NUMERIC:
        return [_number(source, values, encoding)]
    if role is Role.BOOLEAN:
        return [_boolean(source, values, encoding)]
    if role is Role.DATETIME:
        return [_datetime(source, values, encoding)]
    if role is Role.TEXT:
        return [_text(source, values, encoding)]
    return _category(source, values, encoding, target)


def _present(values: NDArray[Any]) -> NDArray[Any]:
    present: NDArray[Any] = values[~np.isnan(values)]
    if not len(present):
        raise NothingToLearn("It has no values.")
    if present.min() == present.max() and len(present) == len(values):
        raise NothingToLearn("It holds one value only in the rows used for training.")
    return present


def _number(source: str, values: NDArray[Any], encoding: Encoding) -> NumberStep:
    values = np.asarray(values, np.float64)
    present = _present(values)
    fill = float(np.median(present)) if encoding.numbers == "impute" else None
    step = NumberStep(source, fill=fill, has_flag=fill is not None and len(present) < len(values))
    mean, scale = _mean_and_scale(values if fill is None else np.where(np.isnan(values), fill, values))
    if encoding.is_scaled and encoding.bend is not None:
        middle, spread = _middle_and_spread(present, scale)
        return replace(step, mean=middle, scale=spread, limit=SCALED_LIMIT, bend=encoding.bend)
    if encoding.is_scaled:
        return replace(step, mean=mean, scale=scale, limit=SCALED_LIMIT)
    size = float(np.abs(present).max())
    if size > RAW_LIMIT or scale < SMALLEST_SPREAD * size:
        return replace(step, mean=mean, scale=scale)
    return step


def _mean_and_scale(values: NDArray[np.float64]) -> tuple[float, float]:
    """Mean and standard deviation, NaNs ignored; where the latter is 0, the largest size is the scale."""
    size = float(np.nanmax(np.abs(values))) or 1.0
    shares = values / size
    mean, scale = float(np.nanmean(shares) * size), float(np.nanstd(shares) * size)
    return mean, scale if scale > 0 and math.isfinite(1 / scale) else size


def _middle_and_spread(present: NDArray[np.float64], scale: float) -> tuple[float, float]:
    """Median, and the standard deviation estimated from the quartiles; `scale` where these coincide."""
    low, middle, high = (float(each) for each in np.quantile(present, [0.25, 0.5, 0.75]))
    spread = (high - low) / QUARTILE_DISTANCE
    return middle, spread if spread > 1e-3 * scale and math.isfinite(1 / spread) else scale


def _boolean(source: str, values: NDArray[Any], encoding: Encoding) -> NumberStep:
    step = _number(source, values, encoding)
    if step.fill is None:
        return step
    return replace(step, fill=float(np.nanmean(np.asarray(values, np.float64)) >= 0.5))


def _datetime(source: str, values: NDArray[Any], encoding: Encoding) -> DatetimeStep:
    moments = values.astype("datetime64[us]").view(np.int64)
    present = moments[moments != NAT]
    if not len(present):
        raise NothingToLearn("It has no values.")
    if present.min() == present.max() and len(present) == len(moments):
        raise NothingToLearn("It holds one value only in the rows used for training.")
    fill = int(np.sort(present)[len(present) // 2]) if encoding.numbers == "impute" else None
    calendar = date_parts(present)
    varying = tuple(part for part, numbers in calendar.items() if numbers.min() != numbers.max())
    cyclic = tuple(part for part in varying if part in CYCLES) if encoding.is_cyclic else ()
    step = DatetimeStep(
        source,
        origin=int(np.clip(present.min(), -FARTHEST, FARTHEST)),
        parts=varying,
        cyclic=cyclic,
        fill=fill,
        has_flag=fill is not None and len(present) < len(moments),
    )
    if not encoding.is_scaled:
        return step
    pairs = [_mean_and_scale(column) for column in step.transform(values).T]
    if step.has_flag:
        pairs[-1] = (0.0, 1.0)
    return replace(step, means=tuple(mean for mean, _ in pairs), scales=tuple(scale for _, scale in pairs))


def _text(source: str, values: NDArray[Any], encoding: Encoding) -> TextStep:
    texts = [text for text in values.tolist()[:WORD_SAMPLE] if isinstance(text, str)]
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(tokens(text)))
    least = max(3, len(texts) // 1000)
    kept = [(word, n) for word, n in counts.items() if least <= n <= 0.8 * len(texts)]
    kept = sorted(kept, key=lambda pair: (-pair[1], pair[0]))[: encoding.max_words]
    if not kept:
        raise NothingToLearn("No word in it occurs in enough rows.")
    idf = tuple(math.log((1 + len(texts)) / (1 + n)) + 1.0 for _, n in kept)
    return TextStep(source, words=tuple(word for word, _ in kept), idf=idf)


def _category(source: str, values: NDArray[Any], encoding: Encoding, target: Target | None) -> list[Step]:
    counts = Counter(values.tolist())
    n_missing = sum(counts.pop(each, 0) for each in MISSING)
    if not counts:
        raise NothingToLearn("It has no values.")
    if len(counts) == 1 and not n_missing:
        raise NothingToLearn("It holds one value only in the rows used for training.")
    ordered = sorted(counts, key=lambda level: (-counts[level], level))
    if encoding.categories == "target" and target is not None:
        return [fit_target(source, values, ordered, target, encoding)]
    kept = tuple(level for level in ordered[: encoding.max_levels] if counts[level] >= encoding.min_count)
    has_other = len(kept) < len(ordered)
    steps: list[Step] = []
    if len(kept) + has_other + bool(n_missing) > 1:
        steps.append(_coded(source, kept, has_other, bool(n_missing), encoding))
    if len(ordered) > encoding.max_levels and encoding.has_target_extra and target is not None:
        steps.append(fit_target(source, values, ordered, target, encoding))
    if not steps:
        raise NothingToLearn("Hardly any value in it occurs more than once.")
    return steps


def _coded(
    source: str, kept: tuple[str, ...], has_other: bool, has_missing: bool, encoding: Encoding
) -> Step:
    if encoding.categories == "native":
        return CodeStep(source, levels=kept, other=float(len(kept)) if has_other else None, is_native=True)
    if encoding.categories == "ordinal":
        return CodeStep(source, levels=kept, other=float(len(kept)), missing=-1.0)
    return OneHotStep(source, levels=kept, has_other=has_other, has_missing=has_missing)


def fit_target(
    source: str, values: NDArray[Any], levels: Iterable[str], target: Target, encoding: Encoding
) -> TargetStep:
    """The target encoding of a column: smoothed target means by level."""
    levels = tuple(levels)
    codes = _level_codes(values, levels)
    means, missing, other = _smoothed(codes, target.numbers, target.weights, len(levels), encoding.smoothing)
    step = TargetStep(
        source,
        levels=levels,
        means=tuple(map(tuple, means.tolist())),
        other=tuple(other.tolist()),
        missing=tuple(missing.tolist()),
        classes=target.classes,
        smoothing=encoding.smoothing,
    )
    if not encoding.is_scaled:
        return step
    mean, scale = _mean_and_scale(step.transform(values).ravel())
    return replace(step, mean=mean, scale=scale)


def cross_fitted(
    step: TargetStep, values: NDArray[Any], target: Target, folds: NDArray[np.intp]
) -> NDArray[Any]:
    """Cross-fitted target encoding (n, width): each training row's code is learnt from the other folds."""
    codes = _level_codes(values, step.levels)
    block = np.empty((len(values), len(step.outputs)))
    for fold in np.unique(folds):
        is_held_out = folds == fold
        means, missing, other = _smoothed(
            codes[~is_held_out],
            target.numbers[~is_held_out],
            target.weights[~is_held_out],
            len(step.levels),
            step.smoothing,
        )
        block[is_held_out] = np.vstack([means, other, missing])[codes[is_held_out]]
    return np.asarray((block - step.mean) / step.scale)


def _level_codes(values: NDArray[Any], levels: tuple[str, ...]) -> NDArray[np.intp]:
    """The position of each level; n_levels for unknown, n_levels + 1 for missing."""
    places: dict[Any, int] = {level: place for place, level in enumerate(levels)}
    places.update(dict.fromkeys(MISSING, len(levels) + 1))
    return np.array([places.get(value, len(levels)) for value in values.tolist()], np.intp)


def _smoothed(
    codes: NDArray[np.intp],
    numbers: NDArray[np.float64],
    weights: NDArray[np.float64],
    n_levels: int,
    smoothing: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Means shrunk to the overall mean by `smoothing` pseudo-rows: levels (n, k), missing (k,), overall (k,)."""
    if np.all(weights == 1.0):
        prior = numbers.mean(axis=0) if len(numbers) else np.zeros(numbers.shape[1])
    else:
        prior = np.average(numbers, axis=0, weights=weights)
    n = np.bincount(codes, weights, minlength=n_levels + 2)[:, None]
    sums = np.stack(
        [np.bincount(codes, column * weights, minlength=n_levels + 2) for column in numbers.T], axis=1
    )
    means = (sums + smoothing * prior) / (n + smoothing)
    return means[:n_levels], means[n_levels + 1], prior
