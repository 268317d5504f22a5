"""ONNX Runtime inference session: one thread per call, bounded chunks of rows, no external data."""

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

# Bounds the memory for intermediate results. At 4,096 rows the cost of starting a run is negligible.
CHUNK_ROWS = 4_096
# For a large model, many rows are split among threads that run the same session: 2,000 rows of a forest of 9 MB
# take 10 ms instead of 20 on two cores. Starting the threads takes 0.1 ms, as long as a smaller model runs.
SHARED_MODEL_BYTES = 1_000_000
FEWEST_SHARED_ROWS = 250
MOST_THREADS = 4


class Session:
    """An ONNX model in memory. Its inference session is created at first use, after the server has forked."""

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
        # More threads would compete with those of the server, and one row needs none.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            started = onnxruntime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime raises classes of its own for each kind of damage.
            raise DamagedArtifact("The compiled model cannot be read by ONNX Runtime.") from error
        # Free the serialized model, here and in the session, which keeps a copy only to restart itself.
        self._model = b""
        started._model_bytes = None
        # Reusing the output names and run options makes each run 1 µs faster; so does leaving out the checks of the
        # Python class, for the names of the inputs among others.
        return started._sess.run, [started.get_outputs()[0].name], onnxruntime.RunOptions()

    def run(self, matrix: NDArray[np.float32]) -> Outputs:
        """Predict for a feature matrix (n, k): values (n,) or probabilities (n, n_classes)."""
        if "_started" not in self.__dict__:
            with self._lock:
                _ = self._started
        n_rows, n_threads = len(matrix), 1
        if n_rows >= FEWEST_SHARED_ROWS and self._n_threads > 1:
            n_threads = max(min(self._n_threads, min(n_rows, self.chunk_rows) // FEWEST_SHARED_ROWS), 1)
        is_one_part = n_threads == 1 and n_rows <= self.chunk_rows
        result = self._answer(matrix) if is_one_part else self._answer_parts(matrix, n_threads)
        is_value = self._started[1][0] == "values"
        return Outputs(values=result) if is_value else Outputs(probabilities=result)

    def _answer(self, matrix: NDArray[np.float32]) -> Any:
        run, names, options = self._started
        return run(names, {"X": matrix}, options)[0]

    def _answer_parts(self, matrix: NDArray[np.float32], n_threads: int) -> NDArray[Any]:
        # All threads together hold at most `chunk_rows` rows.
        n_parts = -(-len(matrix) // (self.chunk_rows // n_threads))
        n_parts += -n_parts % n_threads
        n_rows = -(-len(matrix) // n_parts)
        parts = [matrix[start : start + n_rows] for start in range(0, len(matrix), n_rows)]
        if n_threads == 1:
            return np.concatenate([self._answer(part) for part in parts])
        # A pool that outlives the call would have no threads in a process that is forked later.
        with ThreadPoolExecutor(n_threads) as pool:
            return np.concatenate(list(pool.map(self._answer, parts)))


def n_cores() -> int:
    """The number of CPU cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def refuse_external_data(model: bytes) -> None:
    """Raises DamagedArtifact if the model refers to external data: ONNX Runtime would read any file.

    External data needs an entry with the key "location". Our models do not contain that word, so only one that
    does is parsed (importing onnx takes 0.3 s and 14 MB in every serving process).
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
