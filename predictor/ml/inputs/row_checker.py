"""Input validation: rows from callers, checked against a signature and converted to canonical columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidRows, Problem, StrictRows, quoted
from ..types.schema import FeatureField, Role, Signature
from .row_names import SameColumn, with_known_names
from .value_readers import InvalidValue, Note, checked_text, reader_for

MOST_NAMED = 5
ROWS_BETWEEN_CHECKS = 200
# Unknown columns of a row that are named, each with a warning of its own.
MOST_EXTRAS = 10
# Unknown names among which a similar one is looked for, and the length of a name that is compared.
MOST_COMPARED, LONGEST_COMPARED = 200, 100
ABSENT: Any = object()
DTYPES = {Role.NUMERIC: "float64", Role.BOOLEAN: "float64", Role.DATETIME: "datetime64[us]"}


@dataclass(frozen=True)
class RowWarning:
    """A data quality warning about one cell of a row.

    missing: no value · unseen: a category that training did not have · out_of_range: a number or date far
    outside of training · coerced: a value of another type than the column's · extra: a column that the model
    does not know.
    """

    code: str
    column: str
    message: str

    @property
    def sentence(self) -> str:
        """The message with the name of the column, for places that show it alone."""
        return f"{quoted(self.column)}: {self.message}" if self.column else self.message


@dataclass(frozen=True)
class CheckedRows:
    """Validated rows: canonical columns of the signature's fields, and the warnings of each row."""

    columns: dict[str, NDArray[Any]]
    warnings: tuple[tuple[RowWarning, ...], ...]
    n_rows: int


@dataclass(frozen=True)
class PartlyValidRows:
    """The valid rows, and the error of each invalid row by its index."""

    checked: CheckedRows
    errors: dict[int, str]


class RowChecker:
    """Row validator of one signature, compiled once; thread-safe."""

    def __init__(self, signature: Signature):
        self.signature = signature
        self._readers = tuple((field.name, reader_for(field)) for field in signature.fields)
        self._names = frozenset(signature.names)
        # Callers may send the training table unchanged: these columns give no warning.
        self._unused = frozenset({signature.target, *signature.left_out})
        self._known = self._names | self._unused
        self._optional = frozenset(field.name for field in signature.fields if field.has_missing)
        self._blocks: dict[str, list[tuple[int, str]]] = {}
        for place, field in enumerate(signature.fields):
            self._blocks.setdefault(dtype_of(field), []).append((place, field.name))

    def named(self, rows: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """The rows under the column names of the signature (see `with_known_names`). What is no valid row stays."""
        known = self._known
        if all(row.__class__ is dict and row.keys() <= known for row in rows):
            return rows
        return list(map(self._named, rows))

    def _named(self, row: Any) -> Any:
        try:
            return with_known_names(row, self._known) if isinstance(row, Mapping) else row
        except SameColumn:
            return row

    def check(
        self,
        rows: Sequence[Mapping[str, Any]],
        strict: bool = False,
        *,
        first_row: int = 1,
        are_texts: bool = False,
        is_nan_missing: bool = False,
        check_time: Callable[[], None] | None = None,
    ) -> CheckedRows:
        """Validate the rows: canonical columns and warnings.

        Raises InvalidRows naming row and column of the first five faults and the count of all; StrictRows
        when `strict` and there is any warning. `first_row`: the number of the first row, for messages.
        `are_texts`: the cells come from a CSV file, so a number as text gives no warning. `is_nan_missing`:
        take NaN for missing. `check_time` is called now and then, and may raise to stop.
        """
        faults: list[Problem] = []
        n_faults = 0
        values: list[list[Any]] = []
        warnings: list[tuple[RowWarning, ...]] = []
        for place, row in enumerate(rows):
            if check_time is not None and place % ROWS_BETWEEN_CHECKS == ROWS_BETWEEN_CHECKS - 1:
                check_time()
            notes: list[Note] = []
            canonical = self._read(row, notes, is_nan_missing)
            if canonical is None:
                n_open = MOST_NAMED - len(faults)
                problems = self._faults(row, place, first_row, is_nan_missing, n_hints=n_open)
                n_faults += len(problems)
                faults += problems[:n_open]
                continue
            values.append(canonical)
            if are_texts and notes:
                notes = [note for note in notes if note[0] != "coerced"]
            warnings.append(tuple(RowWarning(*note) for note in notes) if notes else ())
        if n_faults:
            raise InvalidRows(sentence_of(faults, n_faults), problems=faults)
        if strict and any(warnings):
            raise _strict(warnings, first_row)
        return CheckedRows(columns=self._columns(values), warnings=tuple(warnings), n_rows=len(values))

    def check_leniently(self, rows: Sequence[Any], *, first_row: int = 1) -> PartlyValidRows:
        """As `check`, but an invalid row gives an entry in `errors` and does not raise."""
        values, warnings, errors = list[list[Any]](), list[tuple[RowWarning, ...]](), dict[int, str]()
        for place, row in enumerate(rows):
            notes: list[Note] = []
            canonical = self._read(row, notes, False)
            if canonical is None:
                n_hints = MOST_NAMED if len(errors) < MOST_NAMED else 0
                faults = self._faults(row, place, first_row, False, n_hints=n_hints)
                errors[place] = sentence_of(faults[:MOST_NAMED], len(faults))
                continue
            values.append(canonical)
            warnings.append(tuple(RowWarning(*note) for note in notes) if notes else ())
        return PartlyValidRows(CheckedRows(self._columns(values), tuple(warnings), len(values)), errors)

    def _read(self, row: Any, notes: list[Note], is_nan_missing: bool) -> list[Any] | None:
        """The canonical values of a row in the order of the fields; None when the row is invalid."""
        if row.__class__ is not dict and not isinstance(row, Mapping):
            return None
        if not row.keys() <= self._known:
            try:
                row = with_known_names(row, self._known)
            except SameColumn:
                return None
        get = row.get
        canonical = []
        try:
            n_absent = 0
            for name, read in self._readers:
                value = get(name, ABSENT)
                if value is ABSENT:
                    if name not in self._optional:
                        return None
                    n_absent += 1
                    value = None
                elif is_nan_missing and value != value:  # noqa: PLR0124 (any type may stand here)
                    value = None
                canonical.append(read(value, notes))
            if len(row) + n_absent != len(canonical):
                self._note_extras(row, notes)
        except InvalidValue:
            return None
        return canonical

    def _note_extras(self, row: Mapping[str, Any], notes: list[Note]) -> None:
        extras = []
        for name in row:
            if name not in self._names:
                checked_text(name)
                checked_extra(row[name])
                if name not in self._unused:
                    extras.append(name)
        notes += extra_notes(extras)

    def _faults(
        self, row: Any, place: int, first_row: int, is_nan_missing: bool, *, n_hints: int
    ) -> list[Problem]:
        """All faults of one invalid row. Slower than `_read`, which stops at the first.

        The first `n_hints` say which similar name there is: to look for one takes longer than to check a row.
        """
        number, pointer = place + first_row, f"/rows/{place}"
        if not isinstance(row, Mapping):
            return [Problem(f"Row {number} is not an object {{column: value}}.", pointer)]
        try:
            row = with_known_names(row, self._known)
        except SameColumn as twice:
            return [Problem(f"Row {number}, {twice}", f"{pointer}/{_escaped(twice.name)}")]
        unknown = [name for name in row if name not in self._names and name not in self._unused]
        faults: list[Problem] = []
        for name, read in self._readers:
            where = f"Row {number}, column {quoted(name)}"
            if name not in row:
                if name not in self._optional:
                    hint = _instead(name, unknown) if len(faults) < n_hints else ""
                    detail = f"{where}: the column is missing{hint}."
                    faults.append(Problem(detail, f"{pointer}/{_escaped(name)}"))
                continue
            if is_nan_missing and row[name] != row[name]:
                continue
            try:
                read(row[name], [])
            except InvalidValue as refused:
                faults.append(Problem(f"{where}: {refused}", f"{pointer}/{_escaped(name)}"))
        for name in row:
            if name in self._names:
                continue
            try:
                checked_text(name)
                checked_extra(row[name])
            except InvalidValue as refused:
                detail = f"Row {number}, column {quoted(name)}: {refused}"
                faults.append(Problem(detail, f"{pointer}/{_escaped(str(name))}"))
        return faults

    def _columns(self, values: list[list[Any]]) -> dict[str, NDArray[Any]]:
        if len(values) == 1:
            return self._single(values[0])
        columns: dict[str, NDArray[Any]] = {}
        for place, field in enumerate(self.signature.fields):
            column = np.empty(len(values), dtype_of(field))
            column[:] = [row[place] for row in values]
            columns[field.name] = column
        return columns

    def _single(self, row: list[Any]) -> dict[str, NDArray[Any]]:
        # Slices of one array per dtype take a third of the time of one array per column.
        columns: dict[str, NDArray[Any]] = {}
        for dtype, places in self._blocks.items():
            cells = np.array([row[place] for place, _ in places], dtype)
            for index, (_, name) in enumerate(places):
                columns[name] = cells[index : index + 1]
        return columns


def dtype_of(field: FeatureField) -> str:
    """The NumPy dtype of the field's canonical column."""
    return DTYPES.get(field.role, "object")


def extra_notes(names: Sequence[str]) -> list[Note]:
    """The warnings about columns that the model does not know: MOST_EXTRAS by name, the rest by their number."""
    notes: list[Note] = []
    for place, name in enumerate(names[: MOST_EXTRAS + 1]):
        n_more = len(names) - place - 1
        others = f", nor {n_more:,} others; they were" if place == MOST_EXTRAS and n_more else "; it was"
        notes.append(("extra", name, f"The model has no column {quoted(name)}{others} not used."))
    return notes


def checked_extra(value: Any) -> None:
    """Raises InvalidValue when the value of an unknown column cannot be stored in the log."""
    if isinstance(value, (list, tuple, dict)):
        raise InvalidValue("a list or an object is not a value.")
    if isinstance(value, str):
        checked_text(value)
    elif isinstance(value, float) and value - value != 0:
        raise InvalidValue("a number has to be finite.")


def _escaped(name: str) -> str:
    """A name as a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _instead(name: str, unknown: list[str]) -> str:
    """A hint at the unknown column with the most similar name, or an empty text."""
    from difflib import get_close_matches

    names = [str(each) for each in unknown[:MOST_COMPARED]]
    folded = {each.casefold(): each for each in names if len(each) <= LONGEST_COMPARED}
    close = get_close_matches(name[:LONGEST_COMPARED].casefold(), folded, n=1)
    return f" (there is {quoted(folded[close[0]])} instead)" if close else ""


def sentence_of(named: Sequence[Problem], n_in_all: int, word: str = "fault") -> str:
    """The problems that are named, and how many more there are."""
    text, n_more = " ".join(each.detail for each in named), n_in_all - len(named)
    return f"{text} And {n_more:,} more {word}{'s' if n_more > 1 else ''}." if n_more > 0 else text


def _strict(warnings: Sequence[Sequence[RowWarning]], first_row: int) -> StrictRows:
    problems = [
        Problem(
            f"Row {place + first_row}, column {quoted(each.column)}: {each.message}",
            f"/rows/{place}/{_escaped(each.column)}",
        )
        for place, row in enumerate(warnings)
        for each in row
    ]
    message = "These rows have warnings, and strict refuses them. " + sentence_of(
        problems[:MOST_NAMED], len(problems), "warning"
    )
    return StrictRows(message, problems=problems[:MOST_NAMED])
