from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest

from predictor.errors import Conflict
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import artifacts, registry
from predictor.services.registry import onnx_files
from predictor.tests.services.versions import publish


@pytest.fixture
def linear(workspace: Workspace, member: User) -> ModelVersion:
    return registry.register_linear(
        workspace=workspace, name="Flat prices", coefficients=[2.0, -1.0], intercept=0.5, by=member,
        feature_names=["Länge", "重量"],
    )  # fmt: skip


def stored_graph(version: ModelVersion) -> bytes:
    return artifacts.verified_path(version.artifacts["model.onnx"]["digest"]).read_bytes()


def test_a_version_without_onnx_has_no_download(model: RegisteredModel) -> None:
    version: ModelVersion = publish(model)

    with pytest.raises(Conflict, match="in-process"):
        registry.onnx_download(version)


def test_the_download_is_the_stored_graph_with_metadata_only(linear: ModelVersion) -> None:
    file = registry.onnx_download(linear)

    model = onnx.load_from_string(file.read())
    del model.metadata_props[:]
    assert model == onnx.load_from_string(stored_graph(linear))
    assert file.filename == "flat-prices-1.onnx"


def test_the_metadata_names_model_version_signature_and_specification(linear: ModelVersion) -> None:
    model = onnx.load_from_string(registry.onnx_download(linear).read())

    properties = {each.key: each.value for each in model.metadata_props}
    assert set(properties) == {
        "mlweb.model", "mlweb.version", "mlweb.signature", "mlweb.spec", "mlweb.libraries",
    }  # fmt: skip
    assert (properties["mlweb.model"], properties["mlweb.version"]) == ("flat-prices", "1")
    linear.refresh_from_db()
    assert json.loads(properties["mlweb.signature"]) == linear.signature_json
    assert "重量" in properties["mlweb.signature"]  # readable as it is, not as \u91cd\u91cf
    spec = artifacts.verified_path(linear.artifacts["spec.json"]["digest"]).read_text("utf-8")
    assert properties["mlweb.spec"] == spec
    assert json.loads(properties["mlweb.libraries"]) == linear.libraries


def test_onnx_runtime_runs_the_download(linear: ModelVersion) -> None:
    session = onnxruntime.InferenceSession(registry.onnx_download(linear).read())
    rows = np.array([[0.0, 0.0], [1.0, 2.0], [-3.0, 0.25]], np.float32)

    (values,) = session.run(None, {session.get_inputs()[0].name: rows})

    assert values.ravel() == pytest.approx([0.5, 0.5, -5.75])


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
def test_chunks_are_bounded_and_together_as_long_as_announced(
    linear: ModelVersion, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(onnx_files, "CHUNK", chunk)
    file = registry.onnx_download(linear)

    *graph, tail = file.chunks()

    assert b"".join(graph) == stored_graph(linear)
    assert {len(each) for each in graph[:-1]} <= {chunk}
    assert file.n_bytes == sum(map(len, graph)) + len(tail)
