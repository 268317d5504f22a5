"""Paths of the API below a workspace, and which calls accept an Idempotency-Key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from .answers import Batch
from .errors import MlwebClientError

CREATES = re.compile(r"/(actuals|datasets|training-runs|models/[^/]+/(batches|versions/[^/]+/thresholds))/?")
PREDICTS = re.compile(r"/models/[^/]+/predictions/?")


def creates(method: str, path: str) -> bool:
    """Whether the call creates a resource that must not be created twice."""
    return method == "POST" and CREATES.fullmatch(path.partition("?")[0]) is not None


def heeds_key(method: str, path: str) -> bool:
    """Whether the server accepts an Idempotency-Key: a retry with the same key gets the first response."""
    predicts = method == "POST" and PREDICTS.fullmatch(path.partition("?")[0]) is not None
    return predicts or creates(method, path)


def slug(model: str) -> str:
    if not model:
        raise MlwebClientError("A model has a name: its slug, as in its address.")
    return quote(model, safe="")


def batch_path(batch: Batch) -> str:
    return f"/models/{slug(batch.registered_model)}/batches/{batch.id}"


def query_of(fields: Mapping[str, Any]) -> str:
    given = {name: value for name, value in fields.items() if value is not None}
    return f"?{urlencode(given)}" if given else ""
