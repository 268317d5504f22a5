"""Columns of a forecast beside date, value and series.

*Known in advance*: one value for each period, also of the future (price, promotion, planned temperature). A row of the
pipeline gets the value of the period that it forecasts. Numbers, truth values and the most frequent categories get a
second feature: the difference from the base that the same column has (see lag_features.py). The target is the departure
from its own base, so what a promotion of last week added to that base is taken back by this difference.

*Static*: one value for each series (region, size).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InvalidTrainingRequest, quoted
from ..types.schema import FeatureField, Role
from ..validation.target import missing
from .lag_features import Floats, Places, Shape, base_of

KNOWN, DEPARTURE, STATIC = "known:", "known_departure:", "static:"
# Roles that such a column can have.
ROLES = (Role.NUMERIC, Role.BOOLEAN, Role.CATEGORICAL)
# Categories of a known column that are compared with their base.
MAX_COMPARED = 6
Values = NDArray[Any]


def is_number(role: Role) -> bool:
    """Whether the canonical values are numbers: those of truth values are 0 and 1."""
    return role is not Role.CATEGORICAL


def empty_values(n: int, role: Role) -> Values:
    """An array of missing values in the canonical form of the role."""
    return np.full(n, np.nan) if is_number(role) else np.full(n, None, object)


def by_period(places: Places, values: Values, n: int, role: Role) -> Values:
    """One value for each of `n` periods, from rows with the place of their period; missing where no row has one.

    Of several rows of one period, numbers are averaged; of others, the most frequent value is taken.
    """
    is_in = ~missing(values) & (places >= 0) & (places < n)
    places, values = places[is_in], values[is_in]
    regular = empty_values(n, role)
    if is_number(role):
        counts = np.bincount(places, minlength=n)
        totals = np.bincount(places, weights=values.astype(np.float64), minlength=n)
        regular[counts > 0] = totals[counts > 0] / counts[counts > 0]
        return regular
    if not len(values):
        return regular
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    pairs, counts = np.unique(np.stack([places, codes.reshape(-1)]), axis=1, return_counts=True)
    # The last one that is written stays: the most frequent, of equals the first in alphabetical order.
    order = np.lexsort((-pairs[1], counts))
    regular[pairs[0][order]] = levels.astype(object)[pairs[1][order]]
    return regular


def static_value(values: Values, role: Role, column: str, series: str) -> Any:
    """The one value of a series; None without one. Raises InvalidTrainingRequest for several."""
    present = values[~missing(values)]
    distinct = np.unique(present.astype(np.float64) if is_number(role) else present.astype(str))
    if len(distinct) > 1:
        which = f"the series {quoted(series)}" if series else "the series"
        raise InvalidTrainingRequest(
            f"The column {quoted(column)} has several values in {which}, such as {quoted(distinct[0].item())} and "
            f"{quoted(distinct[1].item())}. A static column has one for each series; correct it, or mark it as known "
            "in advance.",
            field="static_columns",
        )
    return distinct[0].item() if len(distinct) else None


def compared(field: FeatureField, values: Values) -> dict[str, Floats]:
    """What of a known column is compared with its base: the numbers, or for some categories whether they hold.

    The most frequent category is left out, since the others tell it.
    """
    if is_number(field.role):
        return {"": values.astype(np.float64)}
    return {f"={level}": (values == level).astype(np.float64) for level in field.levels[1 : 1 + MAX_COMPARED]}


def known_features(
    field: FeatureField,
    values: Values,
    windows: Mapping[str, Floats],
    origins: Places,
    steps: NDArray[np.int64],
    shape: Shape,
) -> dict[str, Values]:
    """Input columns of the pipeline from a column's values of the forecast periods, and from its windows.

    `windows`: those of each part that `compared` gives.
    """
    features = {KNOWN + field.name: values}
    for part, numbers in compared(field, values).items():
        features[f"{DEPARTURE}{field.name}{part}"] = numbers - base_of(windows[part], origins, steps, shape)
    return features


def static_features(
    fields: Iterable[FeatureField], facts: Sequence[Mapping[str, Any]], series: Places
) -> dict[str, Values]:
    """Input columns of the pipeline from the facts of the series. `series`: the index of each row's series."""
    features = {}
    for field in fields:
        values = [each.get(field.name) for each in facts]
        dtype = np.float64 if is_number(field.role) else object
        features[STATIC + field.name] = np.array([*values, None], dtype)[:-1][series]
    return features


def roles_of_known(known: Iterable[FeatureField], static: Iterable[FeatureField]) -> dict[str, Role]:
    """The roles of those input columns that are categories."""
    named = [*((KNOWN, each) for each in known), *((STATIC, each) for each in static)]
    return {prefix + each.name: Role.CATEGORICAL for prefix, each in named if not is_number(each.role)}
