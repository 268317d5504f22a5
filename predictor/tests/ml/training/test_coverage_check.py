"""Intervals and sets hold what was asked of the model that is served, whatever made them."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.calibration.conformal import Uncertainty, coverage_report
from predictor.ml.calibration.probability_calibration import calibrated
from predictor.ml.training.coverage_check import sureness
from predictor.ml.training.post_processing import Decided
from predictor.ml.types.schema import Task
from predictor.ml.validation.target import Target


def drawn(n: int, error: float, seed: int):
    draw = np.random.default_rng(seed)
    y = draw.normal(0, 10, n)
    return y, y + draw.normal(0, error, n)


def decided_on(n: int, error: float, *, fold_share: float = 0.8) -> Decided:
    y, said = drawn(n, error, 0)
    known = Uncertainty.fit(Task.REGRESSION, y, said)
    return Decided(y, said, said, {}, known, fold_share=fold_share)


def test_out_of_fold_errors_of_much_smaller_fits_give_way_to_the_held_out_ones():
    """Fitted on three times as many rows, the judged pipeline errs half as much."""
    y, own = drawn(2000, 1.0, 1)
    decided = decided_on(600, 2.0, fold_share=0.3)
    found = sureness(Target("y", Task.REGRESSION, y), own, own, decided)

    assert found.replaced is not None
    new_y, new = drawn(4000, 1.0, 2)
    held = coverage_report(found.replaced, new_y, new, [0.9])[0]
    too_wide = coverage_report(decided.uncertainty, new_y, new, [0.9])[0]
    assert held["covered"] == pytest.approx(0.9, abs=0.02)
    assert too_wide["covered"] > 0.97
    assert [each["coverage"] for each in found.document["coverage"]] == [0.8, 0.9, 0.95]
    for each in found.document["coverage"]:
        assert each["covered"] == pytest.approx(each["coverage"], abs=0.03)
        assert each["mean_width"] > 0


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY])
def test_any_number_of_coverages_is_answered_and_few_are_remembered(task):
    y, said = drawn(300, 1.0, 0)
    if task is Task.BINARY:
        y, said = (y > 0).astype(int), np.tile([0.4, 0.6], (300, 1))
    known = Uncertainty.fit(task, y, said)
    ask = known.least_probability if task is Task.BINARY else lambda each: known.margins(each)[1][0]
    first = ask(0.9)
    for coverage in np.linspace(0.5, 0.99, 300):
        ask(float(coverage))
    assert len(known._known) <= 64
    assert ask(0.9) == first


def test_else_the_out_of_fold_predictions_say_it():
    y, own = drawn(500, 1.0, 1)
    found = sureness(Target("y", Task.REGRESSION, y), own, own, decided_on(1500, 1.0))
    assert found.replaced is None
    assert found.document["coverage"][1]["covered"] == pytest.approx(0.9, abs=0.04)


def test_what_calibrating_did_to_the_held_out_rows_is_told():
    draw = np.random.default_rng(0)
    true = draw.beta(1, 1, 4000)
    y = (draw.random(4000) < true).astype(int)
    bent = true**3 / (true**3 + (1 - true) ** 3)
    pairs = np.column_stack([1 - bent, bent])
    known = calibrated(pairs[:2000], y[:2000], [np.arange(2000)[start::4] for start in range(4)])
    assert known.calibration is not None
    before, own = pairs[2000:], known.calibration.apply(pairs[2000:])
    target = Target("y", Task.BINARY, y[2000:], ("no", "yes"))
    decided = Decided(y[:2000], known.probabilities, known.probabilities, {}, None, known)

    document = sureness(target, before, own, decided).document

    assert document["calibration"]["kind"] == "scale"
    assert document["calibration"]["held_out"]["after"] < document["calibration"]["held_out"]["before"] - 0.01
