"""What the URL of the rows page says: query, page and columns; and the URL of another state."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from ...errors import InvalidInput, quoted
from ...ml.types.row_query import RowQuery, positions_of, written_positions
from ...models import Dataset
from ...services.datasets.rows import MAX_SHOWN

SIZES = (25, 50, 100, 250)
DEFAULT_SIZE = 50
DEFAULT_COLUMNS = 30


@dataclass(frozen=True)
class RowsState:
    """What the URL of the page says. `columns`: positions from 0, empty for the first ones."""

    query: RowQuery
    columns: tuple[int, ...] = ()
    page: int = 1
    size: int = DEFAULT_SIZE
    as_read: bool = False
    facets: int | None = None

    @classmethod
    def parse(cls, params: QueryDict, dataset: Dataset, remembered: str = "") -> RowsState:
        """Raises InvalidInput. A remembered choice of columns that does not fit is not used."""
        lists = {name: params.getlist(name) for name in params}
        columns = positions_of(params.get("columns", ""), dataset.n_columns)
        is_reset = params.get("reset") == "columns"
        if is_reset:
            columns = ()
        elif "col" in params:
            columns = positions_of(
                ",".join(sorted(set(params.getlist("col")), key=_place)), dataset.n_columns
            )
        elif not columns:
            columns = remembered_columns(remembered, dataset.n_columns)
        if columns == tuple(range(min(dataset.n_columns, DEFAULT_COLUMNS))):
            columns = ()
        if len(columns) > MAX_SHOWN:
            raise InvalidInput(
                _("At most %(max_shown)s columns are shown at once.") % {"max_shown": MAX_SHOWN},
                limit=MAX_SHOWN,
            )
        return cls(
            RowQuery.parse(lists, dataset.schema),
            columns,
            _whole(params.get("page", ""), 1),
            _whole(params.get("size", ""), DEFAULT_SIZE, among=SIZES),
            params.get("values") == "read",
            _place_of(params.get("facets", ""), "facets", dataset.n_columns),
        )

    @classmethod
    def of_what_fits(cls, params: QueryDict, dataset: Dataset) -> RowsState:
        """The state without the names that are refused, for the form beside the sentence that says why."""
        fitting = QueryDict(mutable=True)
        for name in params:
            alone = QueryDict(mutable=True)
            alone.setlist(name, params.getlist(name))
            with suppress(InvalidInput):
                cls.parse(alone, dataset)
                fitting.setlist(name, params.getlist(name))
        try:
            return cls.parse(fitting, dataset)
        except InvalidInput:
            return cls(RowQuery())

    def url(self, **changes: Any) -> str:
        """The query string of this state with other values; a change of the rows goes back to page 1."""
        state = replace(self, **{"page": 1, "facets": None, **changes})
        names = list(state.query.names)
        if state.columns:
            names.append(("columns", written_positions(state.columns)))
        if state.size != DEFAULT_SIZE:
            names.append(("size", str(state.size)))
        if state.as_read:
            names.append(("values", "read"))
        if state.page > 1:
            names.append(("page", str(state.page)))
        if state.facets is not None:
            names.append(("facets", str(state.facets + 1)))
        return f"?{urlencode(names)}"

    def shown(self, dataset: Dataset) -> tuple[int, ...]:
        """The positions of the columns that are shown."""
        return self.columns or tuple(range(min(dataset.n_columns, DEFAULT_COLUMNS)))


def _place(text: str) -> tuple[int, str]:
    """Places in their order; what is none comes first and is refused by name."""
    return (int(text), "") if text.isascii() and text.isdecimal() and len(text) < 10 else (0, text)


def _place_of(text: str, name: str, n_columns: int) -> int | None:
    """The position of one column by its place. Raises InvalidInput."""
    if not text:
        return None
    if not (_is_whole(text) and 1 <= int(text) <= n_columns):
        raise InvalidInput(
            _("“%(name)s” takes one place from 1 to %(n_columns)s, not %(text)s.")
            % {"name": name, "n_columns": f"{n_columns:,}", "text": quoted(text)}
        )
    return int(text) - 1


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 13


def _whole(text: str, default: int, among: Sequence[int] = ()) -> int:
    value = int(text) if _is_whole(text) else default
    return max(value, 1) if not among or value in among else default


def remembered_columns(text: str, n_columns: int) -> tuple[int, ...]:
    try:
        columns = positions_of(text.replace(".", ","), n_columns)
    except InvalidInput:
        return ()
    return columns if len(columns) <= MAX_SHOWN else ()
