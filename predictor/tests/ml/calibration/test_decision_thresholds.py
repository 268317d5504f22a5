"""Decision thresholds, on rows whose true probabilities are known."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.calibration.decision_thresholds import choose, decision_numbers, shortest
from predictor.ml.types.threshold_rule import ThresholdRule


def rule(**asked):
    return ThresholdRule.from_json(asked)


def rows(n=4000, seed=0):
    """Calibrated by construction: a row is positive with the probability that it has."""
    draw = np.random.default_rng(seed)
    probabilities = draw.beta(1, 2, n)
    return draw.random(n) < probabilities, probabilities


@pytest.mark.parametrize(("alarm", "miss"), [(1, 1), (1, 5), (3, 1), (1, 50)])
def test_a_cost_matrix_gives_the_bayes_threshold(alarm, miss):
    chosen = choose(rule(by="cost", false_positive=alarm, false_negative=miss), *rows())
    assert chosen.value == pytest.approx(alarm / (alarm + miss), abs=1e-6)


def test_a_cost_matrix_gives_another_threshold_for_miscalibrated_probabilities():
    is_positive, probabilities = rows()
    chosen = choose(rule(by="cost", false_positive=1, false_negative=1), is_positive, probabilities**3)
    assert chosen.value == pytest.approx(0.5**3, abs=0.05)


def test_no_threshold_has_a_better_f1_than_the_chosen_one():
    is_positive, probabilities = rows(300)
    chosen = choose(rule(by="f1"), is_positive, probabilities)
    best = max(decision_numbers(is_positive, probabilities, at)["f1"] for at in probabilities)
    assert decision_numbers(is_positive, probabilities, chosen.value)["f1"] == best


@pytest.mark.parametrize("wanted", [0.5, 0.65, 0.8])
def test_precision_or_recall_reaches_the_minimum_and_the_other_is_maximal(wanted):
    is_positive, probabilities = rows(500)
    each = [(at, decision_numbers(is_positive, probabilities, at)) for at in probabilities]
    for name, other in (("precision", "recall"), ("recall", "precision")):
        chosen = choose(rule(by=name, at_least=wanted), is_positive, probabilities)
        numbers = decision_numbers(is_positive, probabilities, chosen.value)
        assert numbers[name] >= wanted
        assert numbers[other] == max(
            known[other]
            for _, known in each
            if known[name] >= wanted and known["true_positive"] + known["false_positive"] >= 10
        )


def test_a_note_says_when_no_threshold_reaches_the_precision():
    is_positive = np.arange(200) % 2 == 0
    chosen = choose(rule(by="precision", at_least=0.9), is_positive, np.linspace(0.1, 0.9, 200))
    assert "No threshold reaches a precision of 0.9" in chosen.note


def test_a_threshold_has_as_few_digits_as_possible():
    assert shortest(0.2871, 0.3122) == 0.3
    assert shortest(0.0, 0.00041) == 0.0002
    assert shortest(0.5, np.nextafter(0.5, 1)) == np.nextafter(0.5, 1)
