"""Bodies that no client would send are refused with a sentence: no error of the server, and nothing is made."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from django.test import Client

from predictor.models import Dataset, ModelVersion, ReadingChange, TrainingRun, User, Workspace
from predictor.services import datasets, registry

WRONG: list[Any] = [
    True, -1, 2**63, 10**400, 1e308, 0.5, "", "\0", "a\0b", "\ud800", "x" * 70_000, "9" * 5_000, "٣",
    [], [[]], [None], ["a"] * 2_000, {}, {"": ""}, {"a": {"b": {"c": [{}]}}}, "NaN", "../../etc/passwd",
]  # fmt: skip
RAW = [
    b"", b"{", b"[]", b"null", b'"x"', b"1", b"NaN", b'{"column":NaN}', b'{"column":1e999}', b"\xff\xfe",
    b'{"column":"\\ud800"}', b"[" * 300 + b"]" * 300, b'{"a":' * 500 + b"1" + b"}" * 500, b'{"a":1,"a":2}',
    b'{"' + b"x" * 1_000_000 + b'":1}', json.dumps({f"k{n}": 1 for n in range(50_000)}).encode(),
]  # fmt: skip
NUMBER = {"kind": "number", "decimal": ".", "thousands": "", "codes": False, "missing": ["x"]}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "datasets/{dataset}/reading-previews": ("post", {"column": "a", "reading": NUMBER}),
    "datasets/{dataset}/reading-changes": (
        "post", {"column": "nosuch", "reading": NUMBER, "role": "numeric", "max_lost_share": 0.1, "undoes": 7},
    ),
    "training-runs": (
        "post",
        {"dataset": "{dataset}", "target": "nosuch", "registered_model": "m", "roles": {"a": "numeric"},
         "readings": {"a": {"kind": "text"}}, "positive_class": "yes", "threshold": {"by": "f1"},
         "split": {"kind": "random"}, "params": {}, "estimator": "ridge", "seed": 0, "max_lost_share": 0.2},
    ),
    "models/article/versions/1/thresholds": (
        "post", {"by": "cost", "positive_class": "yes", "false_positive": 1, "false_negative": 2},
    ),
    "models/article/aliases/canary": ("put", {"version": 99, "roll_back": False}),
    "models/article/batches": ("post", {"dataset": 999, "version": 1, "strict": True, "coverage": 0.9}),
    "models/article/predictions": (
        "post", {"rows": [{"x1": "no"}], "explain": True, "coverage": 0.9, "nearest": 3, "version": 1, "strict": True},
    ),
    "models/article/counterfactuals": (
        "post", {"row": {"x1": 1, "x2": 2}, "wanted": {"at_least": 5}, "version": 1, "locked": ["x1"]},
    ),
}  # fmt: skip


@pytest.fixture
def dataset(workspace: Workspace, member: User) -> Dataset:
    registry.register_linear(
        workspace=workspace, name="article", coefficients=[0.5, 0.3], intercept=-1.5, by=member
    )
    return datasets.import_csv(
        workspace=workspace, source=BytesIO(b"a,y\n" + b"1,yes\n2,no\n" * 15), filename="t.csv", by=member
    )


@pytest.mark.parametrize("path", BODIES)
def test_odd_bodies_are_refused(client: Client, member: User, dataset: Dataset, path: str) -> None:
    client.force_login(member)
    method, body = BODIES[path]
    body = {name: dataset.pk if value == "{dataset}" else value for name, value in body.items()}
    url = f"/api/v1/acme/{path.format(dataset=dataset.pk)}"
    odd = [*RAW, *(json.dumps(each).encode() for each in varied(body))]

    found = {sent[:200]: ask(client, method, url, sent) for sent in odd}

    assert {sent: answer for sent, answer in found.items() if not is_refusal(*answer)} == {}
    assert (TrainingRun.objects.count(), ReadingChange.objects.count(), ModelVersion.objects.count()) == (
        0,
        0,
        1,
    )


def varied(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The body with each value, and each value inside of its objects, replaced by each wrong one."""
    found = []
    for name, value in body.items():
        found += [{**body, name: wrong} for wrong in WRONG]
        if isinstance(value, dict):
            found += [
                {**body, name: {**value, inner: wrong}} for inner in (*value, "nosuch") for wrong in WRONG
            ]
    return found


def ask(client: Client, method: str, url: str, body: bytes) -> tuple[int, Any]:
    answer = getattr(client, method)(url, body, content_type="application/json")
    return answer.status_code, answer.json()


def is_refusal(status: int, answer: Any) -> bool:
    """A refusal with a sentence; or an answer for a value that has no bearing on it: a preview, a row's own error."""
    if status == 200:
        return "evidence" in answer or all(
            each.get("error") or each["warnings"] for each in answer.get("predictions", [{}])
        )
    return 400 <= status < 500 and bool(answer["detail"]) and len(json.dumps(answer)) < 20_000
