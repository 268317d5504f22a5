"""Fitted pipelines as ONNX: "X" float32 (n, k) to "values" (n,) or "probabilities" (n, n_classes), float64.

The emitters are our own: they round no threshold the wrong way, keep missing values and categories, and are
as exact as ONNX Runtime's own arithmetic. What has no emitter serves in-process.
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
    """The pipeline's estimators, blended and calibrated, as one ONNX model. Raises CannotExport."""
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
    """One member's answer, (n, 1) or (n, n_classes)."""
    name = type(member.estimator).__name__
    if name not in EMITTERS:
        raise CannotExport(f"{name} has no exported form.")
    answer = EMITTERS[name](graph, member.estimator, graph.columns(member.columns))
    if pipeline.task.has_probabilities:
        return _all_classes(graph, answer, member.estimator.classes_, pipeline.n_classes)
    return _unscaled(graph, answer, member.target_scaling)


def _all_classes(graph: Graph, answer: str, codes: NDArray[Any], n_classes: int) -> str:
    """Columns moved to their class codes; a class that the member never saw gets 0."""
    if len(codes) == n_classes:
        return answer
    places = np.zeros((len(codes), n_classes))
    places[np.arange(len(codes)), np.asarray(codes, np.intp)] = 1.0
    return graph.op("MatMul", answer, graph.constant(places))


def _unscaled(graph: Graph, answer: str, scaling: TargetScaling) -> str:
    if scaling.mean != 0.0 or scaling.scale != 1.0:
        answer = graph.op("Mul", answer, graph.constant(scaling.scale))
        answer = graph.op("Add", answer, graph.constant(scaling.mean))
    if not scaling.is_log:
        return answer
    power = graph.op("Exp", graph.op("Min", answer, graph.constant(LARGEST_LOG)))
    return graph.op("Sub", power, graph.constant(1.0))


def _calibrated(graph: Graph, probabilities: str, calibration: Calibration) -> str:
    """As `Calibration.apply`, in float64."""
    logs = graph.op("Log", graph.op("Max", probabilities, graph.constant(EPSILON)))
    scaled = graph.op("Mul", logs, graph.constant(calibration.scale))
    shifted = graph.op("Add", scaled, graph.constant(np.reshape(calibration.shifts, (1, -1))))
    return graph.op("Softmax", shifted, axis=1)


def linear_graph(coefficients: Sequence[float], intercept: float) -> bytes:
    """A hand-made linear model on a matrix of len(coefficients) columns."""
    graph = Graph(len(coefficients))
    weights = np.reshape(np.asarray(coefficients, np.float64), (-1, 1))
    return graph.model(graph.affine(graph.double("X"), weights, np.array([intercept])), "values", None)
