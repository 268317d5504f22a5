from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest
from threadpoolctl import threadpool_limits

from predictor.ml.estimators.isolation_forest import IsolationScore, calibrate
from predictor.ml.features.encoding import ISOLATION
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.onnx_export import tree_ensemble
from predictor.ml.onnx_export.isolation_forest import emit_isolation
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import Task

from ..planted import ODD_ROLES, odd_rows
from .graphs import emitted, float32_rows


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


def small_forest(rows):
    return IsolationForest(n_estimators=7, max_samples=32, random_state=0).fit(rows.astype(np.float32))


@pytest.mark.parametrize(
    "make", [lambda forest: calibrate(forest, np.linspace(0.3, 0.7, 500)), IsolationScore.uncalibrated]
)
def test_the_onnx_graph_gives_the_same_scores(make):
    columns, _ = odd_rows()
    spec, matrix = FeatureSpec.fit_transform(columns, ODD_ROLES, ISOLATION)
    forest = IsolationForest(n_estimators=40, max_samples=100, random_state=0).fit(matrix)
    pipeline = FittedPipeline(spec, (Member(make(forest), tuple(range(matrix.shape[1]))),), Task.ANOMALY)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity
    assert parity.max_abs_difference < 1e-5


def test_scores_are_interpolated_between_knots_and_constant_outside_of_them():
    rows = float32_rows(60, 2)
    forest = small_forest(rows)
    raw = IsolationScore.uncalibrated(forest).raw(rows)
    low, middle, high = np.quantile(raw, [0.2, 0.5, 0.8])
    steep = IsolationScore.of(forest, [low, middle, high], [0.1, 0.15, 0.9])

    shares = emitted(emit_isolation, steep, rows)

    assert shares == pytest.approx(np.interp(raw, [low, middle, high], [0.1, 0.15, 0.9]), abs=1e-6)
    assert shares.min() == pytest.approx(0.1)
    assert shares.max() == pytest.approx(0.9)


def test_a_forest_split_over_several_nodes_has_the_same_score(monkeypatch):
    rows = float32_rows(60, 2)
    score = IsolationScore.uncalibrated(small_forest(rows))
    monkeypatch.setattr(tree_ensemble, "MOST_BRANCHES", 40)
    assert emitted(emit_isolation, score, rows) == pytest.approx(score.predict(rows), abs=1e-6)
