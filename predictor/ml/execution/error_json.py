"""Errors across a process border: from a child to the one who asked, as JSON."""

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
        "suggestion": getattr(error, "suggestion", ""),
    }


def error_from_json(data: Mapping[str, Any]) -> errors.MlwebError:
    """The same error again; an unknown kind becomes InvalidInput."""
    kind = getattr(errors, data["kind"], errors.InvalidInput)
    extra = {"suggestion": data["suggestion"]} if kind is errors.UnknownEncoding else {}
    problems = [errors.Problem(**each) for each in data.get("problems", ())]
    error: errors.MlwebError = kind(data["message"], problems=problems, limit=data.get("limit"), **extra)
    return error
