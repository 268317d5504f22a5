from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.neural_network import MLPRegressor

from predictor.ml.estimators.mini_batches import LARGEST_BATCH, even_batch_size, set_even_batches


@given(st.integers(1, 300_000))
def test_the_last_batch_is_nearly_as_large_as_the_others(n_rows: int):
    size = even_batch_size(n_rows)
    assert 1 <= size <= LARGEST_BATCH
    assert (n_rows % size or size) >= 0.9 * size


@given(st.integers(LARGEST_BATCH, 300_000))
def test_batches_stay_large(n_rows: int):
    assert even_batch_size(n_rows) >= LARGEST_BATCH / 3


@pytest.mark.parametrize(
    ("n_rows", "size", "alpha"),
    [(60, 60, 2.0), (200, 200, 2.0), (800, 200, 2.0), (801, 161, 1.61), (802, 161, 1.61)],
)
def test_a_step_takes_the_same_share_of_the_penalty_for_every_number_of_rows(n_rows, size, alpha):
    network = MLPRegressor(alpha=2.0)
    set_even_batches(network, n_rows)
    assert network.batch_size == size
    assert network.alpha == pytest.approx(alpha)
