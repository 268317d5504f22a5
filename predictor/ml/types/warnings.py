"""Warnings of a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TrainingWarning:
    """Something doubtful that the run goes on with. `column` names the place, if there is one."""

    message: str
    column: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)
