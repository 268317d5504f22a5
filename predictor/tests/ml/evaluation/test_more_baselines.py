"""Baselines that are added later give the report that it would have had with them from the start."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.evaluation.evaluation_report import Baseline, dummy_predictions, evaluate
from predictor.ml.evaluation.more_baselines import with_baselines
from predictor.ml.metrics.confidence_intervals import Resamples
from predictor.ml.types.schema import Task
from predictor.ml.validation.target import make_target

ORDER = ("dummy", "linear", "boosting")


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    values = rng.normal(size=200)
    target = make_target("y", Task.REGRESSION, values)
    own = values + rng.normal(0, 0.3, 200)
    linear = Baseline("linear", "Ridge", values + rng.normal(0, 0.5, 200))
    boosting = Baseline("boosting", "Boosting, default settings", values + rng.normal(0, 0.3, 200))
    return target, own, linear, boosting


def report_of(case, *others, notes=()):
    target, own, _, _ = case
    dummy = Baseline("dummy", "No features", dummy_predictions(target, 200))
    folds = {"metrics": {}, "spread": None}
    return evaluate(target, own, [dummy, *others], folds, seed=0, baseline_notes=notes).to_json()


@pytest.mark.parametrize("missing", ["linear", "boosting", "both"])
def test_they_stand_where_they_would_have_stood(case, missing):
    target, own, linear, boosting = case
    found = {"linear": [linear], "boosting": [boosting], "both": [linear, boosting]}[missing]
    kept = [each for each in (linear, boosting) if each not in found]
    notes = [f"The baseline {each.title} was left out: there was no time for it." for each in found]
    report, whole = report_of(case, *kept, notes=[*notes, "Another note."]), report_of(case, linear, boosting)

    keys = with_baselines(
        report, target, own, found, fitted_on=target, resamples=Resamples.draw(200, seed=0), order=ORDER,
        threshold=None,
    )  # fmt: skip

    assert keys["baselines"] == whole["baselines"]
    assert keys["verdict"] == whole["verdict"]
    assert keys["baseline_notes"] == ["Another note."]


def test_a_sentence_in_other_words_stays_and_the_new_ones_follow(case):
    target, own, linear, boosting = case
    report = report_of(case, linear)
    report["verdict"]["sentence"] = "It was good."

    keys = with_baselines(
        report, target, own, [boosting], fitted_on=target, resamples=Resamples.draw(200, seed=0), order=ORDER,
        threshold=None,
    )  # fmt: skip

    sentence = keys["verdict"]["sentence"]
    assert sentence.startswith("It was good. ")
    assert sentence.count("the baseline Boosting, default settings") == 1
    assert [each["baseline"] for each in keys["verdict"]["comparisons"]] == list(ORDER)
