"""The same prediction as a caller would write it, in several languages and through several clients, ready to copy.

Every one of them is run by a test; those of Triton and MLflow with the real packages by `make conformance`.
"""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest

from ..ml.types.schema import FeatureField, Role, Signature
from ..models import ModelVersion, RegisteredModel

TOKEN = "YOUR_TOKEN"  # noqa: S105 (a placeholder)


@dataclass(frozen=True)
class Snippet:
    key: str
    title: str
    code: str


def snippets(request: HttpRequest, model: RegisteredModel, version: ModelVersion) -> list[Snippet]:
    """Calls with a typical row of the version."""
    url = predictions_url(request, model)
    server = request.build_absolute_uri("/").rstrip("/")
    workspace, row = model.workspace.slug, version.signature.typical_row()
    return [
        Snippet("curl", "curl", curl(url, row)),
        Snippet("client", "Python", client(server, workspace, model.slug, row)),
        Snippet("python", "Python, requests", python(url, row)),
        Snippet("javascript", "JavaScript", javascript(url, row)),
        Snippet("triton", "Triton", triton(server, workspace, model.slug, version.signature)),
        Snippet("mlflow", "MLflow", mlflow(server, workspace, model.slug, row)),
    ]


def predictions_url(request: HttpRequest, model: RegisteredModel) -> str:
    return request.build_absolute_uri(f"/api/v1/{model.workspace.slug}/models/{model.slug}/predictions")


def curl(url: str, row: Mapping[str, Any], which: str = "") -> str:
    body: dict[str, Any] = {"rows": [dict(row)]}
    if which:
        body["version"] = which
    return curl_of(url, body)


def curl_of(url: str, body: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            f"curl {shlex.quote(url)} \\",
            f'  -H "Authorization: Bearer {TOKEN}" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        ]
    )


def client(server: str, workspace: str, model: str, row: Mapping[str, Any]) -> str:
    """With `predictor_client/`."""
    return "\n".join(
        [
            "from mlweb_client import Client  # pip install ./predictor_client",
            "",
            _assigned("row", row),
            f'with Client({server!r}, token="{TOKEN}", workspace={workspace!r}) as api:',
            f"    answer = api.predict({model!r}, [row])",
            "print(answer[0].prediction)",
        ]
    )


def _assigned(name: str, value: Any) -> str:
    """An assignment in Python, over several lines where it is long."""
    shown = pprint.pformat(dict(value), sort_dicts=False, width=88)
    return f"{name} = " + shown.replace("\n", "\n" + " " * len(f"{name} = "))


def python(url: str, row: Mapping[str, Any]) -> str:
    return "\n".join(
        [
            "import requests",
            "",
            _assigned("row", row),
            "answer = requests.post(",
            f"    {url!r},",
            f'    headers={{"Authorization": "Bearer {TOKEN}"}},',
            '    json={"rows": [row]},',
            "    timeout=10,",
            ")",
            "answer.raise_for_status()",
            'print(answer.json()["predictions"][0]["prediction"])',
        ]
    )


def triton(server: str, workspace: str, model: str, signature: Signature) -> str:
    """With Triton's client: one tensor for each column."""
    address = urlsplit(server)
    secure = ", ssl=True" if address.scheme == "https" else ""
    base = f"{address.netloc}/serve/{workspace}"
    columns = {field.name: _tensor_of(field) for field in signature.fields}
    return "\n".join(
        [
            "import numpy as np",
            "import tritonclient.http as triton  # pip install tritonclient[http]",
            "",
            _assigned("columns", columns),
            'kinds = {"FP64": np.float64, "BOOL": np.bool_, "BYTES": np.object_}',
            "inputs = []",
            "for name, (kind, value) in columns.items():",
            "    tensor = triton.InferInput(name, [1, 1], kind)",
            "    tensor.set_data_from_numpy(np.array([[value]], kinds[kind]))",
            "    inputs.append(tensor)",
            f"server = triton.InferenceServerClient({base!r}{secure})",
            f'result = server.infer({model!r}, inputs, headers={{"Authorization": "Bearer {TOKEN}"}})',
            'answer = result.as_numpy("predict")[0]',
            "print(answer.decode() if isinstance(answer, bytes) else answer)",
        ]
    )


def _tensor_of(field: FeatureField) -> tuple[str, Any]:
    """Datatype and typical value. A column that never had a value gets the empty text, which is missing."""
    if field.typical is not None and field.role is Role.NUMERIC:
        return "FP64", field.typical
    if field.typical is not None and field.role is Role.BOOLEAN:
        return "BOOL", field.typical
    return "BYTES", "" if field.typical is None else str(field.typical)


def mlflow(server: str, workspace: str, model: str, row: Mapping[str, Any]) -> str:
    """With MLflow's scoring client, which builds `http://{host}:{port}` and knows no other scheme."""
    address = urlsplit(server)
    path = f"serve/{workspace}/models/{model}"
    lines = ["import pandas as pd  # pip install mlflow-skinny pandas scipy"]
    if address.scheme == "https":
        lines += [
            "import requests",
            "",
            _assigned("row", row),
            'body = {"dataframe_split": pd.DataFrame([row]).to_dict("split")}',
            f"url = {f'{server}/{path}/invocations'!r}",
            f'headers = {{"Authorization": "Bearer {TOKEN}"}}',
            'print(requests.post(url, json=body, headers=headers, timeout=10).json()["predictions"][0])',
        ]
        return "\n".join(lines)
    host, port = address.hostname or "", address.port or 80
    shown = f"[{host}]" if ":" in host else host
    lines += [
        "from mlflow.pyfunc.scoring_server.client import ScoringServerClient",
        "",
        _assigned("row", row),
        "# The client knows no headers: the token goes as a password, the path behind the port.",
        f"server = ScoringServerClient({f'token:{TOKEN}@{shown}'!r}, {f'{port}/{path}'!r})",
        'print(server.invoke(pd.DataFrame([row]))["predictions"][0])',
    ]
    return "\n".join(lines)


def javascript(url: str, row: Mapping[str, Any]) -> str:
    # In an object literal "__proto__" would set the prototype and not a key; in brackets it is a key.
    pairs = [
        f"  {'[' if name == '__proto__' else ''}{json.dumps(name, ensure_ascii=False)}"
        f"{']' if name == '__proto__' else ''}: {json.dumps(value, ensure_ascii=False)},"
        for name, value in row.items()
    ]
    return "\n".join(
        [
            "const row = {",
            *pairs,
            "};",
            f"const answer = await fetch({json.dumps(url)}, {{",
            '  method: "POST",',
            f'  headers: {{"Authorization": "Bearer {TOKEN}", "Content-Type": "application/json"}},',
            "  body: JSON.stringify({rows: [row]}),",
            "});",
            "if (!answer.ok) throw new Error(await answer.text());",
            "console.log((await answer.json()).predictions[0].prediction);",
        ]
    )
