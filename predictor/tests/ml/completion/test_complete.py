"""The process that completes a report: its events, exit codes and files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from predictor.ml.completion import complete as module
from predictor.ml.completion.complete import complete, part_path, read_part
from predictor.ml.completion.work import CannotComplete
from predictor.ml.execution.progress import Reporter
from predictor.ml.types.left_out import Part
from predictor.tests.waiting import HANG_SECONDS

from .test_work import WORK

PROJECT = Path(__file__).resolve().parents[4]


def started(*arguments):
    command = [sys.executable, "-m", "predictor.ml.completion.complete", *map(str, arguments)]
    child = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )
    return child.returncode, [json.loads(line) for line in child.stdout.splitlines()]


def test_work_that_cannot_be_read_is_refused(tmp_path):
    code, events = started(tmp_path / "missing.json", tmp_path)
    assert (code, events[-1]["event"], events[-1]["kind"]) == (2, "failed", "refused")


def test_a_crash_is_the_last_event_and_has_a_traceback(tmp_path):
    """The table of the request is not there."""
    (tmp_path / "work.json").write_text(json.dumps(WORK.to_json()))
    code, events = started(tmp_path / "work.json", tmp_path)
    assert (code, events[-1]["event"]) == (1, "failed")
    assert "Traceback" in events[-1]["traceback"]


def test_later_parts_see_the_earlier_ones_and_a_refusal_is_kept(tmp_path, monkeypatch):
    seen = []

    def compute(part, report):
        seen.append((part, dict(report)))
        if part is Part.CHANCE:
            raise CannotComplete("Other clusters.")
        return {part.value: len(seen)}

    monkeypatch.setattr(module, "_computing", lambda work, workdir: compute)
    complete(WORK, tmp_path, Reporter())

    assert [part for part, _ in seen] == [Part.NUMBERS, Part.STABILITY, Part.CHANCE]
    assert seen[2][1] == {**WORK.report, "numbers": 1, "stability": 2}
    assert read_part(part_path(tmp_path, Part.STABILITY)) == {"report": {"stability": 2}}
    assert read_part(part_path(tmp_path, Part.CHANCE)) == {"refusal": "Other clusters."}


def test_a_damaged_file_of_a_part_is_as_none(tmp_path):
    path = part_path(tmp_path, Part.CHANCE)
    path.write_text("{")
    assert read_part(path) == {}


@pytest.mark.parametrize("task", ["clustering", "anomaly", "regression"])
def test_each_task_has_what_computes_its_parts(task, tmp_path):
    from dataclasses import replace

    assert callable(module._computing(replace(WORK, report={"task": task}), tmp_path))
