"""From which probability the positive class of two is predicted, chosen on out-of-fold predictions.

The positive class is the second in order: "yes" of no and yes, true of false and true, 1 of 0 and 1.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..metrics.curves import score_counts
from ..metrics.scores import class_metrics, confusion
from ..types.threshold_rule import ThresholdRule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HALF = 0.5
# A precision that one lucky row reaches is no precision.
MIN_SAID = 10
# The textbook threshold of a cost matrix is kept until the probabilities are off by so many standard errors: the
# best of some thousand thresholds is two or three ahead by chance.
SURE = 4.0


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold; `note` says where it falls short of what was asked."""

    value: float
    rule: ThresholdRule
    note: str = ""

    @property
    def sentence(self) -> str:
        return f"The threshold of {self.value:.4g} {self.rule.sentence}."


def choose(rule: ThresholdRule, is_positive: Bools, probabilities: Floats) -> Threshold:
    """The threshold that the rule asks for on these rows: probabilities (n,) of the positive class."""
    if rule.by == "fixed":
        return Threshold(rule.numbers[0], rule)
    if not is_positive.any() or is_positive.all():
        return Threshold(HALF, rule, "All rows are of one class: the threshold stays at 0.5.")
    if rule.by == "cost":
        return Threshold(_cheapest(is_positive, probabilities, *rule.numbers), rule)
    steps = _Steps.of(is_positive, probabilities)
    if rule.by == "f1":
        return Threshold(steps.value(int(np.argmax(steps.f1))), rule)
    return _at_least(rule, steps)


def decision_numbers(is_positive: Bools, probabilities: Floats, threshold: float) -> dict[str, Any]:
    """Precision, recall, F1 of the positive class and the four counts of the confusion at a threshold."""
    matrix = confusion(is_positive.astype(np.intp), (probabilities >= threshold).astype(np.intp), 2)
    numbers = class_metrics(matrix)[1]
    (negatives, alarms), (misses, hits) = matrix.tolist()
    return {
        "precision": numbers["precision"],
        "recall": numbers["recall"],
        "f1": numbers["f1"],
        "true_positive": hits,
        "false_positive": alarms,
        "false_negative": misses,
        "true_negative": negatives,
    }


@dataclass(frozen=True)
class _Steps:
    """All that a threshold can do: the distinct scores, falling, and what is found when each is included."""

    scores: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    n_said: NDArray[Any]

    @classmethod
    def of(cls, is_positive: Bools, probabilities: Floats) -> _Steps:
        scores, hits, alarms = score_counts(is_positive, probabilities)
        said, n_positive = hits + alarms, int(is_positive.sum())
        return cls(scores, hits / said, hits / n_positive, 2 * hits / (said + n_positive), said)

    def value(self, place: int) -> float:
        """A threshold that includes this score and not the next, as short as can be written."""
        above = float(self.scores[place])
        below = float(self.scores[place + 1]) if place + 1 < len(self.scores) else 0.0
        return shortest(below, above)


def shortest(low: float, high: float) -> float:
    """The number with the fewest digits above `low` and at most `high`, near their middle."""
    middle = (low + high) / 2
    for digits in range(1, 17):
        found = float(f"{middle:.{digits}g}")
        if low < found <= high:
            return found
    return high


def _at_least(rule: ThresholdRule, steps: _Steps) -> Threshold:
    """The most of the one, where the other is at least as wanted."""
    wanted, name = rule.numbers[0], rule.by
    held, other = (steps.precision, steps.recall) if name == "precision" else (steps.recall, steps.precision)
    counted = steps.n_said >= min(MIN_SAID, int(steps.n_said[-1]))
    allowed = np.flatnonzero((held >= wanted) & counted)
    if len(allowed):
        best = allowed[np.lexsort((held[allowed], other[allowed]))[-1]]
        return Threshold(steps.value(int(best)), rule)
    best = int(np.argmax(np.where(counted, held, -1.0)))
    reached = f"No threshold reaches a {name} of {wanted:.4g}; this one reaches {held[best]:.3g}."
    return Threshold(steps.value(best), rule, reached)


def _cheapest(is_positive: Bools, probabilities: Floats, alarm: float, miss: float) -> float:
    """The threshold of least cost.

    Of probabilities that mean what they say that is alarm / (alarm + miss) (Elkan, "The foundations of
    cost-sensitive learning", IJCAI 2001). It is kept unless the rows between it and the cheapest threshold have
    other classes than their probabilities say, by more than chance: a minimum over few rows is mostly chance.
    """
    bayes = alarm / (alarm + miss)
    steps = _Steps.of(is_positive, probabilities)
    hits = steps.recall * is_positive.sum()
    costs = alarm * (steps.n_said - hits) + miss * (is_positive.sum() - hits)
    found = steps.value(int(np.argmin(costs)))
    between = (probabilities >= min(bayes, found)) & (probabilities < max(bayes, found))
    said = probabilities[between]
    off = abs(float(is_positive[between].sum() - said.sum()))
    is_surely_off = off > SURE * float(np.sqrt((said * (1 - said)).sum()))
    return found if is_surely_off else float(f"{bayes:.6g}")


@dataclass(frozen=True)
class Scores:
    """What another threshold is chosen (out of fold) and judged (held out) from, without fitting again.

    `baselines`: probabilities of the positive class for the held-out rows, by the baseline's key.
    """

    out_of_fold: tuple[Bools, Floats]
    held_out: tuple[Bools, Floats]
    baselines: Mapping[str, Floats] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Probabilities as float32, which is what a graph carries of them."""
        return {
            "out_of_fold": _rows_to_json(*self.out_of_fold),
            "held_out": _rows_to_json(*self.held_out),
            "baselines": {key: _packed(each.astype("<f4")) for key, each in self.baselines.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Scores:
        """Raises DamagedArtifact."""
        try:
            return cls(
                _rows_from_json(data["out_of_fold"]),
                _rows_from_json(data["held_out"]),
                {key: _numbers(each) for key, each in data["baselines"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedArtifact("The stored scores cannot be read.") from error


def _rows_to_json(is_positive: Bools, probabilities: Floats) -> dict[str, Any]:
    return {
        "n": len(is_positive),
        "positive": _packed(np.packbits(is_positive)),
        "probabilities": _packed(np.asarray(probabilities).astype("<f4")),
    }


def _rows_from_json(data: Mapping[str, Any]) -> tuple[Bools, Floats]:
    bits = np.frombuffer(base64.b64decode(data["positive"]), np.uint8)
    is_positive = np.unpackbits(bits, count=int(data["n"])).astype(bool)
    probabilities = _numbers(data["probabilities"])
    if len(probabilities) != len(is_positive):
        raise ValueError("lengths")
    return is_positive, probabilities


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _numbers(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)


def pairs(probabilities: Floats) -> Floats:
    """Both columns (n, 2) from that of the positive class (n,)."""
    return np.column_stack([1 - probabilities, probabilities])
