"""Clustering methods, each with the score that chooses its number of clusters.

K-means uses the silhouette (Rousseeuw 1987), Gaussian mixtures the Bayesian information criterion (BIC).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score
from sklearn.mixture import GaussianMixture

from ..estimators.cluster_models import Clusters, NearestCentre, SoftMixture
from ..pipelines.fitting import quiet

# Silhouettes compare all pairs of rows: 2,000 rows take 0.1 s.
SILHOUETTE_ROWS = 2_000
N_INIT = 5
# Least variance of a standardised feature in a cluster: a category that is always the same has none.
LEAST_VARIANCE = 1e-2
# A full covariance has d² / 2 numbers for each cluster; beyond so many features it is diagonal.
FULL_COVARIANCE_COLUMNS = 20

Matrix = NDArray[np.float64]
Labels = NDArray[np.intp]


class Method(Protocol):
    """A clustering method. Larger scores are better; `chance_score` is compared with shuffled tables.

    `is_flattered`: single columns of few values raise the score, so it has to be compared with the score of
    shuffled tables. BIC does not need this: it penalises the number of clusters.
    """

    key: str
    metric: str
    is_flattered: bool

    def fit(self, matrix: Matrix, n_clusters: int, seed: int, *, n_init: int = N_INIT) -> Clusters: ...

    def score(self, matrix: Matrix, clusters: Clusters) -> float: ...

    def chance_score(self, matrix: Matrix, clusters: Clusters) -> float: ...


class KMeansMethod:
    """K-means: spherical clusters of one size."""

    key = "kmeans"
    metric = "silhouette"
    is_flattered = True

    def fit(self, matrix: Matrix, n_clusters: int, seed: int, *, n_init: int = N_INIT) -> Clusters:
        with quiet():
            fitted = KMeans(n_clusters, n_init=n_init, random_state=seed).fit(matrix)
        return NearestCentre.of(fitted.cluster_centers_, fitted.inertia_ / matrix.size)

    def score(self, matrix: Matrix, clusters: Clusters) -> float:
        return silhouette(matrix, clusters.predict(matrix))

    chance_score = score


class MixtureMethod:
    """Gaussian mixture: ellipsoidal clusters, each with its own size and direction."""

    key = "gaussian_mixture"
    metric = "bic"
    is_flattered = False

    def fit(self, matrix: Matrix, n_clusters: int, seed: int, *, n_init: int = 2) -> Clusters:
        n_columns = matrix.shape[1]
        is_full = n_columns <= FULL_COVARIANCE_COLUMNS
        with quiet():
            fitted = GaussianMixture(
                n_clusters,
                covariance_type="full" if is_full else "diag",
                n_init=min(n_init, 2),
                reg_covar=LEAST_VARIANCE,
                random_state=seed,
            ).fit(matrix)
        factors = fitted.precisions_cholesky_
        if not is_full:
            factors = np.stack([np.diag(row) for row in factors])
        return SoftMixture.of(fitted.means_, factors, fitted.weights_)

    def score(self, matrix: Matrix, clusters: Clusters) -> float:
        """-BIC divided by the number of rows, so that samples of different sizes can be compared."""
        n_clusters, n_columns = clusters.means_.shape
        is_full = n_columns <= FULL_COVARIANCE_COLUMNS
        n_per_cluster = n_columns + (n_columns * (n_columns + 1) / 2 if is_full else n_columns)
        n_parameters = n_clusters * n_per_cluster + n_clusters - 1
        logits = clusters.logits(matrix)
        largest = logits.max(axis=1)
        likelihood = (
            largest
            + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
            - 0.5 * n_columns * np.log(2 * np.pi)
        )
        return float(2.0 * likelihood.mean() - n_parameters * np.log(len(matrix)) / len(matrix))

    def chance_score(self, matrix: Matrix, clusters: Clusters) -> float:
        """Gain in score over one cluster for all rows."""
        return self.score(matrix, clusters) - self.score(matrix, self.fit(matrix, 1, 0, n_init=1))


METHODS: dict[str, Method] = {each.key: each for each in (KMeansMethod(), MixtureMethod())}


def silhouette(matrix: Matrix, labels: Labels, *, max_rows: int = SILHOUETTE_ROWS) -> float:
    """Mean silhouette (sklearn.metrics.silhouette_score) on at most `max_rows` rows; 0 for a single label."""
    if len(matrix) > max_rows:
        row_numbers = np.linspace(0, len(matrix) - 1, max_rows).astype(np.intp)
        matrix, labels = matrix[row_numbers], labels[row_numbers]
    n_labels = len(np.unique(labels))
    if not 1 < n_labels < len(labels):
        return 0.0
    return float(silhouette_score(matrix, labels))
