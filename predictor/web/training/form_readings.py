"""Readings of categories in the training form: spellings that may be joined, and words that may mean missing.

The inputs are named by the column's index (`joined-0`, `missing-0`, …), as those of the roles are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from ...ml.types.reading import Reading, ValueKind
from ...ml.types.schema import ColumnProfile, Role
from ...ml.types.spellings import IGNORED, Proposal, in_numbers
from ...models import Dataset


@dataclass(frozen=True)
class ReadingRow:
    """One choice about the categories of a column: a checkbox."""

    column: str
    html_name: str
    label: str
    is_chosen: bool


def reading_rows(dataset: Dataset, values: Mapping[str, Any]) -> list[ReadingRow]:
    """The choices of all columns that have any."""
    rows = []
    for index, column in enumerate(dataset.schema.columns):
        proposal = column.proposal
        for kind, text in (("joined", _joined(proposal)), ("missing", _missing(proposal))):
            if text:
                name = f"{kind}-{index}"
                rows.append(ReadingRow(column.name, name, text, bool(values.get(name))))
    return rows


def _joined(proposal: Proposal) -> str:
    return _("Take as one category: %(groups)s") % {"groups": proposal.groups} if proposal.joined else ""


def _missing(proposal: Proposal) -> str:
    return (
        _("Take as missing: %(in_numbers)s") % {"in_numbers": in_numbers(proposal.missing)}
        if proposal.missing
        else ""
    )


def given_readings(dataset: Dataset, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The readings that are chosen, by column name. A column that gets another role has no categories."""
    chosen = {}
    for index, column in enumerate(dataset.schema.columns):
        is_joined, are_missing = values.get(f"joined-{index}"), values.get(f"missing-{index}")
        if (is_joined or are_missing) and (
            values.get(f"role-{index}") or Role.CATEGORICAL
        ) == Role.CATEGORICAL:
            chosen[column.name] = _reading(column, bool(is_joined), bool(are_missing)).to_json()
    return chosen


def _reading(column: ColumnProfile, is_joined: bool, are_missing: bool) -> Reading:
    proposal = column.proposal
    ignores = proposal.ignores if is_joined else ()
    words = tuple(word.lower() for word in proposal.missing) if are_missing else ()
    return Reading(ValueKind.TEXT, ignores=ignores, missing=words)


def shown_from_readings(readings: Mapping[str, Any], positions: Mapping[str, int]) -> dict[str, str]:
    """Initial values that repeat the readings of a run. `positions`: the index of each column."""
    shown = {}
    for name, data in readings.items():
        if name not in positions:
            continue
        if set(data.get("ignores", ())) & set(IGNORED) or not data.get("missing"):
            shown[f"joined-{positions[name]}"] = "on"
        if data.get("missing"):
            shown[f"missing-{positions[name]}"] = "on"
    return shown
