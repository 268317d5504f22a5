"""A stub of predictor.ml.train: emits the events and does the actions named in `behaviour` beside its work folder."""

# ruff: noqa: T201

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from predictor.tests.waiting import HANG_SECONDS, hang


def say(event: str, **values: object) -> None:
    print(json.dumps({"event": event, "seconds": 0.0, **values}), flush=True)


def main(request_path: str, workdir_path: str) -> int:
    workdir = Path(workdir_path)
    request = json.loads(Path(request_path).read_text())
    behaviour = (workdir.parent / "behaviour").read_text().split()
    n_starts = len(list(workdir.glob("start-*"))) + 1
    (workdir / f"start-{n_starts}").write_text(str(os.getpid()))
    say("started", message="Reading", task=request["task"], n_rows=40, n_features=1)
    print("no event at all", flush=True)
    say("warning", message="Something is doubtful", column="x")
    entry = {"key": "a", "title": "A", "score": 0.5, "status": "done"}
    say("candidate", candidate=entry, leaderboard=[entry])
    say("progress", fraction=0.5, message="Half way")
    verb = behaviour[min(n_starts, len(behaviour)) - 1]
    if verb == "hang":
        grandchild = subprocess.Popen(["sleep", str(HANG_SECONDS)], start_new_session=True)
        (workdir.parent / "grandchild").write_text(str(grandchild.pid))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        hang()
    elif verb == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif verb == "refuse":
        say("failed", kind="refused", message="The target has one value.", traceback="Traceback: here")
        return 3
    elif verb == "crash":
        print("library chatter", file=sys.stderr)
        return 1
    write_result(workdir, request)
    say("finished", message="Done", result="result.json")
    return 0


def write_result(workdir: Path, request: dict) -> None:
    content = b'{"format": 1}'
    (workdir / "spec.json").write_bytes(content)
    result = {
        "format": 1,
        "task": request["task"],
        "target": request["target"],
        "estimator": "ridge",
        "title": "Ridge",
        "params": {},
        "signature": {
            "target": request["target"],
            "task": request["task"],
            "fields": [{"name": "x", "role": "numeric"}],
        },
        "artifacts": {
            "spec.json": {
                "path": "spec.json",
                "sha256": hashlib.sha256(content).hexdigest(),
                "size_bytes": len(content),
            }
        },
        "is_compiled": False,
        "parity": None,
        "metrics": {"rmse": 0.5},
        "baseline": {"rmse": 1.0},
        "report": {},
        "leaderboard": [{"key": "a", "title": "A", "score": 0.5, "status": "done", "weight": 1.0}],
        "warnings": [{"message": "Something is doubtful", "column": "x"}],
        "libraries": {},
    }
    partial = workdir / "result.json.partial"
    partial.write_text(json.dumps(result))
    partial.rename(workdir / "result.json")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
