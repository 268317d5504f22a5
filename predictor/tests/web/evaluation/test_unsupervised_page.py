"""Versions without a target (clustering, anomaly detection) through every interface."""

from __future__ import annotations

import csv
import io
import re
from functools import partial
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from predictor.errors import InvalidInput, InvalidTrainingRequest
from predictor.ml.types.schema import Task
from predictor.models import Dataset, ModelVersion, PredictionLog, RegisteredModel, Scope, User, Workspace
from predictor.services import registry, training
from predictor.services.accounts import tokens
from predictor.services.predictions import counterfactuals
from predictor.services.predictions.counterfactuals import Wanted
from predictor.services.training import TrainingOptions
from predictor.tests import predicting
from predictor.tests.web.described_versions import CLUSTERED, ODD, ORDINARY, publish_described
from predictor.tests.web.tables import upload


@pytest.fixture
def clusters(model: RegisteredModel) -> ModelVersion:
    return publish_described(model, Task.CLUSTERING)


@pytest.fixture
def anomalies(model: RegisteredModel) -> ModelVersion:
    return publish_described(model, Task.ANOMALY)


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    return upload(workspace, member)


@pytest.fixture
def headers(member: User, workspace: Workspace) -> dict[str, str]:
    made = tokens.create_token(
        user=member, workspace=workspace, name="t", scopes=[Scope.READ, Scope.PREDICT, Scope.WRITE]
    )
    return {"Authorization": f"Bearer {made.plaintext}"}


def url(name: str, *args: Any) -> str:
    return reverse(name, args=["acme", *args])


def test_the_page_of_clusters_shows_the_verdict_and_describes_each_cluster(
    client: Client, viewer: User, clusters: ModelVersion
) -> None:
    client.force_login(viewer)
    page = "".join(
        client.get(url(f"version-{tab}", "churn", 1)).content.decode()
        for tab in ("detail", "charts", "explain")
    )
    assert "4 groups" in page
    assert "There are strong clusters" in page
    assert "4 clusters were asked for." in page
    assert re.search(r"age (far )?below average \(", page)
    assert 'id="map"' in page
    assert 'id="scores-kmeans"' in page
    assert "held-out" not in page


def test_the_page_of_unusual_rows_gives_each_a_reason(
    client: Client, viewer: User, anomalies: ModelVersion
) -> None:
    client.force_login(viewer)
    page = "".join(
        client.get(url(f"version-{tab}", "churn", 1)).content.decode()
        for tab in ("detail", "charts", "explain")
    )
    assert "of 400 rows" in page
    rows = reverse("dataset-rows", args=["acme", anomalies.dataset_id])
    assert f'<a href="{rows}?rows=8">Row 8</a>' in page
    assert re.search(rf'<a href="{rows}\?rows=[\d,]+">see them in the table</a>', page)
    assert "amount 900: higher than" in page
    assert 'id="isolation"' in page


def test_a_row_gets_its_cluster_with_reasons_and_is_logged(
    member: User, model: RegisteredModel, clusters: ModelVersion
) -> None:
    answer = predicting.predict(model, rows=[CLUSTERED], explain=True, by=member)
    (found,) = answer.predictions
    assert found.prediction in clusters.signature.classes
    assert found.probabilities is not None
    assert found.probabilities[str(found.prediction)] > 0.9
    assert found.explanation is not None
    assert set(found.explanation["contributions"]) == set(CLUSTERED)
    assert PredictionLog.objects.get().output["prediction"] == found.prediction


def test_a_row_gets_a_label_and_a_score(
    member: User, model: RegisteredModel, anomalies: ModelVersion
) -> None:
    answer = predicting.predict(model, rows=[ODD, ORDINARY], explain=True, by=member)
    odd, ordinary = answer.predictions
    assert (odd.prediction, ordinary.prediction) == ("unusual", "usual")
    assert odd.score is not None and ordinary.score is not None  # noqa: PT018
    assert odd.score > 0.98 > ordinary.score
    assert odd.probabilities is None
    assert odd.explanation is not None
    logged = PredictionLog.objects.order_by("row_number").first()
    assert logged is not None
    assert logged.output["score"] == odd.score


def answered(client: Client) -> str:
    """The page after the form was sent with an empty row."""
    page = client.get(url("predict", "churn")).content.decode()
    form = page[page.index('id="row-form"') :].split("</main>")[0]
    names = re.findall(r'<(?:input|select|textarea)[^>]* name="([^"]+)"', form)
    fields = [name for name in names if name not in ("csrfmiddlewaretoken", "version", "made_for")]
    sent = {"version": "champion", "made_for": "1", **dict.fromkeys(fields, "")}
    found: str = client.post(url("predict", "churn"), sent).content.decode()
    return found


def test_the_form_shows_the_label_and_how_unusual_the_row_is(
    client: Client, viewer: User, anomalies: ModelVersion
) -> None:
    client.force_login(viewer)
    page = answered(client)
    assert "Anomaly detection" in page
    assert re.search(r"Less usual than .* of rows like those of training\.", page)


def test_the_form_says_what_the_cluster_is_like(client: Client, viewer: User, clusters: ModelVersion) -> None:
    client.force_login(viewer)
    assert re.search(r"Cluster \d: \d+ % of rows; ", answered(client))


@pytest.mark.parametrize(
    ("task", "row", "added"),
    [
        (
            Task.CLUSTERING,
            CLUSTERED,
            ["prediction", *(f"probability_Cluster {n}" for n in (1, 2, 3, 4)), "warnings"],
        ),
        (Task.ANOMALY, ODD, ["prediction", "score", "warnings"]),
    ],
)
def test_a_csv_comes_back_with_the_answers(
    client: Client, model: RegisteredModel, headers: Any, task: Task, row: Any, added: list[str]
) -> None:
    publish_described(model, task)
    text = f"{','.join(row)}\n{','.join(map(str, row.values()))}\n"
    file = SimpleUploadedFile("rows.csv", text.encode(), "text/csv")
    path = "/api/v1/acme/models/churn/predictions/"
    response = client.post(path, {"file": file}, headers=headers)
    lines = list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode())))  # type: ignore[attr-defined]
    assert lines[0][len(row) :] == added
    assert lines[1][len(row)].startswith("Cluster " if task is Task.CLUSTERING else "unusual")


def test_the_api_and_the_protocols_give_the_score(
    client: Client, anomalies: ModelVersion, headers: Any
) -> None:
    path = "/api/v1/acme/models/churn/predictions/"
    body = client.post(path, {"rows": [ODD]}, "application/json", headers=headers).json()
    (found,) = body["predictions"]
    assert (found["prediction"], found["score"] > 0.98) == ("unusual", True)
    inputs = [
        {
            "name": name,
            "shape": [1],
            "datatype": "BYTES" if isinstance(value, str) else "FP64",
            "data": [value],
        }
        for name, value in ODD.items()
    ]
    asked = client.post(
        "/serve/acme/v2/models/churn/infer", {"inputs": inputs}, "application/json", headers=headers
    )
    outputs = {each["name"]: each for each in asked.json()["outputs"]}
    assert (outputs["predict"]["datatype"], outputs["predict"]["data"]) == ("BYTES", ["unusual"])
    assert outputs["score"]["data"] == [found["score"]]
    assert "predict_proba" not in outputs
    declared = client.get("/serve/acme/v2/models/churn", headers=headers).json()["outputs"]
    assert {"name": "score", "datatype": "FP64", "shape": [-1]} in declared
    columns = client.post(
        "/serve/acme/v1/models/churn:predict", {"instances": [ODD]}, "application/json", headers=headers
    )
    assert columns.json()["scores"] == [found["score"]]


@pytest.mark.parametrize("task", [Task.CLUSTERING, Task.ANOMALY])
@pytest.mark.parametrize("more", [{"nearest": 3}, {"coverage": 0.8}, {"explain": True}])
def test_options_of_other_tasks_are_answered_or_refused_with_a_reason(
    client: Client, model: RegisteredModel, headers: Any, task: Task, more: dict[str, Any]
) -> None:
    publish_described(model, task)
    row = CLUSTERED if task is Task.CLUSTERING else ODD
    path = "/api/v1/acme/models/churn/"
    asked = client.post(f"{path}predictions/", {"rows": [row], **more}, "application/json", headers=headers)
    assert asked.status_code == (200 if "explain" in more else 400), asked.content
    assert "explain" in more or "This version was stored without" in asked.json()["detail"]
    wanted = {"prediction": "Cluster 1"} if task is Task.CLUSTERING else {"at_most": 0.5}
    body = {"row": row, "wanted": wanted}
    refused = client.post(f"{path}counterfactuals/", body, "application/json", headers=headers)
    assert refused.status_code == 400, refused.content


@pytest.mark.parametrize(("task", "row"), [(Task.CLUSTERING, CLUSTERED), (Task.ANOMALY, ODD)])
def test_what_if_and_counterfactuals_are_404_without_a_target(
    client: Client, viewer: User, model: RegisteredModel, task: Task, row: dict[str, Any]
) -> None:
    version = publish_described(model, task)
    client.force_login(viewer)
    fields = {f"f{place}": str(row[each.name]) for place, each in enumerate(version.signature.fields)}
    sent = {"made_for": "1", **fields, "w0": "1", "wanted": "0", "value": "1"}
    for name in ("what-if", "counterfactuals"):
        assert client.post(url(name, "churn"), sent).status_code == 404
    for wanted in (Wanted("usual"), Wanted("Cluster 1"), Wanted(at_least=0.5)):
        with pytest.raises(InvalidInput, match=f"the task of this version is “{task.value}”"):
            counterfactuals.goal_of(wanted, version.signature)


def test_two_versions_of_clusters_are_compared_without_calling_more_clusters_better(
    client: Client, viewer: User, model: RegisteredModel, clusters: ModelVersion
) -> None:
    other = publish_described(model, Task.CLUSTERING)
    other.metrics = {**other.metrics, "n_clusters": 7, "silhouette": 0.1}
    better = {each.name: each.better for each in registry.compare(clusters, other).metrics}
    # Neither is tested, so neither is called better.
    assert (better["n_clusters"], better["silhouette"]) == (None, None)
    client.force_login(viewer)
    assert client.get(url("version-compare", "churn"), {"a": 1, "b": 2}).status_code == 200
    assert client.get(url("model-detail", "churn")).status_code == 200


def test_a_target_is_refused_where_there_is_none_and_asked_for_where_there_is(
    dataset: Dataset, member: User
) -> None:
    start_run = partial(training.start_run, dataset=dataset, registered_model="m", by=member)
    with pytest.raises(InvalidTrainingRequest, match="has no target; leave “age” out"):
        start_run(options=TrainingOptions(target="age", task="clustering"))
    with pytest.raises(InvalidTrainingRequest, match="which column to predict"):
        start_run(options=TrainingOptions())


def test_the_form_starts_a_run_without_a_target(client: Client, member: User, dataset: Dataset) -> None:
    client.force_login(member)
    path = url("training-run-create", dataset.pk)
    shown = client.get(path, {"task": "anomaly"}, headers={"HX-Request": "true"}).context["form"]
    assert [value for value, _ in shown.fields["estimator"].choices] == ["isolation_forest"]
    assert next(field.label for field in shown.hyperparameters) == "Share called unusual"
    sent = {
        "target": "age", "task": "anomaly", "estimator": "isolation_forest", "registered_model": "Oddities",
        "effort": "quick", "seed": "0", "param-isolation_forest-contamination": "0.05",
        "param-isolation_forest-n_estimators": "", "param-isolation_forest-max_samples": "",
    }  # fmt: skip
    response = client.post(path, sent)
    assert response.status_code == 302, response.context["form"].errors
    run = dataset.training_runs.get()
    assert (run.target, run.task, run.params["contamination"]) == ("", "anomaly", 0.05)
    page = client.get(response["Location"]).content.decode()
    assert "Anomaly detection" in page
    assert "anomaly detection" in client.get(url("training-run-list")).content.decode()
