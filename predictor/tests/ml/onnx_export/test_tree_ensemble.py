"""Export of large tree ensembles: branches swapped, trees split over several nodes, the same predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.features.feature_spec import Encoding
from predictor.ml.onnx_export import tree_ensemble
from predictor.ml.onnx_export.export import export
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.onnx_export.session import Session
from predictor.ml.onnx_export.tree_ensemble import mirrored_splits, rounded_down
from predictor.ml.persistence.version_files import prediction_array
from predictor.ml.types.schema import Task

from ..mixed_table import QUICK, fitted

TREES = ["random_forest", "extra_trees", "gradient_boosting", "hist_gradient_boosting"]
TASKS = [Task.REGRESSION, Task.BINARY, Task.MULTICLASS]
CASES = [pytest.param(key, task, id=f"{key}-{task.value}") for key in TREES for task in TASKS]


@pytest.fixture
def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Export ensembles of a few hundred branches in the way of those with millions."""
    monkeypatch.setattr(tree_ensemble, "FEWEST_MIRRORED_BRANCHES", 0)
    monkeypatch.setattr(tree_ensemble, "MOST_BRANCHES", 60)


def kinds_of(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(model).graph.node]


@pytest.mark.usefixtures("as_if_large")
@pytest.mark.parametrize(("key", "task"), CASES)
def test_an_ensemble_split_over_several_nodes_predicts_as_scikit_learn_does(key: str, task: Task) -> None:
    pipeline, columns = fitted(key, task, QUICK[key])
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity.reason
    kinds = kinds_of(compiled)
    assert kinds.count("TreeEnsemble") > 1
    assert kinds.count("Neg") == (key != "hist_gradient_boosting")
    assert parity.max_abs_difference is not None
    assert parity.max_abs_difference < 3e-6

    matrix = pipeline.spec.transform(columns)[:20]
    session = Session(compiled)
    many = prediction_array(session.run(matrix))
    one_by_one = np.concatenate(
        [prediction_array(session.run(matrix[i : i + 1])) for i in range(len(matrix))]
    )
    np.testing.assert_allclose(one_by_one, many, rtol=1e-6)


@pytest.mark.usefixtures("as_if_large")
@pytest.mark.parametrize("key", ["random_forest", "hist_gradient_boosting"])
def test_missing_values_take_the_same_branch_when_branches_are_swapped(key: str) -> None:
    pipeline, columns = fitted(
        key, Task.REGRESSION, QUICK[key], encoding=Encoding(numbers="nan", categories="ordinal")
    )
    matrix = pipeline.spec.transform(columns)
    assert np.isnan(matrix).any()
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity.reason
    assert "Neg" in kinds_of(compiled)


@pytest.mark.parametrize(("key", "task"), CASES)
def test_a_small_ensemble_is_one_node_without_swapped_branches(key: str, task: Task) -> None:
    pipeline, _ = fitted(key, task, {name: value // 4 for name, value in QUICK[key].items()})
    kinds = kinds_of(export(pipeline))
    assert kinds.count("TreeEnsemble") == 1
    assert "Neg" not in kinds


def test_a_larger_ensemble_has_swapped_branches_in_one_node() -> None:
    pipeline, _ = fitted("random_forest", Task.REGRESSION, {"n_estimators": 30})
    kinds = kinds_of(export(pipeline))
    assert (kinds.count("Neg"), kinds.count("TreeEnsemble")) == (1, 1)


@pytest.mark.usefixtures("as_if_large")
def test_a_wide_matrix_is_not_joined_with_its_negative(monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline, _ = fitted("random_forest", Task.BINARY, QUICK["random_forest"])
    monkeypatch.setattr(tree_ensemble, "MOST_MIRRORED_COLUMNS", len(pipeline.spec.outputs) - 1)
    assert "Neg" not in kinds_of(export(pipeline))


@pytest.mark.usefixtures("as_if_large")
def test_most_rows_take_the_false_branch() -> None:
    pipeline, columns = fitted("random_forest", Task.BINARY, {"n_estimators": 3})
    model = onnx.load_model_from_string(export(pipeline))
    matrix = pipeline.spec.transform(columns)
    both = np.concatenate([matrix, -matrix], axis=1)
    for node in model.graph.node:
        if node.op_type == "TreeEnsemble":
            attributes: dict[str, Any] = {
                each.name: onnx.helper.get_attribute_value(each) for each in node.attribute
            }
            splits = onnx.numpy_helper.to_array(attributes["nodes_splits"])
            for root in attributes["tree_roots"]:
                is_true = both[:, attributes["nodes_featureids"][root]] <= splits[root]
                # A tree was grown on a sample of the rows, so near an even split the counts may differ.
                assert is_true.mean() < 0.6


@settings(max_examples=200)
@given(
    threshold=st.floats(allow_nan=False, allow_infinity=False, max_value=1e38, min_value=-1e38),
    x=st.floats(width=32, allow_nan=False),
)
def test_a_mirrored_split_divides_float32_numbers_the_same_way(threshold: float, x: float) -> None:
    split = rounded_down(np.array([threshold]))
    for value in (np.float32(x), split[0], np.nextafter(split[0], np.float32(np.inf))):
        assert (-value <= mirrored_splits(split)[0]) == (value > split[0])


@settings(max_examples=200)
@given(threshold=st.floats(allow_nan=False), x=st.floats(width=32, allow_nan=False))
def test_a_threshold_rounded_to_float32_splits_the_same_way(threshold: float, x: float) -> None:
    rounded = rounded_down(np.array([threshold]))[0]
    assert (np.float64(x) <= threshold) == (np.float32(x) <= rounded)
