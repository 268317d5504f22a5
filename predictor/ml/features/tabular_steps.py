"""Steps for numbers, booleans and categories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .step import MISSING, Matrix, Output, Step, Writer

# Beyond these the models only see "very large": squares and sums of such values stay finite in float32.
SCALED_LIMIT = 1e9
RAW_LIMIT = 1e30


@dataclass(frozen=True)
class NumberStep(Step):
    """z = (x - mean) / scale, clipped. Missing becomes `fill`, or stays NaN where `fill` is None.

    With `bend`, z / sqrt(1 + (z / bend)²): far-off values count as far, but no farther than `bend`.
    """

    fill: float | None = None
    has_flag: bool = False
    mean: float = 0.0
    scale: float = 1.0
    limit: float = RAW_LIMIT
    bend: float | None = None
    kind: ClassVar[str] = "number"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        flag = (Output(f"{self.source} is missing", self.source),) if self.has_flag else ()
        return (Output(self.source, self.source), *flag)

    def transform(self, values: NDArray[Any]) -> Matrix:
        values = np.asarray(values, np.float64)
        block = np.empty((len(values), len(self.outputs)))
        is_missing = np.isnan(values)
        if self.fill is not None:
            values = np.where(is_missing, self.fill, values)
        with np.errstate(over="ignore", invalid="ignore"):
            z = np.clip((values - self.mean) / self.scale, -self.limit, self.limit)
        block[:, 0] = z if self.bend is None else z / np.sqrt(1.0 + (z / self.bend) * (z / self.bend))
        if self.has_flag:
            block[:, 1] = is_missing
        return block

    def writer(self, at: int) -> Writer:
        fill = math.nan if self.fill is None else self.fill
        mean, scale, limit, bend, has_flag = self.mean, self.scale, self.limit, self.bend, self.has_flag

        def write(values: NDArray[Any], row: list[float]) -> None:
            x = values.item()
            if x != x:  # noqa: PLR0124 (three times as fast as math.isnan)
                x = fill
                if has_flag:
                    row[at + 1] = 1.0
            x = (x - mean) / scale
            x = limit if x > limit else -limit if x < -limit else x
            row[at] = x if bend is None else x / math.sqrt(1.0 + (x / bend) * (x / bend))

        return write


@dataclass(frozen=True)
class OneHotStep(Step):
    """One column per level; one for levels not kept (if training had such), one for missing (if training had
    it).
    """

    levels: tuple[str, ...] = ()
    has_other: bool = False
    has_missing: bool = False
    kind: ClassVar[str] = "onehot"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        names = [f"{self.source} = {level}" for level in self.levels]
        names += [f"{self.source} is another value"] * self.has_other
        names += [f"{self.source} is missing"] * self.has_missing
        return tuple(Output(name, self.source) for name in names)

    @cached_property
    def _places(self) -> tuple[dict[Any, int], int]:
        """The column of each level (-1: none), and that of an unknown one."""
        places: dict[Any, int] = {level: place for place, level in enumerate(self.levels)}
        missing = len(self.levels) + self.has_other if self.has_missing else -1
        return {**places, **dict.fromkeys(MISSING, missing)}, len(self.levels) if self.has_other else -1

    def transform(self, values: NDArray[Any]) -> Matrix:
        places, other = self._places
        codes = np.array([places.get(value, other) for value in values.tolist()], np.intp)
        block = np.zeros((len(values), len(self.outputs)))
        rows = np.flatnonzero(codes >= 0)
        block[rows, codes[rows]] = 1.0
        return block

    def writer(self, at: int) -> Writer:
        places, other = self._places
        get = places.get

        def write(values: NDArray[Any], row: list[float]) -> None:
            place = get(values.item(), other)
            if place >= 0:
                row[at + place] = 1.0

        return write


@dataclass(frozen=True)
class CodeStep(Step):
    """The position of the level; None for `other` or `missing` stands for NaN."""

    levels: tuple[str, ...] = ()
    other: float | None = None
    missing: float | None = None
    is_native: bool = False
    kind: ClassVar[str] = "code"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        return (Output(self.source, self.source, is_categorical=self.is_native),)

    @cached_property
    def _codes(self) -> tuple[dict[Any, float], float]:
        codes: dict[Any, float] = {level: float(code) for code, level in enumerate(self.levels)}
        missing = math.nan if self.missing is None else self.missing
        return {**codes, **dict.fromkeys(MISSING, missing)}, math.nan if self.other is None else self.other

    def transform(self, values: NDArray[Any]) -> Matrix:
        codes, other = self._codes
        return np.array([codes.get(value, other) for value in values.tolist()], np.float64).reshape(-1, 1)

    def writer(self, at: int) -> Writer:
        codes, other = self._codes
        get = codes.get

        def write(values: NDArray[Any], row: list[float]) -> None:
            row[at] = get(values.item(), other)

        return write


@dataclass(frozen=True)
class TargetStep(Step):
    """The smoothed mean target of the level: one number, or one per class in `classes`; `other` for the
    unknown.
    """

    levels: tuple[str, ...] = ()
    means: tuple[tuple[float, ...], ...] = ()
    other: tuple[float, ...] = (0.0,)
    missing: tuple[float, ...] = (0.0,)
    classes: tuple[int, ...] = ()
    smoothing: float = 10.0
    mean: float = 0.0
    scale: float = 1.0
    kind: ClassVar[str] = "target"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        names = [f"class {code}" for code in self.classes] if len(self.classes) > 1 else ["target"]
        return tuple(Output(f"{self.source} by {name}", self.source) for name in names)

    @cached_property
    def _rows(self) -> tuple[dict[Any, tuple[float, ...]], tuple[float, ...]]:
        rows: dict[Any, tuple[float, ...]] = {
            level: self.scaled(means) for level, means in zip(self.levels, self.means, strict=True)
        }
        return {**rows, **dict.fromkeys(MISSING, self.scaled(self.missing))}, self.scaled(self.other)

    def scaled(self, means: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((each - self.mean) / self.scale for each in means)

    def transform(self, values: NDArray[Any]) -> Matrix:
        rows, other = self._rows
        block = np.array([rows.get(value, other) for value in values.tolist()], np.float64)
        return block.reshape(len(values), len(self.outputs))

    def writer(self, at: int) -> Writer:
        rows, other = self._rows
        get, end = rows.get, at + len(self.outputs)

        def write(values: NDArray[Any], row: list[float]) -> None:
            row[at:end] = get(values.item(), other)

        return write
