"""`…/versions/N/completion`: what was left out, to compute it and to stop that; and once for real, from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import sklearn
from django.core.files.uploadedfile import SimpleUploadedFile

from predictor.ml.types.left_out import CURVE_NO_TIME
from predictor.models import Completion, ModelVersion, RegisteredModel, User, Workspace
from predictor.services import registry, training
from predictor.services.jobs import queue
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.services.training.left_out import PARTS, hurried_version
from predictor.tests.services.versions import publish

WINE = Path(sklearn.__file__).parent / "datasets" / "data" / "wine_data.csv"
URL = "models/churn/versions/1/completion"


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    return registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)


@pytest.fixture(autouse=True)
def _no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue.current_app, "send_task", mock.Mock())


@pytest.mark.django_db
def test_it_is_started_read_and_cancelled(api: Caller, model: RegisteredModel) -> None:
    hurried_version(model)
    found = api.get(URL).json()
    assert (found["model"], found["version"], found["status"]) == ("churn", 1, None)
    assert [each["part"] for each in found["parts"]] == PARTS
    assert found["parts"][1] == {
        "part": "dependence",
        "title": "Partial dependence curves",
        "names": ["x"],
        "left_out": "the time ran out",
        "state": "possible",
        "sentence": "It can be computed.",
    }

    started = api.send("post", URL, {})
    again = api.send("post", URL, {})

    assert (started.status_code, again.status_code) == (202, 202)
    assert (started.json()["status"], started.json()["progress"]) == ("queued", 0.0)
    assert Completion.objects.count() == 1
    stopped = api.send("patch", URL, {"status": "cancelled"}).json()
    assert (stopped["status"], stopped["parts"][0]["state"]) == ("cancelled", "possible")


@pytest.mark.django_db
def test_with_nothing_to_compute_it_is_a_conflict(api: Caller, model: RegisteredModel) -> None:
    publish(model)
    assert api.get(URL).json()["parts"] == []
    assert "nothing was left out" in problem(api.send("post", URL, {}), 409)["detail"]
    assert (
        "Nothing is being computed" in problem(api.send("patch", URL, {"status": "cancelled"}), 404)["detail"]
    )


@pytest.mark.django_db
def test_a_list_of_versions_does_not_load_what_was_computed(api: Caller, model: RegisteredModel) -> None:
    version = hurried_version(model)
    Completion.objects.create(model_version=version, workspace=model.workspace, supplement={"x": "y" * 999})
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert api.get("models/churn/versions").json()["count"] == 1
    assert not [each for each in queries.captured_queries if "supplement" in each["sql"]]


@pytest.mark.django_db(transaction=True)
def test_a_version_from_before_is_completed_for_real(api: Caller) -> None:
    """The right values are those that its own run had found; the report is made as a hurried older run left it."""
    csv = ("a,b,c,d,e,f,g,h,i,j,k,l,m,kind\n" + WINE.read_text().split("\n", 1)[1]).encode()
    dataset = api.upload("datasets", SimpleUploadedFile("wine.csv", csv, "text/csv")).json()
    run = api.post(
        "training-runs",
        {"dataset": dataset["id"], "target": "kind", "task": "multiclass", "registered_model": "Wine",
         "estimator": "logistic_regression", "budget_seconds": 60},
    ).json()  # fmt: skip
    training.execute(run["id"])
    version = ModelVersion.objects.get()
    whole = version.evaluation
    assert whole["left_out"] == []
    assert not Completion.objects.exists()
    ModelVersion.objects.update(evaluation=hurried(whole))
    before = ModelVersion.objects.values("evaluation", "metrics", "artifacts", "n_bytes").get()
    row = {"rows": [dict.fromkeys("abcdefghijklm", 1.0)]}
    answer = api.post("models/wine/predictions", row).json()["predictions"][0]["probabilities"]

    started = api.send("post", "models/wine/versions/1/completion", {})
    assert started.status_code == 202
    assert {each["state"] for each in started.json()["parts"]} == {"queued"}
    assert training.completions.execute(Completion.objects.get().pk)

    completion = Completion.objects.get()
    assert (completion.status, completion.error, completion.refusals) == ("succeeded", "", {})
    assert ModelVersion.objects.values("evaluation", "metrics", "artifacts", "n_bytes").get() == before
    report = api.get("models/wine/versions/1/evaluation").json()
    for name in ("importance", "importance_kind", "dependence", "learning_curve", "baselines", "verdict"):
        assert report[name] == whole[name], name
    assert {each["state"] for each in api.get("models/wine/versions/1/completion").json()["parts"]} == {
        "computed"
    }
    assert api.post("models/wine/predictions", row).json()["predictions"][0]["probabilities"] == answer


def hurried(report: dict[str, Any]) -> dict[str, Any]:
    columns = [each["column"] for each in report["dependence"]["features"]]
    first, *others = report["baselines"]
    verdict = report["verdict"]
    (sentence, _, _) = verdict["sentence"].partition(". ")
    kept = {name: value for name, value in report.items() if name != "left_out"}
    return {
        **kept,
        "importance_kind": "shapley",
        "dependence": {
            "features": [],
            "skipped": [{"column": name, "reason": "the time ran out"} for name in columns],
        },
        "learning_curve": {"sentence": CURVE_NO_TIME, "points": []},
        "baselines": [first],
        "baseline_notes": [
            f"The baseline {each['title']} was left out: there was no time for it." for each in others
        ],
        "verdict": {**verdict, "sentence": f"{sentence}.", "comparisons": verdict["comparisons"][:1]},
    }
