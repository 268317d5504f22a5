"""Public holidays of a country as features of a forecast: they are known in advance.

The library `holidays` computes them at training, without network. The version stores the days of the years that it may
need, so answers need no library and stay the same when a newer one knows other holidays.

Of days and shorter periods: whether the day is a holiday, which one, and whether the days before and after are. Of
longer periods: how many holidays from Monday to Friday lie in the period. What lifts or lowers a day goes into the base
of later ones (see lag_features.py), so these numbers have their difference from their own base, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact, InvalidTrainingRequest, quoted
from .frequency import DAY, Frequency, Indexes
from .lag_features import Floats, Places, Shape, base_of

# Years past the horizon of training that are stored: a version can be given newer history for so long.
YEARS_AHEAD = 5
FIRST_YEAR, LAST_YEAR = 1900, 2150
NONE, NAME = "none", "holiday:name"
VALUE, DEPARTURE = "holiday:", "holiday_departure:"
# Numbers whose difference from their base is a feature.
COMPARED = ("today", "count")


@dataclass(frozen=True)
class Holidays:
    """The public holidays of a place in some years. `names`: by day (days since 1970). `library`: its version."""

    place: str
    library: str
    first_year: int
    last_year: int
    names: Mapping[int, str]

    @classmethod
    def of(cls, place: str, first_year: int, last_year: int) -> Holidays:
        """Raises InvalidTrainingRequest for a place that the library does not know, or years out of its reach."""
        import holidays
        from holidays.version import __version__

        if first_year < FIRST_YEAR or last_year > LAST_YEAR:
            raise InvalidTrainingRequest(
                f"Public holidays are known from {FIRST_YEAR} to {LAST_YEAR}; these series need those of {first_year} "
                f"to {last_year}. Leave the holidays out.",
                field="holidays",
            )
        country, _, part = checked_place(place).partition("-")
        years = range(first_year, last_year + 1)
        # Names in English, whatever the language of the machine; where there are none, in that of the country.
        days = holidays.country_holidays(country, subdiv=part or None, years=years, language="en_US")
        names = {int(np.datetime64(day, "D").astype(np.int64)): str(name) for day, name in days.items()}
        return cls(place, __version__, first_year, last_year, dict(sorted(names.items())))

    def within(self, first_year: int, last_year: int) -> Holidays:
        """Those of some of the years."""
        first, after = (
            int(np.datetime64(f"{year:04}-01-01", "D").astype(np.int64))
            for year in (first_year, last_year + 1)
        )
        names = {day: name for day, name in self.names.items() if first <= day < after}
        return replace(self, first_year=first_year, last_year=last_year, names=names)

    @cached_property
    def _days(self) -> NDArray[np.int64]:
        return np.array(sorted(self.names), np.int64)

    def are_holidays(self, days: NDArray[np.int64]) -> NDArray[np.bool_]:
        places = np.minimum(np.searchsorted(self._days, days), max(len(self._days) - 1, 0))
        return self._days[places] == days if len(self._days) else np.zeros(len(days), bool)

    @cached_property
    def _working(self) -> NDArray[np.int64]:
        """Those from Monday to Friday; 1970-01-01 was a Thursday."""
        return self._days[(self._days + 3) % 7 < 5]

    def numbers(self, frequency: Frequency, indexes: Indexes) -> dict[str, Floats]:
        """The features of these periods that are numbers."""
        if not is_of_days(frequency):
            begin, end = _spans(frequency, indexes)
            count = np.searchsorted(self._working, end) - np.searchsorted(self._working, begin)
            return {"count": count.astype(np.float64)}
        apart = max(DAY // frequency.every, 1) if frequency.unit == "time" else 1
        return {
            name: self.are_holidays(days_of(frequency, indexes + step)).astype(np.float64)
            for name, step in (("today", 0), ("tomorrow", apart), ("yesterday", -apart))
        }

    def features(
        self,
        frequency: Frequency,
        targets: Indexes,
        windows: Mapping[str, Floats],
        origins: Places,
        steps: NDArray[np.int64],
        shape: Shape,
    ) -> dict[str, NDArray[Any]]:
        """Input columns of the pipeline for rows that forecast the periods `targets`. `windows`: of the COMPARED."""
        columns: dict[str, NDArray[Any]] = {}
        for name, values in self.numbers(frequency, targets).items():
            columns[VALUE + name] = values
            if name in windows:
                columns[DEPARTURE + name] = values - base_of(windows[name], origins, steps, shape)
        if is_of_days(frequency):
            days = days_of(frequency, targets).tolist()
            columns[NAME] = np.array([*(self.names.get(day, NONE) for day in days), None], object)[:-1]
        return columns

    def to_json(self) -> dict[str, Any]:
        return {
            "place": self.place,
            "library": self.library,
            "years": [self.first_year, self.last_year],
            "days": [[str(np.datetime64(day, "D")), name] for day, name in self.names.items()],
        }

    @classmethod
    def from_json(cls, data: Any) -> Holidays | None:
        """None where a version has none. Raises DamagedArtifact."""
        if data is None:
            return None
        try:
            first, last = map(int, data["years"])
            names = {int(np.datetime64(day, "D").astype(np.int64)): str(name) for day, name in data["days"]}
            return cls(str(data["place"]), str(data["library"]), first, last, names)
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored holidays of the forecast are not complete.") from error


def checked_place(place: str) -> str:
    """The place, if the library knows it. Raises InvalidTrainingRequest."""
    import holidays

    places = holidays.list_supported_countries()
    country, _, part = place.partition("-")
    if country not in places:
        raise InvalidTrainingRequest(
            f"There are no public holidays of {quoted(place)}. Name a country by its two letters (ISO 3166), such as "
            "DE, or a part of it, such as DE-BY.",
            field="holidays",
        )
    if part and part not in places[country]:
        parts = ", ".join(places[country]) or "none"
        raise InvalidTrainingRequest(
            f"There are no public holidays of {quoted(part)} in {country}. Its parts are: {parts}.",
            field="holidays",
        )
    return place


def is_of_days(frequency: Frequency) -> bool:
    """Whether a period lies in one day."""
    return frequency.unit == "weekday" or (frequency.unit == "time" and frequency.every <= DAY)


def is_of_years(frequency: Frequency) -> bool:
    """Whether a period has whole years, which all have the same holidays."""
    return frequency.unit == "month" and frequency.every % 12 == 0


def days_of(frequency: Frequency, indexes: Indexes) -> NDArray[np.int64]:
    """Days since 1970, in local time, on which these periods begin."""
    days: NDArray[np.int64] = frequency.local_moments(indexes).astype("datetime64[D]").astype(np.int64)
    return days


def year_of(frequency: Frequency, index: int) -> int:
    return int(frequency.local_moments(np.array([index]))[0].astype("datetime64[Y]").astype(np.int64)) + 1970


def _spans(frequency: Frequency, indexes: Indexes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first day of each period, and the day after its last one."""
    if frequency.unit != "month":
        return days_of(frequency, indexes), days_of(frequency, indexes + 1)
    # Dates of months may carry any day of the month; the period is the whole month.
    months = np.stack([indexes, indexes + 1]) * frequency.every + frequency.anchor
    begin, end = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    return begin, end
