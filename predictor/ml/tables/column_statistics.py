"""Column statistics of a Parquet file, computed in SQL.

Missing cells and ranges come from all rows. Means, medians, histograms and statistics of texts come from all rows
of a small table, and from a sample of a large one; distinct values are then estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..types.schema import Level, canonical_text
from .duckdb_connection import identifier, literal

# Levels per column; fewer in a wide table, so that its schema stays a few megabytes.
MAX_LEVELS = 1_000
MIN_LEVELS = 50
MAX_LEVELS_OF_TABLE = 50_000
MAX_LEVEL_CHARACTERS = 200
MAX_SAMPLED_CELLS = 4_000_000
MAX_SAMPLED_ROWS = 200_000
N_RUNS = 40
MAX_EXACT_ROWS = 200_000
MAX_STACKED_CELLS = 2_000_000
# Above this many distinct values, counting each of them is not worth the memory; the page shows ten.
MAX_COUNTED_DISTINCT = 20_000
COLUMNS_AT_ONCE = 50
FORMULA = "^[=+@-]\\s*[A-Za-z0-9(]+.*[(+!*/].*$|^[=@].+"


@dataclass(frozen=True)
class ColumnFacts:
    """Statistics of one column over all rows. `counted`: its most frequent values and their counts."""

    name: str
    storage: str
    n_filled: int
    n_distinct: int
    minimum: Any
    maximum: Any
    counted: Sequence[tuple[str, int]] = ()

    @property
    def has_order(self) -> bool:
        return self.storage in ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP")


@dataclass(frozen=True)
class TextFacts:
    """Statistics of a text column over the sampled rows: mean words and characters, formulas, padded cells."""

    words: float = 0.0
    characters: float = 0.0
    n_formulas: int = 0
    n_padded: int = 0


class SampledTable:
    """The Parquet file with a sample of its rows."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, parquet: Path, names: Sequence[str]):
        self.connection, self.names = connection, names
        self.path = literal(str(parquet))
        self.relation = f"read_parquet({self.path})"
        self.n_rows = int(self.rows(f"SELECT count(*) FROM {self.relation}")[0][0])
        described = self.rows(f"DESCRIBE SELECT * FROM {self.relation}")
        self.storages = {name: each[1] for name, each in zip(names, described, strict=True)}
        self._stored = {name: identifier(each[0]) for name, each in zip(names, described, strict=True)}
        self.n_levels = max(MIN_LEVELS, min(MAX_LEVELS, MAX_LEVELS_OF_TABLE // len(names)))
        self.sample, self.scale = self.relation, 1.0
        n_wanted = max(1_000, min(MAX_SAMPLED_ROWS, MAX_SAMPLED_CELLS // len(names)))
        if self.n_rows > n_wanted:
            self._take_sample(n_wanted)

    def _take_sample(self, n_wanted: int) -> None:
        """Sample short runs of adjacent rows, spread evenly. Single rows would touch every page of the file."""
        length = -(-n_wanted // N_RUNS)
        starts = np.linspace(0, self.n_rows - length, N_RUNS).astype(int).tolist()
        runs = " OR ".join(f"file_row_number BETWEEN {start} AND {start + length - 1}" for start in starts)
        numbered = f"read_parquet({self.path}, file_row_number = true)"
        self.connection.execute(
            f"CREATE TEMP TABLE sample AS SELECT * EXCLUDE (file_row_number) FROM {numbered} WHERE {runs}"
        )
        self.sample = "sample"
        self.scale = self.n_rows / self.rows("SELECT count(*) FROM sample")[0][0]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    @property
    def is_counted_exactly(self) -> bool:
        return self.n_rows <= MAX_EXACT_ROWS

    def facts(self) -> list[ColumnFacts]:
        """Statistics of every column; ranges and counts of missing cells come from the Parquet footer."""
        footer = self.rows(
            "SELECT sum(stats_null_count), min(TRY_CAST(stats_min_value AS DOUBLE)), "
            "max(TRY_CAST(stats_max_value AS DOUBLE)), min(stats_min_value), max(stats_max_value) "
            f"FROM parquet_metadata({self.path}) GROUP BY column_id ORDER BY column_id"
        )
        columns = []
        for name, (n_missing, low, high, first, last) in zip(self.storages, footer, strict=True):
            storage = self.storages[name]
            is_number = storage in ("BIGINT", "DOUBLE")
            ends = (
                (low, high)
                if is_number
                else (first, last)
                if storage in ("DATE", "TIMESTAMP")
                else (None, None)
            )
            columns.append(ColumnFacts(name, storage, self.n_rows - int(n_missing), 0, *ends))
        return self._counted(columns) if self.is_counted_exactly else self._estimated(columns)

    def _estimated(self, facts: Sequence[ColumnFacts]) -> list[ColumnFacts]:
        """The facts with estimated distinct counts: texts from all rows, numbers and dates from the sample."""
        counts: dict[str, int] = {}
        for start in range(0, len(facts), COLUMNS_AT_ONCE):
            part = facts[start : start + COLUMNS_AT_ONCE]
            sql = ", ".join(
                f"approx_count_distinct({self._stored[each.name]})" for each in part if not each.has_order
            )
            names = [each.name for each in part if not each.has_order]
            counts |= (
                dict(zip(names, self.rows(f"SELECT {sql} FROM {self.relation}")[0], strict=True))
                if sql
                else {}
            )
            sampled = self.sampled_numbers(part)
            counts |= {name: _estimated_distinct(values, self.scale) for name, values in sampled.items()}
        return [replace(each, n_distinct=min(counts[each.name], each.n_filled)) for each in facts]

    def _counted(self, facts: Sequence[ColumnFacts]) -> list[ColumnFacts]:
        """The facts with exact distinct counts and levels; some columns at a time, stacked into one.

        A query per column costs ten milliseconds of planning in a table of a thousand columns, and
        count(DISTINCT) of fifty at once a second.
        """
        n_at_once = max(1, min(COLUMNS_AT_ONCE, MAX_STACKED_CELLS // max(1, self.n_rows)))
        completed: list[ColumnFacts] = []
        for start in range(0, len(facts), n_at_once):
            part = facts[start : start + n_at_once]
            cells = ", ".join(f"CAST({self._stored[each.name]} AS VARCHAR)" for each in part)
            rows = self.rows(
                f"WITH stacked AS (SELECT unnest([{cells}]) AS cell, unnest({list(range(len(part)))}) AS place "
                f"FROM {self.relation}), "
                "counted AS (SELECT place, cell, count(*) AS n FROM stacked WHERE cell IS NOT NULL GROUP BY ALL), "
                "ranked AS (SELECT *, row_number() OVER (PARTITION BY place ORDER BY n DESC, cell) AS rank, "
                "count(*) OVER (PARTITION BY place) AS n_distinct FROM counted) "
                f"SELECT place, cell, n, n_distinct FROM ranked WHERE rank <= {self.n_levels} ORDER BY place, rank"
            )
            counts = {place: n_distinct for place, _, _, n_distinct in rows}
            levels: list[list[tuple[str, int]]] = [[] for _ in part]
            for place, cell, n, _ in rows:
                levels[place].append((cell, n))
            completed += [
                replace(each, n_distinct=counts.get(place, 0), counted=tuple(levels[place]))
                for place, each in enumerate(part)
            ]
        return completed

    def sampled_numbers(self, part: Sequence[ColumnFacts]) -> dict[str, NDArray[np.float64]]:
        """Sampled values without the missing ones, as float64; dates and times in seconds since 1970."""
        casts = {}
        for each in part:
            if each.storage in ("BIGINT", "DOUBLE"):
                casts[each.name] = f"CAST({self._stored[each.name]} AS DOUBLE)"
            elif each.storage in ("DATE", "TIMESTAMP"):
                casts[each.name] = f"epoch(CAST({self._stored[each.name]} AS TIMESTAMP))"
        if not casts:
            return {}
        columns = ", ".join(f"coalesce({sql}, 'nan') AS v{index}" for index, sql in enumerate(casts.values()))
        arrays = self.connection.execute(f"SELECT {columns} FROM {self.sample}").fetchnumpy()
        samples = {
            name: np.asarray(arrays[f"v{index}"], dtype=np.float64) for index, name in enumerate(casts)
        }
        return {name: values[~np.isnan(values)] for name, values in samples.items()}

    def sampled_texts(self, part: Sequence[ColumnFacts]) -> dict[str, TextFacts]:
        names = [each.name for each in part if each.storage == "VARCHAR" and each.n_filled]
        if not names:
            return {}
        columns = ", ".join(
            f"avg(len(string_split_regex(trim({column}), '\\s+'))), avg(length({column})), "
            f"count(*) FILTER (WHERE {column} < 'A' AND regexp_matches({column}, {literal(FORMULA)})), "
            f"count(*) FILTER (WHERE {column} < '!')"
            for column in map(self._stored.__getitem__, names)
        )
        row = self.rows(f"SELECT {columns} FROM {self.sample}")[0]
        return {
            name: TextFacts(row[i * 4] or 0.0, row[i * 4 + 1] or 0.0, row[i * 4 + 2], row[i * 4 + 3])
            for i, name in enumerate(names)
        }

    def levels(self, each: ColumnFacts) -> tuple[Level, ...]:
        """The most frequent values, in canonical text; estimated from the sample when there are very many."""
        if each.counted:
            cast = float if each.storage in ("BIGINT", "DOUBLE") else str
            counted = [(cast(cell), n) for cell, n in each.counted]
        else:
            counted = self._queried_levels(each)
        levels = [(canonical_text(value), n) for value, n in counted]
        return tuple(Level(text[:MAX_LEVEL_CHARACTERS], n) for text, n in levels if text is not None)

    def _queried_levels(self, each: ColumnFacts) -> list[tuple[Any, int]]:
        is_counted = each.n_distinct <= MAX_COUNTED_DISTINCT
        factor = 1.0 if is_counted else self.scale
        column = self._stored[each.name]
        rows = self.rows(
            f"SELECT {column}, count(*) AS n FROM {self.relation if is_counted else self.sample} "
            f"WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY n DESC, 1 LIMIT {self.n_levels}"
        )
        return [(value, round(n * factor)) for value, n in rows]


def _estimated_distinct(sampled: NDArray[np.float64], scale: float) -> int:
    """Estimated number of distinct values in all rows: values seen once in the sample stand for unseen ones.

    The guaranteed-error estimator (GEE) of Charikar and others, "Towards estimation error guarantees for distinct
    values", 2000.
    """
    _, counts = np.unique(sampled, return_counts=True)
    n_once = int((counts == 1).sum())
    if n_once > 0.9 * len(sampled):
        return round(len(counts) * scale)
    return round(n_once * float(scale**0.5) + len(counts) - n_once)
