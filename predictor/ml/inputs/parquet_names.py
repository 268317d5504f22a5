"""Names of columns in the footer of a Parquet file: read as they are, and written as they are wanted.

DuckDB does not tell upper from lower case in names: it reads and writes “a” and “A” as “a” and “A_1”. The footer is a
FileMetaData of https://github.com/apache/parquet-format, in Thrift's compact protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from ...errors import InvalidTable
from ..tables.duckdb_connection import literal

MAGIC = b"PAR1"
TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
# Fields of FileMetaData: the schema, the row groups; of SchemaElement: name and number of children; of RowGroup and
# ColumnChunk, down to the path of a column.
SCHEMA, ROW_GROUPS = 2, 4
NAME, N_CHILDREN = 4, 5
COLUMNS, META_DATA, PATH_IN_SCHEMA = 1, 3, 3
MAX_DEPTH = 32


def top_names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The names of the columns as the file holds them, by their place, without those within a nested column."""
    rows = connection.execute(
        f"SELECT name, coalesce(num_children, 0) FROM parquet_schema({literal(str(path))})"  # noqa: S608
    ).fetchall()
    names: list[str] = []
    n_within = 0
    for name, n_children in rows[1:]:
        if n_within == 0:
            names.append(str(name))
            n_within = 1
        n_within += int(n_children) - 1
    return names


def rename_columns(path: Path, names: Mapping[str, str]) -> None:
    """Rename columns of a file in place, in its footer. Raises InvalidTable for a footer that cannot be read."""
    with path.open("r+b") as file:
        end = file.seek(-8, 2)
        tail = file.read(8)
        n_bytes = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or n_bytes > end:
            raise InvalidTable("This is not a Parquet file.")
        file.seek(end - n_bytes)
        metadata = _Reader(file.read(n_bytes)).struct()
        _rename(metadata, {name.encode(): new.encode() for name, new in names.items()})
        footer = _struct(metadata)
        file.seek(end - n_bytes)
        file.write(footer + len(footer).to_bytes(4, "little") + MAGIC)
        file.truncate()


def _rename(metadata: dict[int, Any], names: Mapping[bytes, bytes]) -> None:
    _, (_, elements) = metadata[SCHEMA]
    n_within = 0
    for element in elements[1:]:
        if n_within == 0:
            kind, name = element[NAME]
            element[NAME] = (kind, names.get(name, name))
            n_within = 1
        n_within += element.get(N_CHILDREN, (I32, 0))[1] - 1
    _, (_, groups) = metadata[ROW_GROUPS]
    for group in groups:
        for column in group[COLUMNS][1][1]:
            path = column[META_DATA][1][PATH_IN_SCHEMA][1][1]
            path[0] = names.get(path[0], path[0])


class _Reader:
    """Values of the compact protocol: structs as {field: (type, value)}, lists as (type of elements, elements)."""

    def __init__(self, data: bytes):
        self._data, self._at, self._depth = data, 0, 0

    def struct(self) -> dict[int, Any]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidTable("The footer of the Parquet file is nested too deeply.")
        fields: dict[int, Any] = {}
        number = 0
        while head := self._byte():
            kind, delta = head & 15, head >> 4
            number = number + delta if delta else self._signed()
            fields[number] = (kind, kind == TRUE if kind in (TRUE, FALSE) else self._value(kind))
        self._depth -= 1
        return fields

    def _value(self, kind: int) -> Any:
        if kind in (TRUE, FALSE, BYTE):
            return self._byte()
        if kind in (I16, I32, I64):
            return self._signed()
        if kind == DOUBLE:
            return self._bytes(8)
        if kind == BINARY:
            return self._bytes(self._varint())
        if kind in (LIST, SET):
            head = self._byte()
            n, element = head >> 4, head & 15
            n = self._varint() if n == 15 else n
            return element, [self._value(element) for _ in range(n)]
        if kind == STRUCT:
            return self.struct()
        raise InvalidTable("The footer of the Parquet file cannot be read.")

    def _byte(self) -> int:
        return self._bytes(1)[0]

    def _bytes(self, n: int) -> bytes:
        part = self._data[self._at : self._at + n]
        if len(part) < n:
            raise InvalidTable("The footer of the Parquet file is cut off.")
        self._at += n
        return part

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) & 128:
            value |= (byte & 127) << shift
            shift += 7
        return value | byte << shift

    def _signed(self) -> int:
        value = self._varint()
        return value >> 1 ^ -(value & 1)


def _struct(fields: Mapping[int, Any]) -> bytes:
    parts, last = [], 0
    for number, (kind, value) in fields.items():
        delta = number - last
        parts.append(bytes([delta << 4 | kind]) if 0 < delta < 16 else bytes([kind]) + _signed(number))
        last = number
        if kind not in (TRUE, FALSE):
            parts.append(_written(kind, value))
    return b"".join(parts) + b"\0"


def _written(kind: int, value: Any) -> bytes:
    if kind in (TRUE, FALSE, BYTE):
        return bytes([value])
    if kind in (I16, I32, I64):
        return _signed(value)
    if kind == DOUBLE:
        return bytes(value)
    if kind == BINARY:
        return _varint(len(value)) + bytes(value)
    if kind == STRUCT:
        return _struct(value)
    element, values = value
    n = len(values)
    head = bytes([n << 4 | element]) if n < 15 else bytes([15 << 4 | element]) + _varint(n)
    return head + b"".join(_written(element, each) for each in values)


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes(parts) + bytes([value])


def _signed(value: int) -> bytes:
    return _varint(value << 1 if value >= 0 else (-value << 1) - 1)
