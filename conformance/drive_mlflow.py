"""Driver of MLflow's scoring client; also sends each request format that MLflow's server documents."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient
from mlflow.utils.proto_json_utils import dump_input_data

sys.path.insert(0, str(Path(__file__).parent))
from checks import HANG_SECONDS, refused, same, started

checks = started()
setup = checks.setup


def client(model: str, at: str = "") -> ScoringServerClient:
    """The client builds its URL from host and port only: so the token is passed as password, the path in the port."""
    path = f"{setup.port}/serve/{setup.workspace}/models/{model}{at}"
    return ScoringServerClient(f"token:{setup.token}@{setup.host}", path)


def frame(kind: str = "asked") -> pd.DataFrame:
    return pd.DataFrame(setup.rows[kind])


def wanted(model: str, kind: str = "asked") -> list[Any]:
    return setup.answers[model][kind]


def post(body: Any, content_type: str | None, model: str = "churn") -> requests.Response:
    headers = {**setup.headers, **({"Content-Type": content_type} if content_type else {})}
    url = f"{setup.url}/models/{model}/invocations"
    return requests.post(url, data=body, headers=headers, timeout=HANG_SECONDS)


@checks.check("ScoringServerClient.wait_server_ready, ping, get_version")
def ready() -> str:
    client("churn").wait_server_ready(timeout=HANG_SECONDS)
    client("churn").ping()
    return str(client("churn").get_version())


for model in ("churn", "spend"):

    @checks.check(f"ScoringServerClient.invoke(DataFrame with NaN), {model}")
    def invoke(model: str = model) -> None:
        same(client(model).invoke(frame())["predictions"], wanted(model), "predictions")


@checks.check("ScoringServerClient.invoke(DataFrame with dates and NaT)")
def dates() -> None:
    data = frame()
    data["joined"] = pd.to_datetime(data["joined"])
    assert data["joined"].isna().any()
    same(client("churn").invoke(data)["predictions"], wanted("churn"), "predictions")


@checks.check("ScoringServerClient.invoke(DataFrame, params)")
def params() -> None:
    found = client("churn").invoke(frame(), params={"explain": True, "coverage": 0.8})
    assert found["sets"][0]["coverage"] == 0.8
    assert set(found["explanations"][0]["contributions"]) == set(frame().columns)


@checks.check("ScoringServerClient.invoke(columns in another order, one more)")
def shuffled() -> None:
    data = frame()[list(reversed(frame().columns))].assign(more=1)
    same(client("churn").invoke(data)["predictions"], wanted("churn"), "predictions")


@checks.check("ScoringServerClient.invoke(numpy matrix); inputs as an object of lists")
def arrays() -> None:
    same(client("article").invoke(np.array([[1.0, 2.0]]))["predictions"], [-0.4])
    # MLflow's client refuses an object of arrays; our server accepts it.
    answer = post(b'{"inputs": {"x1": [1.0], "x2": [2.0]}}', "application/json", "article")
    same(answer.json()["predictions"], [-0.4])


@checks.check("PredictionsResponse.get_predictions, as a frame and as an array")
def response() -> None:
    found = client("churn").invoke(frame())
    assert len(found.get_predictions()) == len(setup.rows["asked"])
    assert len(found.get_predictions(predictions_format="ndarray")) == len(setup.rows["asked"])


@checks.check("versions and aliases as the base address")
def versions() -> None:
    for at in ("/versions/1", "/versions/champion"):
        same(client("churn", at).invoke(frame())["predictions"], wanted("churn"), at)


@checks.check("dataframe_split, dataframe_records as MLflow writes them (bare NaN)")
def forms() -> None:
    split = dump_input_data(frame())
    assert "NaN" in split
    same(post(split, "application/json").json()["predictions"], wanted("churn"))
    records = dump_input_data(frame(), inputs_key="dataframe_records")
    found = post(records, "application/json").json()
    if "predictions" not in found:  # this MLflow release writes another format under this name
        records = '{"dataframe_records": ' + frame().to_json(orient="records") + "}"
        found = post(records, "application/json; charset=utf-8").json()
    same(found["predictions"], wanted("churn"))


@checks.check("text/csv from DataFrame.to_csv")
def as_csv() -> None:
    for kind in ("text/csv", "text/csv; charset=utf-8"):
        answer = post(frame().to_csv(index=False).encode(), kind)
        same(answer.json()["predictions"], wanted("churn"))


@checks.check("Parquet from DataFrame.to_parquet (pyarrow), dates and gaps")
def as_parquet() -> None:
    data = frame()
    data["joined"] = pd.to_datetime(data["joined"])
    file = io.BytesIO()
    data.to_parquet(file)
    answer = post(file.getvalue(), "application/vnd.apache.parquet")
    same(answer.json()["predictions"], wanted("churn"))


@checks.check("errors reach the client: bad row, two forms, another type, an unknown param")
def errors() -> str:
    for body, kind in ((b"{", "application/json"), (b"x", "text/xml"), (b"{}", None)):
        answer = post(body, kind)
        assert set(answer.json()) == {"error_code", "message"}, answer.text
        assert answer.status_code in (400, 415)
    refused(lambda: client("churn").invoke(frame(), params={"nothing": 1}), "400", "nothing")
    refused(lambda: client("nothing").invoke(frame()), "404")
    return refused(lambda: client("churn").invoke(frame().assign(age="old")), "400", "age")


for model in setup.snippets:
    checks.check_snippet("mlflow", model)

checks.run()
