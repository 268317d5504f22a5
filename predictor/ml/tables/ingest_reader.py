"""Reads a CSV file with DuckDB, infers the type of each column, and writes Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb

from ...errors import InfiniteNumbers, InvalidTable, Problem, TooLarge, quoted
from ..csv_files.csv_dialect import Dialect
from ..csv_files.csv_encoding import TextFile, refuse_other_encoding
from ..types.column_names import stored_names
from .csv_cell_sql import Cell
from .duckdb_connection import connect, identifier, literal
from .ingest_request import ImportLimits, ImportOptions
from .long_cells import refusal_of
from .offsets import ColumnZone, offsets_sql, zone_of
from .type_inference import (
    RECHECK,
    ColumnPlan,
    Evidence,
    cast_sql,
    doubt_sql,
    doubt_warning,
    evidence_sql,
    plan_column,
    reading_sql,
    source_name,
)

# Rows that decide the column types of a large file. If a later row does not fit, all rows decide.
MAX_SAMPLED_ROWS = 20_000
MAX_SAMPLED_CELLS = 500_000
MAX_ROW_GROUP_ROWS = 61_440
MAX_ROW_GROUP_CELLS = 2_000_000
MAX_LINE_BYTES = 2 << 20
MAX_STORED_REJECTS = 100_000


class Reader:
    """The import of one CSV file: its dialect, options and limits, and the DuckDB connection that reads it."""

    def __init__(
        self,
        text: TextFile,
        dialect: Dialect,
        options: ImportOptions,
        limits: ImportLimits,
        scratch: Path,
        *,
        doubtful_header: int = 0,
    ):
        self.doubtful_header = doubtful_header
        self.text, self.dialect, self.options, self.limits = text, dialect, options, limits
        self.connection = connect(
            [text.path.parent, scratch],
            memory_mb=limits.memory_mb,
            n_threads=limits.n_threads,
            scratch=scratch / "spill",
            n_columns=len(dialect.names),
        )
        self.n_columns = len(dialect.names)
        self.n_sampled = 0
        self.is_all_sampled = False
        self.n_rejected = 0

    def write(self, destination: Path) -> tuple[list[ColumnPlan], dict[int, Evidence], bool]:
        """Infer types from the first rows and write Parquet; when a later row does not fit, infer from all rows.

        Returns plans, evidence by column index, and whether the evidence comes from all rows.
        """
        evidence = self._sample()
        plans = self._plans(evidence)
        if self.is_all_sampled:
            return self._write_proved(plans, evidence, destination)
        if any(plan.has_words_for_missing or evidence[plan.index].n_infinite for plan in plans):
            # Cells that are taken as missing are counted exactly, so all rows are read.
            return self._write_proved(*self._plans_from_all(evidence), destination)
        try:
            self._copy(plans, destination, is_proved=False)
        except PlanBroken:
            return self._write_proved(*self._plans_from_all(evidence), destination)
        if self._has_late_values(plans, evidence, destination):
            return self._write_proved(*self._plans_from_all(evidence), destination)
        return plans, evidence, False

    def _write_proved(
        self, plans: list[ColumnPlan], evidence: dict[int, Evidence], destination: Path
    ) -> tuple[list[ColumnPlan], dict[int, Evidence], bool]:
        self._refuse_infinite(plans, evidence)
        self._copy(plans, destination, is_proved=True)
        return plans, evidence, True

    def zones(self, plans: Sequence[ColumnPlan], evidence: Mapping[int, Evidence]) -> dict[str, ColumnZone]:
        """The time zone of each column of times that all have an offset, by its name."""
        zoned = [
            plan
            for plan in plans
            if plan.storage == "TIMESTAMP"
            and plan.has_offsets
            and evidence[plan.index].n_zoned_moments
            == evidence[plan.index].n_moments + evidence[plan.index].n_dates
        ]
        relation = "sample" if self.is_all_sampled else self._csv()
        return {plan.name: zone_of(self._run(offsets_sql(plan.source, relation))) for plan in zoned}

    def _sample(self) -> dict[int, Evidence]:
        n_wanted = max(1, min(MAX_SAMPLED_ROWS, MAX_SAMPLED_CELLS // self.n_columns))
        self._run(f"CREATE TEMP TABLE sample AS SELECT * FROM {self._csv()} LIMIT {n_wanted}")
        self.n_sampled = self._run("SELECT count(*) FROM sample")[0][0]
        self.is_all_sampled = self.n_sampled < n_wanted
        if self.is_all_sampled:
            self._refuse_bad_rows()
            if self.n_sampled == 0:
                raise InvalidTable("The file has a header but no rows below it.")
        return self._evidence(range(self.n_columns), "sample")

    def _plans_from_all(
        self, sampled: Mapping[int, Evidence]
    ) -> tuple[list[ColumnPlan], dict[int, Evidence]]:
        # A text column of the sample stays text, but its cells are counted too, because the warnings name counts.
        evidence = self._evidence(range(self.n_columns), self._csv())
        self._refuse_bad_rows()
        return self._plans(evidence), evidence

    def _evidence(self, indices: Sequence[int], relation: str) -> dict[int, Evidence]:
        if not indices:
            return {}
        kinds: dict[int, dict[str, int]] = {index: {} for index in indices}
        for index, kind, n_cells in self._run(evidence_sql(list(indices), self.dialect.decimal, relation)):
            kinds[index][kind] = n_cells
        return {index: Evidence.of_kinds(counts) for index, counts in kinds.items()}

    def _plans(self, evidence: Mapping[int, Evidence]) -> list[ColumnPlan]:
        stored = stored_names(self.dialect.names)
        return [
            replace(
                plan_column(
                    index,
                    name,
                    evidence[index],
                    decimal=self.dialect.decimal,
                    takes_infinite_as_missing=self.options.infinite_as_missing,
                ),
                stored_name=stored[index],
            )
            for index, name in enumerate(self.dialect.names)
        ]

    def _copy(self, plans: Sequence[ColumnPlan], destination: Path, *, is_proved: bool) -> None:
        limit = self.limits.max_cell_bytes
        columns = ", ".join(reading_sql(plan, max_cell_bytes=limit, is_proved=is_proved) for plan in plans)
        relation = "sample" if self.is_all_sampled else self._csv()
        cast = ", ".join(
            ["*", *(cast_sql(plan, is_proved=is_proved) for plan in plans if plan.storage != "VARCHAR")]
        )
        n_group = max(2_048, min(MAX_ROW_GROUP_ROWS, MAX_ROW_GROUP_CELLS // self.n_columns))
        self._run(
            f"COPY (SELECT {columns} FROM (SELECT {cast} FROM {relation})) TO {literal(str(destination))} "
            f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {n_group})"
        )
        if relation != "sample":
            self._refuse_bad_rows()

    def _has_late_values(
        self, plans: Sequence[ColumnPlan], evidence: Mapping[int, Evidence], destination: Path
    ) -> bool:
        """Whether a column that was empty in the sample, and so became text, has values in later rows."""
        empty = [
            plan
            for plan in plans
            if evidence[plan.index].n_filled == evidence[plan.index].n_words_for_missing
        ]
        if not empty:
            return False
        counts = ", ".join(f"count({identifier(plan.stored_name)})" for plan in empty)
        row = self._run(f"SELECT {counts} FROM read_parquet({literal(str(destination))})")[0]
        return any(n > evidence[plan.index].n_filled for plan, n in zip(empty, row, strict=True))

    def doubtful_numbers(self, plans: Sequence[ColumnPlan]) -> dict[int, str]:
        """Warnings, by index, of numeric columns in which the decimal mark may as well group thousands."""
        found = {}
        for plan in plans:
            if plan.index in self.dialect.doubtful and plan.storage == "DOUBLE":
                (n_others, example), *_ = self._run(doubt_sql(plan, self._csv()))
                if not n_others and example:
                    found[plan.index] = doubt_warning(example, plan.decimal)
        return found

    def _refuse_infinite(self, plans: Sequence[ColumnPlan], evidence: Mapping[int, Evidence]) -> None:
        if self.options.infinite_as_missing:
            return
        offending = [plan for plan in plans if plan.storage != "VARCHAR" and evidence[plan.index].n_infinite]
        if not offending:
            return
        places = []
        for plan in offending[:5]:
            condition = Cell(plan.source, plan.decimal).is_infinite
            places += [(row, plan.name) for row in self._rows_where(plan.source, condition, limit=5)]
        places = sorted(places)[:5]
        n_all = sum(evidence[plan.index].n_infinite for plan in offending)
        where = ", ".join(f"row {row:,} of {quoted(name)}" for row, name in places)
        more = f" and {n_all - len(places):,} more" if n_all > len(places) else ""
        raise InfiniteNumbers(
            f"Infinite numbers (inf, or too large such as 1e400) cannot be used: {where}{more}. "
            "Correct them, or choose to take them as missing.",
            problems=[Problem(f"Row {row} is not a finite number.", name) for row, name in places],
        )

    def _rows_where(self, column: str, condition: str, *, limit: int) -> list[int]:
        rows = self._run(
            f"SELECT r FROM (SELECT row_number() OVER () AS r, {column} FROM {self._csv()}) WHERE {condition} "
            f"ORDER BY r LIMIT {limit}"
        )
        return [row for (row,) in rows]

    def _csv(self) -> str:
        columns = ", ".join(f"{literal(source_name(index))}: 'VARCHAR'" for index in range(self.n_columns))
        return (
            f"read_csv({literal(str(self.text.path))}, auto_detect = false, header = true, compression = 'none', "
            f"skip = {self.dialect.n_skipped_lines}, delim = {literal(self.dialect.delimiter)}, quote = '\"', "
            f"escape = '\"', columns = {{{columns}}}, max_line_size = {MAX_LINE_BYTES}, strict_mode = true, "
            f"store_rejects = true, rejects_limit = {MAX_STORED_REJECTS})"
            + (f" WHERE {source_name(0)} IS NOT NULL" if self.n_columns == 1 else "")
        )

    def _run(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement with an empty list of rejected rows, and translate the errors of DuckDB."""
        if "read_csv" in sql:
            self.connection.execute("DROP TABLE IF EXISTS reject_errors")
            self.connection.execute("DROP TABLE IF EXISTS reject_scans")
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.Error as error:
            raise self._translated(str(error)) from error

    def _translated(self, message: str) -> Exception:
        if RECHECK in message:
            return PlanBroken(message)
        if too_long := refusal_of(message, self.dialect.names, limit=self.limits.max_cell_bytes):
            return too_long
        if "Out of Memory" in message or "OutOfMemory" in message:
            return TooLarge(
                "The table needs more memory than imports may take here. Split it, or ask for a higher limit.",
                limit=self.limits.memory_mb,
            )
        if "No space left" in message or "max_temp_directory_size" in message:
            return TooLarge("The disk is full.")
        return InvalidTable(
            "The file cannot be read as CSV. Check its quotes (a quote within a cell is doubled) and its line ends."
        )

    def _refuse_bad_rows(self) -> None:
        from .rejected_rows import bad_rows

        rejected = bad_rows(self.connection, self.text.path, self.dialect)
        if rejected.has_other_encoding:
            refuse_other_encoding(self.text.path, is_declared=bool(self.options.encoding))
        self.n_rejected = rejected.n_rows
        rejected.refuse(
            skips=self.options.skip_bad_rows,
            n_columns=self.n_columns,
            max_line_bytes=MAX_LINE_BYTES,
            is_cut=rejected.n_rows >= MAX_STORED_REJECTS,
            path=self.text.path,
            doubtful_header=self.doubtful_header,
        )


class PlanBroken(Exception):
    """A cell does not fit the type that was inferred from the first rows of its column."""
