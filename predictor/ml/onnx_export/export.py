"""ONNX export of a fitted pipeline: from "X", float32 (n, k), to "values" (n,) or "probabilities" (n, n_classes).

"X" is the matrix that `FeatureSpec.transform` returns; the output is float64. The emitters are our own: they round
thresholds so that no row changes sides, and they keep missing values and categories. What differs from
scikit-learn is only the arithmetic of ONNX Runtime. Estimators without an emitter are served by scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calibration.probability_calibration import Calibration
from ..metrics.scores import EPSILON
from ..pipelines.fitted_pipeline import LARGEST_LOG, FittedPipeline, Member, TargetScaling
from . import dense
from .cluster_models import emit_centres, emit_mixture
from .graph_builder import CannotExport, Graph
from .hist_gradient_boosting import emit_hist_boosting
from .isolation_forest import emit_isolation
from .trees import emit_boosting, emit_forest

__all__ = ["CannotExport", "export", "linear_graph"]

Emitter = Callable[[Graph, Any, str], str]


def _tree(graph: Graph, estimator: Any, x: str) -> str:
    return emit_forest(graph, [estimator], x, _n_classes(estimator))


def _forest(graph: Graph, estimator: Any, x: str) -> str:
    return emit_forest(graph, list(estimator.estimators_), x, _n_classes(estimator))


def _n_classes(estimator: Any) -> int | None:
    return len(estimator.classes_) if hasattr(estimator, "classes_") else None


EMITTERS: dict[str, Emitter] = {
    "IsolationScore": emit_isolation,
    "NearestCentre": emit_centres,
    "SoftMixture": emit_mixture,
    "LinearRegression": dense.emit_linear,
    "Ridge": dense.emit_linear,
    "Lasso": dense.emit_linear,
    "ElasticNet": dense.emit_linear,
    "LogisticRegression": dense.emit_logistic,
    "SVR": dense.emit_margin,
    "ProbabilisticSVC": dense.emit_svc,
    "NeighboursClassifier": dense.emit_neighbours,
    "NeighboursRegressor": dense.emit_neighbours,
    "GaussianNB": dense.emit_naive_bayes,
    "MLPClassifier": dense.emit_network,
    "MLPRegressor": dense.emit_network,
    "DecisionTreeClassifier": _tree,
    "DecisionTreeRegressor": _tree,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "GradientBoostingClassifier": emit_boosting,
    "GradientBoostingRegressor": emit_boosting,
    "HistGradientBoostingClassifier": emit_hist_boosting,
    "HistGradientBoostingRegressor": emit_hist_boosting,
}


def export(pipeline: FittedPipeline) -> bytes:
    """The serialized ONNX model: estimators, their weighted mean, calibration. Raises CannotExport."""
    graph = Graph(len(pipeline.spec.outputs))
    parts = [_member(graph, pipeline, member) for member in pipeline.members]
    n_columns = pipeline.n_classes if pipeline.task.has_probabilities else 1
    result = graph.mixture(parts, [member.weight for member in pipeline.members], n_columns)
    if pipeline.task.has_probabilities:
        if pipeline.calibration is not None:
            result = _calibrated(graph, result, pipeline.calibration)
        return graph.model(result, "probabilities", pipeline.n_classes)
    return graph.model(result, "values", None)


def _member(graph: Graph, pipeline: FittedPipeline, member: Member) -> str:
    """The output of one ensemble member: values (n, 1) or probabilities (n, n_classes)."""
    name = type(member.estimator).__name__
    if name not in EMITTERS:
        raise CannotExport(f"{name} has no exported form.")
    output = EMITTERS[name](graph, member.estimator, graph.columns(member.columns))
    if pipeline.task.has_probabilities:
        return _all_classes(graph, output, member.estimator.classes_, pipeline.n_classes)
    return _unscaled(graph, output, member.target_scaling)


def _all_classes(graph: Graph, probabilities: str, codes: NDArray[Any], n_classes: int) -> str:
    """Probabilities of all classes by class code; a class that the member was not fitted on gets 0."""
    if len(codes) == n_classes:
        return probabilities
    one_hot = np.zeros((len(codes), n_classes))
    one_hot[np.arange(len(codes)), np.asarray(codes, np.intp)] = 1.0
    return graph.op("MatMul", probabilities, graph.constant(one_hot))


def _unscaled(graph: Graph, values: str, scaling: TargetScaling) -> str:
    """The inverse of the target scaling, as `TargetScaling.inverse`."""
    if scaling.mean != 0.0 or scaling.scale != 1.0:
        values = graph.op("Mul", values, graph.constant(scaling.scale))
        values = graph.op("Add", values, graph.constant(scaling.mean))
    if not scaling.is_log:
        return values
    power = graph.op("Exp", graph.op("Min", values, graph.constant(LARGEST_LOG)))
    return graph.op("Sub", power, graph.constant(1.0))


def _calibrated(graph: Graph, probabilities: str, calibration: Calibration) -> str:
    """Probability calibration, as `Calibration.apply`, in float64."""
    logs = graph.op("Log", graph.op("Max", probabilities, graph.constant(EPSILON)))
    scaled = graph.op("Mul", logs, graph.constant(calibration.scale))
    shifted = graph.op("Add", scaled, graph.constant(np.reshape(calibration.shifts, (1, -1))))
    return graph.op("Softmax", shifted, axis=1)


def linear_graph(coefficients: Sequence[float], intercept: float) -> bytes:
    """The serialized ONNX model of a linear function of len(coefficients) columns."""
    graph = Graph(len(coefficients))
    weights = np.reshape(np.asarray(coefficients, np.float64), (-1, 1))
    return graph.model(graph.affine(graph.double("X"), weights, np.array([intercept])), "values", None)
