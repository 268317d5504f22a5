from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from predictor.ml.tables import ingest
from predictor.ml.types.schema import TableSchema
from predictor.models import Dataset, JobStatus, Scope, TrainingRun, User, Workspace
from predictor.services.training import estimator_catalogue
from predictor.tests.api.conftest import Caller, problem

N = 60


def table(n_rows: int = N) -> bytes:
    lines = ["age,plan,same,key,left,few"]
    for n in range(n_rows):
        left, few = "yes" if n % 3 else "no", "rare" if n == 5 else "often"
        lines.append(f"{20 + n % 40},{'abc'[n % 3]},1,{n}f3a{n * 7919:x},{left},{few}")
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> TableSchema:
    """The table's schema, inferred once: an upload for each test would start a process each time."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "table.csv").write_bytes(table())
    return ingest.ingest_csv(folder / "table.csv", folder / "table.parquet", scratch=folder).schema


@pytest.fixture
def dataset(workspace: Workspace, schema: TableSchema) -> int:
    return Dataset.objects.create(
        workspace=workspace,
        name="Table",
        filename="table.csv",
        sha256="0" * 64,
        n_bytes=1,
        parquet_digest="0" * 64,
        n_rows=N,
        n_columns=len(schema.columns),
        schema_json=schema.to_json(),
        options_digest="0" * 64,
    ).pk


def start(api: Caller, dataset: Any, **more: Any) -> Any:
    body = {"dataset": dataset, "target": "left", "registered_model": "churn", **more}
    return api.post("training-runs", body)


def test_a_run_is_accepted_and_its_url_is_returned(api: Caller, dataset: int) -> None:
    response = start(api, dataset, budget_seconds=5, seed=7, estimator="logistic_regression")

    found = response.json()
    assert response.status_code == 202, found
    assert (found["status"], found["task"], found["registered_model"]) == ("queued", "binary", "churn")
    assert response["Location"] == found["url"]
    seen = api.client.get(found["url"], headers=api.headers).json()
    assert (seen["id"], seen["progress"], seen["leaderboard"]) == (found["id"], 0.0, [])
    assert (seen["seed"], seen["budget_seconds"], seen["model_version"]) == (7, 5, None)


@pytest.mark.parametrize(("task", "params"), [("clustering", {}), ("anomaly", {"contamination": 0.05})])
def test_a_run_without_a_target_is_accepted(api: Caller, dataset: int, task: str, params: Any) -> None:
    body = {"dataset": dataset, "registered_model": "groups", "task": task, "params": params}
    response = api.post("training-runs", body)

    assert response.status_code == 202, response.json()
    assert (response.json()["target"], response.json()["task"]) == ("", task)
    refused = problem(api.post("training-runs", {**body, "target": "left"}), 400)
    assert "has no target; leave “left” out" in refused["detail"]


def test_rows_can_be_split_by_group_or_by_time(api: Caller, dataset: int) -> None:
    found = start(api, dataset, split={"kind": "group", "column": "age"}).json()

    assert found["split"] == {"kind": "group", "column": "age"}
    assert start(api, dataset).json()["split"] == {"kind": "random", "column": None}


def test_the_positive_class_can_be_said(api: Caller, dataset: int) -> None:
    assert start(api, dataset, positive_class="no").json()["positive_class"] == "no"
    assert start(api, dataset).json()["positive_class"] == ""


def test_monotone_columns_are_kept_with_the_run(api: Caller, dataset: int) -> None:
    asked = {"age": "increasing"}
    found = start(api, dataset, monotone=asked).json()
    assert found["monotone"] == asked
    assert TrainingRun.objects.get(pk=found["id"]).monotone == asked
    assert api.client.get(found["url"], headers=api.headers).json()["monotone"] == asked
    for none in ({}, {"monotone": None}, {"monotone": {}}):
        assert start(api, dataset, **none).json()["monotone"] == {}


def test_every_wrong_direction_has_its_own_error(api: Caller, dataset: int) -> None:
    found = problem(start(api, dataset, monotone={"age": "up", "plan": None}), 400)
    assert {each["pointer"] for each in found["errors"]} == {"/monotone/age", "/monotone/plan"}
    assert '"up"' in found["detail"]


def test_an_effort_names_a_budget(api: Caller, dataset: int) -> None:
    assert start(api, dataset, effort="quick").json()["budget_seconds"] == 10


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no target": ({"target": "nowhere"}, "no column “nowhere”"),
    "a constant target": ({"target": "same"}, "same"),
    "an identifier as target": ({"target": "key"}, "key"),
    "a class with one member": ({"target": "few"}, "rare"),
    "a task that does not exist": ({"task": "guessing"}, "task"),
    "a task that does not fit": ({"task": "regression"}, "left"),
    "an estimator that does not exist": ({"estimator": "oracle"}, "oracle"),
    "params for auto": ({"params": {"alpha": 1}}, "Auto"),
    "params that do not exist": ({"estimator": "logistic_regression", "params": {"zeta": 1}}, "zeta"),
    "params out of range": ({"estimator": "random_forest", "params": {"n_estimators": -1}}, "n_estimators"),
    "a budget of nothing": ({"budget_seconds": 0}, "budget"),
    "a budget beyond the limit": ({"budget_seconds": 10**9}, "budget"),
    "an effort that does not exist": ({"effort": "heroic"}, "heroic"),
    "an effort and a budget": ({"effort": "quick", "budget_seconds": 5}, "not both"),
    "a seed below zero": ({"seed": -1}, "seed"),
    "a role that does not exist": ({"roles": {"age": "magic"}}, "magic"),
    "a role for no column": ({"roles": {"nowhere": "numeric"}}, "nowhere"),
    "no feature left": (
        {"roles": dict.fromkeys(("age", "plan", "key", "few"), "identifier")},
        "No feature is left",
    ),
    "a dataset that is not there": ({"dataset": 999_999}, "no such dataset"),
    "a dataset that is a text": ({"dataset": "x"}, "dataset"),
    "a model without a name": ({"registered_model": ""}, "registered_model"),
    "a split that does not exist": ({"split": {"kind": "magic"}}, "no split “magic”"),
    "a split at random by a column": ({"split": {"kind": "random", "column": "age"}}, "takes no column"),
    "a split without its column": ({"split": {"kind": "time"}}, "needs the name of a column"),
    "a split by no column": ({"split": {"kind": "group", "column": "nowhere"}}, "“nowhere”"),
    "a split by the target": ({"split": {"kind": "group", "column": "left"}}, "which is the target"),
    "later rows without times": ({"split": {"kind": "time", "column": "plan"}}, "holds no dates"),
    "groups that are too few": ({"split": {"kind": "group", "column": "plan"}}, "at least 5 groups"),
    "groups of one row": ({"split": {"kind": "group", "column": "key"}}, "nearly every row"),
    "a split that is a text": ({"split": "time"}, "split"),
    "params that are a list": ({"params": [1]}, "params"),
    "a positive class that is none": ({"positive_class": "perhaps"}, "one of “no”, “yes”"),
    "a positive class that is a list": ({"positive_class": ["yes"]}, "one label"),
    "a direction of no column": ({"monotone": {"nowhere": "increasing"}}, "“nowhere” cannot"),
    "a direction of a category": ({"monotone": {"plan": "decreasing"}}, "“plan” cannot"),
    "a direction of the target": ({"monotone": {"left": "decreasing"}}, "“left” cannot"),
    "directions that are a list": ({"monotone": ["age"]}, "monotone"),
    "a direction for an estimator that takes none": (
        {"monotone": {"age": "increasing"}, "estimator": "logistic_regression"},
        "cannot be held to monotone columns",
    ),
    "a positive class of a number": ({"target": "age", "positive_class": "20"}, "one of two classes"),
}


@pytest.mark.parametrize("case", BAD)
def test_an_invalid_run_is_400_with_the_reason(api: Caller, dataset: int, case: str) -> None:
    more, sentence = BAD[case]

    found = problem(start(api, **{"dataset": dataset, **more}), 400)

    assert sentence in found["detail"]
    assert not TrainingRun.objects.exists()


def test_too_few_rows_are_400_with_the_reason(api: Caller) -> None:
    made = api.upload("datasets", SimpleUploadedFile("few.csv", table(15), "text/csv")).json()

    assert "20" in problem(start(api, made["id"]), 400)["detail"]


def test_a_waiting_run_is_cancelled_once(api: Caller, dataset: int) -> None:
    run = start(api, dataset).json()["id"]

    assert api.send("patch", f"training-runs/{run}", {"status": "cancelled"}).json()["status"] == "cancelled"
    again = api.send("patch", f"training-runs/{run}", {"status": "cancelled"})
    assert again.status_code in (200, 409)


@pytest.mark.parametrize("body", [{}, {"status": "succeeded"}, {"status": 1}])
def test_a_run_can_be_changed_in_no_other_way(api: Caller, dataset: int, body: Any) -> None:
    run = start(api, dataset).json()["id"]

    problem(api.send("patch", f"training-runs/{run}", body), 400)


def test_runs_are_listed_and_filtered_within_the_sql_budget(
    api: Caller, dataset: int, django_assert_max_num_queries: Any
) -> None:
    for name in ("a", "b", "c"):
        start(api, dataset, registered_model=name)

    with django_assert_max_num_queries(4):
        assert api.get("training-runs").json()["count"] == 3
    assert api.get("training-runs", registered_model="a").json()["count"] == 1
    assert api.get("training-runs", status="failed").json()["count"] == 0
    problem(api.get("training-runs", status="nowhere"), 400)
    problem(api.get("training-runs", dataset="x"), 400)


def test_the_traceback_is_for_the_owner_and_for_admins(
    api: Caller, call_as: Callable[..., Caller], dataset: int, viewer: User, admin: User, workspace: Workspace
) -> None:
    run = start(api, dataset).json()["id"]
    TrainingRun.objects.update(status=JobStatus.FAILED, error="It failed.", traceback="line 1")

    def seen(caller: Caller) -> str:
        return str(caller.get(f"training-runs/{run}").json()["traceback"])

    assert (seen(api), seen(call_as(admin, workspace)), seen(call_as(viewer, workspace))) == (
        "line 1",
        "line 1",
        "",
    )


def test_anonymous_viewers_and_strangers_start_nothing(
    api: Caller,
    anonymous: Caller,
    outsider: Caller,
    call_as: Callable[..., Caller],
    viewer: User,
    workspace: Workspace,
    dataset: int,
) -> None:
    run = start(api, dataset).json()["id"]

    problem(start(anonymous, dataset), 401)
    problem(start(call_as(viewer, workspace), dataset), 403)
    problem(start(call_as(viewer, workspace, Scope.READ), dataset), 403)
    problem(start(outsider, dataset), 400)  # their own workspace has no such dataset
    problem(outsider.get(f"training-runs/{run}"), 404)
    problem(outsider.get(f"/api/v1/acme/training-runs/{run}"), 404)


def test_the_catalogue_of_estimators_names_their_hyperparameters(api: Caller, anonymous: Caller) -> None:
    found = api.get("/api/v1/estimators").json()

    assert {each["key"] for each in found} == {each.key for each in estimator_catalogue.catalogue()}
    assert all(each["summary"] for each in found)
    problem(anonymous.get("/api/v1/estimators"), 401)


def test_readings_of_categories_are_kept_with_the_run(api: Caller, dataset: int) -> None:
    readings = {"left": {"kind": "text", "ignores": ["case"], "missing": ["N/A"]}, "plan": {"kind": "text"}}

    found = start(api, dataset, readings=readings).json()

    assert found["readings"] == {**readings, "left": {**readings["left"], "missing": ["n/a"]}}
    assert TrainingRun.objects.get(pk=found["id"]).readings == found["readings"]
    assert start(api, dataset).json()["readings"] == {}


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ({"age": {"kind": "text"}}, "hold no categories written as text: “age”"),
        ({"left": {"kind": "number"}}, "The reading of a column's categories is"),
        ({"left": {"kind": "text", "ignores": ["accents"]}}, "a list of “case”, “numbers”"),
        ({"left": "text"}, "readings/left"),
    ],
)
def test_a_reading_that_does_not_fit_is_400_with_the_reason(
    api: Caller, dataset: int, readings: Any, reason: str
) -> None:
    assert reason in problem(start(api, dataset, readings=readings), 400)["detail"]
    assert not TrainingRun.objects.exists()


def test_a_run_takes_a_weight_column_and_refuses_one_that_cannot_weight(api: Caller, dataset: int) -> None:
    accepted = start(api, dataset, weight_column="age")

    assert accepted.status_code == 202, accepted.json()
    assert accepted.json()["weight_column"] == "age"
    assert start(api, dataset).json()["weight_column"] == ""
    for wrong, why in (
        ("plan", "holds no numbers"),
        ("left", "cannot be the weight"),
        ("none", "There is no column"),
    ):
        refused = problem(start(api, dataset, weight_column=wrong), 400)
        assert why in refused["detail"]
