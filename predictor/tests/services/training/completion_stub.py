"""A stub of predictor.ml.completion.complete: does the actions named in `behaviour` beside its work folder.

`ok` computes every part, `refuse` refuses every part, `die` computes the first and is killed, `crash` computes the
first and fails, `hang` computes the first and waits, `kill` computes none and is killed.
"""

# ruff: noqa: T201

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from predictor.tests.waiting import hang

VALUES = {
    "importance": {
        "importance": [{"column": "x", "mean": 1.0, "spread": 0.0}],
        "importance_kind": "permutation",
    },
    "dependence": {"dependence": {"features": [], "skipped": []}},
    "learning_curve": {"learning_curve": {"sentence": "More rows would help.", "points": []}},
}


def main(work_path: str, workdir_path: str) -> int:
    workdir, work = Path(workdir_path), json.loads(Path(work_path).read_text())
    behaviour = (workdir.parent / "behaviour").read_text().split()
    n_starts = len(list(workdir.parent.glob("start-*"))) + 1
    (workdir.parent / f"start-{n_starts}").write_text(str(os.getpid()))
    verb = behaviour[min(n_starts, len(behaviour)) - 1]
    print(json.dumps({"event": "progress", "fraction": 0.25, "message": "Computing: something"}), flush=True)
    if verb == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    for place, part in enumerate(work["parts"]):
        path = workdir / f"part-{part}.json"
        if path.exists():
            continue
        path.write_text(json.dumps({"refusal": "No."} if verb == "refuse" else {"report": VALUES[part]}))
        with (workdir.parent / "computed").open("a") as file:
            file.write(f"{part}\n")
        if verb in ("ok", "refuse") or place:
            continue
        if verb == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if verb == "crash":
            print(
                json.dumps({"event": "failed", "message": "Too little memory.", "traceback": "here"}),
                flush=True,
            )
            return 1
        hang()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
