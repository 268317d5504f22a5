"""Another threshold for a version: the same estimators, judged and served with it. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import Conflict, InvalidThreshold
from ..ml.persistence.version_files import SCORES, SPEC
from ..ml.types.schema import Task
from ..ml.types.threshold_rule import ThresholdRule

if TYPE_CHECKING:
    from ..ml.calibration.decision_thresholds import Scores
    from ..models import ModelVersion

SHARED = (
    "dataset", "dataset_sha256", "task", "estimator", "params", "signature_json", "parity", "is_compiled", "libraries",
)  # fmt: skip


@dataclass(frozen=True)
class Rethought:
    """Stored files, and the fields of the version that they make with the new threshold."""

    artifacts: Mapping[str, Mapping[str, Any]]
    fields: Mapping[str, Any]


def build(version: ModelVersion, rule: ThresholdRule) -> Rethought:
    """Files and fields of the version with the threshold that the rule asks for, chosen out of fold.

    Raises InvalidThreshold for another task than binary, Conflict for a version stored without its scores.
    """
    from ..ml.calibration import decision_thresholds
    from ..ml.evaluation import report_at_threshold
    from ..ml.persistence import version_files
    from . import artifacts

    scores = _scores(version)
    chosen = decision_thresholds.choose(rule, *scores.out_of_fold)
    report = report_at_threshold.decided_again(version.evaluation, scores, chosen)
    spec = version_files.with_threshold(
        artifacts.verified_path(version.artifacts[SPEC]["digest"]).read_bytes(), chosen.value
    )
    shared = {name: getattr(version, name) for name in SHARED}
    return Rethought(
        artifacts={
            **version.artifacts,
            SPEC: {"digest": artifacts.put_bytes(spec), "n_bytes": len(spec)},
        },
        fields={
            **shared,
            "made_from": version.trained,
            "threshold": chosen.value,
            "metrics": {name: report["held_out"].get(name) for name in version.metrics},
            "evaluation": {
                **report,
                "baseline": report["baselines"][0]["held_out"] if report["baselines"] else {},
            },
            "warnings": _warnings(version, chosen.note),
        },
    )


def _scores(version: ModelVersion) -> Scores:
    from ..ml.calibration.decision_thresholds import Scores
    from ..ml.persistence.version_files import read_json
    from . import artifacts

    if version.task != Task.BINARY:
        raise InvalidThreshold(
            f"A threshold decides between two classes; version {version.number} does {version.task}."
        )
    if SCORES not in version.artifacts:
        raise Conflict(
            f"Version {version.number} was stored without what a threshold is judged by; train it again, "
            "and ask for the threshold there."
        )
    content = artifacts.verified_path(version.artifacts[SCORES]["digest"]).read_bytes()
    return Scores.from_json(read_json(content, SCORES))


def _warnings(version: ModelVersion, note: str) -> list[Any]:
    """Those of the version, but for what was said of its own threshold."""
    old = (version.evaluation.get("decision") or {}).get("note")
    kept = [
        each
        for each in version.warnings
        if not (old and isinstance(each, Mapping) and each.get("message") == old)
    ]
    return [*kept, {"message": note, "column": version.signature.target}] if note else kept
