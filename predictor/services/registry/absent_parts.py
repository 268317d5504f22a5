"""Parts of a version's report that its training run left out, and what becomes of each, in words.

Each part is computed already, will be computed, can be computed, or cannot be. Nothing else is claimed: of what an
older report does not tell, there is no line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from ...errors import quoted_list
from ...ml.types.left_out import LeftOut, Part, left_out_of
from ...models import Completion, JobStatus, ModelVersion


class PartState(StrEnum):
    """What becomes of a part that was left out."""

    COMPUTED = "computed"
    QUEUED = "queued"
    RUNNING = "running"
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True)
class AbsentPart:
    """A part that was left out: which, why, and a sentence on what becomes of it."""

    part: Part
    left_out: str
    names: tuple[str, ...]
    state: PartState
    sentence: str

    @property
    def title(self) -> str:
        """The name of the part, with the columns, baselines or methods that it lacks."""
        return f"{self.part.label} ({quoted_list(self.names)})" if self.names else self.part.label


def absent_parts(version: ModelVersion) -> list[AbsentPart]:
    """Every part that the run of this version left out. Load `completion` and `dataset` before, to save queries."""
    report = version.evaluation if isinstance(version.evaluation, dict) else {}
    completion = completion_of(version)
    return [_absent(version, completion, each) for each in left_out_of(report)]


def completion_of(version: ModelVersion) -> Completion | None:
    """The completion of the version whose estimators this one has."""
    return getattr(version.trained, "completion", None)


def parts_to_compute(version: ModelVersion) -> list[Part]:
    """The parts that a completion of this version has to compute, waiting ones included."""
    to_do = (PartState.POSSIBLE, PartState.QUEUED, PartState.RUNNING)
    return [each.part for each in absent_parts(version) if each.state in to_do]


def computed_on(parts: Sequence[AbsentPart], completion: Completion | None) -> str:
    """When the parts that were computed later were, as a date; "" when none was."""
    if completion is None or not any(each.state is PartState.COMPUTED for each in parts):
        return ""
    last = max(str(each) for each in completion.computed.values())
    at = datetime.fromisoformat(last).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def _absent(version: ModelVersion, completion: Completion | None, part: LeftOut) -> AbsentPart:
    state, sentence = _state(version, completion, part.part)
    return AbsentPart(part.part, part.reason, part.names, state, sentence)


def _state(version: ModelVersion, completion: Completion | None, part: Part) -> tuple[PartState, str]:
    if version.made_from is not None and part.depends_on_threshold:
        return (
            PartState.IMPOSSIBLE,
            "It cannot be computed for this version, which shares its estimators with version "
            f"{version.made_from.number} and has another threshold; look at that version.",
        )
    if completion is not None and part.value in completion.computed:
        return PartState.COMPUTED, "It was computed later."
    if version.trained.training_run_id is None:
        return PartState.IMPOSSIBLE, "It cannot be computed: this version has no training run."
    if version.dataset is None or not version.dataset.has_data:
        return (
            PartState.IMPOSSIBLE,
            "It cannot be computed: the data that the version was trained on were deleted.",
        )
    if completion is None:
        return PartState.POSSIBLE, "It can be computed."
    if part.value in completion.refusals:
        return PartState.IMPOSSIBLE, f"It cannot be computed. {completion.refusals[part.value]}"
    if part.value in completion.parts and not completion.is_final:
        return _waiting(completion)
    if completion.status == JobStatus.FAILED:
        return PartState.POSSIBLE, f"It can be computed; the last attempt failed: {completion.error}"
    if completion.status == JobStatus.CANCELLED:
        return PartState.POSSIBLE, "It can be computed; the last attempt was stopped."
    return PartState.POSSIBLE, "It can be computed."


def _waiting(completion: Completion) -> tuple[PartState, str]:
    if completion.status == JobStatus.RUNNING:
        return PartState.RUNNING, "It is being computed."
    return PartState.QUEUED, "It will be computed as soon as no training run and no batch waits or runs."
