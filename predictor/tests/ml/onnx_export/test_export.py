from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest

from predictor.ml.estimators.catalogue import estimators_for
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.features.encoding import Encoding
from predictor.ml.features.feature_spec import NATIVE_BOOSTING, FeatureSpec
from predictor.ml.onnx_export import tree_ensemble
from predictor.ml.onnx_export.export import CannotExport, export, linear_graph
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.onnx_export.session import Session
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import Role, Task

from ..mixed_table import QUICK, blended, fitted

CASES = [
    pytest.param(info.key, task, QUICK.get(info.key, {}), id=f"{info.key}-{task.value}")
    for task in sorted(SUPERVISED)
    for info in estimators_for(task)
] + [
    pytest.param(key, task, params, id=f"{key}-{task.value}-{'-'.join(map(str, params.values()))}")
    for key, task, params in [
        ("hist_gradient_boosting", Task.REGRESSION, {"loss": "poisson", "max_iter": 15}),
        ("hist_gradient_boosting", Task.REGRESSION, {"loss": "gamma", "max_iter": 15}),
        ("hist_gradient_boosting", Task.REGRESSION, {"loss": "absolute_error", "max_iter": 15}),
        ("hist_gradient_boosting", Task.BINARY, {"is_balanced": True, "max_iter": 15, "max_leaf_nodes": 2}),
        ("svm", Task.MULTICLASS, {"kernel": "linear"}),
        ("svm", Task.REGRESSION, {"kernel": "linear"}),
        ("knn", Task.BINARY, {"weights": "uniform", "n_neighbors": 3}),
        ("decision_tree", Task.MULTICLASS, {"max_depth": 1}),
    ]
]
# Measured: sums of float32 leaves stay below 3e-6, networks and Bayes below 3e-5 (float32 in scikit-learn).
LIMIT = 5e-5


@pytest.mark.parametrize(("key", "task", "params"), CASES)
def test_every_export_predicts_as_scikit_learn_does(key: str, task: Task, params: dict[str, Any]) -> None:
    pipeline, columns = fitted(key, task, params)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity.reason
    assert parity.n_rows >= 1_000
    assert parity.max_abs_difference is not None
    assert parity.max_abs_difference < LIMIT
    assert parity.labels_agree == (1.0 if task.is_classification else None)


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_boosting_on_numbers_with_missing_values_is_exported(task: Task) -> None:
    pipeline, columns = fitted(
        "hist_gradient_boosting",
        task,
        {"max_iter": 15},
        encoding=Encoding(numbers="nan", categories="ordinal"),
    )
    assert compile_checked(pipeline, columns)[1].is_compiled


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_forests_with_missing_values_are_exported(task: Task) -> None:
    pipeline, columns = fitted(
        "random_forest", task, {"n_estimators": 8}, encoding=Encoding(numbers="nan", categories="onehot")
    )
    assert np.isnan(pipeline.spec.transform(columns)).any()
    assert compile_checked(pipeline, columns)[1].is_compiled


@pytest.mark.parametrize("key", ["ridge", "hist_gradient_boosting", "random_forest"])
def test_the_graph_inverts_a_log_target(key: str) -> None:
    pipeline, columns = fitted(key, Task.REGRESSION, QUICK.get(key), is_log=True)
    assert pipeline.members[0].target_scaling.is_log
    assert compile_checked(pipeline, columns)[1].is_compiled


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_a_blend_with_several_encodings_is_one_graph(task: Task) -> None:
    linear = "ridge" if task is Task.REGRESSION else "logistic_regression"
    pipeline, columns = blended(task, (linear, "hist_gradient_boosting", "random_forest"))
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity.reason
    assert parity.max_abs_difference is not None
    assert parity.max_abs_difference < LIMIT
    graph = onnx.load_model_from_string(compiled).graph
    read = {name for node in graph.node for name in node.input} | {graph.output[0].name}
    written = {name for node in graph.node for name in node.output} | {
        each.name for each in graph.initializer
    }
    assert written <= read
    # Trees read X itself; only the linear member gathers its columns.
    assert [node.op_type for node in graph.node].count("Gather") == 1 + (task is Task.MULTICLASS)


def test_trees_on_some_columns_of_a_wide_matrix_read_only_those(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, columns = blended(Task.BINARY, ("random_forest", "hist_gradient_boosting"))
    monkeypatch.setattr(tree_ensemble, "MOST_DIRECT_COLUMNS", 20)
    monkeypatch.setattr(tree_ensemble, "FEWEST_MIRRORED_BRANCHES", 0)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity.reason
    kinds = [node.op_type for node in onnx.load_model_from_string(compiled).graph.node]
    assert kinds.count("Gather") == 2


def test_a_class_that_a_member_never_saw_has_probability_zero() -> None:
    pipeline, columns = fitted("random_forest", Task.MULTICLASS, {"n_estimators": 5})
    wider = FittedPipeline(pipeline.spec, pipeline.members, Task.MULTICLASS, n_classes=6)
    compiled, parity = compile_checked(wider, columns)
    assert compiled is not None, parity.reason
    probabilities = Session(compiled).run(wider.spec.transform(columns)).probabilities
    assert probabilities is not None
    assert probabilities.shape == (400, 6)
    assert not probabilities[:, 4:].any()


def test_trees_without_a_split_export() -> None:
    columns = {"x": np.arange(40.0)}
    spec = FeatureSpec.fit(columns, {"x": Role.NUMERIC}, NATIVE_BOOSTING)
    from sklearn.ensemble import HistGradientBoostingRegressor
    from sklearn.tree import DecisionTreeRegressor

    for estimator in (
        DecisionTreeRegressor(max_depth=1, min_samples_leaf=39),
        HistGradientBoostingRegressor(min_samples_leaf=39, max_iter=3),
    ):
        estimator.fit(spec.transform(columns), np.arange(40.0))
        pipeline = FittedPipeline(spec, (Member(estimator, (0,)),), Task.REGRESSION)
        assert compile_checked(pipeline, columns)[1].is_compiled


def test_an_estimator_without_an_emitter_is_not_exported() -> None:
    from sklearn.gaussian_process import GaussianProcessRegressor

    columns = {"x": np.arange(40.0)}
    spec = FeatureSpec.fit(columns, {"x": Role.NUMERIC}, NATIVE_BOOSTING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = GaussianProcessRegressor().fit(spec.transform(columns), np.arange(40.0))
    pipeline = FittedPipeline(spec, (Member(estimator, (0,)),), Task.REGRESSION)
    with pytest.raises(CannotExport, match="GaussianProcessRegressor has no exported form"):
        export(pipeline)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is None
    assert not parity.is_compiled
    assert "GaussianProcessRegressor" in parity.reason


def test_a_linear_graph_predicts_the_numbers_of_the_article() -> None:
    values = Session(linear_graph([0.5, 0.3], -1.5)).run(np.array([[1, 2], [0, 0]], np.float32)).values
    assert values is not None
    assert values == pytest.approx([-0.4, -1.5], abs=1e-12)
