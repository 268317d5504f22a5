"""Whether one version is better than another, by a paired test on the held-out rows that both were judged on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...errors import MlwebError
from ...ml.persistence.version_files import HELD_OUT, SCORES
from ...ml.types.schema import Task
from ...ml.types.split import SplitKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ...ml.metrics.paired_tests import Clusters, Measured, PairedDifference
    from ...models import ModelVersion


# So many rows with the largest differences are shown.
MAX_EXAMPLES = 5
# Answers closer than this are the same: stored predictions are float32.
SAME = 1e-6


@dataclass(frozen=True)
class DifferentAnswer:
    """A held-out row on which two versions differ: the true value or class, and both answers."""

    truth: Any
    a: Any
    b: Any


@dataclass(frozen=True)
class Disagreement:
    """Held-out rows on which two versions answer differently, and which of the two is right or closer there."""

    n_rows: int
    n_different: int
    n_better_a: int
    n_better_b: int
    examples: tuple[DifferentAnswer, ...] = ()


@dataclass(frozen=True)
class PairedTests:
    """The tested difference (b − a) of each metric; `reason` says why there is none."""

    differences: Mapping[str, PairedDifference] = field(default_factory=dict)
    n_rows: int = 0
    reason: str = ""
    # How many groups, or periods of forecasts, the rows are of; 0 where each row stands alone.
    n_clusters: int = 0
    unit: str = "groups"
    # None where the predictions for the same rows are not stored.
    disagreement: Disagreement | None = None

    @property
    def is_tested(self) -> bool:
        return bool(self.differences)


def tested(a: ModelVersion, b: ModelVersion) -> PairedTests:
    """Test the metrics of two versions of one table and target, where the predictions for the same rows are stored."""
    return tested_against(a, [b])[0]


def tested_against(base: ModelVersion, others: Sequence[ModelVersion]) -> list[PairedTests]:
    """Test each version against the base. Of several, the p-values are adjusted for their number (Holm).

    The predictions of each version are read and measured once.
    """
    read = _HeldOut(base)
    tests = [_tested_pair(base, other, read, _HeldOut(other)) for other in others]
    return tests if len(tests) < 2 else _adjusted(tests)


def _adjusted(tests: Sequence[PairedTests]) -> list[PairedTests]:
    from ...ml.metrics.paired_tests import holm

    found: list[dict[str, PairedDifference]] = [dict(each.differences) for each in tests]
    for name in {name for each in found for name in each}:
        places = [place for place, each in enumerate(found) if name in each and each[name].p is not None]
        adjusted = holm([found[place][name].p or 0.0 for place in places])
        for place, value in zip(places, adjusted, strict=True):
            found[place][name] = replace(found[place][name], adjusted_p=value)
    return [replace(each, differences=differences) for each, differences in zip(tests, found, strict=True)]


def _tested_pair(a: ModelVersion, b: ModelVersion, first: _HeldOut, second: _HeldOut) -> PairedTests:
    task = Task(a.task)
    if a.task != b.task or not (task.is_supervised or task is Task.FORECASTING):
        return PairedTests(
            reason="Only versions of one kind that predict a target are tested against each other."
        )
    for version in (a, b):
        if version.part("weighting"):
            return PairedTests(
                reason=f"Version {version.number} was tested on weighted rows; only versions whose rows count the same "
                "are tested against each other."
            )
        if _name_of(version) not in version.artifacts:
            return PairedTests(reason=_without_predictions(version))
    try:
        return _tested(a, b, first, second)
    except MlwebError:
        return PairedTests(reason="The stored predictions for the held-out rows cannot be read.")


def _without_predictions(version: ModelVersion) -> str:
    what = "the groups of its" if _is_of_groups(version) else "its predictions for the"
    rows = "forecasts" if version.task == Task.FORECASTING else "held-out rows"
    return f"Version {version.number} was stored without {what} {rows}; train it again to test it."


def _is_of_groups(version: ModelVersion) -> bool:
    split = (version.part("conditions") or {}).get("split") or {}
    return bool(split.get("kind") == SplitKind.GROUP)


def _name_of(version: ModelVersion) -> str:
    return SCORES if version.task == Task.BINARY and not _is_of_groups(version) else HELD_OUT


class _HeldOut:
    """The stored predictions of one version for held-out rows, read and measured when they are first used."""

    def __init__(self, version: ModelVersion):
        self.version = version

    @cached_property
    def stored(self) -> tuple[NDArray[Any], NDArray[np.float64], Clusters | None]:
        return _stored(self.version)

    @cached_property
    def measured(self) -> Measured:
        from ...ml.metrics.paired_tests import Predicted, measured

        y, predictions, _ = self.stored
        version = self.version
        predicted = Predicted(predictions, version.threshold, version.signature.positive)
        return measured(Task(version.task), y, predicted)


def _tested(a: ModelVersion, b: ModelVersion, first: _HeldOut, second: _HeldOut) -> PairedTests:
    import numpy as np

    from ...ml.metrics.paired_tests import MIN_ROWS, measured_differences

    (y, _, clusters), (other_y, _, other_clusters) = first.stored, second.stored
    codes, other_codes = (None if each is None else each.codes for each in (clusters, other_clusters))
    if not np.array_equal(y, other_y) or not np.array_equal(codes, other_codes):  # type: ignore[arg-type]
        return PairedTests(reason="They were judged on different rows: another split, horizon or seed.")
    disagreement = _disagreement(a, b, first, second)
    unclustered = next((each for each in (a, b) if clusters is None and _is_of_groups(each)), None)
    if unclustered is not None:
        return PairedTests(reason=_without_predictions(unclustered), disagreement=disagreement)
    if len(y) < MIN_ROWS:
        reason = f"Only {len(y)} rows were held out, too few to test a difference."
        return PairedTests(reason=reason, disagreement=disagreement)
    unit = "periods" if a.task == Task.FORECASTING else "groups"
    if clusters is not None and not clusters.are_enough:
        reason = f"Only {clusters.n} {unit} were held out, too few to test a difference."
        return PairedTests(reason=reason, disagreement=disagreement)
    differences = measured_differences(Task(a.task), y, first.measured, second.measured, clusters)
    n_clusters = clusters.n if clusters else 0
    return PairedTests(differences, len(y), n_clusters=n_clusters, unit=unit, disagreement=disagreement)


def _disagreement(a: ModelVersion, b: ModelVersion, first: _HeldOut, second: _HeldOut) -> Disagreement:
    """Where the answers differ; the examples are those with the largest difference."""
    import numpy as np

    from ...ml.metrics.scores import predicted_codes

    y, own, other = first.stored[0], first.stored[1], second.stored[1]
    names: Sequence[Any] = a.signature.class_names
    answers: NDArray[Any]
    others: NDArray[Any]
    if own.ndim == 2:
        answers, others = (
            predicted_codes(each, version.threshold, version.signature.positive)
            for each, version in ((own, a), (other, b))
        )
        is_different = answers != others
        better_a, better_b = (y == answers) & is_different, (y == others) & is_different
        size = np.abs(own - other).max(axis=1)
    else:
        answers, others, names = own, other, ()
        size = np.abs(own - other)
        is_different = size > SAME * (1 + np.abs(own))
        error, other_error = np.abs(own - y), np.abs(other - y)
        better_a, better_b = (error < other_error) & is_different, (other_error < error) & is_different
    places = np.flatnonzero(is_different)
    if len(places) > MAX_EXAMPLES:
        places = places[np.argpartition(-size[places], MAX_EXAMPLES)[:MAX_EXAMPLES]]
    places = places[np.argsort(-size[places], kind="stable")]

    def shown(value: Any) -> Any:
        return names[int(value)] if len(names) else float(value)

    return Disagreement(
        n_rows=len(y),
        n_different=int(is_different.sum()),
        n_better_a=int(better_a.sum()),
        n_better_b=int(better_b.sum()),
        examples=tuple(
            DifferentAnswer(shown(y[place]), shown(answers[place]), shown(others[place])) for place in places
        ),
    )


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
    is_second, probabilities = Scores.held_out_of(read_json(content, SCORES))
    return is_second.astype(np.intp), pairs(probabilities), None
