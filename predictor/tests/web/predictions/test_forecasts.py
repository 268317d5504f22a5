"""Forecast pages: the form, the backtest on the version page, the chart, the download."""

from __future__ import annotations

import csv
import io

import pytest
from django.test import Client
from pytest_django import Settings

from predictor.models import (
    Dataset,
    ModelVersion,
    PredictionLog,
    RegisteredModel,
    TrainingRun,
    User,
    Workspace,
)
from predictor.services import datasets
from predictor.services.accounts import tokens
from predictor.tests import predicting
from predictor.tests.services.forecast_versions import HORIZON, forecast_version, shops_csv
from predictor.tests.web.prediction_pages import url

ASKED = {
    "target": "sold", "task": "forecasting", "date_column": "month", "group_column": "shop", "horizon": "4",
    "frequency": "", "aggregation": "", "estimator": "ridge", "param-ridge-alpha": "1.0", "effort": "quick",
    "seed": "0", "registered_model": "Shops",
}  # fmt: skip


@pytest.fixture
def forecast(model: RegisteredModel) -> ModelVersion:
    return forecast_version(model)


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return datasets.import_csv(
        workspace=workspace, source=io.BytesIO(shops_csv()), filename="shops.csv", by=member
    )


def test_the_train_form_asks_for_dates_when_a_forecast_is_wanted(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    address = url("training-run-create", dataset.pk)
    plain = client.get(address, {"target": "sold"}).content.decode()
    page = client.get(address, {"target": "sold", "task": "forecasting"}, headers={"HX-Request": "true"})
    assert 'name="date_column"' not in plain
    text = page.content.decode()
    assert '<option value="month" selected>month</option>' in text
    assert '<option value="shop">shop</option>' in text
    assert 'name="split"' not in text


def test_a_forecast_is_started_as_asked_and_its_page_says_so(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    response = client.post(url("training-run-create", dataset.pk), ASKED)
    run = TrainingRun.objects.get()
    assert response.url == url("training-run-detail", run.pk)
    assert (run.task, run.estimator, run.forecast["group_column"], run.forecast["horizon"]) == (
        "forecasting", "ridge", "shop", 4,
    )  # fmt: skip
    page = client.get(response.url).content.decode()
    assert '<dt>Series</dt><dd class="wrap">shop</dd>' in page
    assert "<dt>Tested on</dt><dd>later periods</dd>" in page
    again = client.get(url("training-run-create", dataset.pk), {"again": run.pk}).content.decode()
    assert '<option value="shop" selected>shop</option>' in again


def test_an_error_of_the_service_is_shown_at_its_field(
    client: Client, member: User, dataset: Dataset
) -> None:
    client.force_login(member)
    response = client.post(url("training-run-create", dataset.pk), {**ASKED, "horizon": "501"})
    assert response.status_code == 400
    assert not TrainingRun.objects.exists()
    assert "between 1 and 500 periods" in response.content.decode()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("date_column", ""),
        ("date_column", "sold"),
        ("date_column", "shop"),
        ("horizon", "501"),
        ("frequency", "minutely"),
        ("aggregation", "median"),
    ],
)
def test_each_wrong_option_of_a_forecast_is_shown_at_its_field(
    client: Client, member: User, dataset: Dataset, field: str, value: str
) -> None:
    client.force_login(member)
    # The target and the dates have to be different columns, so another target where "sold" is given as date.
    target = "month" if value == "sold" else "sold"
    response = client.post(
        url("training-run-create", dataset.pk), {**ASKED, "target": target, "group_column": "", field: value}
    )
    assert list(response.context["form"].errors) == [field]
    assert not TrainingRun.objects.exists()


def test_a_busy_server_answers_the_forecast_form_with_503(
    client: Client, viewer: User, forecast: ModelVersion, settings: Settings
) -> None:
    settings.PREDICTIONS_AT_ONCE = settings.PREDICTIONS_WAITING = 0
    client.force_login(viewer)
    response = client.post(url("forecast", forecast.registered_model.slug), {"horizon": "2"})
    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "The server is busy with other predictions" in response.content.decode()


def test_the_version_shows_its_forecasts_of_the_past(
    client: Client, viewer: User, forecast: ModelVersion
) -> None:
    client.force_login(viewer)
    page = "".join(
        client.get(url(f"version-{tab}", "churn", 1)).content.decode() for tab in ("detail", "charts", "data")
    )
    assert "2 series (monthly) with a season of 12 periods, up to 4 periods ahead." in page
    assert "Forecasts of the past of north" in page
    assert "Error by how far ahead" in page
    assert "The forecast looks better than" in page
    assert "too few past forecasts to be sure" in page
    assert "MASE" in page
    # The table with the chart's numbers, for readers who cannot see it.
    assert "90 % interval at" in page


def test_the_form_of_a_forecast_draws_one_series_and_lists_its_intervals(
    client: Client, viewer: User, forecast: ModelVersion
) -> None:
    client.force_login(viewer)
    moved = client.get(url("predict", "churn"))
    assert moved.url == url("forecast", "churn")
    empty = client.get(moved.url).content.decode()
    assert "Nothing was asked yet. The version knows the end of each of its 2 series, so no past" in empty
    assert not PredictionLog.objects.exists()

    page = client.post(moved.url, {"group": "south", "horizon": "3", "coverage": "0.8"}).content.decode()
    assert page.count('<td class="wrap">south</td>') == 3
    assert "2024-03-01" in page
    assert 'data-kind="line"' in page
    assert "plot-band" in page
    assert PredictionLog.objects.count() == 3
    assert {each.output["interval"]["coverage"] for each in PredictionLog.objects.all()} == {0.8}


def test_all_series_come_as_a_table_and_as_csv(client: Client, viewer: User, forecast: ModelVersion) -> None:
    client.force_login(viewer)
    page = client.post(url("forecast", "churn"), {}).content.decode()
    assert "Choose one shop to see its line." in page
    response = client.post(url("forecast", "churn"), {"csv": "1"})
    rows = list(csv.DictReader(response.content.decode().splitlines()))
    assert len(rows) == 2 * HORIZON
    assert float(rows[0]["interval_low"]) < float(rows[0]["prediction"])
    assert response["Content-Disposition"] == 'attachment; filename="churn-forecast.csv"'


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"horizon": "5"}, "1 to 4 periods"),
        ({"horizon": "x"}, "1 to 4 periods"),
        ({"group": "west"}, "no series"),
    ],
)
def test_an_invalid_forecast_is_refused_on_the_page(
    client: Client, viewer: User, forecast: ModelVersion, asked: dict[str, str], sentence: str
) -> None:
    client.force_login(viewer)
    response = client.post(url("forecast", "churn"), asked)
    assert response.status_code == 400
    assert sentence in response.content.decode()


def test_every_other_page_of_a_forecasting_version_opens(
    client: Client, admin: User, forecast: ModelVersion, model: RegisteredModel
) -> None:
    forecast_version(model)
    client.force_login(admin)
    client.post(url("forecast", "churn"), {"horizon": "1", "group": "north"})
    logged = PredictionLog.objects.get()
    pages = [
        url("model-detail", "churn"),
        *(url(f"model-{tab}", "churn") for tab in ("versions", "monitor", "rules", "api")),
        *(url(f"version-{tab}", "churn", 1) for tab in ("explain", "details")),
        url("version-compare", "churn") + "?a=1&b=2",
        url("version-card", "churn", 1),
        url("version-card-markdown", "churn", 1),
        url("version-onnx", "churn", 1),
        url("predict-csv", "churn"),
        url("predict", "churn") + f"?from={logged.pk}",
        url("prediction-detail", logged.pk),
    ]
    assert {page: client.get(page).status_code for page in pages} == dict.fromkeys(pages, 200)
    row = {"f0": "2024-02-01", "f1": "south", "made_for": "1", "version": "1"}
    assert client.post(url("predict", "churn"), row).status_code == 200


def test_the_protocols_answer_dates_as_any_rows(
    client: Client, member: User, workspace: Workspace, forecast: ModelVersion, model: RegisteredModel
) -> None:
    token = tokens.create_token(user=member, workspace=workspace, name="test", scopes=["predict"]).plaintext
    headers = {"Authorization": f"Bearer {token}"}
    row = {"month": "2024-03-01", "shop": "south"}
    expected = predicting.predict(model, rows=[row], by=member).predictions[0].prediction
    asked = {
        "v1/models/churn:predict": {"instances": [row]},
        "models/churn/invocations": {"dataframe_records": [row]},
        "v2/models/churn/infer": {
            "inputs": [
                {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]}
                for name, value in row.items()
            ]
        },
    }
    for path, body in asked.items():
        response = client.post(f"/serve/acme/{path}", body, content_type="application/json", headers=headers)
        assert response.status_code == 200, response.content
        assert str(expected) in response.content.decode(), path


def test_the_name_of_one_of_very_many_series_is_typed(
    client: Client, viewer: User, forecast: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("predictor.web.predictions.forecasts.MAX_OPTIONS", 1)
    client.force_login(viewer)
    page = client.post(url("forecast", "churn"), {"group": "south", "horizon": "1"}).content.decode()
    assert 'id="group" name="group" value="south"' in page
    assert "One of 2 names, such as north. Empty: all of them." in page
