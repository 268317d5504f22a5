from __future__ import annotations

import threading

import numpy as np
import pytest

from predictor.ml.onnx_export import session as sessions
from predictor.ml.onnx_export.export import export
from predictor.ml.onnx_export.session import Session
from predictor.ml.persistence.version_files import prediction_array
from predictor.ml.types.schema import Task
from predictor.tests.waiting import HANG_SECONDS

from ..mixed_table import QUICK, fitted


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY])
@pytest.mark.parametrize("n_rows", [1, 399, 400])
def test_rows_split_among_threads_are_predicted_in_their_order(
    task: Task, n_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, columns = fitted("random_forest", task, QUICK["random_forest"])
    matrix, model = pipeline.spec.transform(columns)[:n_rows], export(pipeline)
    monkeypatch.setattr(sessions, "n_cores", lambda: 1)
    alone = prediction_array(Session(model).run(matrix))
    monkeypatch.setattr(sessions, "n_cores", lambda: 3)
    monkeypatch.setattr(sessions, "SHARED_MODEL_BYTES", 0)
    monkeypatch.setattr(sessions, "FEWEST_SHARED_ROWS", 40)

    shared = Session(model, chunk_rows=150)

    np.testing.assert_array_equal(prediction_array(shared.run(matrix)), alone)


@pytest.mark.parametrize(("model_bytes", "n_rows", "n_threads"), [(0, 400, 2), (0, 1, 1), (10**9, 400, 1)])
def test_only_many_rows_of_a_large_model_are_split_among_threads(
    model_bytes: int, n_rows: int, n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, columns = fitted("random_forest", Task.BINARY, QUICK["random_forest"])
    monkeypatch.setattr(sessions, "n_cores", lambda: 2)
    monkeypatch.setattr(sessions, "SHARED_MODEL_BYTES", model_bytes)
    monkeypatch.setattr(sessions, "FEWEST_SHARED_ROWS", 100)
    session = Session(export(pipeline))
    answer, barrier = session._answer, threading.Barrier(n_threads, timeout=HANG_SECONDS)
    thread_ids = set()

    def together(matrix: np.ndarray) -> object:
        barrier.wait()  # passes only when n_threads threads wait here at once
        thread_ids.add(threading.get_ident())
        return answer(matrix)

    monkeypatch.setattr(session, "_answer", together)
    session.run(pipeline.spec.transform(columns)[:n_rows])
    assert len(thread_ids) == n_threads
    assert (threading.get_ident() in thread_ids) == (n_threads == 1)
