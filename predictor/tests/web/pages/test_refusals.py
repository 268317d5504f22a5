"""Pages answer an error with the status of the one table, its headers and its sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from predictor import errors
from predictor.models import Dataset, ModelVersion, User, Workspace
from predictor.services import batches, datasets, predictions, registry, training
from predictor.services.accounts import invitations, tokens
from predictor.services.predictions import counterfactuals
from predictor.tests.web.prediction_pages import url
from predictor.tests.web.tables import upload

HTMX = {"HX-Request": "true"}
SENTENCE = "This is why not."
ROW = {"made_for": "1", "f0": "1", "f1": "2", "value": "3"}

# Each with its status, and what Retry-After says.
ERRORS: list[tuple[errors.MlwebError, int, str | None]] = [
    (errors.InvalidInput(SENTENCE), 400, None),
    (errors.Forbidden(SENTENCE), 403, None),
    (errors.Conflict(SENTENCE), 409, None),
    (errors.NotServable(SENTENCE), 409, None),
    (errors.DamagedArtifact(SENTENCE), 409, None),
    (errors.TooLarge(SENTENCE), 413, None),
    (errors.UnsupportedContent(SENTENCE), 415, None),
    (errors.StrictRows(SENTENCE), 422, None),
    (errors.RateLimited(SENTENCE, retry_seconds=7), 429, "7"),
    (errors.Busy(SENTENCE, retry_seconds=1), 503, "1"),
    (errors.NotLogged(SENTENCE, retry_seconds=2), 503, "2"),
    (errors.TookTooLong(SENTENCE), 503, None),
]


def a_file() -> SimpleUploadedFile:
    return SimpleUploadedFile("rows.csv", b"x1,x2\n1,2\n")


@dataclass(frozen=True)
class Form:
    """A form: the services that it calls, its URL (a name and what follows the workspace) and what is sent."""

    services: tuple[tuple[Any, str], ...]
    page: tuple[Any, ...]
    data: Callable[[], dict[str, Any]]
    headers: tuple[tuple[str, str], ...] = ()


def a_run() -> dict[str, Any]:
    return {
        "target": "left", "task": "", "estimator": "auto", "registered_model": "Leavers", "effort": "quick",
        "budget_seconds": "10", "seed": "0", "split": "random",
    }  # fmt: skip


def a_token() -> dict[str, Any]:
    workspace = Workspace.objects.get(slug="acme")
    return {"workspace": workspace.pk, "name": "ci", "scopes": ["predict"], "lifetime": "90"}


PREDICT, START = (predictions, "predict"), (batches, "start")
FORMS = {
    "predict": Form((PREDICT,), ("predict", "article"), lambda: ROW),
    "predict, part": Form((PREDICT,), ("predict", "article"), lambda: ROW, tuple(HTMX.items())),
    "what if": Form((PREDICT,), ("what-if", "article"), lambda: ROW),
    "what if, part": Form((PREDICT,), ("what-if", "article"), lambda: ROW, tuple(HTMX.items())),
    "counterfactuals": Form(((counterfactuals, "find"),), ("counterfactuals", "article"), lambda: ROW),
    "csv": Form(((predictions, "predict_csv"), START), ("predict-csv", "article"), lambda: {"file": a_file()}),
    "batch": Form((START,), ("batch-list", "article"), lambda: {"file": a_file()}),
    "upload": Form(((datasets, "import_csv"),), ("dataset-upload",), lambda: {"file": a_file()}),
    "upload by script": Form(
        ((datasets, "import_csv"),), ("dataset-upload",), lambda: {"file": a_file()},
        (("X-Requested-With", "XMLHttpRequest"),),
    ),
    "training": Form(((training, "start_run"),), ("training-run-create", "dataset"), a_run),
    "threshold": Form(
        ((registry, "publish_with_threshold"),), ("version-threshold", "article", 1),
        lambda: {"threshold-by": "f1"},
    ),
    "member": Form(
        ((invitations, "invite"),), ("member-add",), lambda: {"email": "new@example.org", "role": "viewer"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_page_shows_the_error_with_the_status_and_headers_of_the_table(
    client: Client, admin: User, linear: ModelVersion, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    form = FORMS[name]
    dataset: Dataset | None = upload(linear.registered_model.workspace) if name == "training" else None
    path = url(*(dataset.pk if dataset and each == "dataset" else each for each in form.page))
    client.force_login(admin)

    for error, status, retry_after in ERRORS:

        def fail(*args: Any, _error: errors.MlwebError = error, **kwargs: Any) -> None:
            raise _error

        for module, function in form.services:
            monkeypatch.setattr(module, function, fail)
        response = client.post(path, form.data(), headers=dict(form.headers))

        assert (response.status_code, response.get("Retry-After")) == (status, retry_after), error
        assert SENTENCE in response.content.decode(), error


def test_the_tokens_page_answers_by_the_table(
    client: Client, member: User, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**kwargs: Any) -> None:
        raise errors.Conflict(SENTENCE)

    monkeypatch.setattr(tokens, "create_token", fail)
    client.force_login(member)

    response = client.post(reverse("token-create"), a_token())

    assert response.status_code == 409
    assert SENTENCE in response.content.decode()


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["page", "htmx"])
@pytest.mark.parametrize("name", ["predict", "what-if", "counterfactuals"])
def test_a_busy_server_answers_a_form_with_503(
    client: Client, viewer: User, linear: ModelVersion, settings: Settings, name: str, headers: dict[str, str]
) -> None:
    settings.PREDICTIONS_AT_ONCE = settings.PREDICTIONS_WAITING = 0
    client.force_login(viewer)

    response = client.post(url(name, "article"), ROW, headers=headers)

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert "The server is busy with other predictions" in response.content.decode()


@pytest.mark.parametrize("name", ["predict", "what-if", "counterfactuals"])
def test_an_archived_version_is_answered_with_409(
    client: Client, viewer: User, member: User, linear: ModelVersion, workspace: Workspace, name: str
) -> None:
    second = registry.register_linear(
        workspace=workspace, name="article", coefficients=[1, 1], intercept=0, by=member
    )
    registry.archive(model_version=second, by=member)
    client.force_login(viewer)

    response = client.post(url(name, "article"), {**ROW, "version": "2", "made_for": "2"})

    assert response.status_code == 409
    assert "archived" in response.content.decode()
