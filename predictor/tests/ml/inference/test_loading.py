"""Loading a version from its stored files: which predictor they make, and how damage is refused.

The tests of the child process stand in test_predictor.py.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest

from predictor.errors import DamagedArtifact
from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.explanation.background import Background
from predictor.ml.inference import loading
from predictor.ml.inference.loading import load_predictor, try_in_child
from predictor.ml.persistence.version_files import (
    BACKGROUND,
    FORECAST,
    GOLDEN,
    ONNX,
    SKOPS,
    SPEC,
    UNCERTAINTY,
)
from predictor.ml.types.schema import Task

from .constant_versions import changed, signature_of, stored_files

COLUMNS = {"a": np.arange(30.0), "b": np.arange(30.0) ** 2}
SIGNATURE = signature_of(["a", "b"])
# Errors of -1 and 2 in turn.
Y = np.arange(40.0)
INTERVALS = ConformalIntervals.fit(Task.REGRESSION, Y, Y + np.where(np.arange(40) % 2, 1.0, -2.0))


@pytest.fixture(scope="module")
def whole():
    """All files of a version that answers 5 to every row."""
    return stored_files(COLUMNS, 5.0, uncertainty=INTERVALS, background=Background(COLUMNS))


@pytest.fixture(scope="module")
def in_process(whole):
    """The files of a version without ONNX."""
    return {name: content for name, content in whole.items() if name != ONNX}


@pytest.fixture
def tried(monkeypatch):
    """Replaces the child process: the files that it would have tried."""
    contents = []
    monkeypatch.setattr(loading, "try_in_child", contents.append)
    return contents


def digests_of(files):
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def test_files_are_read_from_bytes_and_from_paths_alike(whole, tmp_path):
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
    paths = {name: tmp_path / name for name in whole}

    for files in (whole, paths):
        predictor = load_predictor(files, SIGNATURE, digests=digests_of(whole))
        predictor.check_golden()
        assert predictor.predict(COLUMNS).values == pytest.approx([5.0] * 30)
        assert predictor.signature is SIGNATURE


def test_a_version_with_uncertainty_and_background_has_intervals_and_explains(whole):
    predictor = load_predictor(whole, SIGNATURE)

    low, high = predictor.answer(COLUMNS, 0.9).intervals

    # No target was below 0.
    assert (low[0], high[0]) == (pytest.approx(4.0), pytest.approx(7.0))
    assert predictor.can_explain
    (explanation,) = predictor.explain({name: each[:1] for name, each in COLUMNS.items()}, [None])
    assert explanation.contributions == pytest.approx({"a": 0.0, "b": 0.0})


def test_a_version_that_was_stored_without_them_has_neither(whole):
    files = {name: whole[name] for name in (SPEC, ONNX, GOLDEN)}

    predictor = load_predictor(files, SIGNATURE)

    assert predictor.answer(COLUMNS).intervals is None
    assert not predictor.has_intervals
    assert not predictor.can_explain


def test_a_compiled_version_is_not_tried_in_a_child_and_needs_no_estimators(whole, tried):
    predictor = load_predictor({name: each for name, each in whole.items() if name != SKOPS}, SIGNATURE)

    assert predictor.is_compiled
    assert tried == []


def test_an_in_process_version_is_tried_with_its_golden_rows_before_it_is_loaded(in_process, tried):
    predictor = load_predictor(in_process, SIGNATURE)

    assert not predictor.is_compiled
    assert tried == [{name: in_process[name] for name in (SPEC, SKOPS, GOLDEN)}]
    assert predictor.predict(COLUMNS).values.tolist() == [5.0] * 30


def test_an_in_process_version_that_fails_in_the_child_is_not_loaded(in_process, monkeypatch):
    def refuse(contents):
        raise DamagedArtifact("It broke.")

    monkeypatch.setattr(loading, "try_in_child", refuse)
    monkeypatch.setattr(loading, "load_pipeline", lambda contents: pytest.fail("It was loaded."))

    with pytest.raises(DamagedArtifact, match="It broke"):
        load_predictor(in_process, SIGNATURE)


@pytest.mark.parametrize("name", [SPEC, ONNX, GOLDEN, UNCERTAINTY, BACKGROUND])
def test_a_file_with_another_digest_is_refused(name, whole):
    digests = {**digests_of(whole), name: "0" * 64}

    with pytest.raises(DamagedArtifact, match=f"stored file {name} is not what was written"):
        load_predictor(whole, SIGNATURE, digests=digests)


def test_estimators_with_another_digest_are_refused_before_they_are_tried(in_process, tried):
    digests = {**digests_of(in_process), SKOPS: "0" * 64}

    with pytest.raises(DamagedArtifact, match=f"stored file {SKOPS} is not what was written"):
        load_predictor(in_process, SIGNATURE, digests=digests)

    assert tried == []


@pytest.mark.parametrize("missing", [SPEC, SKOPS])
def test_a_missing_file_is_named(missing, in_process, tried):
    files = {name: each for name, each in in_process.items() if name != missing}

    with pytest.raises(DamagedArtifact, match=f"The stored file {missing} is missing"):
        load_predictor(files, SIGNATURE)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (BACKGROUND, b'{"format": 1}', "The stored background rows cannot be read"),
        (BACKGROUND, b'{"format": 1, "rows": []}', "background rows cannot be read"),
        (BACKGROUND, b'{"format": 1, "rows": {"a": {"kind": "number"}}}', "background rows cannot be read"),
        (BACKGROUND, b'{"format": 1, "rows": {"a": {"kind": "number", "cells": ["x"]}}}', "background rows"),
        (BACKGROUND, b"{", "background.json is not JSON"),
        (UNCERTAINTY, b'{"format": 9}', "uncertainty.json has a format that is not known"),
        (FORECAST, b'{"format": 1}', "The stored forecast is not complete"),
    ],
)
def test_a_damaged_file_is_refused(name, content, sentence, whole):
    with pytest.raises(DamagedArtifact, match=sentence):
        load_predictor({**whole, name: content}, SIGNATURE)


def test_the_child_finds_the_files_in_a_folder_that_is_removed_afterwards(in_process, monkeypatch):
    seen = {}

    def run(command, **options):
        folder = Path(command[-1])
        seen.update(command=command, folder=folder, options=options)
        seen["files"] = {path.name: path.read_bytes() for path in folder.iterdir()}
        return subprocess.CompletedProcess(command, 0, b"", b"")

    monkeypatch.setattr(loading.subprocess, "run", run)

    try_in_child(in_process, seconds=7.0)

    assert seen["files"] == in_process
    assert seen["command"][1:3] == ["-m", "predictor.ml.inference.loading"]
    assert seen["options"]["timeout"] == 7.0
    assert not seen["folder"].exists()


@pytest.mark.parametrize(
    ("code", "sentence"), [(3, "Größe passt nicht."), (1, "broke the process"), (-11, "broke the process")]
)
def test_the_exit_code_of_the_child_decides_what_is_said(code, sentence, monkeypatch):
    ended = subprocess.CompletedProcess([], code, "Größe passt nicht.\n".encode(), b"Traceback")
    monkeypatch.setattr(loading.subprocess, "run", lambda *_, **__: ended)

    with pytest.raises(DamagedArtifact, match=sentence) as refused:
        try_in_child({})

    assert "Traceback" not in refused.value.message


def tried_folder(folder, files):
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return loading._try(folder)


def test_the_child_is_content_when_the_golden_rows_get_their_answers(in_process, tmp_path, capsys):
    files = {name: in_process[name] for name in (SPEC, SKOPS, GOLDEN)}

    assert tried_folder(tmp_path, files) == 0
    assert capsys.readouterr().out == ""


def test_the_child_needs_no_golden_rows(in_process, tmp_path):
    assert tried_folder(tmp_path, {name: in_process[name] for name in (SPEC, SKOPS)}) == 0


def test_the_child_says_why_it_refuses(in_process, tmp_path, capsys):
    answers = [[5.1]] * len(json.loads(in_process[GOLDEN])["answers"])
    files = {name: in_process[name] for name in (SPEC, SKOPS)}

    code = tried_folder(tmp_path, {**files, GOLDEN: changed(in_process[GOLDEN], answers=answers)})

    assert code == 3
    assert "golden rows get other answers" in capsys.readouterr().out
