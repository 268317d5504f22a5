from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from django.test import Client

from predictor.models import RegisteredModel, Scope, User, Workspace
from predictor.services.accounts import tokens
from predictor.services.predictions import loaded_versions
from predictor.tests.web.served_versions import publish_served

HEADER = "Inference-Header-Content-Length"


@dataclass
class Wire:
    """A client of /serve/acme/ with a token."""

    token: str
    client: Client

    def get(self, path: str, **headers: str) -> Any:
        return self.client.get(f"/serve/acme/{path}", headers=self.headers(headers))

    def post(self, path: str, body: Any, content_type: str = "application/json", **headers: str) -> Any:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.generic(
            "POST", f"/serve/acme/{path}", raw, content_type, headers=self.headers(headers)
        )

    def headers(self, more: Mapping[str, str]) -> dict[str, str]:
        own = {"Authorization": f"Bearer {self.token}"}
        return {**own, **{name.replace("_", "-"): value for name, value in more.items()}}


@pytest.fixture
def token(member: User, workspace: Workspace) -> str:
    return tokens.create_token(user=member, workspace=workspace, name="t", scopes=[Scope.PREDICT]).plaintext


@pytest.fixture
def wire(token: str) -> Wire:
    return Wire(token, Client(raise_request_exception=False))


@pytest.fixture
def model(workspace: Workspace) -> RegisteredModel:
    """A binary classification model with columns of every role, version 1."""
    loaded_versions.forget_all()
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    publish_served(model)
    return model


def binary(inputs: Sequence[tuple[str, str, Sequence[Any]]], **more: Any) -> tuple[bytes, dict[str, str]]:
    """The body that tritonclient sends by default, and its header; each input is [N, 1]."""
    heads, raws = [], []
    for name, datatype, values in inputs:
        if datatype == "BYTES":
            raw = b"".join(struct.pack("<I", len(text)) + text for text in (str(v).encode() for v in values))
        else:
            raw = struct.pack(f"<{len(values)}{'q' if datatype == 'INT64' else 'd'}", *values)
        heads.append(
            {
                "name": name,
                "shape": [len(values), 1],
                "datatype": datatype,
                "parameters": {"binary_data_size": len(raw)},
            }
        )
        raws.append(raw)
    header = orjson.dumps({"inputs": heads, **more})
    return header + b"".join(raws), {HEADER.replace("-", "_"): str(len(header))}


def outputs_of(answer: Any) -> dict[str, list[Any]]:
    """The values of each output by name, decoded from JSON or raw bytes as a client does."""
    if not answer.headers.get(HEADER):
        return {each["name"]: each["data"] for each in answer.json()["outputs"]}
    length = int(answer.headers[HEADER])
    header, raw, found = orjson.loads(answer.content[:length]), answer.content[length:], {}
    for each in header["outputs"]:
        size = (each.get("parameters") or {}).get("binary_data_size")
        if size is None:
            found[each["name"]] = each["data"]
            continue
        part, raw = raw[:size], raw[size:]
        if each["datatype"] == "FP64":
            found[each["name"]] = list(struct.unpack(f"<{size // 8}d", part))
        else:
            texts = []
            while part:
                (n,) = struct.unpack_from("<I", part)
                texts.append(part[4 : 4 + n].decode())
                part = part[4 + n :]
            found[each["name"]] = texts
    return found
