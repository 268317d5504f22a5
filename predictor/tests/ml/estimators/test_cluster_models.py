"""Cluster models against scikit-learn, and against normal densities of SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from predictor.ml.estimators import cluster_models
from predictor.ml.estimators.cluster_models import NearestCentre, SoftMixture
from predictor.ml.unsupervised.cluster_methods import KMeansMethod

from ..planted import blobs


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


def numbers():
    columns, _ = blobs(gaps=0.0)
    points = np.column_stack([columns[name] for name in ("age", "spend", "visits")])
    return (points - points.mean(axis=0)) / points.std(axis=0)


def posterior(densities):
    """Bayes' rule for likelihoods times weights (n, k)."""
    return densities / densities.sum(axis=1, keepdims=True)


def test_nearest_centre_predicts_as_kmeans_of_scikit_learn():
    points = numbers()
    fitted = KMeans(5, n_init=1, random_state=0).fit(points)
    ours = NearestCentre.of(fitted.cluster_centers_, fitted.inertia_ / points.size)
    assert np.array_equal(ours.predict(points), fitted.predict(points))
    assert KMeansMethod().fit(points, 5, 0).predict_proba(points).sum(axis=1) == pytest.approx(1.0)


def test_nearest_centre_has_the_probabilities_of_balls_of_one_size_and_weight():
    points, centres = numbers()[:50], np.array([[0.0, 0, 0], [1, -1, 0.5], [0, 2, 1]])
    densities = [multivariate_normal(centre, 0.7 * np.eye(3)).pdf(points) for centre in centres]

    probabilities = NearestCentre.of(centres, 0.7).predict_proba(points)

    assert probabilities == pytest.approx(posterior(np.stack(densities, axis=1)), abs=1e-12)


def test_soft_mixture_predicts_as_gaussian_mixture_of_scikit_learn():
    points = numbers()
    fitted = GaussianMixture(3, random_state=0).fit(points)
    ours = SoftMixture.of(fitted.means_, fitted.precisions_cholesky_, fitted.weights_)
    assert ours.predict_proba(points) == pytest.approx(fitted.predict_proba(points), abs=1e-9)


def test_soft_mixture_has_the_posterior_probabilities_of_its_normal_densities():
    points, means, shares = numbers()[:50], np.array([[0.0, 0, 0], [1, -1, 0.5]]), np.array([0.9, 0.1])
    covariances = [np.diag([1.0, 2.0, 0.5]), np.array([[1.0, 0.3, 0], [0.3, 1, 0], [0, 0, 2]])]
    factors = np.stack([np.linalg.inv(np.linalg.cholesky(each)).T for each in covariances])
    densities = [
        share * multivariate_normal(mean, covariance).pdf(points)
        for share, mean, covariance in zip(shares, means, covariances, strict=True)
    ]

    probabilities = SoftMixture.of(means, factors, shares).predict_proba(points)

    assert probabilities == pytest.approx(posterior(np.stack(densities, axis=1)), abs=1e-12)


def test_many_rows_are_predicted_in_chunks(monkeypatch):
    points = numbers()
    found, sizes = KMeansMethod().fit(points, 4, 0), []
    whole = found.predict(points)
    monkeypatch.setattr(cluster_models, "CHUNK_CELLS", 3 * 100)
    answer = NearestCentre.predict_proba
    monkeypatch.setattr(
        NearestCentre, "predict_proba", lambda self, X: (sizes.append(len(X)), answer(self, X))[1]
    )
    assert np.array_equal(found.predict(points), whole)
    assert max(sizes) == 100
    assert sum(sizes) == len(points)


def mixture():
    factors = np.array([np.eye(2), 2 * np.eye(2), 3 * np.eye(2)])
    return SoftMixture.of([[0.0, 0], [3, 3], [-4, 1]], factors, [0.2, 0.5, 0.3])


@pytest.mark.parametrize("make", [lambda: NearestCentre.of([[0.0, 0], [3, 3], [-4, 1]], 0.5), mixture])
def test_renumbered_clusters_have_the_same_probabilities_in_another_order(make):
    rows, order = np.random.default_rng(0).normal(0, 3, (20, 2)), np.array([2, 0, 1])
    clusters = make()

    renumbered = clusters.ordered(order)

    assert renumbered.predict_proba(rows) == pytest.approx(clusters.predict_proba(rows)[:, order])
    assert renumbered.classes_.tolist() == [0, 1, 2]


def test_weights_multiply_the_features_of_a_row():
    clusters = NearestCentre.of([[0.0, 0], [1, 1]], 1.0)
    rows = np.array([[0.2, 10.0], [0.9, 0.0]])
    expected = clusters.predict_proba(rows * [1.0, 0.01])
    unweighted = clusters.predict(rows)

    weighted = clusters.weighing(np.array([1.0, 0.01]))

    assert weighted is clusters
    assert weighted.predict_proba(rows) == pytest.approx(expected)
    assert (unweighted.tolist(), weighted.predict(rows).tolist()) == ([1, 0], [0, 0])


def test_features_beyond_twenty_deviations_count_as_twenty():
    clusters = NearestCentre.of([[-30.0], [30.0]], 100.0)

    far, at_the_limit = clusters.predict_proba(np.array([[1e30], [20.0]]))

    assert far.tolist() == at_the_limit.tolist()
    assert far.tolist() != clusters.predict_proba(np.array([[19.0]]))[0].tolist()


def test_rows_that_coincide_with_their_centres_have_finite_probabilities():
    clusters = NearestCentre.of([[0.0], [1.0]], 0.0)
    assert clusters.predict_proba(np.array([[0.0], [1.0], [0.5]])) == pytest.approx(
        np.array([[1, 0], [0, 1], [0.5, 0.5]])
    )


def test_a_cluster_without_rows_has_probability_zero_and_a_tie_goes_to_the_first():
    empty = SoftMixture.of([[0.0], [0.0]], np.ones((2, 1, 1)), [1.0, 0.0])
    equal = SoftMixture.of([[0.0], [0.0]], np.ones((2, 1, 1)), [0.5, 0.5])

    assert empty.predict_proba(np.array([[0.3]])) == pytest.approx(np.array([[1.0, 0.0]]))
    assert equal.predict(np.array([[0.3], [7.0]])).tolist() == [0, 0]


def test_no_rows_have_no_labels():
    assert mixture().predict(np.empty((0, 2))).shape == (0,)
