from __future__ import annotations

import itertools

import numpy as np

from predictor.ml.metrics.score_bins import N_BINS, SHARE_EDGES, bin_counts, quantile_edges


def test_bins_hold_equal_parts_of_the_reference_and_what_is_beyond_its_ends() -> None:
    reference = np.random.default_rng(0).normal(size=1_000)
    edges = quantile_edges(list(reference))

    counts = bin_counts(edges, reference)

    assert counts.tolist() == [0, *[50] * N_BINS, 0]
    assert bin_counts(edges, np.array([reference.min() - 1e-9, reference.max() + 1e-9])).tolist()[::21] == [
        1,
        1,
    ]


def test_few_values_get_a_bin_each() -> None:
    edges = quantile_edges([3.0, 1.0, 1.0, 2.0])

    assert bin_counts(edges, np.array([0.5, 1, 1, 2, 2.5, 3, 4])).tolist() == [1, 2, 1, 2, 1]


def test_a_bin_holds_what_is_above_its_lower_edge_up_to_its_upper_edge() -> None:
    chance = np.random.default_rng(1)
    edges = quantile_edges(list(chance.integers(0, 40, 500).astype(float)))
    values = chance.integers(-5, 45, 1_000).astype(float)

    ends = [-np.inf, *edges, np.inf]
    expected = [sum(low < value <= high for value in values) for low, high in itertools.pairwise(ends)]

    assert bin_counts(edges, values).tolist() == expected


def test_a_reference_without_finite_values_has_no_bins() -> None:
    assert quantile_edges([]) == quantile_edges([float("nan"), float("inf")]) == []
    assert bin_counts([], np.array([1.0, 2.0])).tolist() == [2]


def test_shares_have_twenty_bins() -> None:
    assert bin_counts(SHARE_EDGES, np.array([0.0, 0.05, 0.051, 1.0])).tolist() == [2, 1, *[0] * 17, 1]
