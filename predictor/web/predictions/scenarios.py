"""Scenarios: rows that a person pinned on the prediction page, side by side with their answers.

They are kept in the session, a few for each model. Nothing of them is logged.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ...errors import Conflict, TooLarge
from ..pages.value_texts import cell_text
from .row_form import RowForm

MAX_PINNED, MAX_MODELS, MAX_BYTES, MAX_CELL = 6, 5, 50_000, 80
# Of a single scenario, its most important values; of several, all values that differ.
N_OF_ONE = 6
KEY = "pinned"


@dataclass(frozen=True)
class Line:
    """One column of the rows: its values side by side; `is_other` marks those unlike the first."""

    name: str
    cells: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class Scenarios:
    """The pinned rows as a table: answers first, then the values that differ. `n_equal` columns are left out."""

    answers: tuple[Mapping[str, Any], ...]
    lines: tuple[Line, ...]
    n_equal: int

    @property
    def numbers(self) -> range:
        return range(1, len(self.answers) + 1)

    @property
    def is_full(self) -> bool:
        return len(self.answers) >= MAX_PINNED


def pinned(session: Any, model_pk: int) -> list[dict[str, Any]]:
    found = session.get(KEY, {}).get(str(model_pk), [])
    return found if isinstance(found, list) else []


def pin(session: Any, model_pk: int, *, row: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
    """Keep the row with its answer. Raises Conflict when there are enough, TooLarge for a long row."""
    rows = pinned(session, model_pk)
    if len(rows) >= MAX_PINNED:
        raise Conflict(
            _("%(max_pinned)s scenarios are pinned; remove one first.") % {"max_pinned": MAX_PINNED}
        )
    entry = {**answer, "row": dict(row)}
    if len(json.dumps(entry, default=str)) > MAX_BYTES:
        raise TooLarge(_("The row is too long to be pinned."), limit=MAX_BYTES)
    _keep(session, model_pk, [*rows, entry])


def unpin(session: Any, model_pk: int, place: int) -> None:
    """Remove the scenario at this place, from 0; one that is gone already changes nothing."""
    rows = pinned(session, model_pk)
    _keep(session, model_pk, [each for number, each in enumerate(rows) if number != place])


def clear(session: Any, model_pk: int) -> None:
    _keep(session, model_pk, [])


def _keep(session: Any, model_pk: int, rows: list[dict[str, Any]]) -> None:
    others = {key: each for key, each in session.get(KEY, {}).items() if key != str(model_pk)}
    kept = list(others.items())[-(MAX_MODELS - 1) :]
    session[KEY] = {**dict(kept), **({str(model_pk): rows} if rows else {})}


def table(rows: list[dict[str, Any]], form: RowForm) -> Scenarios | None:
    """The pinned rows side by side, columns in the form's order; None without one."""
    if not rows:
        return None
    lines, n_equal = [], 0
    for each in form.by_importance:
        if each.setting.is_hidden:
            continue
        texts = [_cell(entry["row"].get(each.field.name)) for entry in rows]
        is_same = all(text == texts[0] for text in texts)
        if is_same and (len(rows) > 1 or len(lines) >= N_OF_ONE):
            n_equal += 1
            continue
        lines.append(Line(each.label, tuple((text, text != texts[0]) for text in texts)))
    return Scenarios(tuple(rows), tuple(lines), n_equal)


def _cell(value: Any) -> str:
    text = _("missing") if value is None or value == "" else cell_text(value)
    return text if len(text) <= MAX_CELL else f"{text[:MAX_CELL]}…"
