from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidInput, TookTooLong
from predictor.ml.row_queries import row_pages
from predictor.ml.row_queries.row_conditions import StoredRows
from predictor.ml.types.row_query import RowQuery, cell_kind
from predictor.ml.types.schema import TableSchema
from predictor.tests.waiting import let_some_time_pass, wait_until

from ..imported_tables import import_csv
from .random_table import COLOURS, N_ROWS, WORDS, frame, imported

SECONDS = 600.0
COLUMNS = ["number", "share", "colour", "note", "day", "moment", "flag", "money"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return frame()


@pytest.fixture(scope="module")
def stored(table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, TableSchema]:
    return imported(tmp_path_factory.mktemp("rows"), table)


class Both:
    """The table of pandas and the stored one. A failing example names it shortly."""

    def __init__(self, table: pd.DataFrame, stored: tuple[Path, TableSchema]):
        self.table, self.stored = table, stored


@pytest.fixture(scope="module")
def both(table: pd.DataFrame, stored: tuple[Path, TableSchema]) -> Both:
    return Both(table, stored)


@pytest.fixture
def rows(stored: tuple[Path, TableSchema]) -> Iterator[StoredRows]:
    with row_pages.reading(*stored, SECONDS) as opened:
        yield opened


def numbers(stored: StoredRows, /, offset: int = 0, limit: int = N_ROWS, **params: Any) -> list[int]:
    """The numbers of the rows that a URL asks for."""
    sent = {
        name.replace("__", "."): [each] if isinstance(each, str) else each for name, each in params.items()
    }
    query = RowQuery.parse(sent, stored.schema)
    n_matching = row_pages.count(stored, query)
    found = row_pages.page(stored, query, [0], offset=offset, limit=limit, n_matching=n_matching)
    return [row.number for row in found]


def test_columns_are_compared_by_what_they_hold(stored: tuple[Path, TableSchema]) -> None:
    kinds = [cell_kind(column).value for column in stored[1].columns]

    assert kinds == ["number", "number", "category", "text", "date", "date", "boolean", "number"]


BOUNDS = st.one_of(st.none(), st.floats(-60, 60).map(lambda number: round(number, 2)))
DAYS = st.one_of(
    st.none(), st.integers(0, 450).map(lambda n: pd.Timestamp("2023-01-01") + pd.Timedelta(n, "D"))
)
FILTERS = st.fixed_dictionaries(
    {
        "number": st.tuples(BOUNDS, BOUNDS),
        "share": st.tuples(BOUNDS, BOUNDS),
        "money": st.tuples(BOUNDS, BOUNDS).map(lambda ends: tuple(end and end * 400 for end in ends)),
        "day": st.tuples(DAYS, DAYS),
        "moment": st.tuples(DAYS, DAYS),
        "colour": st.sets(st.sampled_from([*COLOURS, "no colour"])),
        "flag": st.sets(st.sampled_from(["true", "false"])),
        "note": st.one_of(
            st.just(""), st.sampled_from(["%", "_", "'", '"', ".*", "[", "A", "straße", "é", "北"])
        ),
        "missing": st.sampled_from(["", "yes", "no"]),
        "search": st.one_of(st.just(""), st.sampled_from([*WORDS, "RED", "nowhere"])),
    }
)
ORDERS = st.lists(
    st.tuples(st.sampled_from(COLUMNS), st.booleans()), max_size=3, unique_by=lambda key: key[0]
)


def expected(table: pd.DataFrame, chosen: dict[str, Any], order: list[tuple[str, bool]]) -> list[int]:
    """The row numbers that pandas finds for the filters and the order."""
    kept = pd.Series(True, index=table.index)
    for name in ("number", "share", "money", "day", "moment"):
        least, most = chosen[name]
        if least is not None:
            kept &= table[name] >= least
        if most is not None:
            # The last day is included.
            kept &= (
                table[name] < most + pd.Timedelta(1, "D")
                if name in ("day", "moment")
                else table[name] <= most
            )
    if chosen["colour"]:
        kept &= table["colour"].isin(chosen["colour"])
    if chosen["flag"]:
        kept &= table["flag"].map({True: "true", False: "false"}).isin(chosen["flag"])
    if chosen["note"]:
        kept &= table["note"].str.lower().str.contains(chosen["note"].lower(), regex=False)
    if chosen["missing"]:
        kept &= table["share"].isna() == (chosen["missing"] == "yes")
    if chosen["search"]:
        wanted = chosen["search"].lower()
        texts = (table["colour"].fillna(""), table["note"], table["money"].map(lambda each: f"$ {each:,.2f}"))
        found = [each.str.lower().str.contains(wanted, regex=False) for each in texts]
        kept &= np.logical_or.reduce(found)
    found = table[kept]
    # Stable sorts from the last key to the first one.
    for name, is_descending in reversed(order):
        keys = found[name]
        # Texts by their code points, as UTF-8 orders them.
        found = found.loc[
            keys.sort_values(ascending=not is_descending, kind="stable", na_position="last").index
        ]
    return [int(index) + 1 for index in found.index]


def sent(chosen: dict[str, Any], order: list[tuple[str, bool]]) -> dict[str, list[str]]:
    """The same as a URL's names and values."""
    params: dict[str, list[str]] = {}
    for name in ("number", "share", "money", "day", "moment"):
        for part, bound in zip(("min", "max"), chosen[name], strict=True):
            if bound is not None:
                text = bound.date().isoformat() if isinstance(bound, pd.Timestamp) else repr(bound)
                params[f"c{COLUMNS.index(name) + 1}.{part}"] = [text]
    for name in ("colour", "flag"):
        if chosen[name]:
            params[f"c{COLUMNS.index(name) + 1}.in"] = sorted(chosen[name])
    if chosen["note"]:
        params["c4.has"] = [chosen["note"]]
    if chosen["missing"]:
        params["c2.missing"] = [chosen["missing"]]
    if chosen["search"]:
        params["q"] = [chosen["search"]]
    if order:
        keys = [f"{'-' if is_descending else ''}c{COLUMNS.index(name) + 1}" for name, is_descending in order]
        params["sort"] = [",".join(keys)]
    return params


@settings(max_examples=150, derandomize=True, deadline=None)
@given(chosen=FILTERS, order=ORDERS, start=st.integers(0, N_ROWS), limit=st.integers(1, 100))
def test_pages_hold_the_rows_that_pandas_finds(
    both: Both,
    chosen: dict[str, Any],
    order: list[tuple[str, bool]],
    start: int,
    limit: int,
) -> None:
    table, stored = both.table, both.stored
    right = expected(table, chosen, order)
    query = RowQuery.parse(sent(chosen, order), stored[1])
    with row_pages.reading(*stored, SECONDS) as rows:
        n_matching = row_pages.count(rows, query)
        found = row_pages.page(rows, query, [0, 3], offset=start, limit=limit, n_matching=n_matching)
        # Without the count, the order is followed from its beginning.
        again = row_pages.page(rows, query, [0, 3], offset=start, limit=limit, n_matching=None)

    assert n_matching == len(right)
    assert [row.number for row in found] == right[start : start + limit]
    assert again == found
    assert [row.cells for row in found] == [
        (table["number"][row.number - 1], table["note"][row.number - 1]) for row in found
    ]


def test_named_rows_come_in_the_order_of_the_file(rows: StoredRows) -> None:
    assert numbers(rows, rows="57,12,600") == [12, 57, 600]


def test_facets_count_the_other_filters_and_not_their_own(table: pd.DataFrame, rows: StoredRows) -> None:
    query = RowQuery.parse({"c3.in": ["red"], "c1.min": ["0"]}, rows.schema)

    found = row_pages.facets(rows, query, 2)

    right = table[table["number"] >= 0]["colour"].value_counts()
    assert {each.value: each.count for each in found} == right.to_dict()
    assert [each.count for each in found] == sorted(right, reverse=True)


def test_facets_of_times_have_the_offset_of_the_cells(tmp_path: Path) -> None:
    lines = "".join(f"{n},2024-0{n % 2 + 1}-01T10:00:00+01:00\n" for n in range(1, 30))
    read = import_csv(tmp_path, f"n,at\n{lines}")
    with row_pages.reading(read.parquet, read.schema, SECONDS) as rows:
        found = row_pages.facets(rows, RowQuery(), 1)

    assert [(each.value, each.count) for each in found] == [
        ("2024-02-01T10:00:00+01:00", 15),
        ("2024-01-01T10:00:00+01:00", 14),
    ]


def test_cells_are_shown_as_in_the_file_or_as_they_are_read(tmp_path: Path) -> None:
    lines = "".join(f'"$ {n},000.50",0{n},2024-01-0{n % 9 + 1}T10:00:00+01:00\n' for n in range(1, 30))
    read = import_csv(tmp_path, f"price,code,at\n{lines}")
    with row_pages.reading(read.parquet, read.schema, SECONDS) as rows:
        args: Any = {"offset": 1, "limit": 1, "n_matching": 29}
        as_stored = row_pages.page(rows, RowQuery(), [0, 1, 2], **args)
        as_read = row_pages.page(rows, RowQuery(), [0, 1, 2], **args, as_read=True)

    assert as_stored[0].cells[:2] == ("$ 2,000.50", "02")
    assert as_read[0].cells[:2] == (2000.5, "02")
    assert [pd.Timestamp(each[0].cells[2]).tz_convert("UTC") for each in (as_stored, as_read)] == [
        pd.Timestamp("2024-01-03T09:00Z")
    ] * 2


def test_filters_that_the_statistics_of_the_file_exclude_give_no_rows(rows: StoredRows) -> None:
    # DuckDB 2.0 fails here with an internal error when it defers columns.
    assert numbers(rows, c2__max="-34", c3__in=["red", "blue"], c5__min="2023-04-01") == []


def test_pages_behind_the_last_row_are_empty(rows: StoredRows) -> None:
    assert numbers(rows, offset=10**15) == []
    assert numbers(rows, offset=10**15, sort="c1", c1__min="0") == []


def test_an_order_is_not_followed_without_bound(
    rows: StoredRows, table: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "MAX_DEPTH", 100)

    with pytest.raises(InvalidInput, match="from its beginning and from its end"):
        numbers(rows, offset=200, limit=10, sort="c8")
    from_its_end = numbers(rows, offset=590, limit=10, sort="c8")

    assert from_its_end == (table["money"].sort_values(kind="stable").index[590:] + 1).tolist()


def test_statements_end_at_the_time_limit(stored: tuple[Path, TableSchema]) -> None:
    with pytest.raises(TookTooLong, match="takes too long"), row_pages.reading(*stored, 0.01) as rows:
        rows.connection.execute("SELECT count(*) FROM range(1000000000) a, range(1000000000) b").fetchall()


def test_an_interrupt_is_repeated_since_one_between_two_statements_has_no_effect() -> None:
    calls: list[None] = []
    connection = SimpleNamespace(interrupt=lambda: calls.append(None))
    with row_pages._interrupted_after(connection, 0.0):  # type: ignore[arg-type]
        wait_until(lambda: len(calls) >= 3)
    n_calls = len(calls)
    let_some_time_pass()
    assert len(calls) == n_calls


def test_a_wide_order_that_needs_too_much_memory_is_refused(
    stored: tuple[Path, TableSchema], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_pages, "MEMORY_MB", 20)
    with pytest.raises(TookTooLong, match="more memory"), row_pages.reading(*stored, SECONDS) as rows:
        rows.connection.execute("SELECT hash(a) AS h, * FROM range(20000000) t(a) ORDER BY h").fetchall()


def test_counting_ends_at_its_own_time_limit(rows: StoredRows, monkeypatch: pytest.MonkeyPatch) -> None:
    assert row_pages.count_within(rows, RowQuery.parse({"c2.missing": ["yes"]}, rows.schema), SECONDS) == int(
        frame()["share"].isna().sum()
    )

    def endless(*args: Any) -> int:
        return len(
            rows.connection.execute(
                "SELECT count(*) FROM range(1000000000) a, range(1000000000) b"
            ).fetchall()
        )

    monkeypatch.setattr(row_pages, "count", endless)
    assert row_pages.count_within(rows, RowQuery(), 0.01) is None
    # The connection goes on.
    assert rows.connection.execute("SELECT 1").fetchall() == [(1,)]
