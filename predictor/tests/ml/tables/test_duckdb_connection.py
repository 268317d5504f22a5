from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.tables.duckdb_connection import WIDE, connect, identifier, literal


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM 'https://example.org/x.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "COPY (SELECT 1) TO '/tmp/outside.parquet'",
        "ATTACH '/tmp/outside.db'",
    ],
)
def test_the_database_cannot_access_files_outside_its_folder(tmp_path: Path, statement: str) -> None:
    with connect([tmp_path], memory_mb=100, n_threads=1) as connection, pytest.raises(duckdb.Error):
        connection.execute(statement)


def test_the_database_reads_and_writes_in_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s "mine"'
    folder.mkdir()
    parquet = literal(str(folder / "table.parquet"))

    with connect([folder], memory_mb=100, n_threads=1) as connection:
        connection.execute(f"COPY (SELECT 42 AS a) TO {parquet} (FORMAT parquet)")
        assert connection.execute(f"SELECT a FROM read_parquet({parquet})").fetchall() == [(42,)]


def test_a_folder_with_the_same_beginning_is_outside(tmp_path: Path) -> None:
    inside, outside = tmp_path / "job", tmp_path / "job-of-another"
    inside.mkdir()
    outside.mkdir()
    (outside / "table.csv").write_text("a\n1\n")

    with connect([inside], memory_mb=100, n_threads=1) as connection:
        for path in (outside / "table.csv", inside / ".." / "job-of-another" / "table.csv"):
            with pytest.raises(duckdb.PermissionException):
                connection.execute(f"SELECT * FROM read_csv({literal(str(path))})")


def test_the_database_has_the_given_limits_and_reads_times_as_utc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")

    with connect([tmp_path], memory_mb=123, n_threads=1, scratch=tmp_path / "spill") as connection:
        names = ("memory_limit", "threads", "TimeZone", "temp_directory")
        [row] = connection.execute(
            "SELECT " + ", ".join(f"current_setting('{name}')" for name in names)
        ).fetchall()

    # DuckDB shows powers of 1,024: 123 MB are 117.3 MiB.
    assert row == ("117.3 MiB", 1, "UTC", str(tmp_path / "spill"))


def test_a_query_beyond_the_memory_limit_fails_when_it_may_not_spill(tmp_path: Path) -> None:
    with (
        connect([tmp_path], memory_mb=5, n_threads=1) as connection,
        pytest.raises(duckdb.OutOfMemoryException),
    ):
        connection.execute("CREATE TABLE t AS SELECT random() AS a, random() AS b FROM range(1_000_000)")


@pytest.mark.parametrize(("n_columns", "disabled"), [(WIDE, ""), (WIDE + 1, "common_subexpressions")])
def test_a_slow_optimizer_is_off_for_wide_statements(tmp_path: Path, n_columns: int, disabled: str) -> None:
    with connect([tmp_path], memory_mb=100, n_threads=1, n_columns=n_columns) as connection:
        assert connection.execute("SELECT current_setting('disabled_optimizers')").fetchall() == [(disabled,)]


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(text=st.one_of(TEXTS, st.text("'\"\\;-", min_size=1)))
@settings(max_examples=50, deadline=None)
def test_any_text_can_be_a_literal_and_a_name(database: duckdb.DuckDBPyConnection, text: str) -> None:
    result = database.execute(f"SELECT {literal(text)} AS {identifier(text)}")

    assert [column[0] for column in result.description] == [text]
    assert result.fetchall() == [(text,)]


@pytest.mark.parametrize(
    ("n_columns", "without", "disabled"),
    [
        (0, (), ""),
        (WIDE + 1, (), "common_subexpressions"),
        (0, ("late_materialization",), "late_materialization"),
        (WIDE + 1, ("late_materialization",), "common_subexpressions,late_materialization"),
    ],
)
def test_optimizers_are_switched_off_on_request_and_for_wide_tables(
    tmp_path: Path, n_columns: int, without: tuple[str, ...], disabled: str
) -> None:
    with connect([tmp_path], memory_mb=100, n_threads=1, n_columns=n_columns, without=without) as connection:
        setting = connection.execute("SELECT current_setting('disabled_optimizers')").fetchall()[0][0]

    assert ",".join(sorted(filter(None, setting.split(",")))) == disabled
