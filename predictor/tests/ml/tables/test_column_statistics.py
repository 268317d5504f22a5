from __future__ import annotations

import pytest

from predictor.ml.tables import column_statistics

from .imported_tables import Read


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
