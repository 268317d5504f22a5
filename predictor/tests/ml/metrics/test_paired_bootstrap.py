from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from predictor.ml.metrics import paired_bootstrap
from predictor.ml.metrics.paired_bootstrap import _weighted, average_precision_deviation


def test_weights_are_numbers_of_copies():
    draw = np.random.default_rng(0)
    y, score = draw.random(50) < 0.3, np.round(draw.random(50), 1)
    weights = draw.integers(0, 4, (20, 50))

    found = _weighted(y, score, weights)

    for each, one in zip(weights, found, strict=True):
        rows = np.repeat(np.arange(50), each)
        assert one == pytest.approx(reference.average_precision_score(y[rows], score[rows]))


def test_no_positive_row_is_not_a_number():
    assert np.isnan(_weighted(np.array([True, False]), np.array([0.5, 0.4]), np.array([[0, 2]]))).all()


def test_rarely_drawn_positive_rows_show_nothing():
    y = np.zeros(30, bool)

    assert average_precision_deviation([y], [np.arange(30.0)], [np.arange(30.0)[::-1]]) == float("inf")


def test_blocks_change_nothing(monkeypatch):
    draw = np.random.default_rng(0)
    y, a, b = draw.random(60) < 0.4, draw.random(60), draw.random(60)
    whole = average_precision_deviation([y], [a], [b])

    monkeypatch.setattr(paired_bootstrap, "MAX_CELLS", 60 * 7)

    assert average_precision_deviation([y], [a], [b]) == pytest.approx(whole)
