"""Data profiling: role, range, levels, histogram and warnings of each column of a Parquet file."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ..types.schema import Bin, ColumnProfile, Role, TableSchema
from .column_statistics import COLUMNS_AT_ONCE, ColumnFacts, SampledTable, TextFacts
from .duckdb_connection import connect

N_BINS = 20
MAX_LEVELS_OF_NUMBERS = 100
MANY_LEVELS = 1_000
MIN_ROWS_OF_IDENTIFIER = 20
IDENTIFIER_NAME = re.compile(
    r"(^|[\s_.-])(id|ids|uuid|guid|key|index|idx|rownames?|row|no|nr|number|unnamed: 0|column 1|编号|序号)$",
    re.IGNORECASE,
)
# The last word of a name, or the one before "number", that speaks for codes.
CODE_NAME = re.compile(
    r"(^|[\s_.-])(zip|zipcode|postcode|postalcode|plz|postleitzahl|phone|telephone|tel|telefon|mobile|fax|iban|isbn|"
    r"ean|upc|gtin|sku|ssn|barcode|code|id|邮编|电话)$|"
    r"(^|[\s_.-])(zip|postal|phone|telephone|mobile|fax|account|card|tax)[\s_.-]?(number|code|no|nr)$",
    re.IGNORECASE,
)
# Amounts of so many digits are rare, and rarely all of the same length.
MIN_DIGITS_OF_CODES = 12
CAMEL_IDENTIFIER = re.compile(r"[a-z](Id|ID|Key|Uuid|UUID)$")


def profile(
    parquet: Path,
    names: Sequence[str],
    *,
    memory_mb: int = 256,
    n_threads: int = 2,
    connection: duckdb.DuckDBPyConnection | None = None,
) -> TableSchema:
    """Profile the table: its schema, the columns in the order of `names`. A given `connection` stays open."""
    folder = parquet.parent
    opened = (
        connect([folder], memory_mb=memory_mb, n_threads=n_threads, scratch=folder / "spill")
        if connection is None
        else nullcontext(connection)
    )
    with opened as database:
        table = SampledTable(database, parquet, names)
        facts = table.facts()
        columns: list[ColumnProfile] = []
        for start in range(0, len(facts), COLUMNS_AT_ONCE):
            part = facts[start : start + COLUMNS_AT_ONCE]
            numbers, texts = table.sampled_numbers(part), table.sampled_texts(part)
            columns += [
                _profile_column(each, table, numbers.get(each.name), texts.get(each.name, TextFacts()))
                for each in part
            ]
    return TableSchema(columns=tuple(columns), n_rows=table.n_rows)


def _profile_column(
    each: ColumnFacts, table: SampledTable, numbers: NDArray[np.float64] | None, texts: TextFacts
) -> ColumnProfile:
    role = _role(each, table.n_rows, texts)
    is_time = each.storage in ("DATE", "TIMESTAMP")
    has_levels = each.storage in ("VARCHAR", "BOOLEAN") or each.n_distinct <= MAX_LEVELS_OF_NUMBERS
    return ColumnProfile(
        name=each.name,
        role=role,
        storage=each.storage,
        n_missing=table.n_rows - each.n_filled,
        n_distinct=each.n_distinct,
        minimum=_end(each.minimum),
        maximum=_end(each.maximum),
        mean=_mean(numbers, each),
        median=_median(numbers, is_time, each.storage),
        levels=table.levels(each) if has_levels and each.n_filled else (),
        histogram=() if numbers is None else _histogram(numbers, each, table.scale),
        warnings=_warnings(each, role, table.n_rows, texts),
    )


def _role(each: ColumnFacts, n_rows: int, texts: TextFacts) -> Role:
    if each.n_distinct == 0 or (each.n_distinct == 1 and each.n_filled == n_rows):
        return Role.CONSTANT
    if each.storage == "BOOLEAN":
        return Role.BOOLEAN
    if each.storage in ("DATE", "TIMESTAMP"):
        return Role.DATETIME
    if each.storage == "VARCHAR":
        return text_role(each.n_distinct, each.n_filled, texts.words)
    return Role.IDENTIFIER if _is_counter(each, n_rows) else Role.NUMERIC


def text_role(n_distinct: int, n_filled: int, words: float) -> Role:
    """The role of a text column with this many words in a cell on average."""
    share = n_distinct / n_filled
    if words >= 2.5 and n_distinct > 20 and share > 0.3:
        return Role.TEXT
    # Distinct counts by HyperLogLog are a few percent off, so "all different" means 95 %.
    if n_filled >= MIN_ROWS_OF_IDENTIFIER and share > 0.95:
        return Role.TEXT if words >= 2 else Role.IDENTIFIER
    return Role.CATEGORICAL


def _is_counter(each: ColumnFacts, n_rows: int) -> bool:
    """Whether it is an integer identifier: unique, with a name such as "id". Other names may be measurements."""
    is_unique = each.n_filled == n_rows and each.n_distinct >= (n_rows if n_rows <= 20_000 else 0.95 * n_rows)
    if each.storage != "BIGINT" or n_rows < MIN_ROWS_OF_IDENTIFIER or not is_unique:
        return False
    return bool(IDENTIFIER_NAME.search(each.name) or CAMEL_IDENTIFIER.search(each.name))


def _is_row_count(each: ColumnFacts, n_rows: int) -> bool:
    """Whether the column numbers the rows without a gap."""
    is_unique = each.n_filled == n_rows and each.n_distinct >= (n_rows if n_rows <= 20_000 else 0.95 * n_rows)
    return (
        each.storage == "BIGINT"
        and n_rows >= MIN_ROWS_OF_IDENTIFIER
        and is_unique
        and int(each.maximum) - int(each.minimum) + 1 == n_rows
    )


def _may_be_codes(each: ColumnFacts, n_rows: int) -> bool:
    """Whether the name of a column of whole numbers, or their equal and great length, speaks for codes."""
    if each.storage != "BIGINT" or n_rows < MIN_ROWS_OF_IDENTIFIER or each.minimum < 0:
        return False
    shortest, longest = len(str(int(each.minimum))), len(str(int(each.maximum)))
    # Milliseconds since 1970 have thirteen digits and begin with 1.
    is_time = longest == 13 and int(each.maximum) < 2 * 10**12
    has_length_of_codes = shortest == longest >= MIN_DIGITS_OF_CODES and not is_time
    return has_length_of_codes or bool(CODE_NAME.search(each.name))


def _warnings(each: ColumnFacts, role: Role, n_rows: int, texts: TextFacts) -> tuple[str, ...]:
    if each.n_filled == 0:
        return ("Every cell is missing.",)
    warnings = []
    if role is Role.CONSTANT:
        warnings.append("Every row holds the same value; it tells a model nothing.")
    if role is Role.IDENTIFIER:
        warnings.append(
            "Every value is different, so the column looks like an identifier; it is not used as a feature."
        )
    if role is Role.CATEGORICAL and each.n_distinct > MANY_LEVELS:
        warnings.append(f"{each.n_distinct:,} distinct words; the rare ones are treated as one.")
    if each.n_filled < 0.5 * n_rows:
        warnings.append(f"{n_rows - each.n_filled:,} of {n_rows:,} cells are missing.")
    if role is Role.NUMERIC and _is_row_count(each, n_rows):
        warnings.append(
            "The numbers run from row to row without a gap; if they only count rows, leave the column out."
        )
    if role is Role.NUMERIC and _may_be_codes(each, n_rows):
        warnings.append(
            "Whole numbers that may be codes, such as postcodes or telephone numbers; if they name things and do not "
            "measure them, choose the role categorical."
        )
    if texts.n_formulas:
        n = texts.n_formulas
        warnings.append(
            f"{n:,} {'cell looks' if n == 1 else 'cells look'} like a spreadsheet formula; stored as text."
        )
    return tuple(warnings)


def _end(value: float | str | None) -> float | str | None:
    """A number, or ISO 8601 text."""
    return value.replace(" ", "T") if isinstance(value, str) else value


def _mean(numbers: NDArray[np.float64] | None, each: ColumnFacts) -> float | None:
    if numbers is None or not len(numbers) or each.storage not in ("BIGINT", "DOUBLE"):
        return None
    return _without_overflow(np.mean, numbers)


def _median(numbers: NDArray[np.float64] | None, is_time: bool, storage: str) -> float | str | None:
    if numbers is None or not len(numbers):
        return None
    median = _without_overflow(np.median, numbers)
    if not is_time:
        return median
    moment = np.datetime64(round(median), "s").astype(datetime)
    return str(moment.date().isoformat() if storage == "DATE" else moment.isoformat())


def _without_overflow(
    statistic: Callable[[NDArray[np.float64]], np.floating[Any]], numbers: NDArray[np.float64]
) -> float:
    """A mean or median of finite numbers, which is finite even if their sum is not."""
    with np.errstate(over="ignore"):
        value = float(statistic(numbers))
    return value if np.isfinite(value) else float(statistic(numbers * 2.0**-64)) * 2.0**64


def _histogram(numbers: NDArray[np.float64], each: ColumnFacts, scale: float) -> tuple[Bin, ...]:
    """About twenty equal bins over the range; whole numbers of a small range get one bin each."""
    if not len(numbers):
        return ()
    low, high = float(numbers.min()), float(numbers.max())
    if each.storage == "BIGINT" and high - low < N_BINS:
        edges = np.arange(low, high + 2) - 0.5
    elif low == high or not np.isfinite(high - low):
        return (Bin(low, high, round(len(numbers) * scale)),)
    else:
        edges = np.linspace(low, high, N_BINS + 1)
    counts, edges = np.histogram(numbers, bins=edges)
    return tuple(
        Bin(float(start), float(end), round(int(count) * scale))
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
