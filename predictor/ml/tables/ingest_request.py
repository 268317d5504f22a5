"""What the reading process is asked, and what it answers, as frozen dataclasses with a JSON form.

Standard library only: services and faces name options and limits without loading DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..execution.error_json import error_from_json
from ..types.schema import TableSchema


@dataclass(frozen=True)
class ImportOptions:
    """What the caller says about the file; empty means: find it."""

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    skip_bad_rows: bool = False
    infinite_as_missing: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImportOptions:
        return cls(**{name: value for name, value in data.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class ImportLimits:
    """How much of what is taken. `memory_mb` is DuckDB's share of the process."""

    max_bytes: int = 5 << 30
    max_rows: int = 50_000_000
    max_columns: int = 1_000
    max_cell_bytes: int = 64 << 10
    max_name_characters: int = 128
    memory_mb: int = 256
    n_threads: int = 2


@dataclass(frozen=True)
class IngestReport:
    """What a file turned out to be. `warnings` are the table's own and those of its columns."""

    schema: TableSchema
    encoding: str
    delimiter: str
    decimal: str
    n_rejected: int = 0
    warnings: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        return self.schema.n_rows

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "schema": self.schema.to_json()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> IngestReport:
        return cls(
            **{
                **data,
                "schema": TableSchema.from_json(data["schema"]),
                "warnings": tuple(data.get("warnings", ())),
            }
        )


@dataclass(frozen=True)
class IngestRequest:
    """What the child is asked to do. `scratch` is its folder; the Parquet file and the answer go there."""

    source: Path
    scratch: Path
    options: ImportOptions
    limits: ImportLimits

    @property
    def destination(self) -> Path:
        return self.scratch / "table.parquet"

    @property
    def result(self) -> Path:
        return self.scratch / "result.json"

    def write(self) -> Path:
        path = self.scratch / "request.json"
        content = {
            "source": str(self.source),
            "scratch": str(self.scratch),
            "options": self.options.to_json(),
            "limits": asdict(self.limits),
        }
        path.write_text(json.dumps(content), "utf-8")
        return path

    @classmethod
    def read(cls, path: Path) -> IngestRequest:
        data = json.loads(path.read_text("utf-8"))
        return cls(
            Path(data["source"]),
            Path(data["scratch"]),
            ImportOptions.from_json(data["options"]),
            ImportLimits(**data["limits"]),
        )

    def answer(self) -> IngestReport:
        """The child's report. Raises its refusal."""
        data = json.loads(self.result.read_text("utf-8"))
        if "error" in data:
            raise error_from_json(data["error"])
        return IngestReport.from_json(data["report"])
