"""The same prediction as a caller would write it: curl, Python, JavaScript, ready to copy."""

from __future__ import annotations

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

from ..models import ModelVersion, RegisteredModel
from .prediction_forms import typical_row

TOKEN = "YOUR_TOKEN"  # noqa: S105 (a placeholder)


@dataclass(frozen=True)
class Snippet:
    key: str
    title: str
    code: str


def snippets(request: HttpRequest, model: RegisteredModel, version: ModelVersion) -> list[Snippet]:
    """Calls with a typical row of the version."""
    url = predictions_url(request, model)
    row = typical_row(version.signature)
    return [
        Snippet("curl", "curl", curl(url, row)),
        Snippet("python", "Python", python(url, row)),
        Snippet("javascript", "JavaScript", javascript(url, row)),
    ]


def predictions_url(request: HttpRequest, model: RegisteredModel) -> str:
    return request.build_absolute_uri(f"/api/v1/{model.workspace.slug}/models/{model.slug}/predictions")


def curl(url: str, row: Mapping[str, Any], which: str = "") -> str:
    body: dict[str, Any] = {"rows": [dict(row)]}
    if which:
        body["version"] = which
    return "\n".join(
        [
            f"curl {shlex.quote(url)} \\",
            f'  -H "Authorization: Bearer {TOKEN}" \\',
            '  -H "Content-Type: application/json" \\',
            f"  -d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
        ]
    )


def python(url: str, row: Mapping[str, Any]) -> str:
    shown = pprint.pformat(dict(row), sort_dicts=False, width=88)
    return "\n".join(
        [
            "import requests",
            "",
            "row = " + shown.replace("\n", "\n      "),
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
