"""As much of MLflow's scoring client as the snippet uses, with what the real one sends.

`make conformance` runs the snippet with the real one.
"""

from __future__ import annotations

import json
from typing import Any

import requests


class ScoringServerClient:
    def __init__(self, host: str, port: str):
        self.url_prefix = f"http://{host}:{port}"

    def invoke(self, data: Any) -> Any:
        body = json.dumps({"dataframe_split": data.to_dict(orient="split")}, default=str)
        headers = {"Content-Type": "application/json"}
        answer = requests.post(f"{self.url_prefix}/invocations", data=body, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()
