"""Warnings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class WarningKind(StrEnum):
    """Kinds of warnings that pages and services treat in a special way."""

    LEAK = "leak"
    THRESHOLD = "threshold"


@dataclass(frozen=True)
class TrainingWarning:
    """Something doubtful that the run goes on with. `column` names the place, `kind` is set for special ones.

    Rows that were stored before warnings had a kind lack the key `kind`.
    """

    message: str
    column: str | None = None
    kind: WarningKind | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
