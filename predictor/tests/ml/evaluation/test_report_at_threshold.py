"""An evaluation report that is changed to another decision threshold."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.calibration.decision_thresholds import Scores, Threshold, choose, pairs
from predictor.ml.evaluation.evaluation_report import Baseline, decision, dummy_predictions, evaluate
from predictor.ml.evaluation.report_at_threshold import decided_again
from predictor.ml.metrics.scores import DECIDED, classification_metrics
from predictor.ml.types.schema import Task
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.validation.target import Target

HELD_OUT = (np.array([False, False, True, True, True]), np.array([0.1, 0.3, 0.2, 0.3, 0.9]))
OUT_OF_FOLD = (np.array([False, True]), np.array([0.4, 0.6]))
AT_THIRTY = Threshold(0.3, ThresholdRule.from_json({"by": "fixed", "value": 0.3}))


def rule(**asked):
    return ThresholdRule.from_json(asked)


def rows(n=4000, seed=0):
    """Calibrated by construction: a row is positive with the probability that it has."""
    draw = np.random.default_rng(seed)
    probabilities = draw.beta(1, 2, n)
    return draw.random(n) < probabilities, probabilities


def stored_report(**parts):
    """A report as it is stored; the metrics that depend on the threshold are wrong."""
    old = dict.fromkeys(DECIDED, -1.0) | {"log_loss": 0.7}
    label = {"precision": -1.0, "recall": -1.0, "f1": -1.0, "n_rows": 1, "roc": "a curve"}
    return {
        "classes": ["no", "yes"],
        "per_class": [{"class": "no", **label}, {"class": "yes", **label}],
        "held_out": old,
        "cross_validation": {"metrics": old, "n_folds": 5},
        "baselines": [],
        "confusion": [[0, 0], [0, 0]],
        "verdict": {"sentence": "Better."},
        **parts,
    }


def test_a_report_changed_to_another_threshold_equals_one_made_at_it():
    is_positive, probabilities = rows(400)
    is_known, known = rows(600, seed=1)
    target = Target("y", Task.BINARY, is_positive.astype(int), ("no", "yes"))
    dummy = Baseline("dummy", "No features", dummy_predictions(target, len(target.y)))
    scores = Scores((is_known, known), (is_positive, probabilities), {"dummy": dummy.predictions[:, 1]})
    stored = Scores.from_json(json.loads(json.dumps(scores.to_json())))

    def report(threshold):
        at = threshold.value if threshold else None
        folds = {"metrics": classification_metrics(is_known.astype(int), pairs(known), at), "n_folds": 5}
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


def test_a_report_changed_to_the_other_positive_class_equals_one_made_for_it():
    is_second, probabilities = rows(400)
    is_known, known = rows(600, seed=1)
    dummy = Baseline("dummy", "No features", np.tile([0.25, 0.75], (400, 1)))
    scores = Scores((is_known, known), (is_second, probabilities), {"dummy": dummy.predictions[:, 1]})
    stored = Scores.from_json(json.loads(json.dumps(scores.to_json())))

    def report(threshold, positive):
        at = threshold.value if threshold else None
        # Probabilities as they are stored: float32, so that the numbers can be compared.
        target = Target("y", Task.BINARY, is_second.astype(int), ("fraud", "ok"), positive)
        folds = {
            "metrics": classification_metrics(
                is_known.astype(int), pairs(stored.out_of_fold[1]), at, positive
            )
        }
        made = evaluate(target, pairs(stored.held_out[1]), [dummy], folds, seed=0, threshold=at).to_json()
        own = stored.for_class(positive)
        made["decision"] = decision(
            threshold, target.positive_name, held_out=own.held_out, out_of_fold=own.out_of_fold
        )
        return made

    chosen = choose(rule(by="cost", false_positive=1, false_negative=50), *stored.for_class(0).out_of_fold)
    changed = decided_again(report(None, 1), stored, chosen, positive=0, before=1)
    fresh = report(chosen, 0)

    assert changed.pop("slices") == fresh.pop("slices") == []
    assert changed == fresh
    assert (changed["decision"]["positive"], changed["decision"]["threshold"]) == ("fraud", 0.0196078)
    is_fraud, found = ~is_second, 1 - stored.held_out[1] >= chosen.value
    assert changed["held_out"]["recall"] == pytest.approx((is_fraud & found).sum() / is_fraud.sum())
    assert "a missed “fraud” 50" in changed["decision"]["sentence"]


def test_a_decision_that_finds_no_positive_row_says_so():
    blind = decided_again(stored_report(), Scores(OUT_OF_FOLD, HELD_OUT), replace(AT_THIRTY, value=0.95))
    seeing = decided_again(stored_report(), Scores(OUT_OF_FOLD, HELD_OUT), AT_THIRTY)

    assert blind["decision"]["warning"] == "This rule catches none of the 3 rows of “yes”."
    assert seeing["decision"]["warning"] == ""


def test_rows_at_the_threshold_are_positive_in_every_number():
    changed = decided_again(stored_report(), Scores(OUT_OF_FOLD, HELD_OUT), AT_THIRTY)

    # Predicted: no, yes, no, yes, yes. Of the three "yes", two are found, and one of three alarms is false.
    assert changed["confusion"] == [[1, 1], [1, 2]]
    held_out = changed["held_out"]
    assert (held_out["accuracy"], held_out["precision"], held_out["recall"]) == pytest.approx(
        (3 / 5, 2 / 3, 2 / 3)
    )
    assert held_out["balanced_accuracy"] == pytest.approx((1 / 2 + 2 / 3) / 2)
    no, yes = changed["per_class"]
    assert (no["precision"], no["recall"], no["f1"]) == pytest.approx((1 / 2, 1 / 2, 1 / 2))
    assert (yes["precision"], yes["recall"], yes["f1"]) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    # Out of fold both rows are predicted "yes".
    folds = changed["cross_validation"]["metrics"]
    assert (folds["accuracy"], folds["recall"]) == (0.5, 1.0)
    assert (changed["decision"]["threshold"], changed["decision"]["positive"]) == (0.3, "yes")


def test_what_does_not_depend_on_the_threshold_stays_and_the_stored_report_is_not_changed():
    report = stored_report(intervals={"log_loss": [0.6, 0.8]})
    before = json.dumps(report)

    changed = decided_again(report, Scores(OUT_OF_FOLD, HELD_OUT), AT_THIRTY)

    assert json.dumps(report) == before
    assert changed["held_out"]["log_loss"] == changed["cross_validation"]["metrics"]["log_loss"] == 0.7
    assert changed["intervals"]["log_loss"] == [0.6, 0.8]
    assert [(each["n_rows"], each["roc"]) for each in changed["per_class"]] == [(1, "a curve")] * 2
    assert changed["verdict"] == {"sentence": "Better."}
    assert changed["cross_validation"]["n_folds"] == 5


def test_numbers_that_the_stored_scores_cannot_give_are_left_out():
    known = {"log_loss": [0.6, 0.8]} | {name: [0.1, 0.2] for name in DECIDED}
    report = stored_report(
        slices=[{"words": "“age” is missing", "score": 0.9, "rate": 0.5, "rate_elsewhere": 0.1}],
        cross_validation={"metrics": stored_report()["held_out"], "intervals": known},
    )

    changed = decided_again(report, Scores(OUT_OF_FOLD, HELD_OUT), AT_THIRTY)

    assert changed["slices"] == [
        {"words": "“age” is missing", "score": 0.9, "rate": None, "rate_elsewhere": None}
    ]
    assert changed["cross_validation"]["intervals"] == {"log_loss": [0.6, 0.8], **dict.fromkeys(DECIDED)}


@pytest.mark.parametrize(("kind", "has_intervals"), [("group", False), ("time", True), ("random", True)])
def test_intervals_are_known_unless_whole_groups_were_held_out(kind, has_intervals):
    report = stored_report(
        intervals={name: [-1.0, -1.0] for name in DECIDED},
        conditions={"split": {"kind": kind, "column": "shop"}},
    )

    changed = decided_again(report, Scores(OUT_OF_FOLD, HELD_OUT), AT_THIRTY)

    for name in DECIDED:
        interval = changed["intervals"][name]
        assert (interval is not None) == has_intervals
        if interval:
            assert 0 <= interval[0] <= changed["held_out"][name] <= interval[1] <= 1


def test_a_baseline_is_changed_where_its_scores_are_stored_report():
    old = stored_report()["held_out"]
    report = stored_report(baselines=[{"key": "dummy", "held_out": old}, {"key": "linear", "held_out": old}])
    scores = Scores(OUT_OF_FOLD, HELD_OUT, {"dummy": np.full(5, 0.6)})

    dummy, linear = decided_again(report, scores, AT_THIRTY)["baselines"]

    assert linear == {"key": "linear", "held_out": old}
    assert (dummy["held_out"]["recall"], dummy["held_out"]["precision"]) == pytest.approx((1.0, 3 / 5))
