"""Compact serialization of HistGradientBoosting."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from predictor.errors import DamagedArtifact
from predictor.ml.persistence.tree_packing import pack_trees, unpack_trees


@pytest.fixture(scope="module")
def boosting() -> tuple[HistGradientBoostingClassifier, np.ndarray]:
    draw = np.random.default_rng(0)
    X = np.c_[draw.normal(size=(120, 2)), draw.integers(0, 5, 120)]
    y = draw.integers(0, 3, 120)
    estimator = HistGradientBoostingClassifier(max_iter=4, categorical_features=[2], early_stopping=False)
    return estimator.fit(X, y), X


def test_unpacked_trees_predict_exactly_the_same(boosting) -> None:
    estimator, X = boosting
    expected = estimator.predict_proba(X)

    joined = pack_trees(estimator)

    assert isinstance(joined._predictors, dict)
    assert np.array_equal(unpack_trees(joined).predict_proba(X), expected)
    assert isinstance(estimator._predictors, list)


def test_arrays_of_inconsistent_lengths_are_refused(boosting) -> None:
    joined = pack_trees(boosting[0])
    joined._predictors["nodes_lengths"] = joined._predictors["nodes_lengths"] + 1

    with pytest.raises(DamagedArtifact, match="cannot be read"):
        unpack_trees(joined)


def test_missing_trees_are_refused(boosting) -> None:
    joined = pack_trees(boosting[0])
    joined._predictors["n_rounds"] += 1

    with pytest.raises(DamagedArtifact, match="not complete"):
        unpack_trees(joined)


def test_other_estimators_are_not_changed() -> None:
    assert pack_trees(other := object()) is other
    assert unpack_trees(other) is other
