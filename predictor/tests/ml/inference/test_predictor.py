from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from predictor.errors import DamagedArtifact, TookTooLong
from predictor.ml.calibration.conformal import ConformalIntervals, Group
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.explanation.background import Background
from predictor.ml.inference import loading
from predictor.ml.inference.loading import load_predictor, try_in_child
from predictor.ml.inference.predicted_rows import PredictedRows
from predictor.ml.inference.predictor import EXPLAINED_AT_ONCE, Predictor
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.persistence.version_files import GOLDEN, SKOPS, SPEC, prediction_array
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.types.schema import Task
from predictor.tests.waiting import ENDLESS

from ..mixed_table import fitted, mixed_signature

SAMPLE = {Task.REGRESSION: "hist_gradient_boosting", Task.BINARY: "random_forest", Task.MULTICLASS: "knn"}
PARAMS: dict[str, dict[str, Any]] = {
    "hist_gradient_boosting": {"max_iter": 10},
    "random_forest": {"n_estimators": 5},
}


def first(n: int, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: values[:n] for name, values in columns.items()}


def stored(folder: Path, task: Task, *, is_compiled: bool = True, **options: Any) -> dict[str, bytes]:
    pipeline, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    compiled = compile_checked(pipeline, columns)[0] if is_compiled else None
    files = version_files.write(
        folder,
        pipeline=pipeline,
        signature=mixed_signature(task),
        compiled=compiled,
        golden=first(20, columns),
        **options,
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
    sleep = [sys.executable, "-c", ENDLESS]
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


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_an_answer_holds_the_numbers_and_the_codes_of_the_fitted_pipeline(tmp_path: Path, task: Task) -> None:
    pipeline, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    rows = load_predictor(stored(tmp_path, task), mixed_signature(task)).answer(columns, 0.9)
    expected = pipeline.predict(columns)
    assert rows.coverage == 0.9
    assert rows.without == []
    assert rows.scores is rows.intervals is rows.is_in_set is rows.explanations is None
    if task is Task.REGRESSION:
        assert rows.values == pytest.approx(expected.values, rel=1e-5)
        assert rows.probabilities is rows.codes is None
    else:
        assert rows.values is None
        assert rows.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
        assert rows.codes.tolist() == rows.probabilities.argmax(axis=1).tolist()


def test_the_codes_of_an_answer_are_decided_by_the_stored_threshold(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    files = stored(tmp_path, Task.BINARY, threshold=0.9)
    rows = load_predictor(files, mixed_signature(Task.BINARY)).answer(columns)
    assert rows.codes.tolist() == [int(share >= 0.9) for _, share in rows.probabilities.tolist()]
    assert set(rows.codes.tolist()) == {0, 1}


def test_the_interval_of_a_coverage_ends_at_the_errors_of_that_rank(tmp_path: Path) -> None:
    # Of 19 errors -9 … 9, the two that leave out a tenth on each side are, for a 20th, the second of each end.
    conformal = ConformalIntervals(Task.REGRESSION, (Group(19, tuple(range(-9, 10))),))
    _, columns = fitted(SAMPLE[Task.REGRESSION], Task.REGRESSION, PARAMS[SAMPLE[Task.REGRESSION]])
    files = stored(tmp_path, Task.REGRESSION, uncertainty=conformal)
    rows = load_predictor(files, mixed_signature(Task.REGRESSION)).answer(first(5, columns), 0.8)
    low, high = rows.intervals
    assert rows.coverage == 0.8
    assert rows.values - low == pytest.approx([8.0] * 5)
    assert high - rows.values == pytest.approx([8.0] * 5)


def test_the_set_of_a_coverage_holds_the_classes_from_its_least_probability(tmp_path: Path) -> None:
    # Scores 1 - p of nine rows, 0.1 … 0.9: eight of them (for a tenth row) are up to 0.8, so p is at least 0.2.
    conformal = ConformalIntervals(Task.MULTICLASS, (Group(9, tuple(k / 10 for k in range(1, 10))),))
    _, columns = fitted(SAMPLE[Task.MULTICLASS], Task.MULTICLASS)
    files = stored(tmp_path, Task.MULTICLASS, uncertainty=conformal)
    rows = load_predictor(files, mixed_signature(Task.MULTICLASS)).answer(columns, 0.8)
    expected = [[share > 0.1999 for share in row] for row in rows.probabilities.tolist()]
    assert rows.is_in_set.tolist() == expected
    assert {sum(row) for row in expected} >= {1, 2}


@pytest.mark.parametrize("threshold", [1500.0, None])
def test_the_values_of_anomaly_detection_are_scores_with_a_code(
    tmp_path: Path, threshold: float | None
) -> None:
    _, columns = fitted(SAMPLE[Task.REGRESSION], Task.REGRESSION, PARAMS[SAMPLE[Task.REGRESSION]])
    files = stored(tmp_path, Task.REGRESSION, threshold=threshold)
    signature = replace(mixed_signature(Task.REGRESSION), task=Task.ANOMALY)
    rows = load_predictor(files, signature).answer(columns)
    assert rows.values is rows.intervals is None
    is_unusual = [threshold is not None and score >= threshold for score in rows.scores.tolist()]
    assert [signature.labels[code] == "unusual" for code in rows.codes.tolist()] == is_unusual
    assert any(is_unusual) == (threshold is not None)


@pytest.mark.parametrize("task", sorted(SUPERVISED))
def test_the_explanations_of_an_answer_sum_to_its_numbers(tmp_path: Path, task: Task) -> None:
    _, columns = fitted(SAMPLE[task], task, PARAMS.get(SAMPLE[task]))
    files = stored(tmp_path, task, background=Background(first(30, columns)))
    asked = first(2 * EXPLAINED_AT_ONCE + 1, columns)
    n_checks = []
    rows = load_predictor(files, mixed_signature(task)).answer(
        asked, explain=True, check_time=lambda: n_checks.append(1)
    )
    codes = [None] * len(asked["age"]) if task is Task.REGRESSION else rows.codes.tolist()
    assert [each.code for each in rows.explanations] == codes
    sums = [each.base + sum(each.contributions.values()) for each in rows.explanations]
    numbers = (
        rows.values
        if task is Task.REGRESSION
        else [p[k] for p, k in zip(rows.probabilities, codes, strict=True)]
    )
    assert sums == pytest.approx(list(numbers), rel=1e-5)
    assert len(n_checks) == 3


def test_the_deadline_ends_an_answer_between_its_explanations(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    files = stored(tmp_path, Task.BINARY, background=Background(first(30, columns)))
    predictor = load_predictor(files, mixed_signature(Task.BINARY))
    explained: list[int] = []
    explain = predictor.explain
    predictor.explain = lambda rows, codes: explained.append(len(codes)) or explain(rows, codes)  # type: ignore[method-assign]

    def check_time() -> None:
        if explained:
            raise TookTooLong("The prediction took too long.")

    with pytest.raises(TookTooLong):
        predictor.answer(columns, explain=True, check_time=check_time)
    assert explained == [EXPLAINED_AT_ONCE]


def test_a_version_without_background_rows_gives_no_explanations(tmp_path: Path) -> None:
    _, columns = fitted(SAMPLE[Task.BINARY], Task.BINARY, PARAMS["random_forest"])
    predictor = load_predictor(stored(tmp_path, Task.BINARY), mixed_signature(Task.BINARY))
    with pytest.raises(ValueError, match="without background rows"):
        predictor.answer(columns, explain=True)


def test_rows_with_a_number_that_is_not_finite_have_no_prediction() -> None:
    odd = np.array([1.0, np.nan, 2.0, -np.inf])
    assert PredictedRows(0.9, values=odd).without == [1, 3]
    assert PredictedRows(0.9, scores=odd).without == [1, 3]
    assert PredictedRows(0.9, probabilities=np.array([[0.5, 0.5], [np.nan, 1.0]])).without == [1]
