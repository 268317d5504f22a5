"""End to end over HTTP: a real CSV file is uploaded and trained on; predictions are answered and logged."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest
import sklearn
from django.core.files.uploadedfile import SimpleUploadedFile

from predictor.services import training
from predictor.tests.api.conftest import Caller

WINE = Path(sklearn.__file__).parent / "datasets" / "data" / "wine_data.csv"
NAMES = (
    "alcohol,malic_acid,ash,alcalinity,magnesium,phenols,flavanoids,"
    "nonflavanoids,proanthocyanins,color,hue,dilution,proline,kind"
)


@pytest.mark.django_db(transaction=True)
def test_a_csv_becomes_predictions_in_the_log(api: Caller) -> None:
    body = WINE.read_text().split("\n", 1)[1]
    content = f"{NAMES}\n{body}".encode()

    dataset = api.upload("datasets", SimpleUploadedFile("wine.csv", content, "text/csv")).json()
    run = api.post(
        "training-runs",
        {"dataset": dataset["id"], "target": "kind", "task": "multiclass", "registered_model": "Wine",
         "estimator": "logistic_regression", "budget_seconds": 10},
    ).json()  # fmt: skip
    training.execute(run["id"])
    run = api.client.get(run["url"], headers=api.headers).json()
    assert (run["status"], run["model_version"]) == ("succeeded", 1), run
    version = api.get("models/wine/versions/1").json()
    assert version["metrics"]
    row = dict(next(csv.DictReader(io.StringIO(content.decode()))))
    kind = row.pop("kind")

    answer = api.post(
        "models/wine/predictions", {"rows": [{name: float(value) for name, value in row.items()}]}
    ).json()
    table = api.post("models/wine/predictions", content, content_type="text/csv").getvalue().decode()

    one: dict[str, Any] = answer["predictions"][0]
    assert str(one["prediction"]) == kind
    assert sum(one["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    rows = list(csv.DictReader(io.StringIO(table)))
    assert sum(each["prediction"] == each["kind"] for each in rows) > 0.95 * len(rows)
    logged = api.get("predictions", request_id=answer["request_id"]).json()["results"]
    assert [each["id"] for each in logged] == [one["id"]]
