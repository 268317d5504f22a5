"""The rows of a dataset: sorted, filtered, searched and paged by the URL, with the chosen columns, and as a file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from typing import ClassVar

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views import View

from ...errors import InvalidInput, MlwebError
from ...ml.types.row_query import (
    CellKind,
    ColumnFilter,
    SortKey,
    cell_kind,
    is_filter_name,
    written_positions,
)
from ...ml.types.schema import ColumnProfile, Level, Scalar, canonical_text
from ...models import Dataset, WorkspaceRole
from ...services.datasets import rows
from ...services.datasets.rows import MAX_SHOWN
from ...templatetags.mlweb import number
from ..pages.access import WorkspaceMixin
from ..pages.refusals import refused
from ..pages.tables import ASCENDING, DESCENDING, Head
from .row_state import DEFAULT_COLUMNS, SIZES, RowsState

MAX_FACETS = 12
MAX_CHIP = 40
COOKIE = "columns"
COOKIE_SECONDS = 365 * 86_400
LONG_CELL = 30
MAX_CELL = 200
WIDEST = 80
FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# Names that only the form sends: the page answers with its URL in the usual form.
FORM_NAMES = ("col", "reset")


@dataclass(frozen=True)
class Chip:
    """A filter in force, in words, and the URL without it."""

    words: str
    url: str


@dataclass(frozen=True)
class Facet:
    value: str
    count: str
    is_chosen: bool


@dataclass(frozen=True)
class FilterBox:
    """The filter of one column, for the form. `counted`: what the counts beside its values are of."""

    position: int
    column: ColumnProfile
    known: ColumnFilter
    facets: tuple[Facet, ...]
    n_more: int
    counted: str
    facets_url: str

    @property
    def place(self) -> int:
        return self.position + 1

    @property
    def kind(self) -> str:
        return cell_kind(self.column).value

    @property
    def kind_word(self) -> str:
        return {
            CellKind.NUMBER: _("number"),
            CellKind.DATE: _("date"),
            CellKind.BOOLEAN: _("yes or no"),
            CellKind.CATEGORY: _("category"),
            CellKind.TEXT: _("text"),
        }[cell_kind(self.column)]

    @property
    def is_active(self) -> bool:
        return bool(self.known.names)

    @property
    def missing(self) -> str:
        return "" if self.known.is_missing is None else "yes" if self.known.is_missing else "no"

    @property
    def ends(self) -> tuple[str, str]:
        """The least and the largest value, as they can be typed."""
        examples = ("2024-01-31", "2024-12-31") if self.kind == "date" else ("", "")
        ends = (self.column.minimum, self.column.maximum)
        return tuple(
            (canonical_text(end) or example)[:10] for end, example in zip(ends, examples, strict=True)
        )  # type: ignore[return-value]

    @property
    def has_range(self) -> bool:
        return self.kind in ("number", "date")

    @property
    def has_text(self) -> bool:
        return self.kind in ("text", "category")


class RowsPage:
    """The page in its state: what the template shows."""

    def __init__(self, dataset: Dataset, state: RowsState, *, can_download: bool):
        self.dataset, self.state, self.can_download = dataset, state, can_download
        self.positions = state.shown(dataset)
        self.columns = [dataset.schema.columns[position] for position in self.positions]
        self.found: rows.RowsPage | None = None
        self.levels: tuple[Level, ...] | None = None

    def load(self) -> None:
        """Read the rows. Raises InvalidInput, NotFound, TookTooLong, Busy."""
        state = self.state
        self.found = rows.page_of(
            dataset=self.dataset,
            query=state.query,
            positions=self.positions,
            page=state.page,
            size=state.size,
            as_read=state.as_read,
        )
        if state.facets is not None:
            self.levels = rows.facets_of(dataset=self.dataset, query=state.query, position=state.facets)

    @cached_property
    def heads(self) -> list[Head]:
        sort = self.state.query.sort
        heads = []
        for position, column in zip(self.positions, self.columns, strict=True):
            key = next((each for each in sort if each.position == position), None)
            direction = "" if key is None else DESCENDING if key.is_descending else ASCENDING
            following = {
                "": (SortKey(position),),
                ASCENDING: (SortKey(position, True),),
                DESCENDING: (),
            }[direction]
            heads.append(
                Head(
                    column.name,
                    f"c{position + 1}",
                    self.state.url(query=replace(self.state.query, sort=following)),
                    direction,
                    cell_kind(column) is CellKind.NUMBER,
                    filter_url=f"#filter-{position + 1}",
                    is_filtered=bool(self.state.query.filter_of(position).names),
                    hint=column.name if len(column.name) > LONG_CELL else "",
                )
            )
        return heads

    @cached_property
    def rows(self) -> list[tuple[int, str, SafeString]]:
        """For each row its number, the link to it, and its cells as HTML."""
        are_numbers = [head.is_number for head in self.heads]
        return [
            (row.number, f"?rows={row.number}", cells_html(row.cells, are_numbers))
            for row in (self.found.rows if self.found else ())
        ]

    @property
    def n_matching(self) -> int | None:
        return self.found.n_matching if self.found else None

    @property
    def n_left_out(self) -> int:
        return self.dataset.n_columns - len(self.positions)

    @property
    def count_sentence(self) -> str:
        """How many rows are shown of how many."""
        if not self.found:
            return ""
        total, matching = number(self.dataset.n_rows), self.found.n_matching
        if not self.state.query.is_filtered:
            return _("%(total)s rows") % {"total": total}
        if matching is None:
            return _("Counting the rows that match took too long; the table has %(total)s") % {"total": total}
        return _("%(matching)s of %(total)s rows") % {"matching": number(matching), "total": total}

    @property
    def span_sentence(self) -> str:
        """Which of the matching rows this page has."""
        if not self.found or not self.found.rows:
            return ""
        first = (self.state.page - 1) * self.state.size + 1
        last = first + len(self.found.rows) - 1
        of = (
            ""
            if self.found.n_matching is None
            else _(" of %(n_matching)s") % {"n_matching": f"{self.found.n_matching:,}"}
        )
        return _("%(first)s to %(last)s%(of)s") % {"first": f"{first:,}", "last": f"{last:,}", "of": of}

    @cached_property
    def chips(self) -> list[Chip]:
        query, url = self.state.query, self.state.url
        chips = []
        if query.rows:
            named = ", ".join(f"{each:,}" for each in query.rows[:5])
            more = (
                _(" and %(n_rows)s more") % {"n_rows": f"{len(query.rows) - 5:,}"}
                if len(query.rows) > 5
                else ""
            )
            chips.append(
                Chip(
                    _("Row %(named)s%(more)s") % {"named": named, "more": more},
                    url(query=replace(query, rows=())),
                )
            )
        if query.search:
            chips.append(
                Chip(_("Text “%(search)s”") % {"search": query.search}, url(query=replace(query, search="")))
            )
        for each in query.filters:
            words = filter_words(each, self.dataset.schema.columns[each.position])
            chips.append(Chip(words, url(query=query.without(each.position))))
        return chips

    @property
    def sort_words(self) -> str:
        """The order, also by columns that are not shown."""
        columns = self.dataset.schema.columns
        return _(", then ").join(
            f"{columns[key.position].name}{_(', descending') if key.is_descending else ''}"
            for key in self.state.query.sort
        )

    @cached_property
    def boxes(self) -> list[FilterBox]:
        """The filters of the shown columns, and of those that are in force."""
        in_force = {each.position for each in self.state.query.filters} | (
            set() if self.state.facets is None else {self.state.facets}
        )
        return [self._box(position) for position in sorted({*self.positions, *in_force})]

    def _box(self, position: int) -> FilterBox:
        column, query = self.dataset.schema.columns[position], self.state.query
        known, kind = query.filter_of(position), cell_kind(column)
        is_counted = self.levels is not None and self.state.facets == position
        levels = self.levels or () if is_counted else column.levels if kind is not CellKind.NUMBER else ()
        if kind is CellKind.DATE or (kind is CellKind.NUMBER and not is_counted and not known.one_of):
            levels = ()
        counts = {level.value: level.count for level in levels[: max(MAX_FACETS, 50 if is_counted else 0)]}
        if kind is CellKind.TEXT and not is_counted:
            counts = {}
        values = [*known.one_of, *(value for value in counts if value not in known.one_of)]
        facets_url = f"{self.state.url(facets=position, page=self.state.page)}#filter-{position + 1}"
        return FilterBox(
            position,
            column,
            known,
            tuple(
                Facet(value, f"{counts[value]:,}" if value in counts else "", value in known.one_of)
                for value in values
            ),
            max(0, column.n_distinct - len(values)),
            _("in the rows that match the other filters") if is_counted else _("in the whole table"),
            "" if kind is CellKind.DATE or is_counted else facets_url,
        )

    @cached_property
    def choices(self) -> list[tuple[int, str, bool]]:
        """All columns for the choice of columns: place, name, whether it is shown."""
        shown = set(self.positions)
        return [
            (position + 1, column.name, position in shown)
            for position, column in enumerate(self.dataset.schema.columns)
        ]

    @property
    def has_readings(self) -> bool:
        return any(column.reading is not None and column.storage == "VARCHAR" for column in self.columns)

    @property
    def other_values_url(self) -> str:
        return self.state.url(as_read=not self.state.as_read, page=self.state.page)

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the form keeps besides its own fields."""
        state = self.state
        names = [("sort", ",".join(map(str, state.query.sort))), ("values", "read" if state.as_read else "")]
        names.append(("rows", ",".join(map(str, state.query.rows))))
        return [(name, value) for name, value in names if value]

    @property
    def sizes(self) -> tuple[int, ...]:
        return SIZES

    @property
    def is_behind_the_last(self) -> bool:
        """Whether the page has no rows, but an earlier one has, or may have where they are not counted."""
        return self.state.page > 1 and self.n_matching != 0

    @property
    def n_pages(self) -> int | None:
        matching = self.n_matching
        return None if matching is None else max(1, -(-matching // self.state.size))

    @property
    def first_url(self) -> str:
        return self.state.url() if self.state.page > 1 else ""

    @property
    def previous_url(self) -> str:
        return self.state.url(page=self.state.page - 1) if self.state.page > 1 else ""

    @property
    def next_url(self) -> str:
        if not self.found or len(self.found.rows) < self.state.size:
            return ""
        if self.n_pages is not None and self.state.page >= self.n_pages:
            return ""
        return self.state.url(page=self.state.page + 1)

    @property
    def last_url(self) -> str:
        n_pages = self.n_pages
        return self.state.url(page=n_pages) if n_pages and self.state.page < n_pages else ""

    @property
    def downloads(self) -> list[tuple[str, str]]:
        """For each format its name and the query string."""
        if not self.can_download:
            return []
        query = self.state.url()
        return [(kind.upper(), f"{query}{'&' if len(query) > 1 else ''}format={kind}") for kind in FORMATS]


def cells_html(cells: Sequence[Scalar], are_numbers: Sequence[bool]) -> SafeString:
    """The cells of a row, escaped. Built here, because the same loop in the template took most of the page's time."""
    return SafeString("".join(map(cell_html, map(canonical_text, cells), are_numbers)))


def cell_html(text: str | None, is_number: bool) -> str:
    """A cell; a long text is cut and is the title as well."""
    begin = '<td class="num"' if is_number else "<td"
    if text is None:
        return f'{begin}><span class="missing">{_("missing")}</span></td>'
    title = f' title="{escape(text[:MAX_CELL])}"' if len(text) > LONG_CELL else ""
    return f"{begin}{title}>{escape(cut(text))}</td>"


def cut(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def filter_words(known: ColumnFilter, column: ColumnProfile) -> str:
    """A filter in words, as in "age from 20 to 30"."""
    parts = []
    if known.minimum:
        parts.append(_("from %(minimum)s") % {"minimum": known.minimum})
    if known.maximum:
        parts.append(_("to %(maximum)s") % {"maximum": known.maximum})
    if known.one_of:
        shown = [chip_text(text) for text in known.one_of[:3]]
        more = (
            _(" or %(n_one_of)s more") % {"n_one_of": len(known.one_of) - 3} if len(known.one_of) > 3 else ""
        )
        parts.append(_("is %(shown)s%(more)s") % {"shown": _(" or ").join(shown), "more": more})
    if known.contains:
        parts.append(_("contains “%(chip_text)s”") % {"chip_text": chip_text(known.contains)})
    if known.is_missing is not None:
        parts.append(_("is missing") if known.is_missing else _("is not missing"))
    return f"{chip_text(column.name)} {_(' and ').join(parts)}"


def chip_text(text: str) -> str:
    return text if len(text) <= MAX_CHIP else f"{text[: MAX_CHIP - 1]}…"


class DatasetRowsPage(WorkspaceMixin):
    """Loads the dataset and the state of the URL."""

    query_names: ClassVar[Collection[str]] = (
        *("q", "sort", "rows", "columns", "size", "values", "page", "facets"),
        *FORM_NAMES,
    )

    def is_query_name(self, name: str) -> bool:
        return is_filter_name(name)

    def dataset(self, pk: int) -> Dataset:
        return self.get_visible_or_404(Dataset.objects.all(), pk=pk)  # type: ignore[no-any-return]

    def state(self, dataset: Dataset) -> RowsState:
        return RowsState.parse(self.request.GET, dataset, self.request.COOKIES.get(COOKIE, ""))


class DatasetRows(DatasetRowsPage, View):
    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponse:
        dataset = self.dataset(pk)
        if not dataset.has_data:
            return redirect("dataset-detail", self.workspace.slug, pk)
        error: MlwebError | None = None
        try:
            state = self.state(dataset)
        except InvalidInput as refusal:
            error, state = refusal, RowsState.of_what_fits(request.GET, dataset)
        if error is None and is_of_form(request.GET):
            response: HttpResponse = redirect(f"{request.path}{state.url()}")
        else:
            response = self.shown(dataset, state, error)
        if error is None and any(name in request.GET for name in ("col", "columns", "reset")):
            remember(response, request.path, state.columns)
        return response

    def shown(self, dataset: Dataset, state: RowsState, error: MlwebError | None) -> HttpResponse:
        page = RowsPage(dataset, state, can_download=self.membership.can(WorkspaceRole.MEMBER))
        if error is None:
            try:
                page.load()
            except MlwebError as refusal:
                error = refusal
        context = {
            "dataset": dataset,
            "page": page,
            "state": state,
            "error": error,
            "default_columns": min(DEFAULT_COLUMNS, dataset.n_columns),
            "max_shown": MAX_SHOWN,
        }
        return refused(render(self.request, "predictor/datasets/rows.html", context), error)


def is_of_form(params: QueryDict) -> bool:
    """Whether the form sent this query: it has empty values, or names of the form alone."""
    return any(name in FORM_NAMES for name in params) or any(
        text == "" for name in params for text in params.getlist(name)
    )


def remember(response: HttpResponse, path: str, columns: Sequence[int]) -> None:
    """Keep the choice of columns in this browser, for this dataset."""
    if columns:
        response.set_cookie(
            COOKIE,
            written_positions(columns).replace(",", "."),
            max_age=COOKIE_SECONDS,
            path=path,
            httponly=True,
            samesite="Lax",
        )
    else:
        response.delete_cookie(COOKIE, path=path, samesite="Lax")


class DatasetRowsDownload(DatasetRowsPage, View):
    """The rows of the page's query with its columns as CSV or XLSX, for members as the uploaded file."""

    query_names = (*DatasetRowsPage.query_names, "format")
    required_role = WorkspaceRole.MEMBER
    is_file = True

    def get(self, request: HttpRequest, workspace: str, pk: int) -> HttpResponseBase:
        dataset, kind = self.dataset(pk), request.GET.get("format", "csv")
        query = request.GET.copy()
        query.pop("format", None)
        to_page = redirect(f"{reverse('dataset-rows', args=[self.workspace.slug, pk])}?{query.urlencode()}")
        try:
            state = self.state(dataset)
        except InvalidInput:
            return to_page  # which says why
        try:
            file = rows.open_file(
                dataset=dataset,
                query=state.query,
                positions=state.shown(dataset),
                kind=kind,
                as_read=state.as_read,
            )
        except MlwebError as error:
            messages.error(request, error.message)
            return to_page
        stem = dataset.filename.rpartition(".")[0] or "table"
        return FileResponse(
            file, as_attachment=True, filename=f"{stem}-rows.{kind}", content_type=FORMATS[kind]
        )
