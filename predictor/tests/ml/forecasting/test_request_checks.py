"""Forecasting requests that are refused before a run is queued, each with its reason."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.forecasting.request_checks import check_forecast, date_columns
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import MAX_HORIZON, ForecastOptions, TrainingRequest

N_ROWS = 40
MONTH = ColumnProfile("month", Role.DATETIME, "TIMESTAMP", n_distinct=20)
SHOP = ColumnProfile("shop", Role.CATEGORICAL, "VARCHAR", n_distinct=2)
SOLD = ColumnProfile("sold", Role.NUMERIC, "DOUBLE", n_distinct=30)


def request_for(*columns, target="sold", forecast=ForecastOptions("month", "shop"), **options):
    """A request for a table of dates, shops and sales; `columns` replace those of their name or are added."""
    by_name = {each.name: each for each in (MONTH, SHOP, SOLD, *columns)}
    schema = TableSchema(tuple(by_name.values()), N_ROWS)
    return TrainingRequest("table.parquet", schema, target, Task.FORECASTING, forecast=forecast, **options)


def sentence_of(request):
    with pytest.raises(InvalidTrainingRequest) as refused:
        check_forecast(request)
    return refused.value.message


def test_a_valid_request_passes():
    check_forecast(request_for())
    check_forecast(request_for(forecast=ForecastOptions("month")))
    check_forecast(request_for(forecast=ForecastOptions("month", "shop", MAX_HORIZON, "daily", "sum")))


@pytest.mark.parametrize(
    ("forecast", "target", "sentence"),
    [
        (None, "sold", "Say which column holds the dates. There is “month”"),
        (ForecastOptions("shop"), "sold", "does not hold dates"),
        (ForecastOptions("day"), "sold", "There is no column “day”"),
        (ForecastOptions("month", "branch"), "sold", "There is no column “branch”"),
        (ForecastOptions("month", "month"), "sold", "different columns"),
        (ForecastOptions("month", "sold"), "sold", "different columns"),
        (ForecastOptions("month"), "month", "different columns"),
        (ForecastOptions("month"), "shop", "does not hold numbers"),
        (ForecastOptions("month", horizon=501), "sold", "The horizon is 501; it has to be between 1 and 500"),
        (ForecastOptions("month", horizon=-1), "sold", "between 1 and 500"),
        (ForecastOptions("month", frequency="fortnightly"), "sold", "no frequency “fortnightly”"),
        (ForecastOptions("month", aggregation="product"), "sold", "no aggregation “product”"),
    ],
)
def test_an_invalid_request_is_refused_before_the_run(forecast, target, sentence):
    request = request_for(forecast=forecast, target=target)

    assert sentence in sentence_of(request)
    assert TrainingRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_the_columns_that_hold_dates_are_named():
    day = ColumnProfile("day", Role.DATETIME, "DATE", n_distinct=20)
    no_date = replace(MONTH, role=Role.CATEGORICAL)

    several = sentence_of(request_for(day, forecast=None))
    none = sentence_of(request_for(no_date, forecast=None))
    wrong = sentence_of(request_for(day, forecast=ForecastOptions("shop")))

    assert several == "Say which column holds the dates. There are “month”, “day”."
    assert none.endswith("This table has none: no column holds dates in one form, like 2024-05-31.")
    assert wrong == ("The column “shop” does not hold dates: it is categorical. There are “month”, “day”.")
    assert date_columns(request_for(day).table) == ("month", "day")


def test_a_role_that_the_request_changed_counts():
    text = replace(MONTH, role=Role.TEXT)
    assert "does not hold dates: it is text" in sentence_of(request_for(text))

    check_forecast(request_for(text, roles={"month": Role.DATETIME}))


@pytest.mark.parametrize(("n_distinct", "is_refused"), [(7, True), (8, False)])
def test_at_least_eight_dates_are_needed(n_distinct, is_refused):
    request = request_for(replace(MONTH, n_distinct=n_distinct))

    if is_refused:
        assert sentence_of(request) == (
            "The column “month” has 7 different dates; a forecast needs at least 8."
        )
    else:
        check_forecast(request)


@pytest.mark.parametrize(
    ("sold", "sentence"),
    [
        (replace(SOLD, n_missing=N_ROWS, n_distinct=0), "has no values"),
        (replace(SOLD, n_distinct=1), "has the same value in every row"),
        (replace(SOLD, role=Role.BOOLEAN, storage="BOOLEAN"), "does not hold numbers"),
        (replace(SOLD, role=Role.DATETIME, storage="DATE"), "does not hold numbers"),
    ],
)
def test_a_target_that_cannot_be_forecast_is_refused(sold, sentence):
    assert f"The target “sold” {sentence}" in sentence_of(request_for(sold))


def test_a_count_that_never_repeats_is_a_target_although_it_looks_like_an_identifier():
    check_forecast(request_for(replace(SOLD, role=Role.IDENTIFIER, storage="BIGINT", n_distinct=N_ROWS)))


@pytest.mark.parametrize(
    "choice",
    [{"split": SplitBy(SplitKind.TIME, "month")}, {"threshold": ThresholdRule("f1")}],
    ids=["split", "threshold"],
)
def test_choices_of_other_tasks_are_refused(choice):
    assert "A forecast is tested on later periods, always, and has no threshold" in sentence_of(
        request_for(**choice)
    )


@pytest.mark.parametrize(
    ("low", "high", "is_allowed"),
    [
        (1949, 2009, True),
        (194901, 195312, True),
        (19490131, 20091231, True),
        (0, 2009, False),
        (45000, 45400, False),
    ],
)
def test_whole_numbers_of_years_months_or_days_are_dates(low, high, is_allowed):
    column = ColumnProfile("when", Role.NUMERIC, "BIGINT", n_distinct=60, minimum=low, maximum=high)
    target = ColumnProfile("sold", Role.NUMERIC, "DOUBLE", n_distinct=60)
    table = TableSchema((column, target), 60)
    request = TrainingRequest("", table, "sold", task=Task.FORECASTING, forecast=ForecastOptions("when"))
    if is_allowed:
        check_forecast(request)
    else:
        with pytest.raises(InvalidTrainingRequest, match="does not hold dates"):
            check_forecast(request)
