"""What each column means, in the form that starts a training run.

Not fields of the form: a table can have a thousand columns, and a field for each takes seconds to draw.
The inputs are named by the column's place (`role-0`, `role-1`, …), since its name can hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from ..ml.types.schema import Role
from ..models import Dataset

ROLE_TITLES = {
    Role.NUMERIC: "number",
    Role.CATEGORICAL: "category",
    Role.BOOLEAN: "yes or no",
    Role.DATETIME: "date or time",
    Role.TEXT: "free text",
    Role.IDENTIFIER: "identifier (left out)",
    Role.CONSTANT: "constant (left out)",
}


@dataclass(frozen=True)
class ColumnRow:
    """A column in the list of meanings, with what was found and what was chosen."""

    name: str
    html_name: str
    found: Role
    chosen: str

    @property
    def options(self) -> SafeString:
        return role_options(self.found, self.chosen if self.chosen in set(Role) else "")


@cache
def role_options(found: Role, chosen: str) -> SafeString:
    """The choices of one column, drawn once: a thousand columns have few different ones."""
    choices = [("", f"as found: {ROLE_TITLES[found]}")]
    choices += [(role.value, title) for role, title in ROLE_TITLES.items() if role is not found]
    marked = [(value, mark_safe(" selected") if value == chosen else "", title) for value, title in choices]
    return format_html_join("", '<option value="{}"{}>{}</option>', marked)


def column_rows(dataset: Dataset, values: Mapping[str, Any]) -> list[ColumnRow]:
    return [
        ColumnRow(column.name, f"role-{index}", column.role, values.get(f"role-{index}") or "")
        for index, column in enumerate(dataset.schema.columns)
    ]


def given_roles(dataset: Dataset, values: Mapping[str, Any]) -> dict[str, str]:
    """The roles that somebody chose, by column name. Unknown ones stay: the service refuses them."""
    columns = dataset.schema.columns
    given = {column.name: values.get(f"role-{index}") for index, column in enumerate(columns)}
    return {name: role for name, role in given.items() if role}
