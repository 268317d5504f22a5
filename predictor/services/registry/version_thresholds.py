"""Another decision threshold for a version: same estimators, new evaluation. Nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ...errors import Conflict, InvalidThreshold
from ...ml.persistence.version_files import SCORES, SPEC
from ...ml.types import positive_class as positive_classes
from ...ml.types.schema import Scalar, Signature, Task
from ...ml.types.threshold_rule import ThresholdRule
from ...ml.types.warnings import TrainingWarning, WarningKind

if TYPE_CHECKING:
    from ...ml.calibration.decision_thresholds import Scores
    from ...models import ModelVersion

SHARED = (
    "dataset", "dataset_sha256", "task", "estimator", "params", "signature_json", "parity", "is_compiled", "libraries",
)  # fmt: skip


@dataclass(frozen=True)
class NewThreshold:
    """The stored files of the new version, and the fields of its row."""

    artifacts: Mapping[str, Mapping[str, Any]]
    fields: Mapping[str, Any]


def build(version: ModelVersion, rule: ThresholdRule, positive_class: Scalar = None) -> NewThreshold:
    """Build the version with the threshold that the rule chooses on the out-of-fold predictions.

    `positive_class`: another positive class than that of the version. Raises InvalidThreshold unless the task is
    binary, InvalidTrainingRequest for a class that it does not have, Conflict for a version stored without these
    predictions.
    """
    from ...ml.calibration import decision_thresholds
    from ...ml.evaluation import report_at_threshold
    from ...ml.persistence import version_files
    from .. import artifacts

    scores = scores_of(version)
    signature = _with_positive_class(version.signature, positive_class)
    pair = scores.for_class(signature.positive).out_of_fold
    threshold = decision_thresholds.choose(rule, *pair, scores.out_of_fold_weights)
    report = report_at_threshold.decided_again(
        version.evaluation, scores, threshold, positive=signature.positive, before=version.signature.positive
    )
    spec = version_files.with_threshold(
        artifacts.verified_path(version.artifacts[SPEC]["digest"]).read_bytes(),
        threshold.value,
        signature.positive,
    )
    shared = {name: getattr(version, name) for name in SHARED}
    return NewThreshold(
        artifacts={
            **version.artifacts,
            SPEC: {"digest": artifacts.put_bytes(spec), "n_bytes": len(spec)},
        },
        fields={
            **shared,
            "signature_json": version.signature_json
            if signature is version.signature
            else signature.to_json(),
            "made_from": version.trained,
            "threshold": threshold.value,
            "metrics": {name: report["held_out"].get(name) for name in version.metrics},
            "evaluation": {
                **report,
                "baseline": report["baselines"][0]["held_out"] if report["baselines"] else {},
            },
            "warnings": _warnings(version, threshold.note, report["decision"]["warning"]),
        },
    )


def _with_positive_class(signature: Signature, asked: Scalar) -> Signature:
    name = positive_classes.label_of(asked)
    if not name:
        return signature
    names = signature.class_names
    return replace(signature, positive_class=names[positive_classes.found_in(names, name)])


def scores_of(version: ModelVersion) -> Scores:
    """The stored scores of a version of two classes. Raises InvalidThreshold, Conflict, DamagedArtifact."""
    from ...ml.calibration.decision_thresholds import Scores
    from ...ml.persistence.version_files import read_json
    from .. import artifacts

    if version.task != Task.BINARY:
        raise InvalidThreshold(
            f"A threshold decides between two classes; version {version.number} does {version.task}."
        )
    if SCORES not in version.artifacts:
        raise Conflict(
            f"Version {version.number} was stored without out-of-fold predictions; train it again, "
            "and choose the threshold there."
        )
    content = artifacts.verified_path(version.artifacts[SCORES]["digest"]).read_bytes()
    return Scores.from_json(read_json(content, SCORES))


def _warnings(version: ModelVersion, *notes: str) -> list[Any]:
    """The warnings of the version, with those about its own threshold replaced by `notes`."""
    old_note = (version.evaluation.get("decision") or {}).get("note")
    kept = [each for each in version.warnings if not _is_on_threshold(each, old_note)]
    target = version.signature.target
    own = [TrainingWarning(note, target, WarningKind.THRESHOLD) for note in notes if note]
    return [*kept, *(each.to_json() for each in own)]


def _is_on_threshold(warning: Any, note: str | None) -> bool:
    if not isinstance(warning, Mapping):
        return False
    if "kind" in warning:
        return bool(warning["kind"] == WarningKind.THRESHOLD)
    # Stored before warnings had a kind.
    return bool(note) and warning.get("message") == note
