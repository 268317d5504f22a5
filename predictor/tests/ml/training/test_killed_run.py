"""A run that an earlier version of the program began and that was killed: this version finishes it.

`data/killed_run/` was left by version 0.1.0, before `predictor.ml` had subpackages: two of five folds were fitted.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from predictor.ml.types.training_request import TrainingRequest
from predictor.tests.waiting import HANG_SECONDS

PROJECT = Path(__file__).resolve().parents[4]
DATA = Path(__file__).parent / "data" / "killed_run"


def test_the_digest_of_a_stored_request_has_not_changed():
    request = TrainingRequest.read(DATA / "request.json")
    assert request.digest == (DATA / "digest.txt").read_text().strip()
    assert json.loads(json.dumps(request.to_json())) == json.loads((DATA / "request.json").read_text("utf-8"))


def test_a_run_begun_by_an_earlier_version_goes_on_with_its_fits(tmp_path):
    folder = tmp_path / "job"
    shutil.copytree(DATA, folder)
    [fits] = (folder / "run" / "fits").iterdir()
    before = {path.name: path.stat().st_mtime_ns for path in fits.iterdir()}
    child = subprocess.run(
        [sys.executable, "-m", "predictor.ml.training.train", "request.json", "run"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    assert child.returncode == 0, child.stdout + child.stderr
    assert [path.name for path in (folder / "run" / "fits").iterdir()] == [fits.name]
    after = {path.name: path.stat().st_mtime_ns for path in fits.iterdir()}
    assert {name: after[name] for name in before} == before
    result = json.loads((folder / "run" / "result.json").read_text("utf-8"))
    assert result["estimator"] == "random_forest"
    assert result["metrics"]["r2"] > 0.5
