from __future__ import annotations

from datetime import date

import pytest

from predictor.services.datasets import airline_passengers


def test_the_series_holds_every_month_once() -> None:
    rows = airline_passengers.rows()

    assert [row[0] for row in rows] == sorted({row[0] for row in rows})
    assert (len(rows), rows[0], rows[-1]) == (144, ("1949-01-01", "112"), ("1960-12-01", "432"))
    # As R prints it: mean(AirPassengers) is 280.2986.
    assert sum(int(row[1]) for row in rows) / len(rows) == pytest.approx(280.2986, abs=1e-4)


def test_the_sums_of_the_years_are_those_of_r() -> None:
    sums: dict[int, int] = {}
    for day, passengers in airline_passengers.rows():
        year = date.fromisoformat(day).year
        sums[year] = sums.get(year, 0) + int(passengers)

    # As R prints it: aggregate(AirPassengers, FUN = sum).
    assert list(sums) == list(range(1949, 1961))
    assert list(sums.values()) == [
        1520, 1676, 2042, 2364, 2700, 2867, 3408, 3939, 4421, 4572, 5140, 5714,
    ]  # fmt: skip
