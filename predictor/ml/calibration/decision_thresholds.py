"""Decision threshold of a binary classification, chosen on out-of-fold predictions.

Which class is the positive one is said by the target (`ml.types.positive_class`), not by the order of the classes.
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
from ..metrics.row_weights import Weights, as_count, evened
from ..metrics.scores import class_metrics, confusion
from ..types.threshold_rule import ThresholdRule

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

HALF = 0.5
# With fewer positive predictions, precision is mostly chance.
MIN_PREDICTED = 10
# The theoretical threshold of a cost matrix is kept unless the probabilities are off by so many standard errors:
# the best of some thousand thresholds is two or three ahead by chance.
SURE = 4.0


@dataclass(frozen=True)
class Threshold:
    """A chosen decision threshold; `note` says where it does not reach what the rule asks for."""

    value: float
    rule: ThresholdRule
    note: str = ""

    def sentence_on(self, positive: str) -> str:
        """The sentence with the name of the positive class."""
        return f"The threshold of {self.value:.4g} {self.rule.sentence_on(positive)}."


def choose(
    rule: ThresholdRule, is_positive: Bools, probabilities: Floats, weights: Weights = None
) -> Threshold:
    """The threshold that the rule asks for on these rows: probabilities (n,) of the positive class.

    `weights`: how much each row counts.
    """
    if rule.by == "fixed":
        return Threshold(rule.numbers[0], rule)
    if not is_positive.any() or is_positive.all():
        return Threshold(HALF, rule, "All rows are of one class: the threshold stays at 0.5.")
    weights = evened(weights)
    if rule.by == "cost":
        return Threshold(_cheapest(is_positive, probabilities, weights, *rule.numbers), rule)
    steps = _Steps.of(is_positive, probabilities, weights)
    if rule.by == "f1":
        return Threshold(steps.value(int(np.argmax(steps.f1))), rule)
    return _at_least(rule, steps)


def decision_numbers(
    is_positive: Bools, probabilities: Floats, threshold: float, weights: Weights = None
) -> dict[str, Any]:
    """Precision, recall, F1 of the positive class and the four counts of the confusion at a threshold."""
    codes = (probabilities >= threshold).astype(np.intp)
    matrix = confusion(is_positive.astype(np.intp), codes, 2, weights)
    numbers = class_metrics(matrix)[1]
    (negatives, alarms), (misses, hits) = [[as_count(each) for each in row] for row in matrix]
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
    """Precision, recall and F1 at each distinct score (falling), when rows from this score up are positive."""

    scores: Floats
    precision: Floats
    recall: Floats
    f1: Floats
    n_predicted: NDArray[Any]

    @classmethod
    def of(cls, is_positive: Bools, probabilities: Floats, weights: Weights = None) -> _Steps:
        scores, hits, alarms = score_counts(is_positive, probabilities, weights)
        n_predicted, n_positive = hits + alarms, hits[-1]
        return cls(
            scores, hits / n_predicted, hits / n_positive, 2 * hits / (n_predicted + n_positive), n_predicted
        )

    def value(self, place: int) -> float:
        """A threshold that includes this score and not the next, with as few digits as possible."""
        above = float(self.scores[place])
        below = float(self.scores[place + 1]) if place + 1 < len(self.scores) else 0.0
        return shortest(below, above)


def shortest(low: float, high: float) -> float:
    """The number with the fewest digits above `low` and at most `high`, near their middle."""
    middle = (low + high) / 2
    for digits in range(1, 17):
        rounded = float(f"{middle:.{digits}g}")
        if low < rounded <= high:
            return rounded
    return high


def _at_least(rule: ThresholdRule, steps: _Steps) -> Threshold:
    """The highest recall with at least the wanted precision, or the other way round."""
    minimum, name = rule.numbers[0], rule.by
    bound, goal = (steps.precision, steps.recall) if name == "precision" else (steps.recall, steps.precision)
    is_reliable = steps.n_predicted >= min(MIN_PREDICTED, steps.n_predicted[-1])
    places = np.flatnonzero((bound >= minimum) & is_reliable)
    if len(places):
        best = places[np.lexsort((bound[places], goal[places]))[-1]]
        return Threshold(steps.value(int(best)), rule)
    best = int(np.argmax(np.where(is_reliable, bound, -1.0)))
    reached = f"No threshold reaches a {name} of {minimum:.4g}; this one reaches {bound[best]:.3g}."
    return Threshold(steps.value(best), rule, reached)


def _cheapest(
    is_positive: Bools, probabilities: Floats, weights: Weights, alarm: float, miss: float
) -> float:
    """The threshold of least expected cost.

    For calibrated probabilities that is alarm / (alarm + miss) (Elkan, "The foundations of
    cost-sensitive learning", IJCAI 2001). It is kept unless, in the rows between it and the
    empirically cheapest threshold, the classes differ from the probabilities by more than chance: a minimum over
    few rows is mostly chance.
    """
    bayes = alarm / (alarm + miss)
    steps = _Steps.of(is_positive, probabilities, weights)
    counts = np.ones(len(is_positive)) if weights is None else weights
    n_positive = counts[is_positive].sum()
    hits = steps.recall * n_positive
    costs = alarm * (steps.n_predicted - hits) + miss * (n_positive - hits)
    cheapest = steps.value(int(np.argmin(costs)))
    between = (probabilities >= min(bayes, cheapest)) & (probabilities < max(bayes, cheapest))
    expected, counts = probabilities[between], counts[between]
    difference = abs(float(((is_positive[between] - expected) * counts).sum()))
    is_miscalibrated = difference > SURE * float(np.sqrt((counts**2 * expected * (1 - expected)).sum()))
    return cheapest if is_miscalibrated else float(f"{bayes:.6g}")


@dataclass(frozen=True)
class Scores:
    """Stored scores, from which another threshold is chosen (out of fold) and evaluated (held out) without a refit.

    Each pair is (is of the class, probability of the class); `baselines`: probabilities for the held-out rows, by
    the baseline's key. Stored for the second class, whichever is the positive one. `out_of_fold_weights`,
    `held_out_weights`: how much each row counts; None: all the same.
    """

    out_of_fold: tuple[Bools, Floats]
    held_out: tuple[Bools, Floats]
    baselines: Mapping[str, Floats] = field(default_factory=dict)
    out_of_fold_weights: Weights = None
    held_out_weights: Weights = None

    def for_class(self, code: int) -> Scores:
        """Scores of the class with this code, from those of the second."""
        if code == 1:
            return self
        return Scores(
            _of_other_class(*self.out_of_fold),
            _of_other_class(*self.held_out),
            {key: 1 - each for key, each in self.baselines.items()},
            self.out_of_fold_weights,
            self.held_out_weights,
        )

    def to_json(self) -> dict[str, Any]:
        """As JSON; probabilities as float32, the precision of the ONNX graph."""
        return {
            "out_of_fold": _rows_to_json(*self.out_of_fold, self.out_of_fold_weights),
            "held_out": _rows_to_json(*self.held_out, self.held_out_weights),
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
                _weights_from_json(data["out_of_fold"]),
                _weights_from_json(data["held_out"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedArtifact("The stored scores cannot be read.") from error

    @staticmethod
    def held_out_of(data: Mapping[str, Any]) -> tuple[Bools, Floats]:
        """The held-out pair alone: the other rows can be many times as many. Raises DamagedArtifact."""
        try:
            return _rows_from_json(data["held_out"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamagedArtifact("The stored scores cannot be read.") from error


def _of_other_class(is_second: Bools, probabilities: Floats) -> tuple[Bools, Floats]:
    return ~is_second, 1 - probabilities


def _rows_to_json(is_positive: Bools, probabilities: Floats, weights: Weights) -> dict[str, Any]:
    return {
        **({} if weights is None else {"weights": _packed(weights.astype("<f8"))}),
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


def _weights_from_json(data: Mapping[str, Any]) -> Weights:
    if "weights" not in data:
        return None
    weights = np.frombuffer(base64.b64decode(data["weights"]), "<f8")
    if len(weights) != int(data["n"]) or not (np.isfinite(weights).all() and (weights > 0).all()):
        raise ValueError("weights")
    return weights


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _numbers(text: str) -> Floats:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float64)


def pairs(probabilities: Floats) -> Floats:
    """Probabilities of both classes (n, 2) from those of the second class (n,)."""
    return np.column_stack([1 - probabilities, probabilities])
