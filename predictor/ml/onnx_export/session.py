"""ONNX Runtime, held to one thread of its own and to models that are whole in themselves."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DamagedArtifact
from ..pipelines.fitted_pipeline import Outputs

# Memory for intermediate results stays bounded, and 4,096 rows already cost nothing per row to start.
CHUNK_ROWS = 4_096
# Many rows of a large model are shared out to threads that ask the same session: 2,000 rows of a forest of 9 MB
# take 10 ms instead of 20 on two cores. To start the threads takes 0.1 ms, which smaller models are done in.
SHARED_MODEL_BYTES = 1_000_000
FEWEST_SHARED_ROWS = 250
MOST_THREADS = 4


class Session:
    """A model in memory. ONNX Runtime starts at the first use, so after the server has forked."""

    def __init__(self, model: bytes, *, chunk_rows: int = CHUNK_ROWS):
        self._model = model
        self._n_threads = min(n_cores(), MOST_THREADS) if len(model) >= SHARED_MODEL_BYTES else 1
        self._lock = threading.Lock()
        self.chunk_rows = chunk_rows

    @cached_property
    def _started(self) -> tuple[Any, list[str], Any]:
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
        # What was read is not needed again, neither here nor by the session, which keeps it to start anew.
        self._model = b""
        started._model_bytes = None
        # With names and options at hand, each run is 1 µs faster.
        return started, [started.get_outputs()[0].name], onnxruntime.RunOptions()

    def run(self, matrix: NDArray[np.float32]) -> Outputs:
        """Answers for the spec's matrix (n, k)."""
        if "_started" not in self.__dict__:
            with self._lock:
                _ = self._started
        n_threads = min(self._n_threads, min(len(matrix), self.chunk_rows) // FEWEST_SHARED_ROWS)
        found = (
            self._answer(matrix)
            if n_threads <= 1 and len(matrix) <= self.chunk_rows
            else self._answer_parts(matrix, max(n_threads, 1))
        )
        is_value = self._started[1][0] == "values"
        return Outputs(values=found) if is_value else Outputs(probabilities=found)

    def _answer(self, matrix: NDArray[np.float32]) -> Any:
        session, names, options = self._started
        return session.run(names, {"X": matrix}, options)[0]

    def _answer_parts(self, matrix: NDArray[np.float32], n_threads: int) -> NDArray[Any]:
        # All threads together hold no more rows than one would.
        n_parts = -(-len(matrix) // (self.chunk_rows // n_threads))
        n_parts += -n_parts % n_threads
        n_rows = -(-len(matrix) // n_parts)
        parts = [matrix[start : start + n_rows] for start in range(0, len(matrix), n_rows)]
        if n_threads == 1:
            return np.concatenate([self._answer(part) for part in parts])
        # Threads that outlived the call would be missing in a process that is forked later.
        with ThreadPoolExecutor(n_threads) as pool:
            return np.concatenate(list(pool.map(self._answer, parts)))


def n_cores() -> int:
    """The processors that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


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
