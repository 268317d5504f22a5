"""The steps of a feature spec: each turns one canonical column into a few numbers.

Every step has two executors of the same arithmetic, `transform` for many rows and `writer` for one; all arithmetic is
IEEE float64 addition, multiplication, division and table lookup, so that both give the same bits. What needs a
transcendental function (sine, logarithm) is a table or is computed by one shared function.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Writer = Callable[[NDArray[Any], list[float]], None]

# Beyond these the models only see "very large": squares and sums of such values stay finite in float32.
SCALED_LIMIT = 1e9
RAW_LIMIT = 1e30
# Moments are held within 2**61 microseconds, so that no difference of two overflows.
FARTHEST = 2**61
NAT = np.iinfo(np.int64).min
MICROSECONDS_PER_DAY = 86_400_000_000
# Words, or single characters of scripts that are written without spaces.
TOKEN = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\\W_]+")
LONGEST_TEXT = 20_000


@dataclass(frozen=True)
class Output:
    """One column of the matrix: its name, the source column, and whether it holds category codes."""

    name: str
    source: str
    is_categorical: bool = False


@dataclass(frozen=True)
class Step:
    """One source column; subclasses say how it becomes numbers."""

    source: str
    kind: ClassVar[str] = ""

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        raise NotImplementedError

    def transform(self, values: NDArray[Any]) -> Matrix:
        """The block (n, len(outputs)) for a canonical column."""
        raise NotImplementedError

    def writer(self, at: int) -> Writer:
        """A function that writes the numbers of a column of length one into a list, from index `at` on."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Step:
        fields = {name: _frozen(value) for name, value in data.items() if name != "kind"}
        return KINDS[data["kind"]](**fields)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


@dataclass(frozen=True)
class NumberStep(Step):
    """(x - mean) / scale, clipped. Missing becomes `fill`, or stays NaN where `fill` is None."""

    fill: float | None = None
    has_flag: bool = False
    mean: float = 0.0
    scale: float = 1.0
    limit: float = RAW_LIMIT
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
            block[:, 0] = np.clip((values - self.mean) / self.scale, -self.limit, self.limit)
        if self.has_flag:
            block[:, 1] = is_missing
        return block

    def writer(self, at: int) -> Writer:
        fill = math.nan if self.fill is None else self.fill
        mean, scale, limit, has_flag = self.mean, self.scale, self.limit, self.has_flag

        def write(values: NDArray[Any], row: list[float]) -> None:
            x = values.item()
            if x != x:
                x = fill
                if has_flag:
                    row[at + 1] = 1.0
            x = (x - mean) / scale
            row[at] = limit if x > limit else -limit if x < -limit else x

        return write


@dataclass(frozen=True)
class OneHotStep(Step):
    """One column per level; one for levels not kept (if training had such), one for missing (if training had it)."""

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


# What counts as missing in a column of texts; NumPy's NaN is found by identity.
MISSING: tuple[Any, ...] = (None, "", np.nan)


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
    """The smoothed mean target of the level: one number, or one per class in `classes`; `other` for the unknown."""

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


CYCLES = {"month": 12, "weekday": 7, "hour": 24, "minute": 60}


def date_parts(moment: Any) -> dict[str, Any]:
    """Calendar parts of microseconds since 1970; for a Python int and for an int64 array alike.

    Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    """
    days = moment // MICROSECONDS_PER_DAY
    minutes = (moment - days * MICROSECONDS_PER_DAY) // 60_000_000
    shifted = days + 719_468
    era = shifted // 146_097
    day_of_era = shifted - era * 146_097
    century_free = day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    year_of_era = century_free // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    march_month = (5 * day_of_year + 2) // 153
    month = (march_month + 2) % 12 + 1
    return {
        "year": year_of_era + era * 400 + (month <= 2),
        "month": month,
        "day": day_of_year - (153 * march_month + 2) // 5 + 1,
        "weekday": (days + 3) % 7,
        "hour": minutes // 60,
        "minute": minutes % 60,
    }


@dataclass(frozen=True)
class DatetimeStep(Step):
    """Days since `origin` (microseconds since 1970), then the calendar parts that vary; cyclic ones as sine and cosine.

    Each number is (x - means[i]) / scales[i]. Missing becomes `fill`, or NaN throughout where `fill` is None.
    """

    origin: int = 0
    parts: tuple[str, ...] = ()
    cyclic: tuple[str, ...] = ()
    fill: int | None = None
    has_flag: bool = False
    means: tuple[float, ...] = ()
    scales: tuple[float, ...] = ()
    kind: ClassVar[str] = "datetime"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        names = ["days elapsed", *self.parts]
        names += [f"{wave} of {part}" for part in self.cyclic for wave in ("sine", "cosine")]
        names = [f"{self.source}: {name}" for name in names]
        names += [f"{self.source} is missing"] * self.has_flag
        return tuple(Output(name, self.source) for name in names)

    @cached_property
    def _waves(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
        turns = {part: 2 * np.pi * np.arange(CYCLES[part] + 1) / CYCLES[part] for part in self.cyclic}
        return {part: (np.sin(turn), np.cos(turn)) for part, turn in turns.items()}

    def transform(self, values: NDArray[Any]) -> Matrix:
        moments = np.asarray(values).astype("datetime64[us]").view(np.int64)
        is_missing = moments == NAT
        moments = np.where(is_missing, self.origin if self.fill is None else self.fill, moments)
        moments = np.clip(moments, -FARTHEST, FARTHEST)
        found = date_parts(moments)
        numbers = [(moments - self.origin) / MICROSECONDS_PER_DAY, *(found[part] for part in self.parts)]
        numbers += [wave[found[part]] for part, waves in self._waves.items() for wave in waves]
        block = np.empty((len(values), len(self.outputs)))
        for place, number in enumerate(numbers):
            block[:, place] = (number - self._means[place]) / self._scales[place]
        if self.has_flag:
            block[:, -1] = is_missing
        if self.fill is None:
            block[is_missing] = np.nan
        return block

    @cached_property
    def _means(self) -> tuple[float, ...]:
        return self.means or (0.0,) * len(self.outputs)

    @cached_property
    def _scales(self) -> tuple[float, ...]:
        return self.scales or (1.0,) * len(self.outputs)

    def writer(self, at: int) -> Writer:
        waves = [(part, wave.tolist()) for part, pair in self._waves.items() for wave in pair]
        width = len(self.outputs)

        def write(values: NDArray[Any], row: list[float]) -> None:
            moment = values.astype("datetime64[us]").view(np.int64).item()
            if moment == NAT:
                if self.fill is None:
                    row[at : at + width] = [math.nan] * width
                    return
                moment = self.fill
                if self.has_flag:
                    row[at + width - 1] = 1.0
            moment = max(-FARTHEST, min(moment, FARTHEST))
            found = date_parts(moment)
            elapsed = float(moment - self.origin) / MICROSECONDS_PER_DAY
            numbers = [elapsed, *(found[part] for part in self.parts)]
            numbers += [wave[found[part]] for part, wave in waves]
            for place, number in enumerate(numbers):
                row[at + place] = (number - self._means[place]) / self._scales[place]

        return write


def tokens(text: str) -> list[str]:
    """The words of a text: case-folded runs of letters and digits; Chinese and Japanese by character."""
    return TOKEN.findall(text[:LONGEST_TEXT].casefold())


@dataclass(frozen=True)
class TextStep(Step):
    """Word tf-idf: (1 + ln tf) · idf, rows of length 1; only words of the vocabulary count."""

    words: tuple[str, ...] = ()
    idf: tuple[float, ...] = ()
    kind: ClassVar[str] = "text"

    @cached_property
    def outputs(self) -> tuple[Output, ...]:
        return tuple(Output(f"{self.source} has “{word}”", self.source) for word in self.words)

    @cached_property
    def _vocabulary(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def weights(self, text: str | None) -> dict[int, float]:
        """The non-zero numbers of one text by place."""
        if not isinstance(text, str):
            return {}
        counts: dict[int, int] = {}
        for token in tokens(text):
            place = self._vocabulary.get(token)
            if place is not None:
                counts[place] = counts.get(place, 0) + 1
        found = {place: (1.0 + math.log(count)) * self.idf[place] for place, count in counts.items()}
        length = math.sqrt(sum(each * each for each in found.values()))
        return {place: each / length for place, each in found.items()}

    def transform(self, values: NDArray[Any]) -> Matrix:
        block = np.zeros((len(values), len(self.words)))
        for row, text in enumerate(values.tolist()):
            for place, weight in self.weights(text).items():
                block[row, place] = weight
        return block

    def writer(self, at: int) -> Writer:
        def write(values: NDArray[Any], row: list[float]) -> None:
            for place, weight in self.weights(values.item()).items():
                row[at + place] = weight

        return write


KINDS: dict[str, type[Step]] = {
    each.kind: each for each in (NumberStep, OneHotStep, CodeStep, TargetStep, DatetimeStep, TextStep)
}
