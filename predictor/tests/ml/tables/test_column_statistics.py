from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from predictor.ml.tables import column_statistics
from predictor.ml.tables.column_statistics import SampledTable, TextFacts
from predictor.ml.types.schema import Level

from ..imported_tables import Read, parquet_of


def test_levels_are_in_canonical_text_most_frequent_first(read: Read) -> None:
    schema = read("a,b,c\n2.0,x,1\n2.5,y,0\n2.0,x,1\n").schema
    assert [(level.value, level.count) for level in schema["a"].levels] == [("2", 2), ("2.5", 1)]
    assert [level.value for level in schema["c"].levels] == ["1", "0"]


def test_a_large_table_is_profiled_from_a_sample(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_EXACT_ROWS", 100)
    monkeypatch.setattr(column_statistics, "MAX_SAMPLED_CELLS", 1)
    rows = "".join(f"{number},w{number % 5},2024-01-{number % 28 + 1:02d}\n" for number in range(5_000))
    schema = read("a,b,c\n" + rows).schema
    a, b = schema["a"], schema["b"]
    assert (a.minimum, a.maximum, a.n_missing, b.n_distinct) == (0.0, 4999.0, 0, 5)
    assert a.n_distinct == pytest.approx(5_000, rel=0.1)
    assert a.median == pytest.approx(2_500, rel=0.05)
    assert sum(each.count for each in a.histogram) == pytest.approx(5_000, rel=0.05)
    assert sum(level.count for level in b.levels) == 5_000


@contextmanager
def sampled(parquet: Path, *names: str) -> Iterator[SampledTable]:
    with duckdb.connect() as connection:
        yield SampledTable(connection, parquet, names)


def test_exact_statistics_are_those_of_python() -> None:
    numbers = [3, None, -2, 3, 7, None]
    texts = ["b", "京", None, "b", "a", "a"]

    with (
        parquet_of(n=("BIGINT", numbers), t=("VARCHAR", texts)) as parquet,
        sampled(parquet, "n", "t") as table,
    ):
        n, t = table.facts()
        levels = table.levels(t)

    assert (n.name, n.storage, n.n_filled, n.n_distinct, n.minimum, n.maximum) == ("n", "BIGINT", 4, 3, -2, 7)
    assert (t.name, t.storage, t.n_filled, t.n_distinct) == ("t", "VARCHAR", 5, 3)
    assert (n.has_order, t.has_order) == (True, False)
    # Equal counts: in the order of the values.
    assert levels == (Level("a", 2), Level("b", 2), Level("京", 1))


def test_a_column_without_a_value_has_no_distinct_values() -> None:
    with (
        parquet_of(a=("DOUBLE", [None, None]), b=("VARCHAR", [None, None])) as parquet,
        sampled(parquet, "a", "b") as table,
    ):
        for column in table.facts():
            assert (column.n_filled, column.n_distinct, column.counted) == (0, 0, ())
            assert table.levels(column) == ()
        assert table.sampled_numbers(table.facts())["a"].size == 0


def test_wide_tables_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "COLUMNS_AT_ONCE", 2)
    columns = {f"c{place}": ("BIGINT", [place, place, 9]) for place in range(5)}

    with parquet_of(**columns) as parquet, sampled(parquet, *columns) as table:
        assert [each.counted for each in table.facts()] == [((str(place), 2), ("9", 1)) for place in range(5)]


def test_times_are_sampled_in_seconds_since_1970() -> None:
    days = ["1970-01-02", None, "1969-12-31"]
    moments = ["1970-01-01 00:00:00.5", "2024-02-29 12:00:00", None]

    with (
        parquet_of(d=("DATE", days), m=("TIMESTAMP", moments)) as parquet,
        sampled(parquet, "d", "m") as table,
    ):
        numbers = table.sampled_numbers(table.facts())

    assert numbers["d"].tolist() == [86_400.0, -86_400.0]
    # `date -u -d "2024-02-29 12:00" +%s`
    assert numbers["m"].tolist() == [0.5, 1_709_208_000.0]


def test_texts_are_measured_in_words_and_characters() -> None:
    texts = ["one two  three", "é", " padded ", "=SUM(A1)", "+1*(2)", "-5 %", None]

    with parquet_of(t=("VARCHAR", texts)) as parquet, sampled(parquet, "t") as table:
        [facts] = table.sampled_texts(table.facts()).values()

    known = [text for text in texts if text is not None]
    assert facts.words == pytest.approx(np.mean([len(text.split()) for text in known]))
    assert facts.characters == pytest.approx(np.mean([len(text) for text in known]))
    assert (facts.n_formulas, facts.n_padded) == (2, 1)


def test_a_text_column_without_a_value_has_no_text_facts() -> None:
    with parquet_of(t=("VARCHAR", [None]), n=("BIGINT", [1])) as parquet, sampled(parquet, "t", "n") as table:
        assert table.sampled_texts(table.facts()) == {}
    assert TextFacts() == TextFacts(words=0.0, characters=0.0, n_formulas=0, n_padded=0)


def test_long_levels_are_cut_and_their_number_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_LEVELS_OF_TABLE", 6)
    monkeypatch.setattr(column_statistics, "MIN_LEVELS", 2)
    texts = ["x" * 300, "x" * 300, "a", "b", "c"]

    with (
        parquet_of(t=("VARCHAR", texts), u=("VARCHAR", texts)) as parquet,
        sampled(parquet, "t", "u") as table,
    ):
        column = table.facts()[0]
        assert column.n_distinct == 4
        assert table.levels(column) == (Level("x" * 200, 2), Level("a", 1), Level("b", 1))


# --- Samples of large tables --------------------------------------------------------------------------------


def test_a_sample_is_spread_over_the_whole_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_SAMPLED_CELLS", 1)

    with parquet_of(n=("BIGINT", list(range(10_000)))) as parquet, sampled(parquet, "n") as table:
        numbers = table.sampled_numbers(table.facts())["n"]

    # 1,000 rows in 40 runs of 25.
    assert len(numbers) == 1_000
    assert table.scale == 10.0
    assert (numbers[0], numbers[-1]) == (0, 9_999)
    assert (np.diff(numbers) > 1).sum() == 39


@pytest.mark.parametrize(
    ("values", "scale", "n_distinct"),
    [
        # Charikar and others: sqrt(scale) x values seen once + values seen more often.
        ([1.0, 1.0, 2.0, 2.0, 3.0], 4.0, 2 * 1 + 2),
        ([1.0, 1.0, 2.0, 2.0], 100.0, 2),
        # All values but few are seen once: the column looks unique.
        ([float(number) for number in range(100)], 3.0, 300),
        ([], 3.0, 0),
    ],
)
def test_distinct_values_are_estimated_from_a_sample(
    values: list[float], scale: float, n_distinct: int
) -> None:
    assert column_statistics._estimated_distinct(np.array(values), scale) == n_distinct


def test_levels_of_very_many_values_are_estimated_from_the_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(column_statistics, "MAX_EXACT_ROWS", 100)
    monkeypatch.setattr(column_statistics, "MAX_SAMPLED_CELLS", 1)
    monkeypatch.setattr(column_statistics, "MAX_COUNTED_DISTINCT", 5)
    words: list[Any] = [f"w{place % 10}" for place in range(4_000)]

    with parquet_of(t=("VARCHAR", words)) as parquet, sampled(parquet, "t") as table:
        [column] = table.facts()
        levels = {level.value: level.count for level in table.levels(column)}

    assert not table.is_counted_exactly
    assert levels.keys() == Counter(words).keys()
    assert sum(levels.values()) == 4_000
    assert all(300 < count < 500 for count in levels.values())
