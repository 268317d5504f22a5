"""Columns that are known in advance, and static ones: one value for each period or series, and their features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import InvalidInput, InvalidTrainingRequest
from predictor.ml.forecasting.forecast_spec import ForecastSpec, SeriesEnd
from predictor.ml.forecasting.known_columns import by_period, static_value
from predictor.ml.forecasting.lag_features import Shape
from predictor.ml.forecasting.series import Series
from predictor.ml.forecasting.training_table import Points, SeriesView, described
from predictor.ml.types.schema import FeatureField, Role

from .views import spec_of, view_of

PRICE = FeatureField("price", Role.NUMERIC, typical=2.0)
EVENT = FeatureField("event", Role.CATEGORICAL, typical="no", levels=("no", "fair"))
REGION = FeatureField("region", Role.CATEGORICAL)
N = 40


def texts(*values: str | None) -> np.ndarray:
    return np.array([*values, None], object)[:-1]


def test_numbers_of_one_period_are_averaged() -> None:
    values = by_period(np.array([0, 2, 2, 9]), np.array([1.0, 2.0, 4.0, 5.0]), 4, Role.NUMERIC)
    assert np.array_equal(values, [1.0, np.nan, 3.0, np.nan], equal_nan=True)


def test_the_most_frequent_category_of_a_period_is_taken() -> None:
    places = np.array([0, 0, 0, 1, 1, 2])
    values = by_period(places, texts("b", "a", "b", "d", "c", None), 3, Role.CATEGORICAL)
    assert values.tolist() == ["b", "c", None]


def test_a_series_has_one_static_value() -> None:
    assert static_value(texts("coast", None, "coast"), Role.CATEGORICAL, "region", "a") == "coast"
    assert static_value(np.array([np.nan]), Role.NUMERIC, "size", "a") is None
    with pytest.raises(InvalidTrainingRequest, match="several values in the series “a”, such as"):
        static_value(np.array([1.0, 2.0]), Role.NUMERIC, "size", "a")


def view_with_columns(n: int = N, n_ahead: int = 3) -> SeriesView:
    """Two series with a season of 4, a price and an event; the values after `n` are those of the same random draw."""
    shape = Shape(4)
    view = view_of(np.zeros(8), np.zeros(8), shape=shape, horizon=3)
    series = []
    for place, name in enumerate("ab"):
        rng = np.random.default_rng(place)
        values, price = rng.normal(100, 10, N + 3), rng.choice([2.0, 2.5], N + 3)
        event = rng.choice(np.array(["no", "fair"], object), N + 3)
        known = {"price": price[: n + n_ahead], "event": event[: n + n_ahead]}
        series.append(Series(name, 5 * place, values[:n], known, {"region": "coast" if place else None}))
    table = replace(view.table, series=tuple(series), known=(PRICE, EVENT), static=(REGION,))
    return replace(view, table=table)


def spec_with_columns(view: SeriesView) -> ForecastSpec:
    return spec_of(view, known=(PRICE, EVENT), static=(REGION,))


def at_the_end(view: SeriesView, n: int) -> Points:
    """The points of all steps from the origin n - 1, of both series."""
    return Points(np.repeat([0, 1], 3), np.full(6, n - 1), np.tile([1, 2, 3], 2))


def same(served: dict[str, np.ndarray], trained: dict[str, np.ndarray]) -> None:
    assert served.keys() == trained.keys()
    for name, values in trained.items():
        if values.dtype == object:
            assert served[name].tolist() == values.tolist(), name
        else:
            assert np.allclose(served[name], values, equal_nan=True), name


def test_a_served_row_has_the_features_of_training() -> None:
    """Training with the later values known, and serving from the stored end, describe the same points."""
    short = view_with_columns(N - 3)
    spec = ForecastSpec.from_json(spec_with_columns(short).to_json())
    trained = described(view_with_columns(), at_the_end(short, N - 3))
    moments = short.table.frequency.moments(
        np.concatenate([N - 4 + np.arange(1, 4), N + 1 + np.arange(1, 4)])
    )
    rows = {"month": moments, "shop": np.repeat(np.array(["a", "b"], object), 3)}

    served = spec.describe(spec.rows(rows))

    same(dict(served.columns), dict(trained.columns))
    assert {
        "known:price",
        "known_departure:price",
        "known:event",
        "known_departure:event=fair",
        "static:region",
    } <= {*served.columns}


def test_a_value_of_the_row_replaces_the_stored_one() -> None:
    spec = spec_with_columns(view_with_columns())
    first = spec.horizon_rows(1, ["a"])[0]
    columns = {"month": np.array([first["month"]], "datetime64[us]"), "shop": texts("a")}
    sent = spec.rows({**columns, "price": np.array([9.0]), "event": texts(None)})
    assert sent.known["price"].tolist() == [9.0]
    assert sent.known["event"].tolist() == [first["event"]]


def test_a_row_without_a_value_cannot_be_forecast() -> None:
    spec = spec_with_columns(view_with_columns(n_ahead=1))
    rows = spec.horizon_rows(2, ["a"])
    assert rows[0]["price"] is not None
    assert rows[1]["price"] is None
    columns = {"month": np.array([row["month"] for row in rows], "datetime64[us]"), "shop": texts("a", "a")}
    assert spec.is_within(spec.rows(columns)).tolist() == [True, False]


def test_newer_history_moves_the_known_columns_along() -> None:
    """After three months of history, the version is as one that was trained with them."""
    spec, longer = spec_with_columns(view_with_columns(N - 3, n_ahead=5)), view_with_columns(N, n_ahead=2)
    rows = []
    for each in longer.table.series:
        months = longer.table.frequency.moments(np.arange(each.end - 2, each.end + 1))
        rows.append((months, texts(*[each.name] * 3), each.values[-3:]))
    month, shop, sold = (np.concatenate(part) for part in zip(*rows, strict=True))

    extended = spec.extended({"month": month, "shop": shop, "sold": sold})

    assert extended.endings == tuple(SeriesEnd.of(each, longer.shape) for each in longer.table.series)


def test_a_plan_may_be_longer_than_the_horizon_and_names_known_series() -> None:
    spec = spec_with_columns(view_with_columns(n_ahead=0))
    months = spec.frequency.moments(spec.endings[0].end + np.arange(1, 6))
    plan = {"month": months, "shop": texts(*"aaaaa"), "price": np.arange(5.0), "event": texts(*["no"] * 5)}

    planned = spec.planned(plan)

    assert planned.endings[0].ahead == {"price": (0.0, 1.0, 2.0), "event": ("no",) * 3}
    assert planned.endings[1] == spec.endings[1]
    with pytest.raises(InvalidInput, match="There is no series “c”"):
        spec.planned({**plan, "shop": texts(*"aaaac")})
