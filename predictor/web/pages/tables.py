"""One table for all lists: heads that sort, search and filters in the URL, chosen columns, pages, CSV and XLSX.

It works by links and one GET form; htmx replaces the table in its place (`includes/_table_*.html`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from ...http.known_names import fault_of
from ...services.csv_tables import csv_lines, xlsx_file
from .known_names import UnknownFields

PAGE_SIZES = (25, 50, 100)
MAX_TEXT = 200
MAX_CSV_ROWS = 20_000
CSV_BLOCK = 500
ASCENDING, DESCENDING = "ascending", "descending"
FILES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Where a session keeps the columns that somebody chose: {list: names of columns}.
CHOSEN_COLUMNS = "list_columns"
# Rules of static/mlweb/css/tables.css hide as many.
MAX_COLUMNS = 16


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
            return _("sort ascending")
        return _("sort descending") if self.direction == ASCENDING else _("back to the usual order")

    @property
    def direction_words(self) -> str:
        return {ASCENDING: _("ascending"), DESCENDING: _("descending")}.get(self.direction, "")


@dataclass(frozen=True)
class Chip:
    """A filter in force; `url`: of the list without it."""

    words: str
    url: str


@dataclass(frozen=True)
class ColumnChoice:
    """A column that can be shown or not."""

    name: str
    label: str
    is_shown: bool


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

    def counts(self, rows: QuerySet[Any]) -> dict[str, int]:
        """How many of the rows each value has; empty where a condition says what a value means."""
        if self.condition:
            return {}
        field = self.lookup or self.name
        found = rows.order_by().values_list(field).annotate(n=Count("pk"))
        return {str(value): n for value, n in found}


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
        return ("q", *(each.name for each in self.choices), "sort", "size", "page", "format", "col")

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the columns in the URL: their keys, or their places."""
        return tuple(each.key or f"column{place}" for place, each in enumerate(self.columns, 1))

    def shown(self, request: HttpRequest, rows: QuerySet[Any]) -> ShownTable:
        """The table as a request asks for it. What is not known in its URL is ignored, with a message.

        Raises UnknownFields where a file is asked for, which has no place for a message.
        """
        table = ShownTable(self, request.GET, rows, remembered_columns(request, self))
        if table.wants_csv and table.faults:
            raise UnknownFields(" ".join(f"“{name}”: {fault}" for name, fault in table.faults))
        for name, fault in table.faults:
            words = {"name": name, "fault": fault}
            messages.warning(request, _("In the address “%(name)s” %(fault)s It was ignored.") % words)
        return table


def remembered_columns(request: HttpRequest, table: ListTable) -> list[str]:
    """The columns of the URL, which the session keeps, or those that it has kept; empty for all."""
    session = getattr(request, "session", None)
    chosen = session.get(CHOSEN_COLUMNS, {}) if session is not None else {}
    kept = chosen.get(table.csv_name, []) if isinstance(chosen, dict) else []
    if "col" not in request.GET:
        return list(kept)
    wanted = [name for name in table.column_names if name in request.GET.getlist("col")]
    wanted = [] if len(wanted) == len(table.column_names) else wanted
    if session is not None and wanted != kept:
        session[CHOSEN_COLUMNS] = {**chosen, table.csv_name: wanted}
    return wanted


class ShownTable:
    """A list in the order and with the filters of one request."""

    def __init__(self, table: ListTable, params: QueryDict, rows: QuerySet[Any], columns: Sequence[str] = ()):
        self.table, self.params, self._rows = table, params, rows
        self._chosen_columns = {*columns} & {*table.column_names}
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
        if self.table.csv_row is not None:
            known["format"] = list(FILES)
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
        """Each filter with its choices, and how many rows match each beside the other filters."""
        return [
            {"choice": each, "value": self.chosen[each.name], "facets": self._facets(each)}
            for each in self.table.choices
        ]

    def _facets(self, choice: Choice) -> list[tuple[str, str, int | None]]:
        counts = choice.counts(self._matching(but=choice))
        return [
            (value, words, counts.get(value, 0) if not choice.condition else None)
            for value, words in choice.choices
        ]

    @property
    def chips(self) -> list[Chip]:
        """The search and the filters in force, each with the URL of the list without it."""
        found = []
        if self.wanted:
            found.append(Chip(f"“{self.wanted}”", self.url(q="", page="")))
        for each in self.table.choices:
            words = dict(each.choices).get(self.chosen[each.name])
            if words is not None and self.chosen[each.name]:
                found.append(Chip(f"{each.label}: {words}", self.url(page="", **{each.name: ""})))
        return found

    @property
    def column_choices(self) -> list[ColumnChoice]:
        """The columns that can be hidden: all but the first, which says what a row is, and those without words."""
        return [
            ColumnChoice(name, column.label, self._is_shown(name))
            for name, column in zip(self.table.column_names[1:], self.table.columns[1:], strict=True)
            if not column.is_hidden
        ]

    def _is_shown(self, name: str) -> bool:
        return not self._chosen_columns or name in self._chosen_columns

    @property
    def always_shown(self) -> list[str]:
        """The columns that nobody can hide."""
        return [self.table.column_names[0]] + [
            name
            for name, column in zip(self.table.column_names[1:], self.table.columns[1:], strict=True)
            if column.is_hidden
        ]

    @property
    def hidden_places(self) -> str:
        """The places of the hidden columns from 1, as the style sheet wants them: "2 5"."""
        names = {each.name for each in self.column_choices if not each.is_shown}
        return " ".join(str(place) for place, name in enumerate(self.table.column_names, 1) if name in names)

    @property
    def state(self) -> list[tuple[str, str]]:
        """What a form beside this one has to keep: search, filters, order and page size."""
        names = ("q", *(each.name for each in self.table.choices), "sort", "size")
        return [(name, self.params[name]) for name in names if self.params.get(name)]

    @property
    def chosen_columns(self) -> list[str]:
        """The columns in the URL, which a form has to keep."""
        return [name for name in self.table.column_names if name in self.params.getlist("col")]

    @property
    def ordered(self) -> QuerySet[Any]:
        """The rows of all pages."""
        rows = self._matching()
        names = self._orders.get(self.sort.removeprefix("-"), ())
        return rows.order_by(*(reversed_name(name) if self.sort.startswith("-") else name for name in names))

    def _matching(self, but: Choice | None = None) -> QuerySet[Any]:
        rows = self._rows
        if self.wanted:
            condition = Q()
            for lookup in self.table.search:
                condition |= Q(**{f"{lookup}__icontains": self.wanted})
            rows = rows.filter(condition)
        for each in self.table.choices:
            if each is not but:
                rows = each.narrowed(rows, self.chosen[each.name])
        return rows

    @property
    def page(self) -> Page[Any]:
        if self._page is None:
            self._page = Paginator(self.ordered, self.size).get_page(self.params.get("page"))
        return self._page

    @property
    def files(self) -> list[tuple[str, str]]:
        """The list as a file: the names of the formats, and their URLs."""
        if self.table.csv_row is None:
            return []
        return [(kind.upper(), self.url(format=kind, page="")) for kind in FILES]

    def url(self, **changes: str) -> str:
        """The URL of this table with other values; "" takes a name away."""
        return url_with(self.params, **changes)

    @property
    def n_csv_rows(self) -> int:
        """How many rows the list has as CSV."""
        return min(self.page.paginator.count, MAX_CSV_ROWS)

    @property
    def wants_csv(self) -> bool:
        """Whether a file is asked for: CSV or XLSX."""
        return self.table.csv_row is not None and self.params.get("format", "") != ""

    def csv_response(self) -> HttpResponse:
        """All rows that match as CSV or XLSX, at most MAX_CSV_ROWS."""
        kind = self.params["format"]
        rows = self.ordered[:MAX_CSV_ROWS].iterator(chunk_size=CSV_BLOCK)
        lines = map(self.table.csv_row or tuple, rows)
        if kind == "xlsx":
            content = xlsx_file(self.table.csv_heads, lines)
        else:
            content = csv_lines(chain([self.table.csv_heads], lines))
        response = HttpResponse(content, content_type=FILES[kind])
        response["Content-Disposition"] = f'attachment; filename="{self.table.csv_name}.{kind}"'
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
    for name in {"after", "before"} - {*changes}:
        changed.pop(name, None)
    # A link of a page is never one to its file.
    if "format" not in changes:
        changed.pop("format", None)
    return f"?{changed.urlencode()}"
