"""Hyperparameters of a version as flat pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def flat(params: Any, prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Hyperparameters as flat pairs of name and value; a nested name is its path, such as "a › b"."""
    if isinstance(params, Mapping) and params:
        for name, value in params.items():
            yield from flat(value, f"{prefix} › {name}" if prefix else str(name))
    elif isinstance(params, list) and params and any(isinstance(each, Mapping) for each in params):
        for position, value in enumerate(params, start=1):
            yield from flat(value, f"{prefix} {position}".strip())
    elif prefix:
        yield prefix, params
