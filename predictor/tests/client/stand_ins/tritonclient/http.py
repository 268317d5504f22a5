"""As much of Triton's client as the snippet uses, with the bytes that the real one sends by default.

`make conformance` runs the snippet with the real one.
"""

from __future__ import annotations

import json
import struct
import urllib.request
from typing import Any

import numpy as np

HEADER = "Inference-Header-Content-Length"


class InferInput:
    def __init__(self, name: str, shape: list[int], datatype: str):
        self.head: dict[str, Any] = {"name": name, "shape": shape, "datatype": datatype}

    def set_data_from_numpy(self, values: np.ndarray) -> None:
        if self.head["datatype"] == "BYTES":
            texts = [str(each).encode() for each in values.ravel()]
            self.raw = b"".join(struct.pack("<I", len(text)) + text for text in texts)
        else:
            self.raw = values.tobytes()
        self.head["parameters"] = {"binary_data_size": len(self.raw)}


class InferResult:
    def __init__(self, header: dict[str, Any], raw: bytes):
        self._found: dict[str, Any] = {}
        for each in header["outputs"]:
            if "data" in each:
                self._found[each["name"]] = each["data"]
                continue
            size = each["parameters"]["binary_data_size"]
            part, raw = raw[:size], raw[size:]
            is_text = each["datatype"] == "BYTES"
            self._found[each["name"]] = [part[4:]] if is_text else np.frombuffer(part, "<f8").tolist()

    def as_numpy(self, name: str) -> Any:
        return self._found[name]


class InferenceServerClient:
    def __init__(self, url: str):
        self._base = f"http://{url}"

    def infer(self, model: str, inputs: list[InferInput], headers: dict[str, str]) -> InferResult:
        heads = {
            "inputs": [each.head for each in inputs],
            "parameters": {"binary_data_output": True},
        }
        head = json.dumps(heads, separators=(",", ":")).encode()
        request = urllib.request.Request(
            f"{self._base}/v2/models/{model}/infer",
            head + b"".join(each.raw for each in inputs),
            {**headers, HEADER: str(len(head)), "Content-Type": "application/octet-stream"},
        )
        with urllib.request.urlopen(request) as answer:
            content, length = answer.read(), answer.headers.get(HEADER)
        n_json = int(length) if length else len(content)
        return InferResult(json.loads(content[:n_json]), content[n_json:])
