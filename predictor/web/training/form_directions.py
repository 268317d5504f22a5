"""Directions in the training form: whether the prediction may go both ways when a column of numbers rises, or one only.

The inputs are named by the column's index (`monotone-0`, …), as those of the roles are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy

from ...ml.types.monotone import Direction
from ...ml.types.schema import ColumnProfile, Role
from ...models import Dataset

FREE = gettext_lazy("free")
DIRECTION_TITLES = {
    Direction.INCREASING: gettext_lazy("only up"),
    Direction.DECREASING: gettext_lazy("only down"),
}
# Columns that are numbers, or that a person may call so.
OFFERED = frozenset({Role.NUMERIC, Role.CATEGORICAL, Role.BOOLEAN, Role.IDENTIFIER})


def direction_options(chosen: str) -> SafeString:
    """The HTML options of one column. A choice that is none is shown as free."""
    return _options(chosen if chosen in set(Direction) else "", get_language())


@cache
def _options(chosen: str, language: str | None) -> SafeString:
    """Cached for each language: a thousand columns have few different ones."""
    choices = [("", FREE), *((each.value, title) for each, title in DIRECTION_TITLES.items())]
    marked = [(value, mark_safe(" selected") if value == chosen else "", title) for value, title in choices]
    return format_html_join("", '<option value="{}"{}>{}</option>', marked)


def given_directions(dataset: Dataset, values: Mapping[str, Any]) -> dict[str, str]:
    """The chosen directions by column name. Unknown ones are kept: the service rejects them."""
    columns = dataset.schema.columns
    given = {column.name: values.get(f"monotone-{index}") for index, column in enumerate(columns)}
    return {name: direction for name, direction in given.items() if direction}


def refused_columns(dataset: Dataset, values: Mapping[str, Any], target: str) -> set[str]:
    """The columns whose directions are refused: those that are no feature of numbers, or else all that were given."""
    given = given_directions(dataset, values)
    wrong = {
        column.name
        for index, column in enumerate(dataset.schema.columns)
        if column.name in given
        and (
            given[column.name] not in set(Direction)
            or column.name == target
            or _role(column, values.get(f"role-{index}")) != Role.NUMERIC
        )
    }
    return wrong or set(given)


def _role(column: ColumnProfile, chosen: Any) -> str:
    return str(chosen or column.role)


def shown_from_directions(directions: Mapping[str, str], positions: Mapping[str, int]) -> dict[str, str]:
    """Initial values that repeat the directions of a run. `positions`: the index of each column."""
    return {f"monotone-{positions[name]}": each for name, each in directions.items() if name in positions}


def direction_words(directions: Mapping[str, str]) -> list[tuple[str, str]]:
    """Pairs of column and direction, for the page of a run."""
    return [
        (name, str(DIRECTION_TITLES[Direction(each)]))
        for name, each in directions.items()
        if each in set(Direction)
    ]
