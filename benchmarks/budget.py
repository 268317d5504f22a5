"""Time budgets: named and automatic trainings with 10 and 60 s, on an idle machine and beside busy neighbours.

    python benchmarks/budget.py [--only NAME …] [--budgets 10 60] [--busy 0 2] [--json FILE] [--quick]

Tables: `small` (569 rows, 30 numbers, shipped with scikit-learn), `middle` (5,200 rows) and `large` (1,000,000 rows)
of ten numbers, categories of 5, 20, 200 and 3,000 levels and a date. Each run is the process that users' runs have,
with their niceness, on as many threads as the machine has cores, and started ahead as workers do (but for --cold). A
neighbour is a process that computes all the time
with normal priority.

Prints for each run the seconds from the start of the process to its end, the overrun of the budget in percent, the
rows that the version was fitted on, log-loss and ROC-AUC on rows that no run has seen, and the peak of the memory of
all its processes (each shared page counted once). `plain boosting` is HistGradientBoosting of scikit-learn with its
defaults and native categories (levels beyond 255 joined), given the table in memory and the same seconds. Ends with
the largest overruns, and with the runs that were fitted on fewer rows than a table below 100,000 rows has.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
from _machine import header, parser, write_json

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT)]

from predictor.ml.inference.loading import load_predictor
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.metrics.scores import metrics
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.types.schema import Signature, TableSchema
from predictor.ml.types.training_request import AUTO, TrainingLimits, TrainingRequest

# As `FittingChild` of predictor/services/training/training_process.py.
NICE = ("nice", "-n", "5")
N_ROWS = {"small": 569, "middle": 5_200, "large": 1_000_000}
N_TEST = 100_000
N_LEVELS = (5, 20, 200, 3_000)
ESTIMATORS = {
    "small": (AUTO, "logistic_regression", "random_forest"),
    "middle": (AUTO, "logistic_regression", "random_forest", "hist_gradient_boosting"),
    "large": (AUTO, "hist_gradient_boosting", "logistic_regression"),
}
LIMIT_IDLE, LIMIT_BUSY = 0.15, 0.40
NEIGHBOUR = "while True:\n    sum(range(10_000))\n"
LINE = (
    "{table:<7} {estimator:<23} {n_neighbours:>4} {budget:>6} {seconds:>8} {overrun:>8} {n_rows_fitted:>9} "
    "{log_loss:>9} {roc_auc:>8} {memory:>7}  {title}"
)


@dataclass(frozen=True)
class Table:
    """A table on disk as users' tables are, and unseen rows."""

    name: str
    parquet: Path
    schema: TableSchema
    train: pd.DataFrame
    test: pd.DataFrame


def main() -> int:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="+", choices=N_ROWS, default=list(N_ROWS))
    arguments.add_argument(
        "--estimators", nargs="+", help="keys of the catalogue, or auto (default: several)"
    )
    arguments.add_argument("--budgets", type=int, nargs="+", default=[10, 60])
    arguments.add_argument("--busy", type=int, nargs="+", default=[0, 2], help="numbers of busy neighbours")
    arguments.add_argument("--repeat", type=int, default=1)
    arguments.add_argument("--cold", action="store_true", help="without a process that was started ahead")
    arguments.add_argument("--events", action="store_true", help="print the events of each run")
    options = arguments.parse_args()
    if options.quick:
        options.only, options.budgets, options.busy = ["small"], [5], [0]
    about = header("budget")
    found: list[dict[str, Any]] = []
    print(LINE.format(**{**{name: name for name in ("table", "estimator", "budget", "seconds", "title")},
                         "n_neighbours": "busy", "overrun": "overrun", "n_rows_fitted": "rows", "log_loss": "log-loss",
                         "roc_auc": "auc", "memory": "MB"}))  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="mlweb-budget-") as folder:
        for name in options.only:
            table = make_table(name, Path(folder))
            for repeat in range(options.repeat):
                for budget in options.budgets:
                    for n_neighbours in options.busy:
                        for result in runs(table, budget, n_neighbours, Path(folder), options, repeat):
                            found.append(result)
                            print(shown(result), flush=True)
    summary(found)
    write_json(options.json, about, found)
    return 1 if any("error" in each for each in found) else 0


def runs(
    table: Table, budget: int, n_neighbours: int, folder: Path, options: Any, seed: int
) -> Iterator[dict[str, Any]]:
    for estimator in options.estimators or ESTIMATORS[table.name]:
        with neighbours(n_neighbours):
            result = run(
                table, estimator, budget, folder, is_cold=options.cold, has_events=options.events, seed=seed
            )
        yield {"table": table.name, "estimator": estimator, "n_neighbours": n_neighbours, **result}
    if table.name != "small":
        with neighbours(n_neighbours):
            result = plain_boosting(table, budget)
        yield {"table": table.name, "estimator": "plain boosting", "n_neighbours": n_neighbours, **result}


@contextmanager
def neighbours(number: int) -> Iterator[None]:
    processes = [
        subprocess.Popen([sys.executable, "-c", NEIGHBOUR], start_new_session=True) for _ in range(number)
    ]
    try:
        yield
    finally:
        for each in processes:
            each.kill()
            each.wait()


def make_table(name: str, folder: Path) -> Table:
    n_rows = N_ROWS[name]
    if name == "small":
        from sklearn.datasets import load_breast_cancer

        frame = load_breast_cancer(as_frame=True).frame
        frame["target"] = np.where(frame["target"] == 1, "benign", "malignant")
        is_test = np.random.default_rng(1).random(n_rows) < 0.25
        train, test = frame[~is_test], frame[is_test]
    else:
        frame = mixed_table(n_rows + N_TEST)
        train, test = frame[:n_rows], frame[n_rows:]
    csv = folder / f"{name}.csv"
    train.to_csv(csv, index=False)
    imported = ingest_csv(csv, folder / f"{name}.parquet", scratch=folder)
    csv.unlink()
    return Table(name, folder / f"{name}.parquet", imported.schema, train, test)


def mixed_table(n_rows: int) -> pd.DataFrame:
    """Ten numbers, four categories, a date, and classes that depend on them with curves and interactions."""
    rng = np.random.default_rng(7)
    numbers = rng.normal(size=(n_rows, 10)).astype(np.float32)
    codes = [np.minimum((rng.power(0.5, n_rows) * n).astype(int), n - 1) for n in N_LEVELS]
    effects = [
        rng.normal(scale=scale, size=n)[code]
        for n, code, scale in zip(N_LEVELS, codes, (0.4, 0.5, 0.6, 0.5), strict=True)
    ]
    days = rng.integers(0, 1_460, n_rows)
    score = (
        sum(effects) + 0.8 * numbers[:, 0] - 0.7 * np.abs(numbers[:, 1]) + 0.6 * numbers[:, 2] * numbers[:, 3]
    )
    score += 0.5 * np.sin(2 * numbers[:, 4]) + 0.4 * np.where(codes[0] == 2, numbers[:, 5], -numbers[:, 5])
    score += 0.3 * np.sin(2 * np.pi * days / 365.25) + 0.5
    is_yes = rng.random(n_rows) < 1 / (1 + np.exp(-score))
    frame = pd.DataFrame({f"number_{i}": np.round(numbers[:, i], 4) for i in range(10)})
    for n, code in zip(N_LEVELS, codes, strict=True):
        frame[f"category_{n}"] = np.char.add("level ", code.astype(str))
    frame["day"] = (np.datetime64("2020-01-01") + days).astype(str)
    frame["answer"] = np.where(is_yes, "yes", "no")
    return frame


def run(
    table: Table,
    estimator: str,
    budget: int,
    folder: Path,
    *,
    is_cold: bool,
    has_events: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    target = str(table.train.columns[-1])
    request = TrainingRequest(
        parquet=str(table.parquet), schema=table.schema, target=target, estimator=estimator, seed=seed,
        budget_seconds=budget, limits=TrainingLimits(n_threads=os.cpu_count() or 1),
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=folder) as work:
        workdir = Path(work)
        (workdir / "request.json").write_text(json.dumps(request.to_json()), "utf-8")
        command = [*NICE, sys.executable, "-m", "predictor.ml.training.train"]
        command += [str(workdir / "request.json"), work] if is_cold else ["--spare", "600"]
        started = time.monotonic()
        with (
            Path(work, "events").open("wb") as events,
            subprocess.Popen(
                command,
                cwd=PROJECT,
                stdin=subprocess.PIPE,
                stdout=events,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            ) as process,
        ):
            if not is_cold:
                wait_until_idle(process.pid)
                started = time.monotonic()
                process.stdin.write(f"{workdir / 'request.json'}\n".encode())
                process.stdin.flush()
            with PeakMemory(process.pid) as memory:
                code = process.wait()
        seconds = time.monotonic() - started
        lines = [
            json.loads(line)
            for line in Path(work, "events").read_text("utf-8").splitlines()
            if line.startswith("{")
        ]
        if has_events:
            print_events(lines)
        common = {"budget": budget, "seconds": round(seconds, 1), "overrun": round(seconds / budget - 1, 3),
                  "memory": round(memory.peak / 1e6)}  # fmt: skip
        if code:
            return {**common, "error": lines[-1].get("message", "") if lines else f"exit code {code}"}
        result = json.loads((workdir / "result.json").read_text("utf-8"))
        return {
            **common,
            "n_rows_fitted": result["n_rows_fitted"],
            **scores(result, workdir, table, target),
            "title": result["title"],
            "warnings": [each["message"] for each in result["warnings"]],
        }


def scores(result: dict[str, Any], workdir: Path, table: Table, target: str) -> dict[str, float]:
    signature = Signature.from_json(result["signature"])
    predictor = load_predictor(
        {name: workdir / file["path"] for name, file in result["artifacts"].items()}, signature
    )
    checker, parts = RowChecker(signature), []
    features = table.test.drop(columns=target).astype(str)
    for start in range(0, len(features), 10_000):
        rows = features[start : start + 10_000].to_dict("records")
        parts.append(predictor.predict(checker.check(rows, are_texts=True).columns).probabilities)
    y = np.array([signature.classes.index(each) for each in table.test[target]])
    found = metrics(signature.task, y, np.concatenate(parts))
    return {name: round(float(found[name]), 4) for name in ("log_loss", "roc_auc")}


def plain_boosting(table: Table, budget: int) -> dict[str, Any]:
    """What HistGradientBoosting reaches within the same seconds, in a process of its own."""
    with tempfile.TemporaryDirectory() as work:
        for name, frame in (("train", table.train), ("test", table.test)):
            frame.to_csv(Path(work, f"{name}.csv"), index=False)
        command = [
            *NICE,
            sys.executable,
            str(Path(__file__).parent / "peers" / "boosting_in_time.py"),
            work,
            str(budget),
        ]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process,
            PeakMemory(process.pid) as memory,
        ):
            told = json.loads((process.communicate()[0] or b"{}").splitlines()[-1])
    return {
        "budget": budget,
        "overrun": round(told["seconds"] / budget - 1, 3),
        "memory": round(memory.peak / 1e6),
        **told,
    }


def wait_until_idle(pid: int) -> None:
    """Wait until the process has computed, and computes no longer."""
    before = -1.0
    while True:
        spent = sum(psutil.Process(pid).cpu_times()[:2])
        if spent == before and spent > 0.5:
            return
        before = spent
        time.sleep(0.5)


class PeakMemory:
    """The peak of the proportional set size of a process and its descendants, in bytes, seen every 0.2 s."""

    def __init__(self, pid: int):
        self._pid, self.peak = pid, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *ended: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.2):
            total = 0
            try:
                root = psutil.Process(self._pid)
                processes = [root, *root.children(recursive=True)]
            except psutil.Error:
                continue
            for each in processes:
                try:
                    lines = Path(f"/proc/{each.pid}/smaps_rollup").read_text().splitlines()
                except OSError:
                    continue
                total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
            self.peak = max(self.peak, total)


def shown(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['table']} {result['estimator']} {result['budget']} s: {result['error']}"
    return LINE.format(**{**result, "overrun": f"{100 * result['overrun']:+.0f} %"})


def print_events(lines: list[dict[str, Any]]) -> None:
    for each in lines:
        if each["event"] == "candidate":
            entry = each["candidate"]
            text = f"{entry['title']}: {entry['status']} {entry['score']} {entry['fit_seconds']} s {entry['note']}"
        else:
            text = f"{each.get('fraction', '')} {each.get('message', '')}"
        print(f"    {each['seconds']:>7} {each['event']:<9} {text}")


def summary(found: list[dict[str, Any]]) -> None:
    ours = [each for each in found if each["estimator"] != "plain boosting" and "error" not in each]
    for is_busy, limit in ((False, LIMIT_IDLE), (True, LIMIT_BUSY)):
        part = [each for each in ours if bool(each["n_neighbours"]) == is_busy]
        if part:
            late, largest = (
                sum(each["overrun"] > limit for each in part),
                max(each["overrun"] for each in part),
            )
            where = "Beside neighbours" if is_busy else "Idle"
            print(f"{where}: largest overrun {100 * largest:.0f} %,", end=" ")
            print(f"{late} of {len(part)} runs beyond {100 * limit:.0f} %.")
    few = [
        each
        for each in ours
        if each["n_rows_fitted"] < N_ROWS[each["table"]] < 100_000 and each["table"] != "small"
    ]
    print(f"Fitted on fewer rows than a table below 100,000 rows has: {len(few)} of {len(ours)} runs.")


if __name__ == "__main__":
    sys.exit(main())
