"""Fast path: predictions with a token skip most middleware and the framework; the responses stay the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest
from django.test import Client, RequestFactory

from mlweb import fast_path
from predictor.api.predictions import fast_predictions
from predictor.models import ModelVersion, Scope, User, Workspace
from predictor.services import artifacts
from predictor.tests.api.conftest import Caller, problem

PATH = "models/article/predictions"
ROWS = {"rows": [{"x1": 1, "x2": 2}]}


@pytest.mark.parametrize(
    ("path", "headers", "is_taken"),
    [
        ("/api/v1/acme/models/m/predictions", {"Authorization": "Bearer x"}, True),
        ("/api/v1/acme/models/m/predictions/", {"Authorization": "bearer x", "Cookie": "a=b"}, True),
        ("/api/v1/acme/models/m/predictions", {}, True),
        ("/api/v1/acme/models/m/predictions", {"Cookie": "sessionid=x"}, False),
        ("/api/v1/acme/models/m/predictions", {"Authorization": "Basic x", "Cookie": "a=b"}, False),
        ("/predict", {"Authorization": "Bearer x"}, True),
        ("/serve/acme/v2/models/m/infer", {"Authorization": "Bearer x"}, True),
        ("/api/v1/acme/predictions", {"Authorization": "Bearer x"}, False),
        ("/w/acme/models/m/predict/", {"Authorization": "Bearer x"}, False),
    ],
)
def test_it_takes_predictions_that_need_no_session(
    path: str, headers: dict[str, str], is_taken: bool
) -> None:
    request: HttpRequest = RequestFactory().post(path, headers=headers)

    assert fast_path.takes_fast_path(request.META) is is_taken


@pytest.mark.parametrize(
    "environ",
    [
        {"PATH_INFO": "/serve/acme/v2/models/é/infer"},
        {"PATH_INFO": "/serve/acme/a\nb"},
        {"PATH_INFO": "/serve/acme/a%0Ab"},
        {"PATH_INFO": "/serve/acme/\0"},
        {"PATH_INFO": "/predict", "SCRIPT_NAME": "/below"},
        {"PATH_INFO": "/predict/predict"},
        {"PATH_INFO": "//predict"},
        {"PATH_INFO": ""},
        {},
    ],
)
def test_it_takes_no_path_that_needs_more_than_a_look_up(environ: dict[str, str]) -> None:
    assert not fast_path.takes_fast_path({"HTTP_AUTHORIZATION": "Bearer x", **environ})


def test_a_session_takes_all_middleware_and_needs_a_csrf_token(linear: ModelVersion, member: User) -> None:
    browser = Client(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(member)
    path = f"/api/v1/acme/{PATH}"

    problem(browser.post(path, ROWS, content_type="application/json"), 403)
    browser.get("/accounts/password/change/")
    token = browser.cookies["csrftoken"].value
    good = browser.post(path, ROWS, content_type="application/json", headers={"X-CSRFToken": token})

    assert good.status_code == 200, good.content


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*;q=0.8, text/html"])
def test_json_is_given_to_whoever_accepts_it(api: Caller, linear: ModelVersion, accept: str) -> None:
    response = api.client.post(
        api.path(PATH), ROWS, content_type="application/json", headers={**api.headers, "Accept": accept}
    )

    assert (response.status_code, response["Content-Type"]) == (200, "application/json")


def test_a_request_that_accepts_no_json_is_406(api: Caller, linear: ModelVersion) -> None:
    headers = {**api.headers, "Accept": "image/png"}

    problem(api.client.post(api.path(PATH), ROWS, content_type="application/json", headers=headers), 406)


def test_answers_have_the_security_headers_and_the_host_is_checked(api: Caller, linear: ModelVersion) -> None:
    response = api.post(PATH, ROWS)

    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Length"] == str(len(response.content))
    assert len(response["X-Request-ID"]) == 32
    assert api.client.post(api.path(PATH), headers={**api.headers, "Host": "evil.example"}).status_code == 400


PROGRAM = """
import json, sys
from pathlib import Path
from predictor.ml.inference import loading
from predictor.ml.inputs import row_checker
from predictor.ml.types.schema import Signature
files, signature = json.loads(sys.argv[1]), Signature.from_json(json.loads(sys.argv[2]))
predictor = loading.load_predictor({name: Path(path) for name, path in files.items()}, signature)
checked = row_checker.RowChecker(signature).check([{"x1": 1, "x2": 2}])
heavy = ("sklearn", "scipy", "pandas", "onnx", "skops", "matplotlib", "pyarrow")
print(predictor.predict(checked.columns).values[0], sorted(set(heavy) & set(sys.modules)))
"""


def test_a_web_worker_imports_no_scikit_learn_to_serve(linear: ModelVersion, tmp_path: Path) -> None:
    files = {name: str(artifacts.path_of(entry["digest"])) for name, entry in linear.artifacts.items()}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(files), json.dumps(linear.signature_json)],
        env={"MLWEB_DATA_DIR": str(tmp_path / "other"), "DJANGO_SETTINGS_MODULE": "mlweb.settings"},
        cwd=settings.BASE_DIR, capture_output=True, text=True, check=False,
    )  # fmt: skip

    answer, _, imported = done.stdout.partition(" ")
    assert (round(float(answer), 6), imported) == (-0.4, "[]\n"), done.stderr


# --- The common request, answered without the framework -------------------------------------------------------
SENT: dict[str, tuple[str, str, dict[str, str]]] = {
    "a row": ("article", '{"rows": [{"x1": 1, "x2": 2}]}', {}),
    "a doubtful row": ("article", '{"rows": [{"x1": 1, "x2": null, "more": 1}]}', {}),
    "columns and data": ("article", '{"columns": ["x1", "x2"], "data": [[1, 2], [3, 4]], "version": 1}', {}),
    "strict": ("article", '{"rows": [{"x1": 1, "x2": 2, "more": 1}], "strict": true}', {}),
    "an unknown name": ("article", '{"row": []}', {}),
    "a wrong value": ("article", '{"rows": [{"x1": "one", "x2": 2}]}', {}),
    "no JSON": ("article", "{", {}),
    "no version": ("article", '{"rows": [{"x1": 1, "x2": 2}], "version": 9}', {}),
    "nearest rows": ("article", '{"rows": [{"x1": 1, "x2": 2}], "nearest": 2}', {}),
    "no model": ("absent", '{"rows": [{"x1": 1, "x2": 2}]}', {}),
    "a wrong token": ("article", '{"rows": [{"x1": 1, "x2": 2}]}', {"Authorization": "Bearer mlw_wrong"}),
    "no token": ("article", '{"rows": [{"x1": 1, "x2": 2}]}', {"Authorization": ""}),
}
OF_EACH_ANSWER = ("id", "request_id", "latency_ms")


@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("scope", [Scope.PREDICT, Scope.READ])
def test_a_plain_request_gets_the_same_answer_as_through_the_framework(
    call_as: Any,
    member: User,
    workspace: Workspace,
    linear: ModelVersion,
    monkeypatch: Any,
    sent: str,
    scope: Scope,
) -> None:
    # The test's own connection holds its transaction.
    monkeypatch.setattr(fast_path, "close_old_connections", lambda: None)
    model, body, headers = SENT[sent]
    caller: Caller = call_as(member, workspace, scope)
    path = f"/api/v1/acme/models/{model}/predictions"
    answers = []
    for accept in ("application/json", "application/json, text/html;q=0.1"):
        environ = caller.client._base_environ(
            PATH_INFO=path, REQUEST_METHOD="POST", CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(body)),
            HTTP_AUTHORIZATION=headers.get("Authorization", caller.headers["Authorization"]), HTTP_ACCEPT=accept,
        )  # fmt: skip
        environ["wsgi.input"] = io.BytesIO(body.encode())
        assert fast_predictions.is_plain(WSGIRequest(environ)) is (accept == "application/json")
        answers.append(_response_to(environ))

    assert answers[0] == answers[1]


def test_a_token_of_another_workspace_gets_404_on_a_plain_request(
    outsider: Caller, linear: ModelVersion
) -> None:
    path = "/api/v1/acme/models/article/predictions"
    plain = outsider.client.post(path, ROWS, content_type="application/json", headers=outsider.headers)

    problem(plain, 404)


def _response_to(environ: dict[str, Any]) -> Any:
    """Status, headers and body of the response, without the values that differ in every response."""
    started: list[Any] = []
    application = fast_path.FastPathHandler()
    body = b"".join(application(environ, lambda status, headers: started.extend((status, dict(headers)))))
    status, headers = started
    assert headers.pop("Content-Length") == str(len(body))
    assert len(headers.pop("X-Request-ID")) == 32
    for name in ("X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy"):
        assert headers[name]
    document = json.loads(body)
    for each in (document, *document.get("predictions", ())):
        for name in OF_EACH_ANSWER:
            each.pop(name, None)
    return status, headers, document
