"""Shapley values of functions where they are known exactly; sums of contributions for other functions."""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from predictor.ml.explanation.background import Background
from predictor.ml.explanation.shapley import Explainer, n_background_rows
from predictor.ml.features.feature_spec import Encoding, FeatureSpec
from predictor.ml.types.schema import Role

NAMES = ("a", "b", "c", "d")


def explainer(answer, n_columns=4):
    draw = np.random.default_rng(0)
    names = [f"x{place}" for place in range(n_columns)]
    background = {name: draw.normal(size=100) for name in names}
    spec = FeatureSpec.fit(background, dict.fromkeys(names, Role.NUMERIC), Encoding())
    matrix = spec.transform(background)
    return (
        Explainer(spec, Background(background), answer),
        matrix[: n_background_rows(n_columns)],
        matrix[70:80],
    )


def test_the_contributions_to_a_linear_function_are_its_terms():
    weights = np.array([3.0, -2.0, 0.0, 0.5])
    made, background, rows = explainer(lambda matrix: (matrix @ weights)[:, None])

    for row, found in zip(rows, made.explain(rows, [None] * len(rows)), strict=True):
        expected = weights * (row - background.mean(axis=0))
        values = [found.contributions[f"x{place}"] for place in range(4)]
        assert values == pytest.approx(expected, abs=1e-6)
        assert found.base == pytest.approx(float((background @ weights).mean()), abs=1e-6)


@pytest.mark.parametrize("n_columns", [1, 4, 60])
def test_base_and_contributions_sum_to_the_prediction(n_columns):
    def bent(matrix):
        value = np.tanh(matrix.sum(axis=1)) + matrix[:, 0] * matrix[:, -1] + (matrix[:, 0] > 0.3)
        return np.column_stack([1 - value, value]).astype(np.float64)

    made, _, rows = explainer(bent, n_columns)
    codes = [place % 2 for place in range(len(rows))]

    for row, code, found in zip(bent(rows), codes, made.explain(rows, codes), strict=True):
        assert found.base + sum(found.contributions.values()) == pytest.approx(row[code], abs=1e-6)
        sizes = [abs(each) for each in found.contributions.values()]
        assert sizes == sorted(sizes, reverse=True)


def test_sampled_values_are_near_the_exact_ones():
    def mixed(matrix):
        return (matrix[:, 0] * matrix[:, 1] + np.maximum(matrix[:, 2], matrix[:, 3]))[:, None].astype(
            np.float64
        )

    made, background, rows = explainer(mixed)
    found = made.explain(rows, [None] * len(rows))

    exact = np.array([exact_values(mixed, row, background) for row in rows])
    sampled = np.array([[each.contributions[f"x{place}"] for place in range(4)] for each in found])
    assert np.corrcoef(exact.ravel(), sampled.ravel())[0, 1] > 0.99


def exact_values(answer, row, background):
    """Shapley's formula over all subsets of columns; columns outside the subset come from the background rows."""
    n = len(row)

    def worth(subset):
        mixed = background.copy()
        mixed[:, list(subset)] = row[list(subset)]
        return float(answer(mixed)[:, 0].mean())

    values = np.zeros(n)
    for column in range(n):
        others = [each for each in range(n) if each != column]
        for size in range(n):
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            for subset in combinations(others, size):
                values[column] += weight * (worth((*subset, column)) - worth(subset))
    return values
