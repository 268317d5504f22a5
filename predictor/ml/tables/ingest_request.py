"""Request and report of the CSV import process, as frozen dataclasses with a JSON form.

Standard library only: services and interfaces use options and limits without loading DuckDB.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..csv_files.surrounding_lines import NO_LINES, LineOptions, SurroundingLines
from ..execution.error_json import error_from_json
from ..types.schema import TableSchema


@dataclass(frozen=True)
class ImportOptions:
    """Import options of the caller; an empty option is detected from the file."""

    encoding: str = ""
    delimiter: str = ""
    decimal: str = ""
    skip_bad_rows: bool = False
    infinite_as_missing: bool = False
    skip_lines: int | None = None
    comment: str = ""
    units_lines: int | None = None
    footer_lines: int | None = None

    @property
    def lines(self) -> LineOptions:
        return LineOptions(self.skip_lines, self.comment, self.units_lines, self.footer_lines)

    def to_json(self) -> dict[str, Any]:
        # Options about lines are left out unless they are given, so that older digests of options stay.
        about_lines = asdict(self.lines)
        return {
            name: value
            for name, value in asdict(self).items()
            if name not in about_lines or value not in (None, "")
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ImportOptions:
        return cls(**{name: value for name, value in data.items() if name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class ImportLimits:
    """Resource limits of an import. `memory_mb` is DuckDB's share of the process."""

    max_bytes: int = 5 << 30
    max_rows: int = 50_000_000
    max_columns: int = 1_000
    max_cell_bytes: int = 64 << 10
    max_name_characters: int = 128
    memory_mb: int = 256
    n_threads: int = 2


@dataclass(frozen=True)
class IngestReport:
    """Result of an import: schema, encoding and CSV dialect. `warnings` are those of the table and its columns."""

    schema: TableSchema
    encoding: str
    delimiter: str
    decimal: str
    n_rejected: int = 0
    warnings: tuple[str, ...] = ()
    lines: SurroundingLines = NO_LINES
    # The columns of the file that are not in the table, each with the reason.
    left_out: Mapping[str, str] = field(default_factory=dict)

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
                "lines": SurroundingLines.from_json(data.get("lines", {})),
            }
        )


@dataclass(frozen=True)
class IngestRequest:
    """Request to the import process. `scratch` is its folder; the Parquet file and the result go there."""

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
        """The report that the child process wrote. Raises the error if it wrote one."""
        data = json.loads(self.result.read_text("utf-8"))
        if "error" in data:
            raise error_from_json(data["error"])
        return IngestReport.from_json(data["report"])
