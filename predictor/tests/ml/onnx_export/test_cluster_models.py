from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.estimators.cluster_models import NearestCentre, SoftMixture
from predictor.ml.features.encoding import DISTANCES
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.onnx_export.cluster_models import emit_centres, emit_mixture
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import Task
from predictor.ml.unsupervised.cluster_methods import METHODS

from ..planted import BLOB_ROLES, blobs
from .graphs import emitted, float32_rows


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.mark.parametrize("method", METHODS)
def test_the_compiled_form_gives_the_same_probabilities(method):
    columns, _ = blobs()
    spec, matrix = FeatureSpec.fit_transform(columns, BLOB_ROLES, DISTANCES)
    weights = np.linspace(0.5, 1.0, matrix.shape[1])
    clusters = METHODS[method].fit(matrix * weights, 4, 0).weighing(weights)
    pipeline = FittedPipeline(spec, (Member(clusters, tuple(range(matrix.shape[1]))),), Task.CLUSTERING, 4)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity
    assert parity.max_abs_difference < 1e-9
    assert parity.labels_agree == 1.0


ROWS = np.vstack([4 * float32_rows(20, 2), [[1e9, -1e9], [0, 0]]])


def test_nearest_centre_agrees_also_beyond_twenty_deviations():
    clusters = NearestCentre.of([[0.0, 0], [3, 3], [-25, 30]], 0.5).weighing(np.array([1.0, 0.25]))
    probabilities = emitted(emit_centres, clusters, ROWS, 3)
    assert probabilities == pytest.approx(clusters.predict_proba(ROWS), abs=1e-12)


def test_a_mixture_of_slanted_clusters_agrees_also_with_a_cluster_without_rows():
    factors = np.array([[[1.0, 0.4], [0, 2]], [[0.5, -0.3], [0, 0.2]], [[1, 0], [0, 1]]])
    clusters = SoftMixture.of([[0.0, 0], [3, -3], [1, 1]], factors, [0.7, 0.3, 0.0])
    clusters.weighing(np.array([0.5, 1.0]))

    probabilities = emitted(emit_mixture, clusters, ROWS, 3)

    assert probabilities == pytest.approx(clusters.predict_proba(ROWS), abs=1e-12)
    assert probabilities[:, 2].max() < 1e-200
