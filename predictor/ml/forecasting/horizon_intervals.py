"""How far off a forecast may be: conformal intervals for each step of the horizon.

The errors are those of rolling-origin forecasts (forecast_backtest.py), divided by the scale of their series at
that time, with their sign. Each step has its own, together with its neighbours' where it has few: what is far
ahead is less certain. As for any conformal interval, the promise holds when the future is like the past that was
tested; forecasts that overlap in time err together, so the reported coverage says more than the promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..calibration.conformal import Group

Floats = NDArray[np.float64]
# Below this, a step borrows from its neighbours.
MIN_ERRORS = 40


@dataclass(frozen=True)
class StepErrors:
    """For each step 1, 2, … the errors in units of scale."""

    groups: tuple[Group, ...]

    @classmethod
    def fit(cls, steps: NDArray[np.int64], errors: Floats, horizon: int) -> StepErrors:
        """From (value - forecast) / scale of many forecasts."""
        is_known = np.isfinite(errors)
        steps, errors = steps[is_known], errors[is_known]
        return cls(tuple(Group.of(_near(steps, errors, step, horizon)) for step in range(1, horizon + 1)))

    def ends(self, steps: NDArray[np.int64], coverage: float) -> tuple[Floats, Floats]:
        """How far below and above a forecast its interval reaches (n,), in units of scale."""
        tail = (1 - coverage) / 2
        low = np.array([-_upper(Group(each.n, tuple(-score for score in reversed(each.scores))), tail)
                        for each in self.groups])  # fmt: skip
        high = np.array([_upper(each, tail) for each in self.groups])
        places = np.clip(steps, 1, len(self.groups)) - 1
        return np.minimum(low, 0.0)[places], np.maximum(high, 0.0)[places]

    def to_json(self) -> list[dict[str, Any]]:
        return [{"n": each.n, "scores": list(each.scores)} for each in self.groups]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> StepErrors:
        """Raises DamagedArtifact."""
        try:
            groups = tuple(Group(int(each["n"]), tuple(map(float, each["scores"]))) for each in data)
            if not groups or not all(each.scores for each in groups):
                raise ValueError
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored errors of the forecast are not complete.") from error
        return cls(groups)


def _near(steps: NDArray[np.int64], errors: Floats, step: int, horizon: int) -> Floats:
    """The errors of a step, and of as many neighbours as make enough of them."""
    for reach in range(horizon):
        found = errors[np.abs(steps - step) <= reach]
        if len(found) >= MIN_ERRORS:
            return found
    return errors


def _upper(group: Group, tail: float) -> float:
    return group.quantile(1 - tail)
