"""Probability calibration on out-of-fold predictions: temperature scaling, Platt scaling, or none.

q = softmax(scale · log p + shifts): with a scale alone this is temperature scaling (Guo et al., "On calibration of
modern neural networks", ICML 2017), with shifts and two classes it is Platt scaling (1999). Both forms and
"none" are compared by cross-validated log-loss, and a form is used only where it is better by more than noise.
Isotonic regression is left out: it cannot be exported exactly, and it turns different probabilities into ties.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..metrics.row_weights import Weights, evened, mean, part, standard_error
from ..metrics.scores import EPSILON, losses
from ..types.schema import Task

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]

# A Newton step over 20,000 cells takes 2 ms; more rows hardly change so few parameters.
MAX_CELLS = 20_000
MIN_ROWS = 50
N_STEPS, N_HALVINGS = 25, 12
# L2 penalty, with the weight of one row, towards scale 1 and shifts 0: perfectly separated classes would make the
# scale infinite.
PULL = 1.0
LEAST_SCALE, MOST_SCALE = 0.02, 5.0
# The least gain of a calibration that is used: in standard errors of the gain, and as a share of the log-loss.
SURE, WORTH = 2.0, 0.002


@dataclass(frozen=True)
class Calibration:
    """A fitted calibration of probabilities (n, n_classes): softmax(scale · log p + shifts)."""

    scale: float
    shifts: tuple[float, ...]

    def apply(self, probabilities: Floats) -> Floats:
        """Calibrated probabilities (n, n_classes)."""
        logits = self.scale * np.log(np.maximum(probabilities, EPSILON)) + np.asarray(self.shifts)
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        result: Floats = powers / powers.sum(axis=1, keepdims=True)
        return result

    @property
    def kind(self) -> str:
        return "scale and shifts" if any(self.shifts) else "scale"

    def to_json(self) -> dict[str, Any]:
        return {"scale": self.scale, "shifts": list(self.shifts)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], n_classes: int) -> Calibration:
        """Raises DamagedArtifact."""
        try:
            fitted = cls(float(data["scale"]), tuple(float(each) for each in data["shifts"]))
        except (KeyError, TypeError, ValueError) as error:
            raise DamagedArtifact("The stored calibration is not complete.") from error
        if len(fitted.shifts) != n_classes or not np.isfinite([fitted.scale, *fitted.shifts]).all():
            raise DamagedArtifact("The stored calibration does not fit the classes.")
        return fitted


@dataclass(frozen=True)
class Calibrated:
    """The chosen calibration, or None where none is worth it, with its cross-validated effect.

    `probabilities` are the tested ones of the given rows, each calibrated by a fit on the other folds; `before` and
    `after` are the log-losses without and with it (equal without a calibration).
    """

    calibration: Calibration | None
    probabilities: Floats
    before: float
    after: float

    def to_json(self) -> dict[str, Any]:
        calibration = self.calibration
        return {
            "kind": calibration.kind if calibration else "none",
            **(calibration.to_json() if calibration else {}),
            "cross_validated": {"before": self.before, "after": self.after},
        }


def calibrated(
    probabilities: Floats,
    y: Codes,
    folds: Sequence[Codes],
    weights: Weights = None,
    *,
    tested: Floats | None = None,
) -> Calibrated:
    """Choose the calibration of out-of-fold probabilities (n, n_classes) by cross-validated log-loss.

    `folds` are the row numbers of each fold; together they are all rows. `weights`: how much each row counts.
    `tested`: other probabilities of the same rows that the result is about; None for the same.
    """
    weights = evened(weights)
    probabilities = np.asarray(probabilities, np.float64)
    tested = probabilities if tested is None else np.asarray(tested, np.float64)
    own = losses(Task.MULTICLASS, y, probabilities)
    before = mean(own, weights)
    best = Calibrated(None, tested, before, before)
    if len(y) < MIN_ROWS or len(folds) < 2:
        return best
    for has_shifts in (False, True):
        whole = fit(probabilities, y, has_shifts=has_shifts, weights=weights)
        # Without a gain on the rows it was fitted on, it has none on others: most tables end here.
        own_gain = own - losses(Task.MULTICLASS, y, whole.apply(probabilities))
        if not _is_worth(own_gain, best.before, weights):
            continue
        changed = _cross_fitted(probabilities, probabilities, y, folds, has_shifts, weights)
        gain = own - losses(Task.MULTICLASS, y, changed)
        after = best.before - mean(gain, weights)
        # A few confident mistakes can dominate the mean, so every fold has to gain.
        is_steady = all(mean(gain[fold], part(weights, fold)) > 0 for fold in folds)
        if is_steady and _is_worth(gain, best.before, weights) and after < best.after:
            if tested is not probabilities:
                changed = _cross_fitted(probabilities, tested, y, folds, has_shifts, weights)
            best = Calibrated(whole, changed, best.before, after)
    return best


def _is_worth(gain: Floats, before: float, weights: Weights) -> bool:
    return mean(gain, weights) > max(SURE * standard_error(gain, weights), WORTH * before)


def _cross_fitted(
    probabilities: Floats,
    tested: Floats,
    y: Codes,
    folds: Sequence[Codes],
    has_shifts: bool,
    weights: Weights,
) -> Floats:
    """The tested probabilities of each fold, calibrated by a fit on the probabilities of the others."""
    result = tested.copy()
    for fold in folds:
        is_other = np.ones(len(y), bool)
        is_other[fold] = False
        calibration = fit(
            probabilities[is_other], y[is_other], has_shifts=has_shifts, weights=part(weights, is_other)
        )
        result[fold] = calibration.apply(tested[fold])
    return result


def fit(probabilities: Floats, y: Codes, *, has_shifts: bool, weights: Weights = None) -> Calibration:
    """Fit the scale, and with `has_shifts` one shift per class (the first is 0), by least log-loss.

    Newton's method with step halving: the loss is convex in the parameters.
    """
    n_classes = probabilities.shape[1]
    n_rows = max(MIN_ROWS, MAX_CELLS // n_classes)
    if len(y) > n_rows:
        rows = np.linspace(0, len(y) - 1, n_rows).astype(np.intp)
        probabilities, y, weights = probabilities[rows], y[rows], part(weights, rows)
    counts = np.ones(len(y)) if weights is None else weights
    logs = np.log(np.maximum(probabilities, EPSILON))
    start = np.r_[1.0, np.zeros(n_classes - 1 if has_shifts else 0)]
    parameters: Floats = start.copy()
    loss = _loss(parameters, start, logs, y, counts)
    for _ in range(N_STEPS):
        parameters, new = _damped_step(parameters, loss, start, logs, y, counts)
        has_converged = loss - new <= 1e-7 * max(loss, 1.0)
        loss = new
        if has_converged:
            break
    shifts = np.r_[0.0, parameters[1:]] if has_shifts else np.zeros(n_classes)
    return Calibration(float(parameters[0]), tuple(float(each) for each in shifts))


def _damped_step(
    parameters: Floats, loss: float, start: Floats, logs: Floats, y: Codes, counts: Floats
) -> tuple[Floats, float]:
    """One damped Newton step, halved until the loss does not rise: the new parameters and their loss."""
    step = _newton_step(parameters, start, logs, y, counts)
    for _ in range(N_HALVINGS):
        candidate = parameters - step
        candidate[0] = np.clip(candidate[0], LEAST_SCALE, MOST_SCALE)
        new = _loss(candidate, start, logs, y, counts)
        if new <= loss:
            return candidate, new
        step /= 2
    return parameters, loss


def _softmax(parameters: Floats, logs: Floats) -> Floats:
    shifts = np.r_[0.0, parameters[1:]] if len(parameters) > 1 else np.zeros(logs.shape[1])
    logits = parameters[0] * logs + shifts
    logits -= logits.max(axis=1, keepdims=True)
    powers = np.exp(logits)
    result: Floats = powers / powers.sum(axis=1, keepdims=True)
    return result


def _loss(parameters: Floats, start: Floats, logs: Floats, y: Codes, counts: Floats) -> float:
    own = _softmax(parameters, logs)[np.arange(len(y)), y]
    return float(
        -(counts * np.log(np.maximum(own, 1e-300))).sum() + PULL / 2 * ((parameters - start) ** 2).sum()
    )


def _newton_step(parameters: Floats, start: Floats, logs: Floats, y: Codes, counts: Floats) -> Floats:
    """The Newton step: the inverse of the Hessian times the gradient."""
    shares = _softmax(parameters, logs)
    middle = (shares * logs).sum(axis=1)
    errors = shares.copy()
    errors[np.arange(len(y)), y] -= 1.0
    errors *= counts[:, None]
    gradient = PULL * (parameters - start)
    hessian = PULL * np.eye(len(parameters))
    gradient[0] += (errors * logs).sum()
    hessian[0, 0] += (counts * ((shares * logs**2).sum(axis=1) - middle**2)).sum()
    if len(parameters) > 1:
        rest, weighted = shares[:, 1:], shares[:, 1:] * counts[:, None]
        gradient[1:] += errors[:, 1:].sum(axis=0)
        across = (weighted * (logs[:, 1:] - middle[:, None])).sum(axis=0)
        hessian[0, 1:] += across
        hessian[1:, 0] += across
        hessian[1:, 1:] += np.diag(weighted.sum(axis=0)) - rest.T @ weighted
    return np.asarray(np.linalg.solve(hessian, gradient), np.float64)
