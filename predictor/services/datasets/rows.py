"""The rows of a dataset: pages by filter and order, the most frequent values, and files of what is shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from ...errors import InvalidInput
from ...ml.types.row_query import RowQuery
from ...ml.types.schema import Level
from .. import artifacts
from ..process.turn import Turn
from .ingest_process import scratch_folder
from .stored_data import needs_data

if TYPE_CHECKING:
    from ...ml.row_queries.row_conditions import StoredRows
    from ...ml.row_queries.row_pages import Row
    from ...models import Dataset

MAX_PAGE_ROWS = 500
MAX_SHOWN = 60
PAGE_SECONDS = 10.0
# A page is shown without the number of its rows when counting takes longer.
COUNT_SECONDS = 3.0
FILE_SECONDS = 120.0
MAX_COUNTS = 500

# One page and one file at once in each process: predictions keep the rest of the machine.
_page_turn = Turn("Rows are being read for somebody else")
_file_turn = Turn("Rows for a file are being read for somebody else")
_counts: OrderedDict[tuple[str, str], int] = OrderedDict()
_counts_lock = threading.Lock()


@dataclass(frozen=True)
class RowsPage:
    """One page of rows. `n_matching`: how many rows the query has; None where counting took too long."""

    rows: tuple[Row, ...]
    n_matching: int | None


def page_of(
    *,
    dataset: Dataset,
    query: RowQuery,
    positions: Sequence[int],
    page: int = 1,
    size: int = 50,
    as_read: bool = False,
) -> RowsPage:
    """The rows of a page, from 1, with the columns at these positions.

    Raises InvalidInput for a page that is too far in an order, NotFound when the data was removed, TookTooLong, Busy.
    """
    from ...ml.row_queries import row_pages

    needs_data(dataset)
    if not 1 <= size <= MAX_PAGE_ROWS:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE_ROWS} rows.", limit=MAX_PAGE_ROWS)
    path = artifacts.path_of(dataset.parquet_digest)
    with (
        _page_turn,
        row_pages.reading(path, dataset.schema, PAGE_SECONDS) as stored,
    ):
        n_matching = _count(dataset, stored, query)
        rows = row_pages.page(
            stored,
            query,
            positions,
            offset=(page - 1) * size,
            limit=size,
            n_matching=n_matching,
            as_read=as_read,
        )
    return RowsPage(rows, n_matching)


def facets_of(*, dataset: Dataset, query: RowQuery, position: int) -> tuple[Level, ...]:
    """The most frequent values of a column in the rows of the query, without its filter of this column.

    Raises NotFound, TookTooLong, Busy.
    """
    from ...ml.row_queries import row_pages

    needs_data(dataset)
    path = artifacts.path_of(dataset.parquet_digest)
    with (
        _page_turn,
        row_pages.reading(path, dataset.schema, PAGE_SECONDS) as stored,
    ):
        return row_pages.facets(stored, query, position)


def open_file(
    *, dataset: Dataset, query: RowQuery, positions: Sequence[int], kind: str, as_read: bool = False
) -> BinaryIO:
    """The rows of the query as a CSV or XLSX file that is gone when it is closed.

    Raises InvalidInput, TooLarge, NotFound, TookTooLong, Busy.
    """
    from ...ml.row_queries import row_files, row_pages

    needs_data(dataset)
    if kind not in row_files.FORMATS:
        raise InvalidInput(f"Rows are downloaded as {' or '.join(row_files.FORMATS)}.")
    path = artifacts.path_of(dataset.parquet_digest)
    with _file_turn, scratch_folder() as scratch:
        with row_pages.reading(path, dataset.schema, FILE_SECONDS, scratch=scratch, n_threads=1) as stored:
            row_files.write_file(
                stored,
                query,
                positions,
                scratch / f"rows.{kind}",
                kind=kind,
                n_matching=row_pages.count(stored, query),
                as_read=as_read,
            )
        # The folder is removed now; the open file stays until it is closed.
        return (scratch / f"rows.{kind}").open("rb")


def _count(dataset: Dataset, stored: StoredRows, query: RowQuery) -> int | None:
    """How many rows the query has, kept in this process: the rows of a dataset never change, their readings may."""
    from ...ml.row_queries import row_pages

    if not query.is_filtered:
        return dataset.n_rows
    readings = [dataset.schema.columns[each.position].reading for each in query.filters]
    key = (dataset.parquet_digest, repr((query.filters, query.search, query.rows, readings)))
    with _counts_lock:
        if key in _counts:
            _counts.move_to_end(key)
            return _counts[key]
    n_matching = row_pages.count_within(stored, query, COUNT_SECONDS)
    if n_matching is None:
        return None
    with _counts_lock:
        _counts[key] = n_matching
        while len(_counts) > MAX_COUNTS:
            _counts.popitem(last=False)
    return n_matching
