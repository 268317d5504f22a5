"""ONNX Runtime, held to one thread and to models that are whole in themselves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
    """Raises DamagedArtifact if the model asks for bytes outside itself: ONNX Runtime would read any file.

    External data needs an entry with the key "location". Models of ours never hold that word, so only one
    that does is parsed (importing onnx takes 0.3 s and 14 MB in every serving process).
    """
    if b"location" not in model:
        return
    import onnx

    try:
        parsed = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's own class of error depends on its implementation
        raise DamagedArtifact("The compiled model is not an ONNX file.") from error
    if any(_is_external(tensor) for tensor in _tensors(parsed)):
        raise DamagedArtifact("The compiled model refers to data outside of itself, which is refused.")


def _is_external(tensor: Any) -> bool:
    return tensor.data_location == 1 or len(tensor.external_data) > 0


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in a model: graphs, subgraphs, functions, attributes."""
    if message.DESCRIPTOR.name == "TensorProto":
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for each in value if field.is_repeated else [value]:
                yield from _tensors(each)
