from __future__ import annotations

import json
from pathlib import Path

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.completion.work import QuietReporter, Work
from predictor.ml.types.left_out import Part
from predictor.ml.types.schema import TableSchema, Task
from predictor.ml.types.training_request import TrainingRequest

WORK = Work(
    request=TrainingRequest("/nowhere/table.parquet", TableSchema((), 100), "", task=Task.CLUSTERING),
    parts=(Part.NUMBERS, Part.STABILITY, Part.CHANCE),
    report={"task": "clustering"},
    files={"spec.json": Path("/nowhere/spec.json")},
    digests={"spec.json": "0" * 64},
    leaderboard=[{"key": "kmeans"}],
)


def test_work_is_the_same_after_json_with_its_parts_in_order(tmp_path):
    path = tmp_path / "work.json"
    data = WORK.to_json()
    path.write_text(json.dumps({**data, "parts": list(reversed(data["parts"]))}))
    assert Work.read(path) == WORK


@pytest.mark.parametrize("text", ["", "{}", '{"request": {}}'])
def test_damaged_work_is_an_error(text, tmp_path):
    path = tmp_path / "work.json"
    path.write_text(text)
    with pytest.raises((ValueError, KeyError, InvalidTrainingRequest)):
        Work.read(path)


def test_a_quiet_reporter_prints_nothing(capsys):
    QuietReporter().progress(0.5, "Half way")
    assert capsys.readouterr().out == ""
