from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from predictor.errors import DamagedArtifact
from predictor.ml.estimators.catalogue import estimators_for
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.features.columns import Columns
from predictor.ml.inference.loading import load_predictor
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.onnx_export.session import Session, refuse_external_data
from predictor.ml.persistence import version_files
from predictor.ml.persistence.version_files import (
    GOLDEN,
    ONNX,
    SKOPS,
    SPEC,
    columns_from_json,
    columns_to_json,
)
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline
from predictor.ml.types.schema import Task

from ..mixed_table import QUICK, blended, fitted, mixed_columns, mixed_signature


def first_rows(columns: Columns, n: int = 20) -> dict[str, Any]:
    return {name: values[:n] for name, values in columns.items()}


def written(folder: Path, pipeline: FittedPipeline, columns: Columns, *, is_compiled: bool) -> dict[str, Any]:
    compiled = compile_checked(pipeline, columns)[0] if is_compiled else None
    return version_files.write(
        folder,
        pipeline=pipeline,
        signature=mixed_signature(pipeline.task),
        compiled=compiled,
        golden=first_rows(columns),
    )


CASES = [
    pytest.param(info.key, task, id=f"{info.key}-{task.value}")
    for task in sorted(SUPERVISED)
    for info in estimators_for(task)
]


@pytest.mark.parametrize(("key", "task"), CASES)
def test_every_estimator_is_stored_within_the_allow_list_and_predicts_the_same(
    tmp_path: Path, key: str, task: Task
) -> None:
    pipeline, columns = fitted(key, task, QUICK.get(key))
    files = written(tmp_path, pipeline, columns, is_compiled=False)
    again = version_files.load_pipeline({name: file.path for name, file in files.items()})
    before = version_files.prediction_array(pipeline.predict(columns))
    assert np.array_equal(version_files.prediction_array(again.predict(columns)), before)
    assert again.members[0].target_scaling == pipeline.members[0].target_scaling


def test_files_have_a_digest_and_no_temporary_files_remain(tmp_path: Path) -> None:
    pipeline, columns = blended(Task.BINARY, ("logistic_regression", "hist_gradient_boosting"))
    files = written(tmp_path / "version", pipeline, columns, is_compiled=True)
    assert set(files) == {SPEC, ONNX, SKOPS, GOLDEN}
    assert {path.name for path in (tmp_path / "version").iterdir()} == set(files)
    for file in files.values():
        assert file.n_bytes == file.path.stat().st_size
        assert len(file.sha256) == 64


def test_columns_with_missing_values_are_the_same_after_json() -> None:
    columns = mixed_columns(60)
    again = columns_from_json(json.loads(json.dumps(columns_to_json(columns), allow_nan=False)))
    for name, values in columns.items():
        assert again[name].dtype == values.dtype
        assert columns_to_json({name: again[name]}) == columns_to_json({name: values})


@pytest.mark.parametrize("name", [SPEC, ONNX, GOLDEN])
def test_a_changed_file_is_refused_by_its_digest(tmp_path: Path, name: str) -> None:
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    files = written(tmp_path, pipeline, columns, is_compiled=True)
    content = bytearray(files[name].path.read_bytes())
    content[len(content) // 2] ^= 1
    files[name].path.write_bytes(content)
    with pytest.raises(DamagedArtifact, match="SHA-256"):
        load_predictor(
            {each: file.path for each, file in files.items()},
            mixed_signature(Task.REGRESSION),
            digests={each: file.sha256 for each, file in files.items()},
        )


@pytest.mark.parametrize("name", [SPEC, ONNX, SKOPS, GOLDEN])
@pytest.mark.parametrize("content", [b"", b"{}", b"not what was written", b'{"format": 1}'])
def test_a_damaged_file_is_refused_when_it_is_loaded_or_checked(
    tmp_path: Path, name: str, content: bytes
) -> None:
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    files = written(tmp_path, pipeline, columns, is_compiled=True)
    contents = {each: file.path.read_bytes() for each, file in files.items()} | {name: content}
    load = version_files.load_pipeline if name == SKOPS else load_and_check
    with pytest.raises(DamagedArtifact):
        load(contents)


@pytest.mark.parametrize(
    "changes",
    [
        {"features": None},
        {"features": []},
        {"features": {"format": 1, "steps": [], "left_out": {}}},
        {"chunk_rows": 0},
        {"chunk_rows": -1},
        {"n_classes": float("inf")},
        {"members": None},
        {"task": "telepathy"},
    ],
    ids=str,
)
def test_a_specification_with_a_part_that_cannot_be_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    files = written(tmp_path, pipeline, columns, is_compiled=False)
    spec = json.loads(files[SPEC].path.read_bytes())
    version_files.read_spec(json.dumps(spec).encode())

    with pytest.raises(DamagedArtifact, match="stored specification is not complete"):
        version_files.read_spec(json.dumps({**spec, **changes}).encode())


def load_and_check(contents: dict[str, bytes]) -> None:
    load_predictor(contents, mixed_signature(Task.REGRESSION)).check_golden()


def test_onnx_with_external_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"\0" * 8)
    weight = TensorProto(name="w", data_type=TensorProto.DOUBLE, dims=[1], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value=str(tmp_path / "secret"))
    graph = helper.make_graph(
        [helper.make_node("Identity", ["w"], ["values"])],
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, ["n", 1])],
        [helper.make_tensor_value_info("values", TensorProto.DOUBLE, [1])],
        [weight],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10
    ).SerializeToString()
    with pytest.raises(DamagedArtifact, match="outside of itself"):
        refuse_external_data(model)
    with pytest.raises(DamagedArtifact, match="outside of itself"):
        Session(model).run(np.zeros((1, 1), np.float32))


def test_external_data_hidden_in_a_node_is_found() -> None:
    hidden = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    hidden.external_data.add(key="location", value="../secret")
    node = helper.make_node("Constant", [], ["values"], value=hidden)
    inner = helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("values", 1, [1])])
    outer = helper.make_node("If", ["X"], ["y"], then_branch=inner, else_branch=inner)
    model = helper.make_model(helper.make_graph([outer], "g", [], []))
    with pytest.raises(DamagedArtifact, match="outside of itself"):
        refuse_external_data(model.SerializeToString())


def test_a_column_named_location_does_not_stop_a_model_from_serving() -> None:
    weight = helper.make_tensor("location", TensorProto.DOUBLE, [1], [1.0])
    graph = helper.make_graph([helper.make_node("Identity", ["location"], ["values"])], "g", [], [], [weight])
    model: onnx.ModelProto = helper.make_model(graph)
    refuse_external_data(model.SerializeToString())


def test_groups_of_held_out_rows_are_numbered_and_those_kept_of_many_rows_are_theirs(tmp_path: Path) -> None:
    y = np.arange(30_000.0)
    groups = np.arange(30_000) // 7 * 10

    content = version_files.write_held_out(tmp_path, y, y, clusters=groups, n_lags=2).path.read_bytes()

    values, _ = version_files.read_held_out(content)
    found = version_files.read_clusters(content)
    assert found is not None
    codes, n_lags = found
    assert (len(values), n_lags) == (version_files.MAX_HELD_OUT_ROWS, 2)
    same = np.unique(values.astype(int) // 7, return_inverse=True)[1]
    assert codes.tolist() == same.tolist()


def test_a_file_without_groups_has_none_and_damaged_groups_are_refused(tmp_path: Path) -> None:
    y = np.arange(20.0)
    without = version_files.write_held_out(tmp_path, y, y).path.read_bytes()
    document = json.loads(version_files.write_held_out(tmp_path, y, y, clusters=y // 2).path.read_bytes())

    assert version_files.read_clusters(without) is None
    for wrong in (
        {"clusters": "AAAA"},
        {"clusters": "////fw=="},
        {"n_lags": -1},
        {"n_lags": None},
        {"clusters": 5},
    ):
        with pytest.raises(DamagedArtifact):
            version_files.read_clusters(json.dumps({**document, **wrong}).encode())
