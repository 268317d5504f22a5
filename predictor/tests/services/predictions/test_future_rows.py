"""Forecasts with columns that are known in advance: through the service, the API, the command line and the pages."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from predictor.errors import InvalidInput, InvalidRows
from predictor.models import ModelVersion, PredictionLog, RegisteredModel, TrainingRun, User, Workspace
from predictor.services import datasets, registry
from predictor.services.accounts import tokens
from predictor.tests import predicting
from predictor.tests.web.prediction_pages import url

from ..known_forecast_versions import (
    FIRST,
    HORIZON,
    KNOWN,
    N_DAYS,
    OF_PRICE,
    OF_PROMOTION,
    STATIC,
    kiosks_csv,
    known_forecast_version,
)

# What chance moves in the mean of some days.
NEAR = 3.0


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="kiosks", by=None)


@pytest.fixture
def version(model: RegisteredModel) -> ModelVersion:
    return known_forecast_version(model)


def day(step: int) -> str:
    return str(FIRST + N_DAYS + step - 1)


def plan(price: float = 2.5, promo: str = "no", kiosk: str = "park") -> list[dict[str, object]]:
    return [
        {"day": day(step), "kiosk": kiosk, "price": price, "promo": promo} for step in range(1, HORIZON + 1)
    ]


def forecast(model: RegisteredModel, member: User, **given) -> list[float]:
    answer = predicting.predict(model, horizon=HORIZON, group="park", by=member, **given)
    return [float(str(each.prediction)) for each in answer.predictions]


def test_price_and_promotion_of_the_future_move_the_forecast(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    usual = forecast(model, member, future=plan())
    dear = forecast(model, member, future=plan(price=3.0))
    promoted = forecast(model, member, future=plan(promo="yes"))

    assert usual == pytest.approx([100.0] * HORIZON, abs=NEAR)
    assert [high - low for high, low in zip(dear, usual, strict=True)] == pytest.approx(
        [OF_PRICE / 2] * HORIZON, abs=NEAR
    )
    assert [high - low for high, low in zip(promoted, usual, strict=True)] == pytest.approx(
        [OF_PROMOTION] * HORIZON, abs=NEAR
    )
    logged = PredictionLog.objects.order_by("-created_at", "-row_number").first()
    assert logged is not None
    assert logged.inputs == {"day": day(HORIZON), "kiosk": "park", "price": 3.0, "promo": "no"} | {
        "promo": "yes",
        "price": 2.5,
    }


def test_values_that_the_table_had_need_not_be_sent(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    stored = predicting.predict(model, horizon=2, group="park", by=member)
    assert all(row["price"] in (2.0, 2.5, 3.0) and row["promo"] in ("yes", "no") for row in stored.rows)
    assert all(not each.warnings for each in stored.predictions)
    by_rows = predicting.predict(model, rows=list(stored.rows), by=member)
    assert [each.prediction for each in by_rows.predictions] == [
        each.prediction for each in stored.predictions
    ]
    with pytest.raises(
        InvalidRows, match=rf"Row 3, column “price”: a value for {day(3)} of “park” is needed"
    ):
        predicting.predict(model, horizon=3, group="park", by=member)


def test_newer_history_may_have_them_too(version: ModelVersion, model: RegisteredModel, member: User) -> None:
    history = [{**row, "sold": 150.0} for row in plan()]
    future = [{**row, "day": str(FIRST + N_DAYS + HORIZON + i)} for i, row in enumerate(plan())]
    after = forecast(model, member, history=history, future=future)
    assert min(after) > 105


def test_quantiles_lie_around_the_forecast_and_are_logged(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    answer = predicting.predict(
        model, horizon=2, group="park", future=plan(), quantiles=(0.95, 0.1), coverage=0.9, by=member
    )
    for each in answer.predictions:
        assert each.quantiles is not None
        assert list(each.quantiles) == ["0.95", "0.1"]
        assert each.quantiles["0.1"] < float(str(each.prediction)) < each.quantiles["0.95"]
        # An interval of 90 % ends at the quantile of 95 %.
        assert each.interval is not None
        assert each.quantiles["0.95"] == pytest.approx(each.interval["high"])
    logged = PredictionLog.objects.filter(request_id=answer.request_id).order_by("row_number").first()
    assert logged is not None
    assert logged.output["quantiles"] == answer.predictions[0].quantiles
    with pytest.raises(InvalidInput, match="at most 9 quantiles, each from"):
        forecast(model, member, quantiles=(0.999,), future=plan())


@pytest.mark.parametrize(
    ("future", "message"),
    [
        ([{"day": day(1), "kiosk": "lake", "price": 2.0, "promo": "no"}], "There is no series “lake”"),
        (
            [{"day": day(1), "kiosk": "park", "price": "dear", "promo": "no"}],
            "In the future rows: Row 1, column",
        ),
    ],
)
def test_a_wrong_future_is_refused(
    version: ModelVersion, model: RegisteredModel, member: User, future: list, message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        forecast(model, member, future=future)


def test_the_api_and_the_protocols_take_them(
    client: Client, version: ModelVersion, model: RegisteredModel, member: User, workspace: Workspace
) -> None:
    token = tokens.create_token(user=member, workspace=workspace, name="test", scopes=["predict"]).plaintext
    headers = {"Authorization": f"Bearer {token}"}

    def post(path: str, body: object):
        return client.post(path, json.dumps(body), content_type="application/json", headers=headers)

    path = f"/api/v1/acme/models/{model.slug}/predictions"
    asked = {"horizon": HORIZON, "group": "park", "future": plan(), "quantiles": [0.9]}
    answer = post(path, asked)
    assert answer.status_code == 200, answer.content
    values = [each["prediction"] for each in answer.json()["predictions"]]
    assert values == forecast(model, member, future=plan())
    assert answer.json()["predictions"][0]["quantiles"]["0.9"] > values[0]
    assert post(path, {**asked, "quantiles": "0.9"}).status_code == 400
    assert post(path, {"rows": plan(), "future": plan()}).status_code == 400
    instances = post(f"/serve/acme/v1/models/{model.slug}:predict", {"instances": plan()})
    assert instances.json()["predictions"] == values


def test_a_csv_of_rows_has_them_as_columns(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    table = "day,kiosk,price,promo\n" + "".join(
        f"{day(step)},park,2.5,no\n" for step in range(1, HORIZON + 1)
    )
    answer = predicting.predict_csv(model, io.BytesIO(table.encode()), by=member)
    rows = list(csv.DictReader(answer.path.read_text().splitlines()))
    answer.path.unlink()
    assert [float(row["prediction"]) for row in rows] == forecast(model, member, future=plan())


def test_a_row_of_a_file_that_cannot_be_forecast_says_why(
    version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    table = f"day,kiosk,price,promo\n{day(3)},park,,no\n{day(40)},park,2,no\n{day(3)},park,2.5,no\n"
    answer = predicting.predict_csv(model, io.BytesIO(table.encode()), by=member)
    gone, far, usual = csv.DictReader(answer.path.read_text().splitlines())
    answer.path.unlink()
    assert gone["warnings"].startswith(
        f"“price”: a value for {day(3)} of “park” is needed, since the column is known"
    )
    assert far["warnings"].startswith(
        f"“day”: {day(40)}T00:00:00 cannot be forecast; the forecast of “park” goes from"
    )
    assert (gone["prediction"], far["prediction"], usual["warnings"]) == ("", "", "")
    logged = PredictionLog.objects.filter(row_number=1).get()
    assert logged.output["error"].startswith("“price”: a value for")


def test_the_command_line_reads_them_from_a_file(
    version: ModelVersion, model: RegisteredModel, member: User, tmp_path: Path
) -> None:
    file, out = tmp_path / "future.csv", tmp_path / "out.csv"
    file.write_text(
        "".join(f"{','.join(map(str, row))}\n" for row in [plan()[0], *(r.values() for r in plan())])
    )
    given = ["predict", model.slug, "--workspace", "acme", "--horizon", str(HORIZON), "--group", "park"]
    call_command(*given, "--future", str(file), "--output", str(out), "--quantile", "0.8")
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [float(row["prediction"]) for row in rows] == forecast(model, member, future=plan())
    assert rows[0]["price"] == "2.5"
    assert float(rows[0]["quantile_0.8"]) > float(rows[0]["prediction"])
    with pytest.raises(CommandError, match="stand beside a horizon"):
        call_command("predict", model.slug, str(file), "--workspace", "acme", "--future", str(file))


def test_the_page_asks_for_them_and_says_that_the_test_used_them(
    client: Client, version: ModelVersion, model: RegisteredModel, member: User
) -> None:
    client.force_login(member)
    address = url("forecast", model.slug)
    empty = client.get(address).content.decode()
    assert f"{day(1)},beach" in empty
    template = client.post(address, {"plan": "1", "group": "park", "horizon": "4"})
    rows = list(csv.DictReader(io.StringIO(template.content.decode())))
    assert [row["day"] for row in rows] == [day(step) for step in range(1, 5)]
    assert rows[0]["price"]
    assert rows[3]["price"] == ""
    refused = client.post(address, {"group": "park", "horizon": "4"})
    assert refused.status_code == 400
    assert f"a value for {day(3)} of “park” is needed" in refused.content.decode()
    filled = "day;kiosk;price;promo\n" + "".join(f"{day(step)};park;2.5;no\n" for step in range(1, 6))
    page = client.post(address, {"group": "park", "horizon": "5", "future": filled, "quantiles": "0.5, .95"})
    assert page.status_code == 200, page.content
    assert page.content.decode().count('<td class="wrap">park</td>') == HORIZON
    assert "Quantile 0.95" in page.content.decode()
    wrong = client.post(address, {"group": "park", "horizon": "5", "future": filled, "quantiles": "95"})
    assert "at most 9 quantiles" in wrong.content.decode()
    facts = client.get(url("version-charts", model.slug, 1)).content.decode()
    assert "Known in advance: price, promo. The test used their values" in facts
    assert "Facts of each series: region." in facts
    card = client.get(url("version-card-markdown", model.slug, 1)).content.decode()
    assert "Known in advance: price, promo." in card


def test_the_training_form_offers_the_columns_and_keeps_the_choice(
    client: Client, member: User, workspace: Workspace
) -> None:
    client.force_login(member)
    dataset = datasets.import_csv(
        workspace=workspace, source=io.BytesIO(kiosks_csv()), filename="kiosks.csv", by=member
    )
    asked = {
        "target": "sold", "task": "forecasting", "date_column": "day", "group_column": "kiosk", "horizon": "4",
        "frequency": "", "aggregation": "", "estimator": "ridge", "param-ridge-alpha": "1.0", "effort": "quick",
        "seed": "0", "registered_model": "Kiosks", "known_columns": list(KNOWN), "static_columns": list(STATIC),
    }  # fmt: skip
    address = url("training-run-create", dataset.pk)
    twice = client.post(address, {**asked, "static_columns": ["price"]})
    assert list(twice.context["form"].errors) == ["static_columns"]
    response = client.post(address, asked)
    run = TrainingRun.objects.get()
    assert (run.forecast["known_columns"], run.forecast["static_columns"]) == (list(KNOWN), list(STATIC))
    page = client.get(response.url).content.decode()
    assert '<dt>Known in advance</dt><dd class="wrap">price, promo</dd>' in page
    again = client.get(address, {"again": run.pk}).content.decode()
    for name, value in (("known_columns", "price"), ("known_columns", "promo"), ("static_columns", "region")):
        box = next(
            part for part in again.split("<input") if f'name="{name}"' in part and f'value="{value}"' in part
        )
        assert "checked" in box.split(">")[0]
