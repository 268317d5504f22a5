from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from predictor.ml.onnx_export.graph_builder import IR_VERSION, OPSETS, Graph

from .graphs import answered

ROWS = np.array([[1.0, 2.0, 4.0], [-3.0, 0.5, 0.0]])


def kinds(graph: Graph) -> list[str]:
    return [node.op_type for node in graph.nodes]


def test_an_affine_function_is_computed_in_float64() -> None:
    weights = np.array([[1e-9], [1.0], [0.5]])

    values = answered(lambda graph: graph.affine(graph.double("X"), weights, np.array([1e9])), ROWS)

    assert values.dtype == np.float64
    assert values.tolist() == [(1e-9 + 2.0 + 2.0) + 1e9, (-3e-9 + 0.5) + 1e9]


def test_selected_columns_come_in_their_order_and_all_columns_are_the_input_itself() -> None:
    graph = Graph(3)
    some = graph.columns((2, 0))

    assert graph.columns((0, 1, 2)) == "X"
    assert graph.places_of(some) == (2, 0)
    assert graph.places_of("X") == (0, 1, 2)
    assert answered(lambda graph: graph.double(graph.columns((2, 0))), ROWS, 2).tolist() == [[4, 1], [0, -3]]


def test_a_matrix_is_joined_with_its_negative_once() -> None:
    graph = Graph(3)
    assert graph.beside_negative("X") == graph.beside_negative("X")
    assert kinds(graph) == ["Neg", "Concat"]
    both = answered(lambda graph: graph.double(graph.beside_negative("X")), ROWS, 6)
    assert both.tolist() == np.hstack([ROWS, -ROWS]).tolist()


def test_the_sum_over_an_axis_keeps_it_unless_told_otherwise() -> None:
    assert answered(lambda graph: graph.total(graph.double("X"), 1), ROWS, 1).tolist() == [[7.0], [-2.5]]
    assert answered(lambda graph: graph.total(graph.double("X"), 1, keepdims=False), ROWS).tolist() == [
        7,
        -2.5,
    ]


def test_two_classes_have_the_complement_and_the_given_probability() -> None:
    pairs = answered(lambda graph: graph.two_classes(graph.double(graph.columns((1,)))), ROWS, 2)
    assert pairs.tolist() == [[-1.0, 2.0], [0.5, 0.5]]


def test_a_node_may_have_several_outputs() -> None:
    def second_largest(graph: Graph) -> str:
        values, _ = graph.ops("TopK", "X", graph.constant([2], np.int64), n_outputs=2, axis=1)
        return graph.double(values)

    assert answered(second_largest, ROWS, 2).tolist() == [[4.0, 2.0], [0.5, 0.0]]


WEIGHTS = [0.25, 0.75]
# The columns of ROWS as parts of a mixture: 0.25 · first + 0.75 · second.
MEAN = 0.25 * ROWS[:, 0] + 0.75 * ROWS[:, 1]


def test_a_mixture_of_values_is_their_weighted_mean() -> None:
    def build(graph: Graph) -> str:
        parts = [graph.double(graph.columns((place,))) for place in (0, 1)]
        return graph.mixture(parts, WEIGHTS, 1)

    assert answered(build, ROWS) == pytest.approx(MEAN, abs=1e-12)


def test_a_mixture_of_two_classes_averages_the_second_column_only() -> None:
    def build(graph: Graph) -> str:
        parts = [graph.two_classes(graph.double(graph.columns((place,)))) for place in (0, 1)]
        n_before = len(graph.nodes)
        mixed = graph.mixture(parts, WEIGHTS, 2)
        assert [node.op_type for node in graph.nodes[n_before:]] == ["Concat", "MatMul", "Sub", "Concat"]
        return mixed

    assert answered(build, ROWS, 2) == pytest.approx(np.column_stack([1 - MEAN, MEAN]), abs=1e-12)


def test_a_mixture_of_many_classes_is_the_weighted_mean_of_every_column() -> None:
    def build(graph: Graph) -> str:
        x = graph.double("X")
        return graph.mixture([x, graph.op("Mul", x, x)], WEIGHTS, 3)

    assert answered(build, ROWS, 3) == pytest.approx(0.25 * ROWS + 0.75 * ROWS**2, abs=1e-12)


def test_a_single_part_with_all_the_weight_is_not_multiplied() -> None:
    graph = Graph(3)
    assert graph.mixture(["X"], [1.0], 3) == "X"
    assert graph.nodes == []
    assert (
        answered(lambda graph: graph.mixture([graph.double("X")], [0.5], 3), ROWS, 3).tolist()
        == (ROWS / 2).tolist()
    )


def test_the_model_reads_any_number_of_rows_and_names_its_output() -> None:
    graph = Graph(3)
    model = onnx.load_model_from_string(graph.model(graph.double("X"), "probabilities", 3))

    (given,), (output,) = model.graph.input, model.graph.output
    shapes = [
        [dimension.dim_param or dimension.dim_value for dimension in each.type.tensor_type.shape.dim]
        for each in (given, output)
    ]
    assert (given.name, output.name) == ("X", "probabilities")
    assert shapes == [["n", 3], ["n", 3]]
    assert {(each.domain, each.version) for each in model.opset_import} == set(OPSETS)
    assert model.ir_version == IR_VERSION
    assert answered(lambda graph: graph.double("X"), ROWS[:0], 3).shape == (0, 3)


def test_nodes_and_constants_that_nothing_reads_are_left_out() -> None:
    graph = Graph(3)
    graph.op("Neg", graph.op("Abs", "X"))
    graph.constant([7.0])
    used = graph.constant([2.0])

    model = onnx.load_model_from_string(graph.model(graph.op("Mul", graph.double("X"), used), "values", 3))

    assert [node.op_type for node in model.graph.node] == ["Cast", "Mul", "Identity"]
    assert [numpy_helper.to_array(each).tolist() for each in model.graph.initializer] == [[2.0]]


def test_a_graph_that_onnx_does_not_allow_is_refused() -> None:
    graph = Graph(3)
    with pytest.raises(onnx.checker.ValidationError):
        graph.model(graph.op("NoSuchOperator", "X"), "values", None)
