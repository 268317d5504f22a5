"""Feature step for dates and times: days elapsed, calendar parts, and their cyclic encoding."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .step import Matrix, Output, Step, Writer

# Moments are clipped to ±2**61 microseconds, so that no difference of two overflows.
FARTHEST = 2**61
NAT = np.iinfo(np.int64).min
MICROSECONDS = np.dtype("datetime64[us]")
MICROSECONDS_PER_DAY = 86_400_000_000
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
    """Date features: days since `origin` (microseconds since 1970), then the calendar parts that vary.

    `cyclic` parts also come as sine and cosine.
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
        moments = np.asarray(values).astype(MICROSECONDS, copy=False).view(np.int64)
        is_missing = moments == NAT
        moments = np.where(is_missing, self.origin if self.fill is None else self.fill, moments)
        moments = np.clip(moments, -FARTHEST, FARTHEST)
        calendar = date_parts(moments)
        numbers = [(moments - self.origin) / MICROSECONDS_PER_DAY, *(calendar[part] for part in self.parts)]
        numbers += [wave[calendar[part]] for part, waves in self._waves.items() for wave in waves]
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

    def writer(self, start: int) -> Writer:
        waves = [(part, wave.tolist()) for part, pair in self._waves.items() for wave in pair]
        width = len(self.outputs)

        def write(values: NDArray[Any], row: list[float]) -> None:
            moment = values.astype(MICROSECONDS, copy=False).view(np.int64).item()
            if moment == NAT:
                if self.fill is None:
                    row[start : start + width] = [math.nan] * width
                    return
                moment = self.fill
                if self.has_flag:
                    row[start + width - 1] = 1.0
            moment = max(-FARTHEST, min(moment, FARTHEST))
            calendar = date_parts(moment)
            elapsed = float(moment - self.origin) / MICROSECONDS_PER_DAY
            numbers = [elapsed, *(calendar[part] for part in self.parts)]
            numbers += [wave[calendar[part]] for part, wave in waves]
            for place, number in enumerate(numbers):
                row[start + place] = (number - self._means[place]) / self._scales[place]

        return write
