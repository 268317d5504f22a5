"""Imports of small CSV files: the report, and the rows of the Parquet file."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from predictor.ml.tables import ingest, stored_tables
from predictor.ml.tables.ingest_request import ImportLimits, ImportOptions, IngestReport

LIMITS = ImportLimits(memory_mb=256, n_threads=1)
PEOPLE = "name,age\n" + "".join(f"x{number},{number * 7 % 31}\n" for number in range(40))
ACCENTS = "name,city\n" + "".join(f"José {number},Zürich Straße\n" for number in range(30))
CHINESE = "名字,城市\n" + "张三,北京市朝阳区\n李四,上海浦东新区\n" * 20
# A column of each type, with missing cells.
TABLE = """n,x,flag,day,at,city,zip,gone
1,1.5,true,2024-01-05,2024-01-05T10:00:00Z,Łódź,00501,
2,,false,,2024-01-05T10:00:00.25Z,,10115,
,2.0,,2024-02-29,,北京,,
"""


class Imported:
    """A file that was read: the report, and the rows of the Parquet file."""

    def __init__(self, report: IngestReport, parquet: Path):
        self.report, self.schema, self.parquet = report, report.schema, parquet
        self.rows = stored_tables.preview(parquet, 1_000_000, names=report.schema.names)
        self.warnings = " ".join(report.warnings)
        self.roles = report.schema.roles
        self.storages = {column.name: column.storage for column in report.schema.columns}


Read = Callable[..., Imported]


def import_csv(folder: Path, content: str | bytes, limits: ImportLimits = LIMITS, **options: Any) -> Imported:
    source = folder / "source.csv"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    parquet = scratch / "table.parquet"
    report = ingest.ingest_csv(source, parquet, ImportOptions(**options), limits, scratch=scratch)
    return Imported(report, parquet)


@contextmanager
def parquet_of(**columns: tuple[str, list[Any]]) -> Iterator[Path]:
    """A Parquet file of columns, each with its DuckDB type and its values."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as database:
        parquet = Path(folder) / "table.parquet"
        selected = ", ".join(
            f"unnest(${place}::{kind}[]) AS {name}"
            for place, (name, (kind, _)) in enumerate(columns.items(), 1)
        )
        database.execute(f"CREATE TABLE t AS SELECT {selected}", [values for _, values in columns.values()])
        database.execute(f"COPY t TO '{parquet}' (FORMAT parquet)")
        yield parquet
