from __future__ import annotations

import json
import re
from html import unescape

import pytest
import yaml
from django.test import Client

from predictor.api.reference import Reference, reference
from predictor.models import User

DOCUMENT = {
    "info": {"title": "t", "version": "1"},
    "paths": {
        "/things/{id}": {
            "post": {
                "operationId": "api_v1_things_create",
                "tags": ["things"],
                "description": "Make a thing. It stays.",
                "security": [{"apiToken": []}],
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}],
                "requestBody": {
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}
                },
                "responses": {
                    "201": {
                        "description": "Made",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
                    },
                    "404": {
                        "description": "Not here",
                        "content": {"application/problem+json": {"schema": {}}},
                    },
                },
            }
        }
    },
    "components": {
        "schemas": {
            "Thing": {
                "type": "object",
                "required": ["name", "parts"],
                "properties": {
                    "id": {"type": "integer", "readOnly": True},
                    "name": {"type": "string", "maxLength": 9, "description": "Of your choice."},
                    "size": {"type": "number", "minimum": 1, "maximum": 5, "example": 2.5},
                    "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}},
                },
            }
        }
    },
}


def test_an_operation_says_what_it_takes_and_answers() -> None:
    found = Reference(DOCUMENT)
    (part,) = found.parts
    (operation,) = part.operations

    assert (part.title, operation.key, operation.title) == ("things", "things-create", "Make a thing")
    assert [(each.name, each.place, each.is_required) for each in operation.parameters] == [
        ("id", "path", True)
    ]
    fields = {each.name: each for each in operation.bodies[0].fields}
    assert fields["name"].kind == "string, at most 9 characters"
    assert fields["size"].kind == "number, 1 to 5"
    assert (fields["parts"].kind, fields["parts"].schema) == ("list of Thing", "Thing")
    assert [(each.status, each.contents[0].schema) for each in operation.answers] == [("201", "Thing")]
    assert operation.refusals == [("404", "Not here")]


def test_calls_to_copy_hold_an_example_and_the_token(db: None) -> None:
    operation = Reference(DOCUMENT).parts[0].operations[0]

    assert operation.example["name"] == "text"
    assert operation.example["size"] == 2.5
    assert "id" not in operation.example
    assert "curl -X POST http://here/things/1" in operation.curl("http://here")
    assert "Authorization: Bearer YOUR_TOKEN" in operation.curl("http://here")
    compile(operation.python("http://here"), "snippet", "exec")


def test_every_python_call_of_the_api_is_python() -> None:
    for part in reference().parts:
        for operation in part.operations:
            compile(operation.python("http://here"), operation.key, "exec")
            assert "YOUR_TOKEN" in operation.curl("http://here") or not operation.needs_token


@pytest.fixture
def page(client: Client, member: User) -> Client:
    client.force_login(member)
    return client


def test_the_page_shows_every_operation_once_with_an_anchor(page: Client) -> None:
    response = page.get("/api/docs/")
    body = response.content.decode()
    document = reference().document

    assert response.status_code == 200
    n_operations = sum(
        method in each
        for each in document["paths"].values()
        for method in ("get", "post", "put", "patch", "delete")
    )
    assert body.count('class="api-method') == n_operations
    anchors = re.findall(r' id="([^"]+)"', body)
    assert len(anchors) == len(set(anchors))
    links = {unescape(each) for each in re.findall(r'href="#([^"]+)"', body)}
    assert links <= {*anchors}
    for path in document["paths"]:
        assert f"<code>{path}</code>" in body


def test_the_page_holds_nothing_inline_and_nothing_from_elsewhere(page: Client) -> None:
    response = page.get("/api/docs")
    body = response.content.decode()

    assert "unsafe" not in response["Content-Security-Policy"]
    assert "<style" not in body
    assert " style=" not in body
    assert all("src=" in tag for tag in body.split("<script")[1:])
    assert not re.findall(r'(?:src|href)="https?://', body)


def test_calls_are_searched_without_scripts(page: Client) -> None:
    found = page.get("/api/docs/", {"q": "counterfactuals"}).content.decode()

    assert found.count('class="api-method') == 1
    assert "/api/v1/{workspace}/models/{model}/counterfactuals" in found
    assert "No call is like that" in page.get("/api/docs/", {"q": "<b>nothing"}).content.decode()
    assert "<b>nothing" not in page.get("/api/docs/", {"q": "<b>nothing"}).content.decode()


def test_the_document_is_downloaded_as_json_and_yaml(page: Client) -> None:
    as_json = page.get("/api/docs", {"format": "json"})
    as_yaml = page.get("/api/docs", {"format": "yaml"})

    assert json.loads(as_json.content) == yaml.safe_load(as_yaml.content)
    assert json.loads(as_json.content)["openapi"].startswith("3.1")
    assert 'filename="openapi.yaml"' in as_yaml["Content-Disposition"]
