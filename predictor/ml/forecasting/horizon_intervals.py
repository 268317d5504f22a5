"""Conformal prediction intervals for each step of the horizon.

The intervals come from the signed errors of rolling-origin forecasts (backtest.py), each divided by the
scale of its series at that time. Each step has its own errors, since uncertainty grows with the step; a step with
few errors also uses its neighbours'. As for any conformal interval, the nominal coverage holds if the future is
like the tested past. Forecasts that overlap in time have dependent errors, so the reported empirical coverage
is better evidence than the nominal one.
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
# A step with fewer errors than this also uses those of its neighbours.
MIN_ERRORS = 40


@dataclass(frozen=True)
class StepErrors:
    """Calibration errors of each step 1, 2, …, in units of scale."""

    groups: tuple[Group, ...]

    @classmethod
    def fit(cls, steps: NDArray[np.int64], errors: Floats, horizon: int) -> StepErrors:
        """From (value - forecast) / scale of many forecasts."""
        is_known = np.isfinite(errors)
        steps, errors = steps[is_known], errors[is_known]
        return cls(tuple(Group.of(_near(steps, errors, step, horizon)) for step in range(1, horizon + 1)))

    def ends(self, steps: NDArray[np.int64], coverage: float) -> tuple[Floats, Floats]:
        """Offsets of the interval ends from the forecast: low (n,) ≤ 0 and high (n,) ≥ 0, in units of scale."""
        tail = (1 - coverage) / 2
        low = np.array([-_upper(Group(each.n, tuple(-score for score in reversed(each.scores))), tail)
                        for each in self.groups])  # fmt: skip
        high = np.array([_upper(each, tail) for each in self.groups])
        places = np.clip(steps, 1, len(self.groups)) - 1
        return np.minimum(low, 0.0)[places], np.maximum(high, 0.0)[places]

    def quantiles(self, steps: NDArray[np.int64], levels: Sequence[float]) -> Floats:
        """Offsets (n_levels, n) of quantiles from the forecast, in units of scale; a higher level is never lower."""
        offsets = np.array([[_quantile(each, level) for each in self.groups] for level in sorted(levels)])
        places = np.clip(steps, 1, len(self.groups)) - 1
        rising: Floats = np.maximum.accumulate(offsets, axis=0)[:, places]
        return rising[np.argsort(np.argsort(levels))]

    def to_json(self) -> list[dict[str, Any]]:
        return [{"n": each.n, "scores": list(each.scores)} for each in self.groups]

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> StepErrors:
        """Raises DamagedArtifact."""
        try:
            groups = tuple(Group(int(each["n"]), tuple(map(float, each["scores"]))) for each in data)
            if not groups or not all(each.scores for each in groups):
                raise ValueError
        except (KeyError, OverflowError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored errors of the forecast are not complete.") from error
        return cls(groups)


def _near(steps: NDArray[np.int64], errors: Floats, step: int, horizon: int) -> Floats:
    """Errors of a step; if they are fewer than MIN_ERRORS, also those of the nearest steps."""
    for reach in range(horizon):
        near = errors[np.abs(steps - step) <= reach]
        if len(near) >= MIN_ERRORS:
            return near
    return errors


def _quantile(group: Group, level: float) -> float:
    """The value that a new error lies below with this probability; below the median by the mirrored errors."""
    if level >= 0.5:
        return group.quantile(level)
    return -Group(group.n, tuple(-score for score in reversed(group.scores))).quantile(1 - level)


def _upper(group: Group, tail: float) -> float:
    return group.quantile(1 - tail)
