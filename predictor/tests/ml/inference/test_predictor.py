from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import DamagedArtifact
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.inference import loading
from predictor.ml.inference.loading import load_predictor, try_in_child
from predictor.ml.inference.predictor import Predictor
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.persistence.version_files import GOLDEN, SKOPS, SPEC, prediction_array
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.types.schema import Task

from ..mixed_table import fitted, mixed_signature

SAMPLE = {Task.REGRESSION: "hist_gradient_boosting", Task.BINARY: "random_forest", Task.MULTICLASS: "knn"}
PARAMS: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {"max_iter": 10},
    "random_forest": {"n_estimators": 5},
}


def stored(
    folder: Path, task: Task, *, is_compiled: bool = True, threshold: float | None = None
) -> dict[str, bytes]:
    pipeline, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    compiled = compile_checked(pipeline, columns)[0] if is_compiled else None
    files = version_files.write(
        folder,
        pipeline=pipeline,
        signature=mixed_signature(task),
        compiled=compiled,
        golden={name: values[:20] for name, values in columns.items()},
        threshold=threshold,
    )
    return {name: file.path.read_bytes() for name, file in files.items()}


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_a_compiled_version_answers_as_the_fitted_pipeline_did(tmp_path: Path, task: Task) -> None:
    pipeline, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    predictor = load_predictor(stored(tmp_path, task), mixed_signature(task))
    predictor.check_golden()
    assert predictor.is_compiled
    expected = prediction_array(pipeline.predict(columns))
    assert prediction_array(predictor.predict(columns)) == pytest.approx(expected, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_large_batches_are_cut_without_a_difference(tmp_path: Path, task: Task) -> None:
    _, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    predictor = load_predictor(stored(tmp_path, task), mixed_signature(task))
    whole = prediction_array(predictor.predict(columns))
    predictor._chunk_rows = 7
    assert prediction_array(predictor.predict(columns)) == pytest.approx(whole, rel=1e-6)


def test_one_row_gets_the_same_answer_as_in_a_batch(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    predictor = load_predictor(stored(tmp_path, Task.BINARY), mixed_signature(Task.BINARY))
    batch = prediction_array(predictor.predict(columns))
    for place in range(10):
        alone = predictor.predict({name: values[place : place + 1] for name, values in columns.items()})
        assert prediction_array(alone)[0] == pytest.approx(batch[place], abs=1e-7)


def test_an_in_process_version_is_tried_in_a_child_and_serves(tmp_path: Path) -> None:
    contents = stored(tmp_path, Task.REGRESSION, is_compiled=False)
    predictor = load_predictor(contents, mixed_signature(Task.REGRESSION))
    predictor.check_golden()
    assert not predictor.is_compiled


def test_a_file_that_kills_its_reader_kills_only_the_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dies = tmp_path / "dies.py"
    dies.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    run = subprocess.run
    monkeypatch.setattr(
        loading.subprocess, "run", lambda command, **options: run([sys.executable, str(dies)], **options)
    )
    with pytest.raises(DamagedArtifact, match="broke the process"):
        try_in_child({SPEC: b"", SKOPS: b""})


def test_a_child_that_hangs_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    run = subprocess.run
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(loading.subprocess, "run", lambda command, **options: run(sleep, **options))
    with pytest.raises(DamagedArtifact, match="no answer within"):
        try_in_child({}, seconds=0.2)


def test_the_child_refuses_with_the_sentence_of_the_damage(tmp_path: Path) -> None:
    contents = stored(tmp_path, Task.REGRESSION, is_compiled=False) | {SKOPS: b"no"}
    with pytest.raises(DamagedArtifact, match=r"not a \.skops file"):
        load_predictor(contents, mixed_signature(Task.REGRESSION))


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_golden_rows_with_other_answers_are_refused(tmp_path: Path, task: Task) -> None:
    contents = stored(tmp_path, task)
    golden = json.loads(contents[GOLDEN])
    golden["answers"][3][0] *= 1.01
    contents[GOLDEN] = json.dumps(golden).encode()
    with pytest.raises(DamagedArtifact, match="other answers"):
        load_predictor(contents, mixed_signature(task)).check_golden()


def test_serving_a_compiled_version_imports_no_training_library(tmp_path: Path) -> None:
    stored(tmp_path, Task.BINARY)
    code = """
import pathlib, sys
from predictor.ml.inference.loading import load_predictor
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.types.schema import Signature, Task
files = {path.name: path for path in pathlib.Path(sys.argv[1]).iterdir()}
load_predictor(files, Signature("y", Task.BINARY, ())).check_golden()
print(sorted({"sklearn", "skops", "pandas", "scipy", "onnx", "django"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_onnx_runtime_starts_at_the_first_question_and_once_for_many_threads(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    predictor = load_predictor(stored(tmp_path, Task.BINARY), mixed_signature(Task.BINARY))
    assert "_started" not in vars(predictor._answering)
    found: list[Outputs] = []
    threads = [threading.Thread(target=lambda: found.append(predictor.predict(columns))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(np.array_equal(prediction_array(each), prediction_array(found[0])) for each in found)


def test_the_threshold_is_stored_and_decides_the_class(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    predictor: Predictor = load_predictor(
        stored(tmp_path, Task.BINARY, threshold=0.9), mixed_signature(Task.BINARY)
    )
    outputs = predictor.predict(columns)
    assert predictor.threshold == 0.9
    assert outputs.codes(0.9).sum() < outputs.codes().sum()


def test_of_equal_probabilities_the_first_class_is_named() -> None:
    assert Outputs(probabilities=np.array([[0.5, 0.5], [0.2, 0.8]])).codes().tolist() == [0, 1]
    assert Outputs(probabilities=np.array([[0.5, 0.5]])).codes(0.5).tolist() == [1]
