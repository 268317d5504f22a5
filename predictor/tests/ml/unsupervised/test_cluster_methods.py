"""Clustering methods: their scores are the silhouette and the BIC of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from predictor.ml.unsupervised.cluster_methods import (
    FULL_COVARIANCE_COLUMNS,
    LEAST_VARIANCE,
    METHODS,
    silhouette,
)

KMEANS, MIXTURE = METHODS["kmeans"], METHODS["gaussian_mixture"]


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the training process: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def points_of(n_columns=2, n_rows=90):
    """Three balls of rows."""
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 5, (3, n_columns))
    return centres[np.arange(n_rows) % 3] + rng.normal(size=(n_rows, n_columns))


def test_k_means_is_that_of_scikit_learn():
    points = points_of()

    clusters = KMEANS.fit(points, 3, 7)

    fitted = KMeans(3, n_init=5, random_state=7).fit(points)
    assert np.array_equal(clusters.predict(points), fitted.labels_)
    assert clusters.spread_ == pytest.approx(fitted.inertia_ / points.size)
    assert KMEANS.score(points, clusters) == pytest.approx(silhouette_score(points, fitted.labels_))
    assert KMEANS.chance_score(points, clusters) == KMEANS.score(points, clusters)


@pytest.mark.parametrize(
    ("n_columns", "covariance"),
    [(2, "full"), (FULL_COVARIANCE_COLUMNS, "full"), (FULL_COVARIANCE_COLUMNS + 1, "diag")],
)
@pytest.mark.parametrize("n_clusters", [1, 3])
def test_the_score_of_a_mixture_is_the_bic_of_scikit_learn(n_columns, covariance, n_clusters):
    points = points_of(n_columns)

    clusters = MIXTURE.fit(points, n_clusters, 7)

    fitted = GaussianMixture(
        n_clusters, covariance_type=covariance, n_init=2, reg_covar=LEAST_VARIANCE, random_state=7
    ).fit(points)
    assert MIXTURE.score(points, clusters) == pytest.approx(-fitted.bic(points) / len(points))
    assert clusters.predict_proba(points) == pytest.approx(fitted.predict_proba(points), abs=1e-9)


def test_the_gain_of_a_mixture_is_that_over_one_cluster_for_all_rows():
    points = points_of()

    gain = MIXTURE.chance_score(points, MIXTURE.fit(points, 3, 0))

    one, three = (
        GaussianMixture(n, n_init=2, reg_covar=LEAST_VARIANCE, random_state=0).fit(points).bic(points)
        for n in (1, 3)
    )
    assert gain == pytest.approx((one - three) / len(points))
    assert gain > 0
    assert MIXTURE.chance_score(points, MIXTURE.fit(points, 1, 0)) == pytest.approx(0.0)


def test_a_category_that_is_the_same_in_a_cluster_gets_a_least_variance():
    points = np.repeat([[0.0, 0.0], [1.0, 1.0]], 20, axis=0)

    clusters = MIXTURE.fit(points, 2, 0)

    assert np.isfinite(clusters.predict_proba(points)).all()
    # The diagonal of a precision's Cholesky factor is 1 / deviation.
    assert np.diagonal(clusters.factors_, axis1=1, axis2=2) == pytest.approx(LEAST_VARIANCE**-0.5, rel=1e-3)


@pytest.mark.parametrize(
    ("labels", "n_rows"),
    [([0] * 6, 6), (list(range(6)), 6), ([], 0), ([0], 1)],
    ids=["one cluster", "a cluster for each row", "no rows", "one row"],
)
def test_labels_without_a_silhouette_have_the_score_0(labels, n_rows):
    assert silhouette(np.arange(2.0 * n_rows).reshape(n_rows, 2), np.array(labels, int)) == 0.0


def test_the_silhouette_of_two_pairs_is_that_of_rousseeuw():
    # Distances: 1 within a pair, 9 to 11 between: (b - a) / max(a, b) of each row, computed by hand.
    points = np.array([[0.0], [1.0], [10.0], [11.0]])

    expected = np.mean([1 - 1 / 10.5, 1 - 1 / 9.5, 1 - 1 / 9.5, 1 - 1 / 10.5])

    assert silhouette(points, np.array([0, 0, 1, 1])) == pytest.approx(expected)


def test_many_rows_are_compared_on_an_even_sample():
    points = points_of(n_rows=300)
    labels = np.arange(300) % 3

    sampled = silhouette(points, labels, max_rows=31)

    rows = np.linspace(0, 299, 31).astype(int)
    assert sampled == pytest.approx(silhouette_score(points[rows], labels[rows]))
    assert sampled != pytest.approx(silhouette_score(points, labels))
