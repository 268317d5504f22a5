"""Compute parts of a report in a process of its own: `python -m predictor.ml.completion.complete WORK.json WORKDIR`.

WORK.json is `Work.to_json()`. For each part, WORKDIR/part-NAME.json is written atomically: {"report": keys of the
report} or {"refusal": why it cannot be computed}. A part with such a file is not computed again, so a process that was
killed and is started again goes on where it was. Events and exit codes are those of training/train.py.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InvalidTrainingRequest
from ..training.train import FINISHED, THREADS, UNREADABLE, explained, failed
from ..types.left_out import Part
from ..types.schema import Task

if TYPE_CHECKING:
    from ..execution.progress import Reporter
    from .work import Work

# Lower than that of a training run, which is 5: nobody waits for this.
NICENESS = 15

Keys = dict[str, Any]
Compute = Callable[[Part, Mapping[str, Any]], Keys]


def main(arguments: list[str]) -> int:
    """The exit code. Nothing is raised: whatever goes wrong becomes the last event."""
    os.environ.update(dict.fromkeys(THREADS, "1"))
    os.nice(max(NICENESS - os.nice(0), 0))
    from ..execution.child_processes import die_with_parent
    from ..execution.progress import Reporter as Told
    from .work import Work as Read

    die_with_parent()
    reporter = Told()
    try:
        path, workdir = (Path(argument) for argument in arguments)
        work = Read.read(path)
    except (ValueError, OSError, KeyError, TypeError, InvalidTrainingRequest) as error:
        return failed(reporter, "refused", f"The completion could not be started: {error}", UNREADABLE)
    try:
        complete(work, workdir, reporter)
    except Exception as error:
        return failed(reporter, *explained(error))
    reporter.emit("finished", message="The report is complete.")
    return FINISHED


def complete(work: Work, workdir: Path, reporter: Reporter) -> None:
    """Write the file of each part. Later parts see the report with the earlier ones."""
    from ..execution.json_files import write_json
    from .work import CannotComplete

    report, compute = dict(work.report), _computing(work, workdir)
    for place, part in enumerate(work.parts):
        path = part_path(workdir, part)
        if not path.exists():
            reporter.progress(place / len(work.parts), f"Computing: {part.label}")
            try:
                result: dict[str, Any] = {"report": compute(part, report)}
            except CannotComplete as error:
                result = {"refusal": error.message}
            write_json(path, result)
        report |= read_part(path).get("report") or {}


def part_path(workdir: Path, part: Part) -> Path:
    return workdir / f"part-{part.value}.json"


def read_part(path: Path) -> dict[str, Any]:
    """The content of a part's file; {} when it is not there."""
    try:
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return content


def _computing(work: Work, workdir: Path) -> Compute:
    """What computes the parts of a report of this task."""
    task = Task(str(work.report.get("task")))
    if task is Task.CLUSTERING:
        from .cluster_parts import ClusterParts

        return ClusterParts(work).compute
    if task is Task.ANOMALY:
        from .anomaly_parts import AnomalyParts

        return AnomalyParts(work).compute
    from .supervised_parts import SupervisedParts

    return SupervisedParts(work, workdir).compute


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
