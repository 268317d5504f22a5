"""Column roles in the training form.

They are no fields of the Django form: a table can have a thousand columns, and as many fields take seconds to
render. The inputs are named by the column's index (`role-0`, `role-1`, …), because its name can be any text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from ...ml.types.schema import Role
from ...models import Dataset

ROLE_TITLES = {
    Role.NUMERIC: gettext_lazy("number"),
    Role.CATEGORICAL: gettext_lazy("category"),
    Role.BOOLEAN: gettext_lazy("yes or no"),
    Role.DATETIME: gettext_lazy("date or time"),
    Role.TEXT: gettext_lazy("free text"),
    Role.IDENTIFIER: gettext_lazy("identifier (left out)"),
    Role.CONSTANT: gettext_lazy("constant (left out)"),
}


@dataclass(frozen=True)
class ColumnRow:
    """A column in the list of roles, with the inferred role and the chosen one."""

    name: str
    html_name: str
    found: Role
    chosen: str

    @property
    def options(self) -> SafeString:
        return role_options(self.found, self.chosen if self.chosen in set(Role) else "", get_language() or "")


@cache
def role_options(found: Role, chosen: str, language: str) -> SafeString:
    """The HTML options of one column, cached by language: a thousand columns have few different ones."""
    choices = [("", _("as found: %(role_titles)s") % {"role_titles": ROLE_TITLES[found]})]
    choices += [(role.value, title) for role, title in ROLE_TITLES.items() if role is not found]
    marked = [(value, mark_safe(" selected") if value == chosen else "", title) for value, title in choices]
    return format_html_join("", '<option value="{}"{}>{}</option>', marked)


def column_rows(dataset: Dataset, values: Mapping[str, Any]) -> list[ColumnRow]:
    return [
        ColumnRow(column.name, f"role-{index}", column.role, values.get(f"role-{index}") or "")
        for index, column in enumerate(dataset.schema.columns)
    ]


def given_roles(dataset: Dataset, values: Mapping[str, Any]) -> dict[str, str]:
    """The chosen roles by column name. Unknown roles are kept: the service rejects them."""
    columns = dataset.schema.columns
    given = {column.name: values.get(f"role-{index}") for index, column in enumerate(columns)}
    return {name: role for name, role in given.items() if role}
