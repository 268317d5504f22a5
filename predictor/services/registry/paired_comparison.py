"""Whether one version is better than another, by a paired test on the held-out rows that both were judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...errors import MlwebError
from ...ml.persistence.version_files import HELD_OUT, SCORES
from ...ml.types.schema import Task
from ...ml.types.split import SplitKind

if TYPE_CHECKING:
    from ...ml.metrics.paired_tests import PairedDifference
    from ...models import ModelVersion


@dataclass(frozen=True)
class PairedTests:
    """The tested difference (b − a) of each metric; `reason` says why there is none."""

    differences: Mapping[str, PairedDifference] = field(default_factory=dict)
    n_rows: int = 0
    reason: str = ""

    @property
    def is_tested(self) -> bool:
        return bool(self.differences)


def tested(a: ModelVersion, b: ModelVersion) -> PairedTests:
    """Test the metrics of two versions of one table and target, where the predictions for the same rows are stored."""
    if a.task != b.task or not Task(a.task).is_supervised:
        return PairedTests(
            reason="Only classifications and regressions of one kind are tested against each other."
        )
    for version in (a, b):
        if _split_kind(version) == SplitKind.GROUP:
            return PairedTests(
                reason="Whole groups were held out, whose rows are alike: a test by rows would claim too much."
            )
        if _name_of(version) not in version.artifacts:
            return PairedTests(
                reason=f"Version {version.number} was stored without its predictions for the held-out rows; "
                "train it again to test it."
            )
    try:
        return _tested(a, b)
    except MlwebError:
        return PairedTests(reason="The stored predictions for the held-out rows cannot be read.")


def _split_kind(version: ModelVersion) -> str:
    split = (version.evaluation.get("conditions") or {}).get("split") or {}
    return str(split.get("kind") or "")


def _name_of(version: ModelVersion) -> str:
    return SCORES if version.task == Task.BINARY else HELD_OUT


def _tested(a: ModelVersion, b: ModelVersion) -> PairedTests:
    import numpy as np

    from ...ml.metrics.paired_tests import MIN_ROWS, Predicted, paired_differences

    (y, first), (other_y, second) = _stored(a), _stored(b)
    if not np.array_equal(y, other_y):
        return PairedTests(reason="They were judged on different rows: another split or another seed.")
    if len(y) < MIN_ROWS:
        return PairedTests(reason=f"Only {len(y)} rows were held out, too few to test a difference.")
    differences = paired_differences(
        Task(a.task),
        y,
        Predicted(first, a.threshold, a.signature.positive),
        Predicted(second, b.threshold, b.signature.positive),
    )
    return PairedTests(differences, len(y))


def _stored(version: ModelVersion) -> tuple[Any, Any]:
    """True values or codes, and predictions, of the held-out rows. Raises DamagedArtifact, NotFound."""
    import numpy as np

    from ...ml.calibration.decision_thresholds import Scores, pairs
    from ...ml.persistence.version_files import read_held_out, read_json
    from .. import artifacts

    name = _name_of(version)
    content = artifacts.verified_path(version.artifacts[name]["digest"]).read_bytes()
    if name == HELD_OUT:
        return read_held_out(content)
    is_second, probabilities = Scores.from_json(read_json(content, SCORES)).held_out
    return is_second.astype(np.intp), pairs(probabilities)
