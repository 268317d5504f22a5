"""Forecasts through the services, the API and the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from predictor.errors import Conflict, InvalidInput, InvalidRows, InvalidTrainingRequest, TooLarge
from predictor.ml.forecasting.forecast_spec import ForecastSpec
from predictor.models import ModelVersion, PredictionLog, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import datasets, registry, training
from predictor.services.predictions import horizons, loaded_versions
from predictor.services.registry import portable
from predictor.services.training import TrainingOptions
from predictor.services.training.training_job import request_of
from predictor.tests import predicting

from ..forecast_versions import HORIZON, forecast_version, shops_csv

FORECAST = {"date_column": "month", "group_column": "shop", "horizon": HORIZON}


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="shops", by=None)


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return forecast_version(model)


@pytest.fixture
def dataset(workspace: Workspace, member: User):
    return datasets.import_csv(
        workspace=workspace, source=io.BytesIO(shops_csv()), filename="shops.csv", by=member
    )


def test_a_horizon_is_answered_for_every_series_with_intervals_and_logged(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    answer = predicting.predict(model, horizon=HORIZON, coverage=0.8, by=member)
    assert [row["month"] for row in answer.rows[:HORIZON]] == [
        "2024-01-01",
        "2024-02-01",
        "2024-03-01",
        "2024-04-01",
    ]
    assert [row["shop"] for row in answer.rows] == ["north"] * HORIZON + ["south"] * HORIZON
    for prediction in answer.predictions:
        assert prediction.interval is not None
        assert prediction.interval["low"] < float(str(prediction.prediction)) < prediction.interval["high"]
    logged = PredictionLog.objects.filter(request_id=answer.request_id).order_by("row_number")
    assert [each.inputs for each in logged] == list(answer.rows)


def test_rows_with_dates_get_the_answers_of_the_horizon(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    whole = predicting.predict(model, horizon=2, group="south", by=member)
    single = predicting.predict(model, rows=[whole.rows[1]], by=member)
    assert single.predictions[0].prediction == whole.predictions[1].prediction
    assert single.rows == ()


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"horizon": HORIZON + 1}, "1 to 4 periods"),
        ({"horizon": 0}, "1 to 4 periods"),
        ({"horizon": 1, "group": "west"}, "no series “west”. The version knows “north”, “south”"),
        ({"rows": [{"month": "2024-01-01", "shop": "north"}], "explain": True}, "ask for no explanation"),
    ],
)
def test_invalid_horizons_and_groups_are_refused(
    version: ModelVersion, model: RegisteredModel, member: User, asked, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        predicting.predict(model, by=member, **asked)
    assert not PredictionLog.objects.exists()


def test_a_horizon_of_too_many_rows_is_refused_before_one_is_made(
    version: ModelVersion, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = loaded_versions.load(version)
    settings.MAX_PREDICTION_ROWS = HORIZON
    assert len(horizons.horizon_rows(served, HORIZON, "north")) == HORIZON

    monkeypatch.setattr(ForecastSpec, "horizon_rows", lambda *args: pytest.fail("rows were made"))
    with pytest.raises(TooLarge, match="4 periods of 2 series are 8") as refused:
        horizons.horizon_rows(served, HORIZON)

    assert refused.value.limit == HORIZON


def test_newer_observations_move_the_horizon_and_the_level(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    months = [f"2024-{month:02}-01" for month in range(1, 13)]
    history = [{"month": month, "shop": "north", "sold": 500.0} for month in months]
    answer = predicting.predict(model, horizon=1, history=history, by=member)
    assert [row["month"] for row in answer.rows] == ["2025-01-01", "2024-01-01"]
    moved = float(str(answer.predictions[0].prediction))
    before = predicting.predict(model, horizon=1, by=member)
    assert moved > 1.5 * float(str(before.predictions[0].prediction))
    # The history of one request does not affect the next one.
    assert before.rows[0]["month"] == "2024-01-01"


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"month": "2024-01-01", "shop": "north"}, "In the history: Row 1, column “sold”"),
        ({"month": "2024-01-01", "shop": "north", "sold": "many"}, "In the history: Row 1, column “sold”"),
        ({"month": "9999-01-01", "shop": "north", "sold": 1.0}, "periods past the end"),
    ],
)
def test_invalid_newer_observations_are_refused(
    version: ModelVersion, model: RegisteredModel, member: User, row, sentence: str
) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        predicting.predict(model, horizon=1, history=[row], by=member)


def test_a_horizon_is_for_forecasts_only(workspace: Workspace, member: User) -> None:
    linear = registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5], intercept=1.0, by=member
    )
    with pytest.raises(InvalidInput, match="A horizon is for forecasting"):
        predicting.predict(linear.registered_model, horizon=3, by=member)


def test_a_csv_of_dates_is_answered_and_dates_beyond_the_horizon_say_so(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    content = b"month,shop\n2024-01-01,north\n2031-01-01,north\n"
    answer = predicting.predict_csv(model, io.BytesIO(content), by=member)
    rows = list(csv.DictReader(answer.path.read_text("utf-8").splitlines()))
    assert float(rows[0]["interval_low"]) < float(rows[0]["prediction"]) < float(rows[0]["interval_high"])
    assert rows[1]["prediction"] == ""
    assert rows[1]["warnings"]
    with pytest.raises(InvalidRows, match="cannot be forecast"):
        predicting.predict(model, rows=[{"month": "2031-01-01", "shop": "north"}], by=member)


def test_a_forecast_has_no_portable_export(version: ModelVersion) -> None:
    with pytest.raises(Conflict, match="forecasts: its predictions start from"):
        portable.bundle(version)


def test_a_run_stores_its_forecast_request(dataset, member: User) -> None:
    run = training.start_run(
        dataset=dataset,
        options=TrainingOptions(target="sold", task="forecasting", forecast=FORECAST),
        registered_model="shops",
        by=member,
    )
    asked = request_of(TrainingRun.objects.get(pk=run.pk)).forecast
    assert asked is not None
    assert (asked.date_column, asked.group_column, asked.horizon) == ("month", "shop", HORIZON)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"task": "forecasting"}, "Say which column holds the dates. There is “month”"),
        ({"forecast": FORECAST}, "for forecasting; choose that task"),
        ({"task": "forecasting", "forecast": {**FORECAST, "horizon": "4"}}, "whole number"),
        ({"task": "forecasting", "forecast": {**FORECAST, "lags": 3}}, "A forecast takes"),
        (
            {"task": "forecasting", "forecast": FORECAST, "split": {"kind": "time", "column": "month"}},
            "later periods",
        ),
    ],
)
def test_invalid_forecast_requests_are_refused_before_the_run(
    dataset, member: User, asked, sentence: str
) -> None:
    with pytest.raises(InvalidTrainingRequest, match=sentence):
        training.start_run(
            dataset=dataset,
            options=TrainingOptions(target="sold", **asked),
            registered_model="shops",
            by=member,
        )


def test_the_command_line_writes_the_horizon_as_csv(
    version: ModelVersion, model: RegisteredModel, tmp_path: Path
) -> None:
    result = tmp_path / "forecast.csv"
    call_command(
        "predict",
        "shops",
        "--horizon",
        "2",
        "--group",
        "north",
        "--workspace",
        "acme",
        "--output",
        str(result),
    )
    rows = list(csv.DictReader(result.read_text("utf-8").splitlines()))
    assert [row["month"] for row in rows] == ["2024-01-01", "2024-02-01"]
    assert set(rows[0]) == {"month", "shop", "prediction", "interval_low", "interval_high"}
