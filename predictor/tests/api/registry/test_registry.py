from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import onnx
import pytest
from django.utils import timezone

from predictor.models import CHAMPION, ModelVersion, RegisteredModel, Scope, User, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services import registry
from predictor.services.prediction_log import summary
from predictor.tests.api.conftest import Caller, problem
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row

GETS = [
    "models/churn",
    "models/churn/versions",
    "models/churn/versions/1",
    "models/churn/versions/1/evaluation",
    "models/churn/versions/1/onnx",
    "models/churn/activity",
    "models/churn/comparison?a=1&b=2",
    "models/churn/versions/compare?version=1&version=2",
    "models/churn/aliases",
    "models/churn/aliases/champion",
    "models/churn/aliases/champion/history",
]


@pytest.fixture
def model(workspace: Workspace, member: User) -> RegisteredModel:
    model = registry.get_or_create_model(workspace=workspace, name_or_slug="Churn", by=member)
    publish(model)
    publish(model, metrics={"rmse": 0.5})
    return model


def test_models_are_listed_with_their_aliases(api: Caller, model: RegisteredModel) -> None:
    found = api.get("models").json()

    assert found["count"] == 1
    assert found["results"][0]["aliases"] == {CHAMPION: 1}
    assert found["results"][0]["n_versions"] == 2


def test_a_model_is_renamed_and_keeps_its_slug(api: Caller, model: RegisteredModel) -> None:
    found = api.send("patch", "models/churn", {"name": "Leaving", "description": "Who goes?"}).json()

    assert (found["slug"], found["name"], found["description"]) == ("churn", "Leaving", "Who goes?")


def test_versions_are_listed_from_new_to_old(api: Caller, model: RegisteredModel) -> None:
    assert [each["number"] for each in api.get("models/churn/versions").json()["results"]] == [2, 1]


def test_a_version_shows_its_signature_metrics_and_baseline(api: Caller, model: RegisteredModel) -> None:
    found = api.get("models/churn/versions/1").json()

    assert [each["name"] for each in found["signature"]["fields"]] == ["age", "city"]
    assert (found["metrics"], found["baseline"], found["aliases"]) == (
        {"rmse": 1.0},
        {"rmse": 2.0},
        ["champion"],
    )


def test_a_version_tells_its_monotone_columns(api: Caller, model: RegisteredModel) -> None:
    assert api.get("models/churn/versions/1").json()["monotone"] == []
    proof = {
        "column": "age", "direction": "increasing", "n_rows": 200, "n_values": 68, "largest_violation": 0.0,
        "holds": True,
    }  # fmt: skip
    ModelVersion.objects.filter(number=1).update(evaluation={"monotone": [proof]})
    assert api.get("models/churn/versions/1").json()["monotone"] == [proof]


def test_the_evaluation_report_is_read(api: Caller, model: RegisteredModel) -> None:
    assert api.get("models/churn/versions/1/evaluation").json()["task"] == "regression"


def test_versions_are_filtered(api: Caller, model: RegisteredModel) -> None:
    def numbers(**query: str) -> list[int]:
        return [each["number"] for each in api.get("models/churn/versions", **query).json()["results"]]

    api.send("patch", "models/churn/versions/2", {"is_archived": True})

    assert numbers(alias="champion") == [1]
    assert numbers(is_archived="true") == [2]
    assert numbers(is_archived="false") == [1]
    assert numbers(task="binary") == []


@pytest.mark.parametrize("path", ["models", "models/churn/versions", "models/churn/aliases"])
def test_lists_keep_their_sql_budget(
    api: Caller, model: RegisteredModel, django_assert_max_num_queries: Any, path: str
) -> None:
    for _ in range(5):
        publish(model)
    api.get(path)  # the first use of a token is noted

    with django_assert_max_num_queries(6):
        assert api.get(path).status_code == 200


def test_an_alias_is_put_on_a_version_and_rolled_back(api: Caller, model: RegisteredModel) -> None:
    promoted = api.send("put", "models/churn/aliases/champion", {"version": 2}).json()
    back = api.send("put", "models/churn/aliases/champion", {"roll_back": True}).json()
    history = api.get("models/churn/aliases/champion/history").json()["results"]

    assert (promoted["version"], back["version"]) == (2, 1)
    assert [(each["version"], each["is_roll_back"]) for each in history] == [
        (1, True),
        (2, False),
        (1, False),
    ]
    problem(api.send("put", "models/churn/aliases/champion", {"roll_back": True}), 409)


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 400), ({"version": 1, "roll_back": True}, 400), ({"version": 9}, 404), ({"version": "x"}, 400)],
)
def test_an_alias_without_a_clear_target_is_refused(
    api: Caller, model: RegisteredModel, body: Any, status: int
) -> None:
    problem(api.send("put", "models/churn/aliases/champion", body), status)


@pytest.mark.parametrize("alias", ["Champion", "7", "x" * 41])
def test_an_invalid_alias_is_400(api: Caller, model: RegisteredModel, alias: str) -> None:
    problem(api.send("put", f"models/churn/aliases/{alias}", {"version": 1}), 400)


def test_an_alias_is_removed_once(api: Caller, model: RegisteredModel) -> None:
    assert api.send("delete", "models/churn/aliases/champion").status_code == 204
    problem(api.send("delete", "models/churn/aliases/champion"), 404)


def test_a_version_is_archived_and_unarchived(api: Caller, model: RegisteredModel) -> None:
    problem(api.send("patch", "models/churn/versions/1", {"is_archived": True}), 409)
    assert api.send("patch", "models/churn/versions/2", {"is_archived": True}).json()["is_archived"] is True
    problem(api.send("put", "models/churn/aliases/champion", {"version": 2}), 409)
    assert api.send("patch", "models/churn/versions/2", {"is_archived": False}).json()["is_archived"] is False


def test_two_versions_are_compared(api: Caller, model: RegisteredModel) -> None:
    found = api.get("models/churn/comparison", a=1, b=2).json()

    assert found["metrics"] == [
        {"name": "rmse", "a": 1.0, "b": 0.5, "better": None, "difference": None, "low": None, "high": None}
    ]
    assert (found["verdict"]["better"], found["verdict"]["is_tested"]) == (None, False)
    assert "stored without its predictions" in found["verdict"]["sentence"]
    assert found["features"][0] == {"name": "age", "a": "numeric", "b": "numeric", "is_same": True}


@pytest.mark.parametrize(
    ("query", "status"), [({}, 400), ({"a": 1}, 400), ({"a": "x", "b": 1}, 400), ({"a": 1, "b": 99}, 404)]
)
def test_a_comparison_needs_two_versions(
    api: Caller, model: RegisteredModel, query: dict[str, Any], status: int
) -> None:
    problem(api.get("models/churn/comparison", **query), status)


def test_two_to_ten_versions_are_compared_with_a_base(api: Caller, model: RegisteredModel) -> None:
    publish(model, metrics={"rmse": 0.7}, params={"depth": 3})

    found = api.get("models/churn/versions/compare?version=1&version=2&version=3&base=2").json()

    assert (found["base"], found["versions"]) == (2, [2, 1, 3])
    (row,) = found["metrics"]
    assert [(each["version"], each["value"], each["standing"]) for each in row["versions"]] == [
        (2, 0.5, "base"), (1, 1.0, "not tested"), (3, 0.7, "not tested"),
    ]  # fmt: skip
    assert [(each["version"], each["changes"], each["disagreement"]) for each in found["pairs"]] == [
        (1, [], None), (3, [], None),
    ]  # fmt: skip
    assert found["pairs"][0]["verdict"]["standing"] == "not tested"
    assert found["params"] == [{"name": "depth", "values": [None, None, 3], "is_same": False}]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400), ("version=1", 400), ("version=1&version=1", 400), ("version=1&version=x", 400),
        ("&".join(f"version={number}" for number in range(1, 12)), 400), ("version=1&version=2&base=3", 400),
        ("version=1&version=99", 404), ("a=1&b=2", 400),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_refused(
    api: Caller, model: RegisteredModel, query: str, status: int
) -> None:
    problem(api.get(f"models/churn/versions/compare?{query}"), status)


def test_the_onnx_file_is_downloaded(api: Caller, linear: ModelVersion) -> None:
    response = api.get("models/article/versions/1/onnx")

    model = onnx.load_from_string(b"".join(response.streaming_content))
    assert {each.key for each in model.metadata_props} >= {"mlweb.signature", "mlweb.spec"}
    assert "article-1.onnx" in response["Content-Disposition"]


@pytest.mark.parametrize(("noun", "start"), [("offline-page", b"<!doctype html>"), ("bundle", b"PK")])
def test_a_portable_version_is_downloaded(noun: str, start: bytes, api: Caller, linear: ModelVersion) -> None:
    response = api.get(f"models/article/versions/1/{noun}")

    assert response.content.startswith(start)
    assert "article-1." in response["Content-Disposition"]


@pytest.mark.parametrize("noun", ["onnx", "offline-page", "bundle"])
def test_an_in_process_version_has_no_onnx_file(noun: str, api: Caller, model: RegisteredModel) -> None:
    problem(api.get(f"models/churn/versions/1/{noun}"), 409)


@pytest.mark.parametrize("path", GETS)
def test_anonymous_is_401_and_another_workspace_a_missing_one(
    anonymous: Caller, outsider: Caller, model: RegisteredModel, path: str
) -> None:
    problem(anonymous.get(path), 401)
    there = problem(outsider.get(f"/api/v1/acme/{path}"), 404)
    missing = problem(outsider.get(path), 404)
    assert {**there, "request_id": ""} == {**missing, "request_id": ""}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("patch", "models/churn", {"name": "x"}),
        ("patch", "models/churn/versions/2", {"is_archived": True}),
        ("put", "models/churn/aliases/champion", {"version": 2}),
        ("delete", "models/churn/aliases/champion", None),
    ],
)
def test_a_viewer_changes_nothing_and_neither_does_a_token_that_reads(
    call_as: Callable[..., Caller],
    viewer: User,
    member: User,
    workspace: Workspace,
    model: RegisteredModel,
    method: str,
    path: str,
    body: Any,
) -> None:
    problem(call_as(viewer, workspace).send(method, path, body), 403)
    problem(call_as(member, workspace, Scope.READ).send(method, path, body), 403)


@pytest.mark.parametrize("number", ["0", "99", "9" * 50, "x"])
def test_a_version_that_is_not_there_is_404(api: Caller, model: RegisteredModel, number: str) -> None:
    problem(api.get(f"models/churn/versions/{number}"), 404)


def test_the_activity_of_a_model_and_of_one_version(api: Caller, model: RegisteredModel) -> None:
    first, second = model.versions.order_by("number")
    at = timezone.now() - timedelta(hours=1)
    for place, version in enumerate((first, first, second)):
        key = first_id_at(at + timedelta(milliseconds=place))
        log_row(
            version,
            pk=key,
            created_at=at,
            output={"prediction": place},
            warnings=[{"code": "unseen"}] * place,
        )
    summary.run()

    both = api.get("models/churn/activity", range="day").json()
    alone = api.get("models/churn/activity", version=1).json()

    assert (both["unit"], len(both["periods"]), both["outcomes"]) == ("hour", 24, None)
    assert both["total"] == {
        "n_rows": 3,
        "n_requests": 3,
        "n_with_warnings": 2,
        "n_errors": 0,
        "warning_share": pytest.approx(2 / 3),
        "mean_latency_ms": 1.0,
        "mean_confidence": None,
        "mean_score": 1.0,
        "score_deviation": pytest.approx((2 / 3) ** 0.5),
    }
    assert sum(each["n_rows"] for each in both["periods"]) == 3
    assert (both["sources"], both["warnings"], both["counted_to"]) == ({"api": 3}, {"unseen": 2}, None)
    assert (alone["unit"], alone["total"]["n_rows"]) == ("day", 2)
    assert (alone["outcomes"]["score_min"], alone["outcomes"]["score_max"]) == (0, 1)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"range": "century"}, 400),
        ({"range": "30d", "day": "2026-01-01"}, 400),
        ({"range": "day", "day": "yesterday"}, 400),
        ({"range": "day", "day": "1970-01-01"}, 200),
        ({"range": "day", "day": "9999-12-31"}, 400),
        ({"version": 7}, 404),
        ({"version": 0}, 400),
        ({"ranje": "day"}, 400),
    ],
)
def test_what_activity_refuses(
    api: Caller, model: RegisteredModel, query: dict[str, Any], status: int
) -> None:
    assert api.get("models/churn/activity", **query).status_code == status
