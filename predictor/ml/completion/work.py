"""The work of one completion: the request of the run, the parts to compute, the report, the files of the version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import MlwebError
from ..execution.progress import Reporter
from ..types.left_out import Part
from ..types.training_request import TrainingRequest


class CannotComplete(MlwebError):
    """A part that cannot be computed for this version, now or later; the message is the reason, a sentence."""


class QuietReporter(Reporter):
    """Collects warnings and tells nothing: those of the run are stored already."""

    def emit(self, event: str, **details: Any) -> None:
        pass


@dataclass(frozen=True)
class Work:
    """What a completion needs. `files`: paths of the version's stored files by name; `leaderboard`: that of the run."""

    request: TrainingRequest
    parts: tuple[Part, ...]
    report: Mapping[str, Any]
    files: Mapping[str, Path]
    digests: Mapping[str, str]
    leaderboard: Sequence[Mapping[str, Any]] = ()
    threshold: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "request": self.request.to_json(),
            "parts": [each.value for each in self.parts],
            "report": dict(self.report),
            "files": {name: str(path) for name, path in self.files.items()},
            "digests": dict(self.digests),
            "leaderboard": list(self.leaderboard),
            "threshold": self.threshold,
        }

    @classmethod
    def read(cls, path: Path) -> Work:
        """Raises OSError, ValueError, KeyError, TypeError or InvalidTrainingRequest for a damaged file."""
        data = json.loads(path.read_text("utf-8"))
        return cls(
            request=TrainingRequest.from_json(data["request"]),
            # In the order of the enumeration: curves are ordered by the importance.
            parts=tuple(part for part in Part if part.value in data["parts"]),
            report=data["report"],
            files={name: Path(file) for name, file in data["files"].items()},
            digests=data["digests"],
            leaderboard=data["leaderboard"],
            threshold=data["threshold"],
        )
