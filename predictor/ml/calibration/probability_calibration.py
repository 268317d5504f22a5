"""Probabilities that mean what they say: what out-of-fold predictions tell about how sure a model is too often.

q = softmax(scale · log p + shifts): with a scale alone this is temperature scaling (Guo et al., "On calibration of
modern neural networks", ICML 2017), with shifts and two classes it is Platt's (1999). Two forms and "none" are
compared by log-loss on folds that they were not fitted on, and one is taken only where it is better by more than
noise. Isotonic steps are left out: they cannot be exported exactly, and make ties of what was ranked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..metrics.scores import EPSILON, losses
from ..types.schema import Task

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

# One of Newton's steps over 20,000 cells takes 2 ms; more rows do not move three parameters.
MAX_CELLS = 20_000
MIN_ROWS = 50
N_STEPS, N_HALVINGS = 25, 12
# Pulls the scale to 1 and the shifts to 0 with the weight of one row: classes that are told apart without a mistake
# would make the scale infinite.
PULL = 1.0
LEAST_SCALE, MOST_SCALE = 0.02, 5.0
# How many standard errors of its gain a calibration has to be better by, and by which share of the log-loss.
SURE, WORTH = 2.0, 0.002


@dataclass(frozen=True)
class Calibration:
    """What is done to probabilities (n, n_classes): softmax(scale · log p + shifts)."""

    scale: float
    shifts: tuple[float, ...]

    def apply(self, probabilities: Floats) -> Floats:
        logits = self.scale * np.log(np.maximum(probabilities, EPSILON)) + np.asarray(self.shifts)
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        found: Floats = powers / powers.sum(axis=1, keepdims=True)
        return found

    @property
    def kind(self) -> str:
        return "scale and shifts" if any(self.shifts) else "scale"

    def to_json(self) -> dict[str, Any]:
        return {"scale": self.scale, "shifts": list(self.shifts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], n_classes: int) -> Calibration:
        """Raises DamagedArtifact."""
        try:
            found = cls(float(data["scale"]), tuple(float(each) for each in data["shifts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored calibration is not complete.") from error
        if len(found.shifts) != n_classes or not np.isfinite([found.scale, *found.shifts]).all():
            raise DamagedArtifact("The stored calibration does not fit the classes.")
        return found


@dataclass(frozen=True)
class Calibrated:
    """What was found out of fold: the calibration, or None where none is worth it.

    `probabilities` are those of the rows given, each changed by what the other folds say; `before`, `after` are
    their log-losses (equal when nothing is changed).
    """

    calibration: Calibration | None
    probabilities: Floats
    before: float
    after: float

    def to_json(self) -> dict[str, Any]:
        found = self.calibration
        return {
            "kind": found.kind if found else "none",
            **(found.to_json() if found else {}),
            "cross_validated": {"before": self.before, "after": self.after},
        }


def calibrated(probabilities: Floats, y: Codes, folds: Sequence[Codes]) -> Calibrated:
    """The calibration of out-of-fold probabilities (n, n_classes) that is worth it, by cross-validation.

    `folds` are the places of each fold's rows; together they are all rows.
    """
    probabilities = np.asarray(probabilities, np.float64)
    own = losses(Task.MULTICLASS, y, probabilities)
    best = Calibrated(None, probabilities, float(own.mean()), float(own.mean()))
    if len(y) < MIN_ROWS or len(folds) < 2:
        return best
    for has_shifts in (False, True):
        whole = fit(probabilities, y, has_shifts=has_shifts)
        # What is not worth it on the rows that it was fitted on is not on others: most tables end here.
        if not _is_worth(own - losses(Task.MULTICLASS, y, whole.apply(probabilities)), best.before):
            continue
        found = _cross_fitted(probabilities, y, folds, has_shifts)
        gain = own - losses(Task.MULTICLASS, y, found)
        after = best.before - float(gain.mean())
        # A few confident mistakes make a mean and hide how little is known: every fold has to gain.
        is_steady = all(gain[fold].mean() > 0 for fold in folds)
        if is_steady and _is_worth(gain, best.before) and after < best.after:
            best = Calibrated(whole, found, best.before, after)
    return best


def _is_worth(gain: Floats, before: float) -> bool:
    return bool(gain.mean() > max(SURE * gain.std() / len(gain) ** 0.5, WORTH * before))


def _cross_fitted(probabilities: Floats, y: Codes, folds: Sequence[Codes], has_shifts: bool) -> Floats:
    found = probabilities.copy()
    for fold in folds:
        is_other = np.ones(len(y), bool)
        is_other[fold] = False
        calibration = fit(probabilities[is_other], y[is_other], has_shifts=has_shifts)
        found[fold] = calibration.apply(probabilities[fold])
    return found


def fit(probabilities: Floats, y: Codes, *, has_shifts: bool) -> Calibration:
    """The scale, and with `has_shifts` one shift a class (the first is 0), of least log-loss.

    Newton's method with halved steps: the loss is convex in all of them.
    """
    n_classes = probabilities.shape[1]
    n_rows = max(MIN_ROWS, MAX_CELLS // n_classes)
    if len(y) > n_rows:
        rows = np.linspace(0, len(y) - 1, n_rows).astype(np.intp)
        probabilities, y = probabilities[rows], y[rows]
    logs = np.log(np.maximum(probabilities, EPSILON))
    beginning = np.r_[1.0, np.zeros(n_classes - 1 if has_shifts else 0)]
    at: Floats = beginning.copy()
    loss = _loss(at, beginning, logs, y)
    for _ in range(N_STEPS):
        at, new = _lower(at, loss, beginning, logs, y)
        is_there = loss - new <= 1e-7 * max(loss, 1.0)
        loss = new
        if is_there:
            break
    shifts = np.r_[0.0, at[1:]] if has_shifts else np.zeros(n_classes)
    return Calibration(float(at[0]), tuple(float(each) for each in shifts))


def _lower(at: Floats, loss: float, beginning: Floats, logs: Floats, y: Codes) -> tuple[Floats, float]:
    """A place of no more loss, and its loss: one step of Newton's, halved until it does not climb."""
    step = _newton(at, beginning, logs, y)
    for _ in range(N_HALVINGS):
        tried = at - step
        tried[0] = np.clip(tried[0], LEAST_SCALE, MOST_SCALE)
        new = _loss(tried, beginning, logs, y)
        if new <= loss:
            return tried, new
        step /= 2
    return at, loss


def _shares(at: Floats, logs: Floats) -> Floats:
    shifts = np.r_[0.0, at[1:]] if len(at) > 1 else np.zeros(logs.shape[1])
    logits = at[0] * logs + shifts
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def _loss(at: Floats, beginning: Floats, logs: Floats, y: Codes) -> float:
    own = _shares(at, logs)[np.arange(len(y)), y]
    return float(-np.log(np.maximum(own, 1e-300)).sum() + PULL / 2 * ((at - beginning) ** 2).sum())


def _newton(at: Floats, beginning: Floats, logs: Floats, y: Codes) -> Floats:
    """The step from here: the inverse of the second derivatives times the first."""
    shares = _shares(at, logs)
    mean = (shares * logs).sum(axis=1)
    off = shares.copy()
    off[np.arange(len(y)), y] -= 1.0
    gradient = PULL * (at - beginning)
    hessian = PULL * np.eye(len(at))
    gradient[0] += (off * logs).sum()
    hessian[0, 0] += ((shares * logs**2).sum(axis=1) - mean**2).sum()
    if len(at) > 1:
        rest = shares[:, 1:]
        gradient[1:] += off[:, 1:].sum(axis=0)
        across = (rest * (logs[:, 1:] - mean[:, None])).sum(axis=0)
        hessian[0, 1:] += across
        hessian[1:, 0] += across
        hessian[1:, 1:] += np.diag(rest.sum(axis=0)) - rest.T @ rest
    return np.asarray(np.linalg.solve(hessian, gradient), np.float64)
