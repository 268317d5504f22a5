"""One table for all lists: heads that sort, search and filters in the URL, pages, and the list as CSV.

It works by links and one GET form; htmx replaces the table in its place (`includes/_table_*.html`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict

from ...http.known_names import fault_of
from ...services.csv_tables import csv_lines
from .known_names import UnknownFields

PAGE_SIZES = (25, 50, 100)
MAX_TEXT = 200
MAX_CSV_ROWS = 20_000
CSV_BLOCK = 500
ASCENDING, DESCENDING = "ascending", "descending"


@dataclass(frozen=True)
class Head:
    """The head of a column. `url`: of the table in the next order of this column; "" where it cannot be sorted."""

    label: str
    key: str = ""
    url: str = ""
    direction: str = ""
    is_number: bool = False
    is_hidden: bool = False
    filter_url: str = ""
    is_filtered: bool = False
    hint: str = ""

    @property
    def next_words(self) -> str:
        """What a click does."""
        if not self.direction:
            return "sort ascending"
        return "sort descending" if self.direction == ASCENDING else "back to the usual order"


@dataclass(frozen=True)
class Column:
    """A column of a list. `order`: the fields that sort it, the last one without equals."""

    label: str
    key: str = ""
    order: tuple[str, ...] = ()
    is_number: bool = False
    is_hidden: bool = False


@dataclass(frozen=True)
class Choice:
    """A filter of a list by one of some values. `lookup`: the field; `choices`: values and their words."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]]
    lookup: str = ""
    condition: Callable[[str], Q] | None = None

    def narrowed(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        if value not in {each for each, _ in self.choices}:
            return rows
        return rows.filter(
            self.condition(value) if self.condition else Q(**{self.lookup or self.name: value})
        )


@dataclass(frozen=True)
class ListTable:
    """A list: its columns, search, filters, and the order without a choice (`default`, the key of a column)."""

    caption: str
    columns: tuple[Column, ...]
    default: str
    search_label: str = ""
    search: tuple[str, ...] = ()
    choices: tuple[Choice, ...] = ()
    csv_name: str = ""
    csv_heads: tuple[str, ...] = ()
    csv_row: Callable[[Any], Sequence[Any]] | None = None
    page_size: int = PAGE_SIZES[0]
    id: str = "list"

    @property
    def query_names(self) -> tuple[str, ...]:
        """The names that its URL knows."""
        return ("q", *(each.name for each in self.choices), "sort", "size", "page", "format")

    def shown(self, request: HttpRequest, rows: QuerySet[Any]) -> ShownTable:
        """The table as a request asks for it. What is not known in its URL is ignored, with a message.

        Raises UnknownFields where a file is asked for, which has no place for a message.
        """
        table = ShownTable(self, request.GET, rows)
        if table.wants_csv and table.faults:
            raise UnknownFields(" ".join(f"“{name}”: {fault}" for name, fault in table.faults))
        for name, fault in table.faults:
            messages.warning(request, f"In the address “{name}” {fault} It was ignored.")
        return table


class ShownTable:
    """A list in the order and with the filters of one request."""

    def __init__(self, table: ListTable, params: QueryDict, rows: QuerySet[Any]):
        self.table, self.params, self._rows = table, params, rows
        self.wanted = params.get("q", "").replace("\0", "").strip()[:MAX_TEXT] if table.search else ""
        self.chosen = {each.name: params.get(each.name, "") for each in table.choices}
        sort = params.get("sort", "")
        self.sort = sort if sort.removeprefix("-") in self._orders else table.default
        size = params.get("size", "")
        self.size = int(size) if size in map(str, PAGE_SIZES) else table.page_size
        self._page: Page[Any] | None = None

    @property
    def id(self) -> str:
        return self.table.id

    @property
    def _orders(self) -> dict[str, tuple[str, ...]]:
        return {each.key: each.order for each in self.table.columns if each.order}

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Values of the URL that are not known: the name, and a sentence."""
        known = {each.name: [value for value, _ in each.choices] for each in self.table.choices}
        known["sort"] = [f"{sign}{key}" for key in self._orders for sign in ("", "-")]
        sent = {name: self.params.get(name, "") for name in known}
        return [
            (name, fault_of(value[:MAX_TEXT], known[name]))
            for name, value in sent.items()
            if value and value not in known[name]
        ]

    @property
    def is_filtered(self) -> bool:
        known = {each.name: {value for value, _ in each.choices} for each in self.table.choices}
        return bool(self.wanted) or any(value in known[name] and value for name, value in self.chosen.items())

    @property
    def is_sorted(self) -> bool:
        return self.sort != self.table.default

    @property
    def heads(self) -> list[Head]:
        return [self._head(column) for column in self.table.columns]

    def _head(self, column: Column) -> Head:
        if not column.order:
            return Head(column.label, column.key, is_number=column.is_number, is_hidden=column.is_hidden)
        direction = ""
        if self.sort.removeprefix("-") == column.key:
            direction = DESCENDING if self.sort.startswith("-") else ASCENDING
        following = {"": column.key, ASCENDING: f"-{column.key}", DESCENDING: ""}[direction]
        # The usual order is one of the three itself: then the third click is its other direction.
        if self.sort == self.table.default and direction == DESCENDING:
            following = column.key
        return Head(column.label, column.key, self.url(sort=following, page=""), direction, column.is_number)

    @property
    def filters(self) -> list[dict[str, Any]]:
        return [{"choice": each, "value": self.chosen[each.name]} for each in self.table.choices]

    @property
    def ordered(self) -> QuerySet[Any]:
        """The rows of all pages."""
        rows = self._rows
        if self.wanted:
            condition = Q()
            for lookup in self.table.search:
                condition |= Q(**{f"{lookup}__icontains": self.wanted})
            rows = rows.filter(condition)
        for each in self.table.choices:
            rows = each.narrowed(rows, self.chosen[each.name])
        names = self._orders.get(self.sort.removeprefix("-"), ())
        return rows.order_by(*(reversed_name(name) if self.sort.startswith("-") else name for name in names))

    @property
    def page(self) -> Page[Any]:
        if self._page is None:
            self._page = Paginator(self.ordered, self.size).get_page(self.params.get("page"))
        return self._page

    @property
    def page_sizes(self) -> tuple[int, ...]:
        return PAGE_SIZES

    @property
    def csv_url(self) -> str:
        return self.url(format="csv", page="") if self.table.csv_row else ""

    def url(self, **changes: str) -> str:
        """The URL of this table with other values; "" takes a name away."""
        return url_with(self.params, **changes)

    @property
    def n_csv_rows(self) -> int:
        """How many rows the list has as CSV."""
        return min(self.page.paginator.count, MAX_CSV_ROWS)

    @property
    def wants_csv(self) -> bool:
        return self.table.csv_row is not None and self.params.get("format") == "csv"

    def csv_response(self) -> HttpResponse:
        """All rows that match as CSV, at most MAX_CSV_ROWS."""
        rows = self.ordered[:MAX_CSV_ROWS].iterator(chunk_size=CSV_BLOCK)
        lines = csv_lines(chain([self.table.csv_heads], map(self.table.csv_row or tuple, rows)))
        response = HttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.table.csv_name}.csv"'
        return response


def reversed_name(name: str) -> Any:
    """The other direction of a field of an order."""
    return name[1:] if name.startswith("-") else f"-{name}"


def url_with(params: QueryDict, **changes: str) -> str:
    """A query string with other values; "" takes a name away."""
    changed = params.copy()
    for name, value in changes.items():
        if value:
            changed[name] = value
        else:
            changed.pop(name, None)
    # Where a page of another order begins says nothing here.
    for name in ("after", "before"):
        changed.pop(name, None)
    # A link of a page is never one to its file.
    if "format" not in changes:
        changed.pop("format", None)
    return f"?{changed.urlencode()}"
