"""Thresholds with a known truth."""

from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.errors import InvalidThreshold
from predictor.ml.calibration.decision_thresholds import Scores, choose, decision_numbers, pairs, shortest
from predictor.ml.evaluation.evaluation_report import Baseline, decision, dummy_predictions, evaluate
from predictor.ml.evaluation.report_at_threshold import decided_again
from predictor.ml.metrics.scores import classification_metrics
from predictor.ml.types.schema import Task
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.validation.target import Target


def rule(**asked):
    return ThresholdRule.from_json(asked)


def rows(n=4000, seed=0):
    """Calibrated by construction: a row is positive with the probability that it has."""
    draw = np.random.default_rng(seed)
    probabilities = draw.beta(1, 2, n)
    return draw.random(n) < probabilities, probabilities


@pytest.mark.parametrize(("alarm", "miss"), [(1, 1), (1, 5), (3, 1), (1, 50)])
def test_a_cost_matrix_gives_the_threshold_of_bayes(alarm, miss):
    found = choose(rule(by="cost", false_positive=alarm, false_negative=miss), *rows())
    assert found.value == pytest.approx(alarm / (alarm + miss), abs=1e-6)


def test_a_cost_matrix_gives_another_threshold_where_the_probabilities_are_wrong():
    is_positive, probabilities = rows()
    found = choose(rule(by="cost", false_positive=1, false_negative=1), is_positive, probabilities**3)
    assert found.value == pytest.approx(0.5**3, abs=0.05)


def test_no_threshold_has_a_better_f1_than_the_chosen_one():
    is_positive, probabilities = rows(300)
    found = choose(rule(by="f1"), is_positive, probabilities)
    best = max(decision_numbers(is_positive, probabilities, at)["f1"] for at in probabilities)
    assert decision_numbers(is_positive, probabilities, found.value)["f1"] == best


@pytest.mark.parametrize("wanted", [0.5, 0.65, 0.8])
def test_precision_and_recall_are_at_least_what_was_asked_and_the_other_is_the_most_there_is(wanted):
    is_positive, probabilities = rows(500)
    each = [(at, decision_numbers(is_positive, probabilities, at)) for at in probabilities]
    for name, other in (("precision", "recall"), ("recall", "precision")):
        found = choose(rule(by=name, at_least=wanted), is_positive, probabilities)
        numbers = decision_numbers(is_positive, probabilities, found.value)
        assert numbers[name] >= wanted
        assert numbers[other] == max(
            known[other]
            for _, known in each
            if known[name] >= wanted and known["true_positive"] + known["false_positive"] >= 10
        )


def test_a_precision_out_of_reach_is_said_to_be():
    is_positive = np.arange(200) % 2 == 0
    found = choose(rule(by="precision", at_least=0.9), is_positive, np.linspace(0.1, 0.9, 200))
    assert "No threshold reaches a precision of 0.9" in found.note


def test_a_threshold_is_as_short_as_it_can_be_written():
    assert shortest(0.2871, 0.3122) == 0.3
    assert shortest(0.0, 0.00041) == 0.0002
    assert shortest(0.5, np.nextafter(0.5, 1)) == np.nextafter(0.5, 1)


@pytest.mark.parametrize(
    "asked",
    [
        None,
        "f1",
        {"by": "accuracy"},
        {"by": "cost", "false_positive": 1},
        {"by": "cost", "false_positive": 1, "false_negative": 0},
        {"by": "precision", "at_least": 1.5},
        {"by": "recall", "at_least": True},
        {"by": "fixed", "value": float("nan")},
        {"by": "f1", "value": 0.3},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(asked):
    with pytest.raises(InvalidThreshold):
        ThresholdRule.from_json(asked)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("f1", {"by": "f1"}),
        ("cost:1:5", {"by": "cost", "false_positive": 1.0, "false_negative": 5.0}),
        ("recall:0.9", {"by": "recall", "at_least": 0.9}),
        ("0.3", {"by": "fixed", "value": 0.3}),
    ],
)
def test_the_short_form_of_the_command_line(text, asked):
    assert ThresholdRule.parse(text).to_json() == asked
    with pytest.raises(InvalidThreshold):
        ThresholdRule.parse(f"{text}:x")


def test_a_rule_comes_back_from_json():
    for asked in ({"by": "f1"}, {"by": "cost", "false_positive": 1.0, "false_negative": 5.0}):
        assert ThresholdRule.from_json(asked).to_json() == asked


def test_a_report_at_another_threshold_is_the_report_made_at_that_threshold():
    is_positive, probabilities = rows(400)
    is_known, said = rows(600, seed=1)
    target = Target("y", Task.BINARY, is_positive.astype(int), ("no", "yes"))
    dummy = Baseline("dummy", "No features", dummy_predictions(target, len(target.y)))
    scores = Scores((is_known, said), (is_positive, probabilities), {"dummy": dummy.predictions[:, 1]})
    stored = Scores.from_json(json.loads(json.dumps(scores.to_json())))

    def report(threshold):
        at = threshold.value if threshold else None
        folds = {"metrics": classification_metrics(is_known.astype(int), pairs(said), at), "n_folds": 5}
        made = evaluate(target, pairs(probabilities), [dummy], folds, seed=0, threshold=at).to_json()
        made["decision"] = decision(
            threshold, "yes", held_out=scores.held_out, out_of_fold=scores.out_of_fold
        )
        return made

    chosen = choose(rule(by="recall", at_least=0.9), *stored.out_of_fold)
    fresh, changed = report(chosen), decided_again(report(None), stored, chosen)

    assert changed == fresh
    assert changed["held_out"]["recall"] != report(None)["held_out"]["recall"]
    assert changed["held_out"]["recall"] == changed["decision"]["held_out"]["recall"]
