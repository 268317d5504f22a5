"""Background rows: their weighted mean answer is the mean answer over all rows."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.explanation.background import Background, asked_rows, choose_background


def skewed(draw, n, k):
    """Answers of a model as (n, k): a long tail for one output, shares of k classes else."""
    if k == 1:
        return draw.lognormal(11, 1.2, (n, 1))
    odds = np.exp(draw.normal(0, 2, (n, k)) - np.arange(k))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("k", [1, 2, 3, 8])
@pytest.mark.parametrize("n_rows", [8, 20, 64])
def test_few_weighted_rows_have_the_mean_answer_of_all(k, n_rows):
    if n_rows < 2 * k:
        pytest.skip("n_background_rows gives more rows for more classes")
    answers = skewed(np.random.default_rng(k), 3000, k)

    made = choose_background(
        {"row": np.arange(3000.0)}, lambda columns: answers[columns["row"].astype(int)], n_rows=n_rows, seed=0
    )

    kept = answers[made.columns["row"].astype(int)]
    assert len(kept) == n_rows
    assert np.average(kept, axis=0, weights=made.weights) == pytest.approx(answers.mean(axis=0), rel=0.01)
    assert (made.weights >= 0).all()
    assert made.weights.sum() == pytest.approx(1.0)
    assert made.is_training_mean


def test_rows_count_nearly_alike_where_equal_weights_are_near_the_mean():
    answers = np.random.default_rng(0).normal(5, 1, (2000, 1))

    made = choose_background({"row": np.arange(2000.0)}, lambda _: answers, n_rows=16, seed=0)

    assert made.weights == pytest.approx(np.full(16, 1 / 16), abs=0.02)


def test_a_constant_answer_and_a_table_of_few_rows_are_possible():
    same = choose_background({"row": np.arange(5.0)}, lambda _: np.full((5, 1), 3.0), n_rows=8, seed=0)
    zero = choose_background({"row": np.arange(5.0)}, lambda _: np.zeros((5, 1)), n_rows=8, seed=0)

    assert (len(same.weights), same.base.tolist(), same.is_training_mean) == (5, pytest.approx([3.0]), True)
    assert (zero.base.tolist(), zero.is_training_mean) == ([0.0], True)


def test_a_mean_that_is_not_reached_is_not_claimed():
    rows = {"row": np.zeros(1)}
    mean, far = np.array([1.0]), np.array([1.02])

    assert not Background(rows, np.ones(1), mean, far).is_training_mean
    assert Background(rows, np.ones(1), mean, np.array([1.009])).is_training_mean
    assert not Background(rows).is_training_mean


def test_rows_evenly_spaced_by_the_target_have_nearly_its_mean():
    y = np.random.default_rng(0).lognormal(0, 1, 50_000)
    asked = asked_rows(y, 2000)

    assert len(asked) == 2000
    assert y[asked].mean() == pytest.approx(y.mean(), rel=0.01)
    assert sorted(asked_rows(y, 50_000)) == list(range(50_000))
