"""Outcomes of thresholds, beside counting row by row and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from predictor.ml.calibration.threshold_table import N_STEPS, ThresholdCounts


def rows(n=3000, seed=0, rate=0.2):
    draw = np.random.default_rng(seed)
    y = draw.random(n) < rate
    return y, np.clip(draw.beta(2, 5, n) + 0.3 * y, 0.001, 0.999).round(3)


def test_each_outcome_is_that_of_counting_and_of_scikit_learn():
    y, score = rows()
    counts = ThresholdCounts.of(y, score)

    for threshold in (0.05, 0.3, float(score[7]), 0.7):
        found, named = counts.at(threshold), score >= threshold
        matrix = reference.confusion_matrix(y, named)
        assert [
            [found.n_negative - found.alarms, found.alarms],
            [found.misses, found.hits],
        ] == matrix.tolist()
        assert found.precision == pytest.approx(reference.precision_score(y, named))
        assert found.recall == pytest.approx(reference.recall_score(y, named))
        assert found.f1 == pytest.approx(reference.f1_score(y, named))
        assert found.cost(2, 30) == 2 * matrix[0, 1] + 30 * matrix[1, 0]


def test_a_threshold_above_all_scores_finds_no_row():
    y, score = rows()

    found = ThresholdCounts.of(y, score / 2).at(0.9)

    assert (found.hits, found.alarms, found.precision, found.recall) == (0, 0, None, 0.0)
    assert found.misses == y.sum()


def test_the_table_has_even_steps_to_beyond_the_highest_score():
    y, score = rows()

    table = ThresholdCounts.of(y, score).table()

    values = [each.threshold for each in table.outcomes]
    assert (len(values), table.end, table.is_log) == (N_STEPS - 1, 1.0, False)
    assert np.diff(values) == pytest.approx(1 / N_STEPS)
    assert [each.hits for each in table.outcomes] == [int((y & (score >= each)).sum()) for each in values]


def test_small_probabilities_of_a_rare_class_get_a_logarithmic_axis():
    draw = np.random.default_rng(0)
    score = np.r_[10 ** draw.uniform(-5, -3, 5000), 0.6]
    y = np.r_[draw.random(5000) < 0.01, True]

    table = ThresholdCounts.of(y, score).table()

    assert table.is_log
    assert len(table.outcomes) <= 500
    # The steps tell the rows apart: each changes few of the rows that are looked for.
    hits = [each.hits for each in table.outcomes]
    assert max(-np.diff(hits)) <= 5
    assert table.outcomes[-1].hits in (0, 1)


@pytest.mark.parametrize("is_positive", [True, False])
def test_rows_of_one_class_alone_have_outcomes(is_positive):
    found = ThresholdCounts.of(np.full(10, is_positive), np.linspace(0.1, 0.9, 10)).table()

    assert found.outcomes[0].hits == (10 if is_positive else 0)


def test_no_rows_have_an_empty_outcome():
    found = ThresholdCounts.of(np.zeros(0, bool), np.zeros(0))

    assert (found.at(0.5).n_rows, found.at(0.5).f1) == (0, 0.0)
    assert len(found.table().outcomes) <= N_STEPS
