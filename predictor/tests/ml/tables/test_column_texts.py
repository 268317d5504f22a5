from __future__ import annotations

from datetime import datetime
from pathlib import Path

import numpy as np

from predictor.ml.tables.column_texts import counted_texts, statistics_of
from predictor.ml.tables.stored_tables import open_for_reading

from ..imported_tables import import_csv


def test_texts_are_counted_the_most_frequent_first(tmp_path: Path) -> None:
    parquet = import_csv(tmp_path, "v,w\nb,1\na,2\nb,3\n,4\n").parquet
    with open_for_reading(parquet, 1) as connection:
        assert list(counted_texts(connection, parquet, "v").items()) == [("b", 2), ("a", 1)]


def test_statistics_count_each_cell_of_a_text() -> None:
    values = np.repeat([1.0, 2.0, 10.0], [5, 1, 2])
    found = statistics_of({"1": (1.0, 5), "2": (2.0, 1), "10": (10.0, 2)})
    assert (found["minimum"], found["maximum"], found["mean"]) == (1, 10, values.mean())
    assert found["median"] == np.median(values)
    heights, edges = np.histogram(values, bins=20)
    assert [each.count for each in found["histogram"]] == heights.tolist()
    assert found["histogram"][0].low == edges[0]


def test_statistics_of_dates_are_texts() -> None:
    days = {str(day): (datetime(2024, 1, day), 1) for day in (1, 2, 9)}
    found = statistics_of(days)
    assert (found["minimum"], found["median"], found["maximum"]) == ("2024-01-01", "2024-01-02", "2024-01-09")
    first, last = found["histogram"][0], found["histogram"][-1]
    # By `date -u -d 2024-01-01 +%s`.
    assert (first.low, last.high) == (1_704_067_200, 1_704_758_400)
    assert (first.count, last.count, len(found["histogram"])) == (1, 1, 20)
