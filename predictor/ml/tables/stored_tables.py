"""Reads stored Parquet tables: columns in the canonical form of training and serving, and a preview.

The canonical form: numeric and boolean are float64 with NaN for missing, datetime is datetime64[us] with NaT,
categorical, text and identifier are object arrays of `str | None`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidInput, quoted_list
from ..types.reading import Reading, Unreadable, ValueKind
from ..types.schema import ColumnProfile, Role, TableSchema, canonical_text
from .duckdb_connection import connect, identifier, literal
from .zoned_moments import local_of

Columns = dict[str, NDArray[Any]]

READ_MEMORY_MB = 512
COLUMNS_AT_ONCE = 100
NUMBERS = ("BIGINT", "DOUBLE")
KINDS = {Role.NUMERIC: ValueKind.NUMBER, Role.DATETIME: ValueKind.DATE, Role.BOOLEAN: ValueKind.BOOLEAN}


def read_columns(
    parquet: Path | str,
    schema: TableSchema,
    names: Sequence[str] | None = None,
    *,
    sample: int | None = None,
    seed: int = 0,
    n_threads: int = 1,
) -> Columns:
    """The named columns (all by default) as arrays of one length, each in the canonical form of its role.

    `sample` takes that many rows, chosen by `seed`, in file order: the same rows for the same arguments.
    A text column whose role is numeric, boolean or datetime is read by its reading (see column_readings.py); a cell
    that is no value of it becomes missing. Numbers are read as dates by one as well. Times that are stored in UTC
    become local times of the reading's zone. Raises InvalidInput when a name is not in the schema.
    """
    names = list(schema.names if names is None else names)
    if unknown := [name for name in names if name not in schema]:
        raise InvalidInput(f"The dataset has no column {quoted_list(unknown)}.")
    profiles = {column.name: column for column in schema.columns}
    columns: Columns = {}
    with open_for_reading(Path(parquet), n_threads) as connection:
        stored = names_in_sql(connection, parquet, schema.names)
        relation = _relation(Path(parquet), schema.n_rows, sample, seed, connection)
        for start in range(0, len(names), COLUMNS_AT_ONCE):
            part = names[start : start + COLUMNS_AT_ONCE]
            columns |= _read(connection, relation, [profiles[name] for name in part], stored)
    return columns


def preview(
    parquet: Path | str,
    limit: int = 20,
    *,
    names: Sequence[str] | None = None,
    zones: Mapping[str, str] | None = None,
) -> list[dict[str, Any]]:
    """The first rows as JSON scalars: dates as ISO 8601 text, missing cells as None. `names`: of all its columns.

    `zones`: the zones of columns of times that are stored in UTC; these come as local times with their offset.
    """
    with open_for_reading(Path(parquet), 1) as connection:
        result = connection.execute(f"SELECT * FROM read_parquet({literal(str(parquet))}) LIMIT {int(limit)}")
        keys = [each[0] for each in result.description] if names is None else names
        zone = [(zones or {}).get(key, "") for key in keys]
        return [dict(zip(keys, map(_scalar, row, zone), strict=True)) for row in result.fetchall()]


def open_for_reading(parquet: Path, n_threads: int) -> duckdb.DuckDBPyConnection:
    return connect([parquet.parent], memory_mb=READ_MEMORY_MB, n_threads=n_threads)


def names_in_sql(
    connection: duckdb.DuckDBPyConnection, parquet: Path | str, names: Sequence[str]
) -> dict[str, str]:
    """The name by which SQL calls each column of a stored table, found by its place. `names`: of all columns."""
    relation = f"read_parquet({literal(str(parquet))})"
    described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    if len(described) != len(names):
        return {name: name for name in names}
    return {name: str(each[0]) for name, each in zip(names, described, strict=True)}


def _relation(
    parquet: Path, n_rows: int, sample: int | None, seed: int, connection: duckdb.DuckDBPyConnection
) -> str:
    if sample is None or sample >= n_rows:
        return f"read_parquet({literal(str(parquet))})"
    row_numbers = np.sort(np.random.default_rng(seed).choice(n_rows, size=sample, replace=False))
    # A semi join on the row number reads each row group once and keeps file order.
    connection.execute("CREATE TEMP TABLE sampled (number BIGINT)")
    connection.executemany("INSERT INTO sampled SELECT unnest(?)", [[row_numbers.tolist()]])
    numbered = f"read_parquet({literal(str(parquet))}, file_row_number = true)"
    return f"(SELECT * FROM {numbered} WHERE file_row_number IN (SELECT number FROM sampled) ORDER BY file_row_number)"


def _read(
    connection: duckdb.DuckDBPyConnection,
    relation: str,
    profiles: Sequence[ColumnProfile],
    stored: Mapping[str, str],
) -> Columns:
    selected = ", ".join(
        f"{_expression(profile, identifier(stored[profile.name]))} AS v{index}"
        for index, profile in enumerate(profiles)
    )
    arrays = connection.execute(f"SELECT {selected} FROM {relation}").fetchnumpy()
    return {profile.name: _canonical(arrays[f"v{index}"], profile) for index, profile in enumerate(profiles)}


def form_of(profile: ColumnProfile) -> Role:
    """The role whose canonical form a column takes; for a constant column, by its stored type."""
    if profile.role is not Role.CONSTANT:
        return profile.role
    if profile.storage in NUMBERS:
        return Role.NUMERIC
    if profile.storage == "BOOLEAN":
        return Role.BOOLEAN
    return Role.DATETIME if profile.storage in ("DATE", "TIMESTAMP") else Role.CATEGORICAL


def _expression(profile: ColumnProfile, column: str) -> str:
    form = form_of(profile)
    if form is Role.NUMERIC:
        if profile.storage in ("DATE", "TIMESTAMP"):
            return f"coalesce(epoch(CAST({column} AS TIMESTAMP)), 'nan')"
        if profile.storage == "VARCHAR":
            return column
        return f"coalesce(CAST({column} AS DOUBLE), 'nan')"
    if profile.storage == "VARCHAR" and form in (Role.BOOLEAN, Role.DATETIME):
        return column
    if form is Role.DATETIME and profile.storage in NUMBERS and profile.reading is not None:
        return column
    if form is Role.BOOLEAN:
        if profile.storage == "BOOLEAN":
            return f"coalesce(CAST({column} AS DOUBLE), 'nan')"
        if profile.storage in NUMBERS:
            return f"CASE WHEN {column} IN (0, 1) THEN CAST({column} AS DOUBLE) ELSE 'nan'::DOUBLE END"
        return "'nan'::DOUBLE"
    if form is Role.DATETIME:
        return (
            f"CAST({column} AS TIMESTAMP)" if profile.storage in ("DATE", "TIMESTAMP") else "NULL::TIMESTAMP"
        )
    return column


def _canonical(array: Any, profile: ColumnProfile) -> NDArray[Any]:
    form = form_of(profile)
    if form is Role.DATETIME and profile.storage in NUMBERS and profile.reading is not None:
        return _read_texts(_canonical_texts(array), profile.reading, form)
    if profile.storage == "VARCHAR" and form in KINDS:
        return _read_texts(_texts(array), profile.reading or Reading(KINDS[form]), form)
    if form in (Role.NUMERIC, Role.BOOLEAN):
        return np.ascontiguousarray(_filled(array, np.nan), dtype=np.float64)
    if form is Role.DATETIME:
        moments = _filled(array, np.datetime64("NaT")).astype("datetime64[us]")
        is_local = profile.reading is not None and profile.reading.zone and not profile.reading.is_utc
        return local_of(moments, profile.reading.zone) if is_local and profile.reading else moments
    if profile.storage == "VARCHAR":
        return _categories(_texts(array), profile.reading)
    # DuckDB returns dates as microseconds; their text has no time of day.
    return _canonical_texts(array.astype("datetime64[D]") if profile.storage == "DATE" else array)


def _read_texts(texts: NDArray[Any], reading: Reading, form: Role) -> NDArray[Any]:
    """The values of texts: float64 with NaN, or datetime64[us] with NaT. Each distinct text is read once."""
    missing: Any = np.datetime64("NaT") if form is Role.DATETIME else np.nan
    known: dict[Any, Any] = {None: missing}
    for text in set(texts.tolist()) - {None}:
        try:
            value: Any = reading.read(text)
        except Unreadable:
            value = None
        if value is None:
            known[text] = missing
        else:
            known[text] = np.datetime64(value) if form is Role.DATETIME else float(value)
    values = [known[text] for text in texts]
    return np.array(values, dtype="datetime64[us]" if form is Role.DATETIME else np.float64)


def _categories(texts: NDArray[Any], reading: Reading | None) -> NDArray[Any]:
    """Texts as their reading writes them, if they have one."""
    if reading is None or reading.kind is not ValueKind.TEXT:
        return texts
    known = {text: None if text is None else reading.read(text) for text in set(texts.tolist())}
    return np.array([known[text] for text in texts] + [None], dtype=object)[:-1]


def _filled(array: Any, value: Any) -> NDArray[Any]:
    if isinstance(array, np.ma.MaskedArray):
        data = np.asarray(array.data).copy()
        data[np.ma.getmaskarray(array)] = value
        return data
    return np.asarray(array)


def _texts(array: Any) -> NDArray[Any]:
    """Object array of `str | None`. Equal texts share one object, which saves most of a category's memory."""
    mask = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    data = np.asarray(array.data if mask is not None else array, dtype=object).copy()
    if mask is not None:
        data[mask] = None
    known: dict[Any, Any] = {}
    remember = known.setdefault
    data[:] = [remember(text, text) for text in data]
    return data


def _canonical_texts(array: Any) -> NDArray[Any]:
    """Numbers, booleans and dates as `canonical_text` writes them."""
    mask = (
        np.ma.getmaskarray(array)
        if isinstance(array, np.ma.MaskedArray)
        else np.zeros(len(array), dtype=bool)
    )
    data = np.asarray(array.data if isinstance(array, np.ma.MaskedArray) else array)
    texts = np.full(len(data), None, dtype=object)
    values, codes = np.unique(data[~mask], return_inverse=True)
    texts[~mask] = np.array([canonical_text(_plain(value)) for value in values] + [None], dtype=object)[codes]
    return texts


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _scalar(value: Any, zone: str) -> Any:
    if zone and value is not None:
        return Reading(ValueKind.DATE, zone=zone, is_utc=True).written(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
