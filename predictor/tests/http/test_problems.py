from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, UnreadablePostError
from django.test import RequestFactory
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response

from predictor import errors
from predictor.http import problems
from predictor.http.problems import as_problem, exception_handler, problem


def handled(error: Exception, request: Any = None) -> Response:
    return exception_handler(error, {"request": request})


def request_of(method: str) -> Request:
    django_request = getattr(RequestFactory(), method)("/x")
    django_request.request_id = "r-7"
    return Request(django_request)


# --- The document --------------------------------------------------------------------------------------------
def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    response = problem(409, "It is archived.", kind="not-servable", limit=3, headers={"X-A": "b"}, more=1)

    assert response.data == {
        "type": "urn:mlweb:problem:not-servable",
        "title": "Conflict",
        "status": 409,
        "detail": "It is archived.",
        "errors": [],
        "limit": 3,
        "request_id": "",
        "more": 1,
    }
    assert (response.status_code, response["X-A"]) == (409, "b")
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("status", "title", "name"),
    [(404, "Not Found", "not-found"), (503, "Service Unavailable", "service-unavailable")],
)
def test_without_a_kind_the_status_names_the_type(status: int, title: str, name: str) -> None:
    data = problem(status, "x").data

    assert (data["title"], data["type"]) == (title, f"urn:mlweb:problem:{name}")


def test_outside_of_a_view_the_same_document_is_sent() -> None:
    request = HttpRequest()
    request.request_id = "r-7"  # type: ignore[attr-defined]

    response = as_problem(errors.Busy("Größe: busy.", retry_seconds=3), request)

    assert response.status_code == 503
    assert (response["Content-Type"], response["Retry-After"]) == ("application/problem+json", "3")
    document = json.loads(response.content)
    assert (document["detail"], document["request_id"]) == ("Größe: busy.", "r-7")
    assert "Größe".encode() in response.content


# --- Our own errors ------------------------------------------------------------------------------------------
TYPES = {
    "Busy": "busy",
    "Conflict": "conflict",
    "DamagedArtifact": "damaged-artifact",
    "CallerLeft": "caller-left",
    "Forbidden": "forbidden",
    "InfiniteNumbers": "invalid-table",
    "InvalidHyperparameters": "invalid-hyperparameters",
    "LosesCells": "loses-cells",
    "InvalidInput": "invalid-input",
    "InvalidRows": "invalid-rows",
    "InvalidTable": "invalid-table",
    "InvalidThreshold": "invalid-threshold",
    "InvalidTrainingRequest": "invalid-training-request",
    "KeyReused": "key-reused",
    "MlwebError": "mlweb-error",
    "NotAuthenticated": "not-authenticated",
    "NotFound": "not-found",
    "Gone": "gone",
    "NotLogged": "not-logged",
    "NotServable": "not-servable",
    "OverQuota": "over-quota",
    "RaggedRows": "ragged-rows",
    "RateLimited": "rate-limited",
    "RequestUnderWay": "request-under-way",
    "StrictRows": "strict-rows",
    "TookTooLong": "took-too-long",
    "TooLarge": "too-large",
    "TrainingFailed": "training-failed",
    "TryLater": "try-later",
    "UnknownEncoding": "unknown-encoding",
    "UnsupportedContent": "unsupported-content",
}


def test_each_error_keeps_the_type_that_clients_know() -> None:
    kinds = {
        name: kind for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.MlwebError)
    }  # fmt: skip
    types = {}
    for name, kind in kinds.items():
        more = {"retry_seconds": 1} if issubclass(kind, errors.TryLater) else {}
        document = exception_handler(kind("A sentence.", **more), {}).data
        types[name] = document["type"].removeprefix("urn:mlweb:problem:")
    assert types == TYPES


def test_an_error_brings_its_places_and_its_limit() -> None:
    places = [errors.Problem("Too big.", "/rows/1/x"), errors.Problem("Wrong.")]

    data = handled(errors.InvalidRows("x", problems=places, limit=2.5)).data

    assert data["errors"] == [
        {"detail": "Too big.", "pointer": "/rows/1/x"},
        {"detail": "Wrong.", "pointer": ""},
    ]
    assert data["limit"] == 2.5
    assert "suggestion" not in data


@pytest.mark.parametrize("suggestion", ["cp1252", ""])
def test_an_unknown_encoding_suggests_another_one(suggestion: str) -> None:
    assert handled(errors.UnknownEncoding("x", suggestion=suggestion)).data["suggestion"] == suggestion


def test_nothing_found_and_nothing_visible_have_one_sentence() -> None:
    found = {
        handled(error).data["detail"]
        for error in (errors.NotFound(""), Http404("No Dataset matches"), exceptions.NotFound("x"))
    }

    assert found == {problems.NOT_FOUND}
    assert handled(errors.NotFound("There is no model “x”.")).data["detail"] == "There is no model “x”."


# --- Errors of Django and the database -----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (PermissionDenied("secret"), 403, "You may not do this."),
        (RequestDataTooBig("secret"), 413, "The body is larger than this URL accepts."),
        (TooManyFieldsSent("secret"), 400, problems.UNREADABLE),
        (SuspiciousOperation("secret"), 400, problems.UNREADABLE),
        (BadRequest("secret"), 400, problems.UNREADABLE),
        (UnreadablePostError("secret"), 400, problems.UNREADABLE),
    ],
)
def test_an_error_of_django_shows_our_sentence(error: Exception, status: int, detail: str) -> None:
    data = handled(error).data

    assert (data["status"], data["detail"]) == (status, detail)


@pytest.mark.parametrize("error", [OperationalError("database is locked"), InterfaceError("closed")])
def test_a_database_that_does_not_answer_asks_to_try_again(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = handled(error)

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response.data["detail"] == problems.BUSY
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("error", [RuntimeError("a secret path"), IntegrityError("UNIQUE failed: secret")])
def test_an_unexpected_error_is_logged_and_says_nothing_of_itself(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    response = handled(error, request_of("get"))

    assert (response.status_code, response.data["detail"]) == (500, problems.OUR_FAULT)
    assert "secret" not in json.dumps(response.data)
    assert f"request r-7: {type(error).__name__}" in caplog.text
    assert str(error) in caplog.text


# --- Errors of the framework ---------------------------------------------------------------------------------
def test_headers_of_the_framework_are_kept() -> None:
    anonymous = exceptions.NotAuthenticated()
    anonymous.auth_header = 'Bearer realm="api"'  # type: ignore[attr-defined]

    assert handled(anonymous)["WWW-Authenticate"] == 'Bearer realm="api"'
    assert handled(exceptions.Throttled(wait=2.4))["Retry-After"] == "3"


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (exceptions.MethodNotAllowed("PUT"), 405, 'Method "PUT" not allowed.'),
        (exceptions.UnsupportedMediaType("a/b", detail="Send JSON."), 415, "Send JSON."),
        (exceptions.APIException({"detail": "Nested.", "x": "y"}), 500, "Nested."),
        (exceptions.APIException(["One.", "Two."]), 500, "One. Two."),
    ],
)
def test_an_error_of_the_framework_keeps_its_sentence(
    error: exceptions.APIException, status: int, detail: str
) -> None:
    data = handled(error).data

    assert (data["status"], data["detail"]) == (status, detail)


VALIDATION = {
    "name": ["Too long.", "Not printable."],
    "rows": [{"a/b~c": ["Wrong."]}, {}, {"non_field_errors": ["Empty."]}],
    "non_field_errors": ["Choose one."],
}


def test_each_leaf_of_a_validation_error_gets_its_json_pointer() -> None:
    data = handled(exceptions.ValidationError(VALIDATION), request_of("post")).data

    assert data["type"] == "urn:mlweb:problem:invalid-input"
    assert [(each["pointer"], each["detail"]) for each in data["errors"]] == [
        ("/name", "Too long."),
        ("/name", "Not printable."),
        ("/rows/0/a~1b~0c", "Wrong."),
        ("/rows/2", "Empty."),
        ("", "Choose one."),
    ]
    assert data["detail"] == (
        "name: Too long. name: Not printable. rows/0/a~1b~0c: Wrong. rows/2: Empty. Choose one."
    )


@pytest.mark.parametrize(("method", "pointer"), [("get", "?page"), ("delete", "?page"), ("post", "/page")])
def test_a_parameter_of_the_query_is_marked_as_one(method: str, pointer: str) -> None:
    data = handled(exceptions.ValidationError({"page": ["Not a number."]}), request_of(method)).data

    assert data["errors"] == [{"detail": "Not a number.", "pointer": pointer}]
    assert data["detail"] == "page: Not a number."


@pytest.mark.parametrize("detail", ["Wrong.", ["Wrong."]])
def test_a_validation_error_of_the_whole_has_no_pointer(detail: Any) -> None:
    data = handled(exceptions.ValidationError(detail), request_of("post")).data

    assert (data["errors"], data["detail"]) == ([{"detail": "Wrong.", "pointer": ""}], "Wrong.")


def test_a_sentence_for_each_of_the_first_five_places() -> None:
    data = handled(exceptions.ValidationError({f"f{number}": ["Bad."] for number in range(9)})).data

    assert len(data["errors"]) == 9
    assert data["detail"].split(" Bad.")[:-1] == ["f0:", " f1:", " f2:", " f3:", " f4:"]


NAMES = st.text(st.sampled_from("ab/~01é "), min_size=1, max_size=4)
TREES = st.recursive(
    st.just(["Wrong."]),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, min_size=1, max_size=3),
        st.lists(st.dictionaries(NAMES, inner, max_size=2), min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def resolved(document: Any, pointer: str) -> Any:
    """RFC 6901, section 4: ~1 is a slash and ~0, decoded after it, a tilde."""
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        document = document[int(name)] if isinstance(document, list) else document[name]
    return document


@hypothesis_settings(max_examples=50, deadline=None)
@given(tree=st.dictionaries(NAMES, TREES, min_size=1, max_size=3))
def test_a_pointer_resolves_to_its_place(tree: dict[str, Any]) -> None:
    places = handled(exceptions.ValidationError(tree), request_of("post")).data["errors"]

    assert all(resolved(tree, each["pointer"]) == ["Wrong."] for each in places)
    assert len({each["pointer"] for each in places}) == len(places) == json.dumps(tree).count("Wrong.")
