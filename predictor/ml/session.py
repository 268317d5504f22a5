"""ONNX Runtime, held to one thread and to models that are whole in themselves."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DamagedArtifact
from .pipeline import Outputs

# Memory for intermediate results stays bounded, and 4,096 rows already cost nothing per row to start.
CHUNK_ROWS = 4_096


class Session:
    """A model in memory. ONNX Runtime starts at the first use, so after the server has forked."""

    def __init__(self, model: bytes, *, chunk_rows: int = CHUNK_ROWS):
        self._model = model
        self._lock = threading.Lock()
        self.chunk_rows = chunk_rows

    @cached_property
    def _started(self) -> tuple[Any, str]:
        import onnxruntime

        refuse_external_data(self._model)
        options = onnxruntime.SessionOptions()
        # Threads of its own would fight with those of the server; one row needs none.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            started = onnxruntime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises classes of its own for each kind of damage.
            raise DamagedArtifact("The compiled model cannot be read by ONNX Runtime.") from error
        return started, started.get_outputs()[0].name

    def run(self, matrix: NDArray[np.float32]) -> Outputs:
        """Answers for the spec's matrix (n, k)."""
        if "_started" not in self.__dict__:
            with self._lock:
                _ = self._started
        session, name = self._started
        if len(matrix) <= self.chunk_rows:
            found = session.run(None, {"X": matrix})[0]
        else:
            starts = range(0, len(matrix), self.chunk_rows)
            found = np.concatenate(
                [session.run(None, {"X": matrix[start : start + self.chunk_rows]})[0] for start in starts]
            )
        return Outputs(values=found) if name == "values" else Outputs(probabilities=found)


def refuse_external_data(model: bytes) -> None:
    """Raises DamagedArtifact if the model asks for bytes outside itself: ONNX Runtime would read any file."""
    import onnx

    try:
        parsed = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's own class of error depends on its implementation
        raise DamagedArtifact("The compiled model is not an ONNX file.") from error
    if _has_external(parsed.graph) or parsed.functions:
        raise DamagedArtifact("The compiled model refers to data outside of itself, which is refused.")


def _has_external(graph: Any) -> bool:
    if any(tensor.data_location == 1 or tensor.external_data for tensor in graph.initializer):
        return True
    if graph.sparse_initializer:
        return True
    for node in graph.node:
        for attribute in node.attribute:
            held = [attribute.t, *attribute.tensors]
            graphs = [attribute.g, *attribute.graphs]
            if any(tensor.data_location == 1 or tensor.external_data for tensor in held):
                return True
            if any(each.node and _has_external(each) for each in graphs):
                return True
    return False
