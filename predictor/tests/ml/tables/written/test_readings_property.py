"""Random tables in random dialects, by a writer that shares no code with the project, are read back as meant."""

from __future__ import annotations

import os
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

from predictor.errors import UnknownEncoding
from predictor.ml.tables import stored_tables
from predictor.ml.types.schema import ColumnProfile

from ...imported_tables import Imported, import_csv
from .table_writer import Column, Table, tables

# The suite tries the same tables each time; TABLES=2000 looks for new ones.
IS_FIXED = "TABLES" not in os.environ
N_TABLES = int(os.environ.get("TABLES", "150"))
DOUBTS = ("kept as text", "Kept as text", "two ways", "could also")


@given(table=tables())
@settings(max_examples=N_TABLES, deadline=None, derandomize=IS_FIXED, suppress_health_check=list(HealthCheck))
def test_tables_are_read_back_as_they_were_meant_or_doubted(table: Table) -> None:
    with tempfile.TemporaryDirectory() as folder:
        imported = imported_table(table, Path(folder))
        assert faults(table, imported) == []


def imported_table(table: Table, folder: Path) -> Imported:
    try:
        return import_csv(folder, table.content)
    except UnknownEncoding:
        return import_csv(folder, table.content, encoding=table.dialect.encoding)


def faults(table: Table, imported: Imported) -> list[str]:
    """What was read otherwise than it was meant, without a word about it."""
    profiles = imported.schema.columns
    if [each.name for each in profiles] != [each.name for each in table.columns]:
        return [f"columns {[each.name for each in profiles]}"]
    if len(imported.rows) != len(table.columns[0].cells):
        return [f"{len(imported.rows)} rows"]
    found = []
    for meant, profile in zip(table.columns, profiles, strict=True):
        if fault := fault_of(meant, profile, imported):
            found.append(fault)
    return found


def fault_of(meant: Column, profile: ColumnProfile, imported: Imported) -> str:
    stored = [row[profile.name] for row in imported.rows]
    is_text = profile.storage == "VARCHAR" and profile.reading is None
    if is_text:
        different = [
            (cell, text)
            for cell, text in zip(meant.cells, stored, strict=True)
            if (text or "").strip() != cell.strip()
        ]
        if different:
            return f"{meant.name}: text {different[0][0]!r} was stored as {different[0][1]!r}"
        is_told = any(doubt in warning for warning in profile.warnings for doubt in DOUBTS)
        is_constant = len(set(meant.cells)) == 1
        if meant.kind in ("number", "date") and not is_told and not is_constant:
            return f"{meant.name}: {meant.kind} kept as text in silence, such as {meant.cells[0]!r} {profile.warnings}"
        return ""
    values = read_values(profile, imported) if profile.reading else stored
    for cell, value, found in zip(meant.cells, meant.values, values, strict=True):
        if not is_same(meant, value, found):
            if any(doubt in warning for warning in profile.warnings for doubt in DOUBTS):
                return ""
            return f"{meant.name}: {cell!r} was read as {found!r} {profile.warnings}"
    return ""


def read_values(profile: ColumnProfile, imported: Imported) -> list[Any]:
    values = stored_tables.read_columns(imported.parquet, imported.schema, [profile.name])[profile.name]
    return [None if each is None or each != each else each for each in values.tolist()]


def is_same(meant: Column, value: Any, found: Any) -> bool:
    if value is None or found is None:
        return value is None and found is None
    if meant.kind == "date":
        return bool(value == (datetime.fromisoformat(found) if isinstance(found, str) else found))
    if meant.kind in ("number", "boolean"):
        return bool(isinstance(found, (int, float)) and found == value)
    return str(found) == value
