from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from predictor.models import ModelVersion
from predictor.services.operations import idempotency
from predictor.tests.api.conftest import Caller, problem

DOCUMENT = json.loads(json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str))


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """The WSGI application, and the OpenAPI document without a login: it is read before there is a database."""
    if environ["PATH_INFO"] == "/document.json":
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(DOCUMENT).encode()]
    # Created for each request: its middleware reads folders that differ from test to test.
    response = get_wsgi_application()(environ, start_response)
    try:
        return list(response)
    finally:
        response.close()


@pytest.fixture
def _open_connection() -> Iterator[None]:
    """A request's end would close the connection that holds the test's transaction."""
    request_started.disconnect(close_old_connections)
    request_finished.disconnect(close_old_connections)
    yield
    request_started.connect(close_old_connections)
    request_finished.connect(close_old_connections)


@schemathesis.serializer("application/x-ndjson", "application/vnd.apache.parquet")
def _as_it_is(context: Any, value: Any) -> bytes:
    """The serializer of file bodies: the generated value is the file's content."""
    return value if isinstance(value, bytes) else str(value).encode()


SCHEMA = schemathesis.openapi.from_wsgi("/document.json", application)
KNOWN = {"workspace": "acme", "model": "article", "number": 1, "alias": "champion"}


@pytest.mark.usefixtures("_open_connection")
@SCHEMA.parametrize()
@settings(
    max_examples=4,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_makes_a_500_or_an_undocumented_status(
    case: schemathesis.Case, api: Caller, linear: ModelVersion
) -> None:
    # Existing names reach the views; random ones would all get 404.
    case.path_parameters = {
        name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()
    }

    response = case.call(headers=dict(api.headers))

    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )


def test_every_operation_documents_its_errors() -> None:
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            missing = {"404", "406", "429", "500"} - set(operation["responses"])
            assert not missing, (method, path, missing)


@pytest.mark.parametrize(
    "path",
    [
        "datasets",
        "training-runs",
        "models/{model}/predictions",
        "models/{model}/batches",
        "models/{model}/versions/{number}/thresholds",
    ],
)
def test_the_documented_key_is_what_the_server_takes(path: str) -> None:
    parameters = DOCUMENT["paths"][f"/api/v1/{{workspace}}/{path}"]["post"]["parameters"]
    (schema,) = (each["schema"] for each in parameters if each["name"] == "Idempotency-Key")

    assert set(schema) == {"type", "pattern"}
    for key in ("a", "order 17", "~" * 255, "", " ", " a", "a ", "é", "a\x7f", "a" * 256):
        is_taken = idempotency.KEY.fullmatch(key) is not None
        assert (re.search(schema["pattern"], key) is not None) is is_taken, key
        assert is_taken is (key in ("a", "order 17", "~" * 255))


def test_each_route_is_documented_once_and_without_its_slash() -> None:
    assert not [path for path in DOCUMENT["paths"] if path.endswith("/")]
    assert {"/predict", "/api/v1/health/ready", "/api/v1/{workspace}/models/{model}/predictions"} <= set(
        DOCUMENT["paths"]
    )


def test_the_document_is_openapi_3_1(api: Caller) -> None:
    response = api.get("/api/schema/")

    assert response.status_code == 200
    assert response.json()["openapi"].startswith("3.1")


def test_the_document_needs_authentication(anonymous: Caller, db: None) -> None:
    problem(anonymous.get("/api/schema"), 401)


def test_the_page_needs_a_signed_in_user(db: None) -> None:
    response: Any = Client().get("/api/docs/")

    assert response.status_code == 302
