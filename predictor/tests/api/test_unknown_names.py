"""What a request sends and the API does not know is refused, with the nearest name that it knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from predictor.models import ModelVersion, TrainingRun
from predictor.tests.api.conftest import Caller, problem

MODEL = "models/article"
ROWS = {"rows": [{"x1": 1, "x2": 2}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "pointers"),
    [
        ("post", "training-runs", {"dataset": 1, "registered_model": "m", "estimatr": "svm"}, {"/estimatr"}),
        (
            "post", "training-runs", {"dataset": 0, "registered_model": "m", "estimatr": "svm"},
            {"/estimatr", "/dataset"},
        ),
        (
            "post", "training-runs",
            {"dataset": 1, "target": "y", "registered_model": "m", "split": {"kind": "time", "colum": "d"}},
            {"/split/colum"},
        ),
        ("patch", MODEL, {"descripton": "x"}, {"/descripton"}),
        ("patch", f"{MODEL}/versions/1", {"is_archived": True, "why": "x"}, {"/why"}),
        ("put", f"{MODEL}/aliases/champion", {"version": 1, "rollback": True}, {"/rollback"}),
        ("post", f"{MODEL}/versions/1/thresholds", {"by": "f1", "vaule": 1}, {"/vaule"}),
        ("post", f"{MODEL}/predictions", {**ROWS, "explane": True}, {"/explane"}),
        ("post", f"{MODEL}/batches", {"dataset": 1, "explain": True}, {"/explain"}),
        (
            "post", f"{MODEL}/counterfactuals", {"row": {"x1": 1, "x2": 2}, "wanted": {"at_leest": 3}},
            {"/wanted/at_leest"},
        ),
    ],
)  # fmt: skip
def test_a_body_with_an_unknown_name_is_refused(
    api: Caller, linear: ModelVersion, method: str, path: str, body: Any, pointers: set[str]
) -> None:
    document = problem(api.send(method, path, json.dumps(body)), 400)

    assert {each["pointer"] for each in document["errors"]} == pointers
    assert not TrainingRun.objects.exists()


def test_the_nearest_name_is_said(api: Caller, linear: ModelVersion) -> None:
    body = {"dataset": 1, "target": "y", "registered_model": "m", "estimatr": "svm"}

    assert "did you mean “estimator”?" in problem(api.post("training-runs", json.dumps(body)), 400)["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "datasets?nmae=x", "datasets?created_by__password__startswith=p", "training-runs?state=queued", f"{MODEL}?x=1",
        f"{MODEL}/versions?page_sise=2", f"{MODEL}/versions/1?x=1", f"{MODEL}/comparison?a=1&b=1&c=1",
        f"{MODEL}/aliases?x=1",
        f"{MODEL}/batches?x=1", "predictions?modell=x", "predictions/export?kind=csv&page_size=3", "members?x=1",
        "/api/v1/workspaces?x=1", "/api/v1/estimators?x=1",
    ],
)  # fmt: skip
def test_a_query_with_an_unknown_name_is_refused(api: Caller, linear: ModelVersion, path: str) -> None:
    document = problem(api.get(path), 400)

    assert document["errors"][0]["pointer"].startswith("?")


@pytest.mark.parametrize(
    "path",
    [
        "datasets?name=x&page=1&page_size=5", f"{MODEL}/versions?alias=champion", f"{MODEL}/comparison?a=1&b=1",
        "predictions?model=x&page_size=3", "predictions/export?kind=jsonl", f"{MODEL}/aliases/champion/history?page=1",
    ],
)  # fmt: skip
def test_known_names_are_taken(api: Caller, linear: ModelVersion, path: str) -> None:
    assert api.get(path).status_code == 200


def test_an_option_in_the_query_of_a_json_body_is_refused_and_not_forgotten(
    api: Caller, linear: ModelVersion
) -> None:
    document = problem(api.post(f"{MODEL}/predictions?explain=true", ROWS), 400)

    assert "“explain” belongs into the body" in document["detail"]


def test_an_option_that_a_file_cannot_carry_is_refused(api: Caller, linear: ModelVersion) -> None:
    csv = b"x1,x2\n1,2\n"
    bare = api.post(f"{MODEL}/predictions?explain=true", csv, content_type="text/csv")
    assert "explain" in problem(bare, 400)["detail"]

    from django.core.files.uploadedfile import SimpleUploadedFile

    form = api.upload(f"{MODEL}/predictions", SimpleUploadedFile("t.csv", csv), explain="true")
    assert "cannot be asked for with a file" in problem(form, 400)["detail"]
    misspelt = api.upload("datasets", SimpleUploadedFile("t.csv", csv), encodng="utf-8")
    assert "did you mean “encoding”?" in problem(misspelt, 400)["detail"]


def test_all_faults_are_counted(api: Caller) -> None:
    body = {
        "dataset": 1,
        "target": "y",
        "registered_model": "m",
        "roles": {f"c{n}": ["x"] for n in range(200)},
    }

    document = problem(api.post("training-runs", json.dumps(body)), 400)

    assert "And 195 more faults." in document["detail"]
    assert len(document["errors"]) == 50
