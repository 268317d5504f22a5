"""Serialization of errors as JSON, to pass them from a child process to its parent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from predictor import errors


def error_to_json(error: errors.MlwebError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": error.message,
        "problems": [{"detail": each.detail, "pointer": each.pointer} for each in error.problems],
        "limit": error.limit,
        "field": error.field,
        "suggestion": getattr(error, "suggestion", ""),
        "option": getattr(error, "option", ""),
        "value": getattr(error, "value", ""),
    }


def error_from_json(data: Mapping[str, Any]) -> errors.MlwebError:
    """Rebuild the error; an unknown kind becomes InvalidInput."""
    kind = getattr(errors, data["kind"], errors.InvalidInput)
    extra = {"suggestion": data["suggestion"]} if kind is errors.UnknownEncoding else {}
    if kind is errors.RaggedRows:
        extra = {name: data[name] for name in ("option", "value") if name in data}
    problems = [errors.Problem(**each) for each in data.get("problems", ())]
    error: errors.MlwebError = kind(
        data["message"], problems=problems, limit=data.get("limit"), field=data.get("field", ""), **extra
    )
    return error
