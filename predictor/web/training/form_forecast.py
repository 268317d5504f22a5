"""Forecasting fields of the training form: date column, series column, horizon."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ...i18n.translation import translated
from ...ml.types.schema import Role, TableSchema
from ...ml.types.training_request import FREQUENCIES
from .form_hyperparameters import OpenChoiceField

FIELDS = ("date_column", "group_column", "horizon", "frequency", "aggregation")
COLUMN_FIELDS = ("known_columns", "static_columns")
HOLIDAYS = "holidays"
FREQUENCY_TITLES = {name: name.capitalize() for name in FREQUENCIES}
AGGREGATION_TITLES = {"sum": gettext_lazy("Add them up"), "mean": gettext_lazy("Take their mean")}
# Columns that can be known in advance or static.
USED_ROLES = (Role.NUMERIC, Role.BOOLEAN, Role.CATEGORICAL)
# A column of more values than this seldom names series.
MOST_SERIES = 10_000


class OpenColumnsField(forms.MultipleChoiceField):
    """Offers columns as checkboxes but accepts any: the service validates them, so the message is the API's."""

    widget = forms.CheckboxSelectMultiple

    def valid_value(self, value: Any) -> bool:
        return True


def forecast_fields(table: TableSchema, target: str) -> dict[str, forms.Field]:
    """The fields, with the columns that can hold dates and names."""
    dates = [
        *_date_columns(table),
        *(each.name for each in table.columns if each.may_be_dates and each.role is not Role.DATETIME),
    ]
    names = [
        column.name
        for column in table.columns
        if column.role in (Role.CATEGORICAL, Role.BOOLEAN, Role.IDENTIFIER, Role.NUMERIC)
        and 1 < column.n_distinct <= min(MOST_SERIES, max(table.n_rows // 8, 2))
    ]
    no_dates = "" if dates else _("This table has no column of dates.")
    return {
        "date_column": OpenChoiceField(
            label=_("Column of the dates"),
            required=False,
            help_text=no_dates,
            choices=[(each, each) for each in dates],
        ),
        "group_column": OpenChoiceField(
            label=_("Column that names the series"),
            required=False,
            help_text=_(
                "Shops, products, sensors: each is forecast on its own dates, and all are learnt together."
            ),
            choices=[("", _("The table is one series")), *((each, each) for each in names)],
        ),
        "horizon": forms.IntegerField(
            label=_("Periods ahead"),
            required=False,
            help_text=_("Empty for what is usual: 12 months, 14 days, 24 hours."),
            widget=forms.NumberInput(attrs={"min": 1, "max": 500}),
        ),
        "frequency": OpenChoiceField(
            label=_("One value for each"),
            required=False,
            help_text=_("Found from the dates, unless you want longer periods."),
            choices=[("", _("As found from the dates")), *FREQUENCY_TITLES.items()],
        ),
        "aggregation": OpenChoiceField(
            label=_("Several rows in one period"),
            required=False,
            help_text=_("What happens to rows of one date, or of one period."),
            choices=[("", _("Refuse them")), *AGGREGATION_TITLES.items()],
        ),
        **_column_fields(table, target),
        HOLIDAYS: forms.CharField(
            label=_("Public holidays of"),
            required=False,
            max_length=20,
            help_text=_("A country such as DE, or a part of it such as DE-BY. Empty: none are used."),
            widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        ),
    }


def _column_fields(table: TableSchema, target: str) -> dict[str, forms.Field]:
    """The other columns that a forecast can use; nothing where the table has none."""
    choices = [
        (each.name, each.name) for each in table.columns if each.role in USED_ROLES and each.name != target
    ]
    if not choices:
        return {}
    return {
        "known_columns": OpenColumnsField(
            label=_("Known in advance"),
            required=False,
            help_text=_(
                "Columns whose future values you know when you forecast: a price, a promotion, a planned temperature. "
                "A forecast then needs their values for the periods ahead."
            ),
            choices=choices,
        ),
        "static_columns": OpenColumnsField(
            label=_("The same for all rows of a series"),
            required=False,
            help_text=_("Facts of a series: a region, the size of a shop. They are stored with the version."),
            choices=choices,
        ),
    }


def _date_columns(table: TableSchema) -> list[str]:
    return [column.name for column in table.columns if column.role is Role.DATETIME]


def first_values(table: TableSchema, shown: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Initial values of these fields: the given ones; for the dates else the first date column.

    `sent`: the query, the form or the run that `shown` was made from.
    """
    dates = _date_columns(table)
    return {
        **{name: shown.get(name, "") for name in FIELDS},
        **{name: _listed(sent, name) for name in COLUMN_FIELDS},
        HOLIDAYS: shown.get(HOLIDAYS, ""),
        "date_column": shown.get("date_column") or "".join(dates[:1]),
    }


def _listed(sent: Mapping[str, Any], name: str) -> list[str]:
    return sent.getlist(name) if isinstance(sent, QueryDict) else list(sent.get(name, ()))


def asked_forecast(data: Mapping[str, Any]) -> dict[str, Any]:
    """`forecast` of `TrainingOptions`, from cleaned data."""
    return {name: data.get(name) or None for name in (*FIELDS, *COLUMN_FIELDS, HOLIDAYS)}


def forecast_words(forecast: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The settings of a forecast as titles and words; empty for other tasks."""
    if not forecast:
        return []
    titles = {
        "date_column": _("Dates"),
        "group_column": _("Series"),
        "horizon": _("Periods ahead"),
        "frequency": _("One value for each"),
        "aggregation": _("Rows of one period"),
    }
    usual = {
        "group_column": _("one"),
        "horizon": _("as usual"),
        "frequency": _("as found"),
        "aggregation": _("refused"),
    }
    # The names of columns are data; frequency and aggregation are words.
    found = {name: forecast.get(name) or usual.get(name, "") for name in titles}
    for name in ("frequency", "aggregation"):
        found[name] = translated(found[name])
    words = [(title, str(found[name])) for name, title in titles.items()]
    lists = {"known_columns": _("Known in advance"), "static_columns": _("The same in a series")}
    words += [(title, ", ".join(forecast[name])) for name, title in lists.items() if forecast.get(name)]
    return words + ([(_("Public holidays of"), forecast[HOLIDAYS])] if forecast.get(HOLIDAYS) else [])
