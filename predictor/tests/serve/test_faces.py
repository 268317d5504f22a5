"""The same row gets the same answer through every protocol."""

from __future__ import annotations

import base64
import csv
import io
import json
import math
import random
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.test import Client
from django.urls import reverse

from predictor.models import PredictionLog, RegisteredModel, User
from predictor.tests import predicting
from predictor.tests.serve.conftest import Wire, binary, outputs_of
from predictor.tests.web.served_versions import EVIL_CATEGORY, EVIL_NUMBER, EVIL_TEXT, ROW, SHOPS

NUMBERS = ("age", EVIL_NUMBER)
TEXTS = ("plan", "shop", EVIL_TEXT, EVIL_CATEGORY)

ODD = ("Łódź", "北京", "a,b", 'say "hi"', "nan", "None", "1e5", "=1+1", "ß", "#", "true")


def drawn(seed: int) -> dict[str, Any]:
    """A random row with missing values, unseen categories, outliers and texts that are hard to parse."""
    chance = random.Random(seed)

    def either(*values: Any) -> Any:
        return chance.choice(values)

    return {
        "age": either(None, chance.randint(0, 120), chance.randint(18, 90)),
        "member": either(None, True, False),
        "joined": either(None, f"{chance.randint(1950, 2090)}-06-07", "2021-02-28"),
        "plan": either(None, "basic", "plus", "never seen", *ODD),
        "shop": either(*SHOPS),
        EVIL_TEXT: either(None, "word one", "two words", *ODD),
        EVIL_NUMBER: chance.uniform(-5, 5),
        EVIL_CATEGORY: either("a", "b", None),
    }


def shown(row: dict[str, Any]) -> dict[str, str]:
    """The row as texts, as in a form or a CSV file."""
    return {
        name: "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in row.items()
    }


def tensors(row: dict[str, Any]) -> list[dict[str, Any]]:
    def kind(value: Any) -> str:
        return "BOOL" if isinstance(value, bool) else "FP64" if isinstance(value, int | float) else "BYTES"

    return [
        {"name": name, "datatype": kind(value), "shape": [1, 1], "data": [value]}
        for name, value in row.items()
    ]


def binary_inputs(row: dict[str, Any]) -> list[tuple[str, str, list[Any]]]:
    """Binary inputs of a row: a missing value is NaN in a float tensor, otherwise the empty text."""
    found: list[tuple[str, str, list[Any]]] = []
    for name, value in row.items():
        if name in NUMBERS:
            found.append((name, "FP64", [math.nan if value is None else value]))
        else:
            found.append((name, "BYTES", [shown({name: value})[name]]))
    return found


def parquet(row: dict[str, Any], folder: Path) -> bytes:
    kinds = {"member": "BOOLEAN", "age": "INTEGER", EVIL_NUMBER: "DOUBLE"}
    path = folder / "row.parquet"
    columns = ", ".join(
        'CAST(? AS {}) AS "{}"'.format(kinds.get(name, "VARCHAR"), name.replace('"', '""')) for name in row
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns}) TO '{path}' (FORMAT parquet)", list(row.values()))
    return path.read_bytes()


def csv_of(row: dict[str, Any]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([row.keys(), shown(row).values()])
    return file.getvalue().encode()


@pytest.mark.parametrize("seed", range(12))
def test_the_same_row_gets_the_same_answer_through_every_interface(
    seed: int, wire: Wire, model: RegisteredModel, member: User, tmp_path: Path
) -> None:
    row = drawn(seed)
    wanted = predicting.predict(model, rows=[row], by=member).predictions[0]
    likely = wanted.probabilities["stay"] if wanted.probabilities else None
    found: dict[str, Any] = {}

    v2 = wire.post("v2/models/churn/infer", {"inputs": tensors(row)}).json()
    named = {each["name"]: each["data"] for each in v2["outputs"]}
    found["v2"] = (named["predict"][0], named["predict_proba"][0])
    body, header = binary(binary_inputs(row), parameters={"binary_data_output": True})
    raw = outputs_of(wire.post("v2/models/churn/versions/champion/infer", body, "", **header))
    found["v2 as bytes"] = (raw["predict"][0], raw["predict_proba"][0])
    v1 = wire.post("v1/models/churn:predict", {"instances": [row]}).json()
    found["v1"] = (v1["predictions"][0], v1["probabilities"][0][0])
    bodies = {
        "records": {"dataframe_records": [row]},
        "split": {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}},
        "instances": {"instances": [list(row.values())]},
        "inputs": {"inputs": {name: [value] for name, value in row.items()}},
    }
    for name, each in bodies.items():
        ours = wire.post("models/churn/invocations", each).json()
        assert "message" not in ours, (name, ours)
        found[name] = (ours["predictions"][0], ours["probabilities"][0][0])
    for kind, content in (
        ("text/csv", csv_of(row)),
        ("application/vnd.apache.parquet", parquet(row, tmp_path)),
    ):
        ours = wire.post("models/churn/invocations", content, kind).json()
        assert "message" not in ours, (kind, ours)
        found[kind] = (ours["predictions"][0], ours["probabilities"][0][0])
    native = wire.client.post(
        "/api/v1/acme/models/churn/predictions",
        {"rows": [row]},
        content_type="application/json",
        headers=wire.headers({}),
    ).json()["predictions"][0]
    found["api"] = (native["prediction"], native["probabilities"]["stay"])
    article = wire.post("models/churn/predict", {"x": list(row.values())}).json()
    found["article"] = (article["y"], likely)

    assert found == dict.fromkeys(found, (wanted.prediction, likely))


@pytest.mark.parametrize(
    "content",
    [
        'age,member,joined,plan,shop,"{text}","{number}","{category}"\n NA ,TRUE, 2021-02-28, plus,{shop},nan,1.5,a\n',
        'age;member;joined;plan;shop;"{text}";"{number}";"{category}";more\n40;0;NA;basic ;{shop};x;-1,5;b;7\n',
        '\ufeffage,member,joined,plan,shop,"{text}","{number}","{category}"\n40,,,new,{shop},, 2 ,a,\n',
        'sep=|\nage|member|joined|plan|shop|"{text}"|"{number}"|"{category}"\n40|1||basic|{shop}||0|a\n',
    ],
)
def test_mlflow_reads_csv_as_the_native_route_does(
    content: str, wire: Wire, model: RegisteredModel, member: User
) -> None:
    names = {"text": EVIL_TEXT, "number": EVIL_NUMBER, "category": EVIL_CATEGORY}
    filled = {name: each.replace('"', '""') for name, each in names.items()}
    body = content.format(shop=SHOPS[0], **filled).encode()
    native = predicting.predict_csv(model, io.BytesIO(body), by=member)
    (wanted,) = csv.DictReader(native.path.read_text("utf-8").splitlines())

    found = wire.post("models/churn/invocations", body, "text/csv").json()

    assert found["predictions"] == [wanted["prediction"]]
    assert found["probabilities"][0] == [float(wanted[f"probability_{label}"]) for label in found["classes"]]
    logged = {each.source: each.inputs for each in PredictionLog.objects.all()}
    assert {**logged["csv"], **logged["mlflow"]} == logged["mlflow"]


def test_keys_are_cleaned_like_a_header_by_every_protocol(wire: Wire, model: RegisteredModel) -> None:
    row = {f" {name}\t" if name in ("age", "plan") else name: value for name, value in ROW.items()}
    wanted = wire.post("v1/models/churn:predict", {"instances": [ROW]}).json()
    asked = [
        wire.post("v1/models/churn:predict", {"instances": [row]}),
        wire.post("models/churn/invocations", {"dataframe_records": [row]}),
        wire.post("models/churn/invocations", {"inputs": {name: [value] for name, value in row.items()}}),
        wire.post("models/churn/invocations", csv_of(row), "text/csv"),
    ]
    v2 = wire.post("v2/models/churn/infer", {"inputs": tensors(row)})
    twice = wire.post("v2/models/churn/infer", {"inputs": tensors({**row, "age": 40})})

    assert [each.json()["probabilities"] for each in asked] == [wanted["probabilities"]] * len(asked)
    assert [each.json().get("warnings") for each in asked] == [wanted.get("warnings")] * len(asked)
    assert outputs_of(v2)["predict_proba"] == wanted["probabilities"][0]
    assert twice.status_code == 400
    assert "column “age”: the column is there twice" in twice.json()["error"]
    assert all(set(each.inputs) == set(ROW) for each in PredictionLog.objects.all())


def test_the_form_answers_as_the_protocols_do(wire: Wire, model: RegisteredModel, member: User) -> None:
    """The form's fields are numbered f0, f1, … in the order of the signature."""
    client = Client()
    client.force_login(member)
    values = {f"f{number}": value for number, value in enumerate(shown(ROW).values())}

    client.post(reverse("predict", args=["acme", "churn"]), values)
    wire.post("v1/models/churn:explain", {"instances": [ROW]})  # the form explains by itself

    form, v1 = (PredictionLog.objects.get(source=source).output for source in ("form", "kserve"))
    assert form == v1


@pytest.mark.parametrize("gap", [None, "NaN", ""])
def test_null_nan_and_an_empty_cell_all_mean_missing(gap: Any, wire: Wire, model: RegisteredModel) -> None:
    row = {**ROW, "age": None}
    wanted = wire.post("models/churn/invocations", {"dataframe_records": [row]}).json()
    text = json.dumps({"dataframe_records": [{**row, "age": "GAP"}]})
    sent = text.replace('"GAP"', "NaN" if gap == "NaN" else json.dumps(gap))

    found = wire.post("models/churn/invocations", sent.encode()).json()

    assert found["predictions"] == wanted["predictions"]
    assert found["probabilities"] == wanted["probabilities"]


def test_a_token_may_be_the_password_of_basic(token: str, model: RegisteredModel) -> None:
    packed = base64.b64encode(f"anybody:{token}".encode()).decode()
    client = Client(headers={"Authorization": f"Basic {packed}"})

    assert client.get("/serve/acme/v2/models/churn").status_code == 200


def test_each_protocol_is_a_source_in_the_log(wire: Wire, model: RegisteredModel) -> None:
    wire.post("v2/models/churn/infer", {"inputs": tensors(ROW)})
    wire.post("v1/models/churn:predict", {"instances": [ROW]})
    wire.post("models/churn/invocations", {"instances": [ROW]})
    wire.post("models/churn/predict", {"x": list(ROW.values())})

    assert sorted(PredictionLog.objects.values_list("source", flat=True)) == [
        "article",
        "kserve",
        "mlflow",
        "v2",
    ]
