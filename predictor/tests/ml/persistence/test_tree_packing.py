"""Boostings whose trees are stored as a few arrays."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from predictor.errors import DamagedArtifact
from predictor.ml.persistence.tree_packing import packed, unpacked


@pytest.fixture(scope="module")
def boosting() -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    draw = np.random.default_rng(0)
    X = np.c_[draw.normal(size=(120, 2)), draw.integers(0, 5, 120)]
    y = draw.integers(0, 3, 120)
    estimator = HistGradientBoostingClassifier(max_iter=4, categorical_features=[2], early_stopping=False)
    return estimator.fit(X, y), X


def test_unpacked_trees_answer_bit_for_bit_the_same(boosting) -> None:
    estimator, X = boosting
    expected = estimator.predict_proba(X)

    joined = packed(estimator)

    assert isinstance(joined._predictors, dict)
    assert np.array_equal(unpacked(joined).predict_proba(X), expected)
    assert isinstance(estimator._predictors, list)


def test_arrays_that_do_not_fit_together_are_refused(boosting) -> None:
    joined = packed(boosting[0])
    joined._predictors["nodes_lengths"] = joined._predictors["nodes_lengths"] + 1

    with pytest.raises(DamagedArtifact, match="cannot be read"):
        unpacked(joined)


def test_missing_trees_are_refused(boosting) -> None:
    joined = packed(boosting[0])
    joined._predictors["n_rounds"] += 1

    with pytest.raises(DamagedArtifact, match="not complete"):
        unpacked(joined)


def test_other_estimators_are_left_alone() -> None:
    assert packed(other := object()) is other
    assert unpacked(other) is other
