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
    from ...ml.metrics.paired_tests import Clusters, PairedDifference
    from ...models import ModelVersion


@dataclass(frozen=True)
class PairedTests:
    """The tested difference (b − a) of each metric; `reason` says why there is none."""

    differences: Mapping[str, PairedDifference] = field(default_factory=dict)
    n_rows: int = 0
    reason: str = ""
    # How many groups, or periods of forecasts, the rows are of; 0 where each row stands alone.
    n_clusters: int = 0
    unit: str = "groups"

    @property
    def is_tested(self) -> bool:
        return bool(self.differences)


def tested(a: ModelVersion, b: ModelVersion) -> PairedTests:
    """Test the metrics of two versions of one table and target, where the predictions for the same rows are stored."""
    task = Task(a.task)
    if a.task != b.task or not (task.is_supervised or task is Task.FORECASTING):
        return PairedTests(
            reason="Only versions of one kind that predict a target are tested against each other."
        )
    for version in (a, b):
        if _name_of(version) not in version.artifacts:
            return PairedTests(reason=_without_predictions(version))
    try:
        return _tested(a, b)
    except MlwebError:
        return PairedTests(reason="The stored predictions for the held-out rows cannot be read.")


def _without_predictions(version: ModelVersion) -> str:
    what = "the groups of its" if _is_of_groups(version) else "its predictions for the"
    rows = "forecasts" if version.task == Task.FORECASTING else "held-out rows"
    return f"Version {version.number} was stored without {what} {rows}; train it again to test it."


def _is_of_groups(version: ModelVersion) -> bool:
    split = (version.evaluation.get("conditions") or {}).get("split") or {}
    return bool(split.get("kind") == SplitKind.GROUP)


def _name_of(version: ModelVersion) -> str:
    return SCORES if version.task == Task.BINARY and not _is_of_groups(version) else HELD_OUT


def _tested(a: ModelVersion, b: ModelVersion) -> PairedTests:
    import numpy as np

    from ...ml.metrics.paired_tests import MIN_ROWS, Predicted, paired_differences

    (y, first, clusters), (other_y, second, other_clusters) = _stored(a), _stored(b)
    codes, other_codes = (None if each is None else each.codes for each in (clusters, other_clusters))
    if not np.array_equal(y, other_y) or not np.array_equal(codes, other_codes):  # type: ignore[arg-type]
        return PairedTests(reason="They were judged on different rows: another split, horizon or seed.")
    unclustered = next((each for each in (a, b) if clusters is None and _is_of_groups(each)), None)
    if unclustered is not None:
        return PairedTests(reason=_without_predictions(unclustered))
    if len(y) < MIN_ROWS:
        return PairedTests(reason=f"Only {len(y)} rows were held out, too few to test a difference.")
    unit = "periods" if a.task == Task.FORECASTING else "groups"
    if clusters is not None and not clusters.are_enough:
        return PairedTests(reason=f"Only {clusters.n} {unit} were held out, too few to test a difference.")
    differences = paired_differences(
        Task(a.task),
        y,
        Predicted(first, a.threshold, a.signature.positive),
        Predicted(second, b.threshold, b.signature.positive),
        clusters,
    )
    return PairedTests(differences, len(y), n_clusters=clusters.n if clusters else 0, unit=unit)


def _stored(version: ModelVersion) -> tuple[Any, Any, Clusters | None]:
    """True values or codes, predictions, and clusters of the held-out rows. Raises DamagedArtifact, NotFound."""
    import numpy as np

    from ...ml.calibration.decision_thresholds import Scores, pairs
    from ...ml.metrics.paired_tests import Clusters
    from ...ml.persistence.version_files import read_clusters, read_held_out, read_json
    from .. import artifacts

    name = _name_of(version)
    content = artifacts.verified_path(version.artifacts[name]["digest"]).read_bytes()
    if name == HELD_OUT:
        found = read_clusters(content)
        return (*read_held_out(content), None if found is None else Clusters(*found))
    is_second, probabilities = Scores.from_json(read_json(content, SCORES)).held_out
    return is_second.astype(np.intp), pairs(probabilities), None
