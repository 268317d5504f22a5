"""Accuracy: trains on each table of a folder, and compares the score on its test part with other methods.

    python benchmarks/accuracy.py [--tables DIR] [--budget 60] [--threads 1] [--splits 1] [--half 1 | 2] [--only …]
                                  [--peers autogluon-best autogluon-medium flaml lightgbm linear boosting portfolio]
                                  [--venvs DIR] [--json FILE] [--quick]

DIR holds manifest.json, {name: {"target", "task", "reference": {method: {metric: value}}}}, with
NAME.train.csv and NAME.test.csv for each name. Everything goes through the same
steps as for users: CSV → Parquet → training child → stored files → predictor. The test part is read once, after
training has ended.

Peers run in environments of their own (versions in peers/requirements-*.txt), one after the other on each split, with
the same seconds and threads. `linear` (also `logistic`, `ridge`) and `boosting` are scikit-learn's with their defaults;
`portfolio` is the uniform blend of the candidates of *Auto*. The first split is that of the files; further ones draw as
many test rows from both files: intervals over splits need about five. --half takes every other table by name: choices
are made on one half, and looked at on the other.

Prints for each table ROC-AUC and log-loss, or R² and RMSE, with those of the references, and how we differ from each
peer with a paired 95 % interval; at the end mean ranks and mean differences with intervals from a bootstrap over tables
(see _comparison.py), and seconds, sizes and prediction times. FILE gets {table: {method: {metric: value}}} and, under
"_about", machine and versions, under "_comparison" what is printed at the end. Our method is "mlweb"; it also has
"seconds", "members", "is_compiled" and "size_bytes". With --quick: two small tables beside `linear`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

# Scoring in this process uses one thread, as the training child does.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _automl import ENVIRONMENTS, SYNONYMS, Fit, fit, usable
from _comparison import difference, report
from _tables import Tested, bundled_tables, splits_of

from predictor.ml.inference.loading import load_predictor
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.metrics.scores import losses, metrics
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.types.schema import Signature, Task, canonical_text
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest

OURS = "mlweb"
SHOWN = {True: ("roc_auc", "log_loss"), False: ("r2", "rmse")}
QUICK_BUDGET = 6.0
FORMS = {"roc_auc": ".4f", "log_loss": ".4f", "r2": ".4f", "rmse": ",.4f"}


def main() -> int:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="mlweb-tables-") as folder:
        arguments.tables = arguments.tables or bundled_tables(
            Path(folder) / "tables", is_quick=arguments.quick
        )
        return compare(arguments)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", type=Path, help="folder with manifest.json and the CSV files; else tables of scikit-learn"
    )
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each table")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--half", type=int, choices=(1, 2), help="every other table, by sorted name")
    parser.add_argument("--splits", type=int, default=1, help="splits of the rows of each table")
    parser.add_argument(
        "--peers", nargs="*", default=None, choices=(*ENVIRONMENTS, *SYNONYMS), metavar="NAME"
    )
    parser.add_argument(
        "--venvs", type=Path, default=PROJECT / ".peers", metavar="DIR", help="environments of the peers"
    )
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--quick", action="store_true", help="two small tables, a few seconds each")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.budget = min(arguments.budget, QUICK_BUDGET)
    if arguments.peers is None:
        arguments.peers = ["linear"] if arguments.quick else []
    return arguments


def compare(arguments: argparse.Namespace) -> int:
    """Measure every table; returns the exit code."""
    manifest = json.loads((arguments.tables / "manifest.json").read_text("utf-8"))
    peers, refused = usable(arguments.peers, arguments.venvs)
    for peer, reason in refused.items():
        print(f"{peer} cannot be installed, the others go on: {reason}")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    row_losses: dict[str, dict[str, list[Any]]] = {}
    shares: dict[str, float] = {}
    for number, name in enumerate(chosen_names(arguments, manifest)):
        with tempfile.TemporaryDirectory(prefix="mlweb-accuracy-") as folder:
            table = Table(arguments, name, manifest[name], Path(folder))
            table.run([OURS, *peers], number)
        # References are for the split of the files.
        references = manifest[name].get("reference", {}) if arguments.splits == 1 else {}
        found[name] = {**references, **table.results()}
        row_losses[name], shares[name] = table.losses, table.share_tested
        print_table(name, found[name], peers)
        print_differences(table)
    if not peers:
        print_reference_ranks(found)
    compared = report(row_losses, shares, found, OURS, peers) if peers and row_losses else {}
    if arguments.json:
        settings = {
            "budget": arguments.budget,
            "threads": arguments.threads,
            "splits": arguments.splits,
            "cannot_be_installed": refused,
        }
        document = {**found, "_about": {**surroundings(), **settings}, "_comparison": compared}
        arguments.json.write_text(json.dumps(document, indent=1), "utf-8")
    return 1 if any("error" in methods[OURS] for methods in found.values()) else 0


def chosen_names(arguments: argparse.Namespace, manifest: Mapping[str, Any]) -> list[str]:
    names = list(manifest)
    if arguments.half:
        names = sorted(names)[arguments.half - 1 :: 2]
    names = [name for name in names if not arguments.only or name in arguments.only]
    if arguments.quick:
        names = sorted(names, key=lambda name: (arguments.tables / f"{name}.train.csv").stat().st_size)[:2]
    return names


class Table:
    """All methods on all splits of one table. `losses`: of the test rows of each split, by method."""

    def __init__(self, arguments: argparse.Namespace, name: str, entry: Mapping[str, Any], folder: Path):
        self.arguments, self.name, self.entry, self.folder = arguments, name, entry, folder
        self.losses: dict[str, list[Any]] = {}
        self.share_tested = 0.0
        self._each: dict[str, list[dict[str, Any]]] = {}

    def run(self, methods: Sequence[str], number: int) -> None:
        """One method after the other on each split; the order is turned, so that none is always first."""
        splits = splits_of(
            self.arguments.tables,
            self.name,
            self.entry,
            self.folder,
            self.arguments.splits,
            self.arguments.seed,
        )
        for count, tested in enumerate(splits):
            self.share_tested = tested.share
            first = (number + count) % len(methods)
            for method in (*methods[first:], *methods[:first]):
                self._measure(method, tested, self.folder / f"{count}-{method}")

    def _measure(self, method: str, tested: Tested, folder: Path) -> None:
        each = self._each.setdefault(method, [])
        if any("error" in values for values in each):
            return
        try:
            run = ours if method == OURS else peer
            fitted = run(self.arguments, method, tested, folder)
        except RuntimeError as error:
            each.append({"error": str(error)})
            self.losses.pop(method, None)
            print(f"{self.name}: {method} failed: {error}", flush=True)
            return
        y, answers = tested.judged(fitted.classes, fitted.answers)
        task = Task.REGRESSION if tested.is_regression else task_of(answers)
        each.append({**metrics(task, y, answers), **fitted.costs})
        scale = 1.0 if task.is_classification else float(np.var(y)) or 1.0
        self.losses.setdefault(method, []).append(losses(task, y, answers) / scale)

    def results(self) -> dict[str, dict[str, Any]]:
        """Metrics and costs of each method: those of the only split, or their means, with all splits under "splits"."""
        return {method: joined(each) for method, each in self._each.items()}


def joined(each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    failed = next((values for values in each if "error" in values), None)
    if failed is not None or len(each) == 1:
        return failed or each[0]
    means = {
        name: statistics.mean(values[name] for values in each)
        for name, value in each[0].items()
        if type(value) in (int, float) and all(values[name] is not None for values in each)
    }
    return {**each[0], **means, "splits": list(each)}


def task_of(probabilities: Any) -> Task:
    return Task.BINARY if probabilities.shape[1] == 2 else Task.MULTICLASS


def ours(arguments: argparse.Namespace, _: str, tested: Tested, folder: Path) -> Fit:
    """Train in a child process as users' runs do, and answer the test file. Raises RuntimeError."""
    folder.mkdir()
    request = training_request(arguments, tested, folder)
    (folder / "request.json").write_text(json.dumps(request.to_json()), "utf-8")
    started = time.monotonic()
    command = [
        sys.executable,
        "-m",
        "predictor.ml.training.train",
        str(folder / "request.json"),
        str(folder / "run"),
    ]
    child = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    seconds = round(time.monotonic() - started, 1)
    if child.returncode:
        raise RuntimeError(json.loads(child.stdout.splitlines()[-1]).get("message", ""))
    result = json.loads((folder / "run" / "result.json").read_text("utf-8"))
    signature = Signature.from_json(result["signature"])
    answers, us_per_row = answered(result, folder, signature, tested.test)
    costs = {
        "seconds": seconds,
        "cv_rmse" if tested.is_regression else "cv_log_loss": cross_validated(result),
        "members": result["title"],
        "is_compiled": result["is_compiled"],
        "size_bytes": sum(file["size_bytes"] for file in result["artifacts"].values()),
        "us_per_row": us_per_row,
        "is_budget_limited": result["is_budget_limited"],
    }
    return Fit(answers, [str(canonical_text(each)) for each in signature.classes], costs)


def training_request(arguments: argparse.Namespace, tested: Tested, folder: Path) -> TrainingRequest:
    train = ingest_csv(tested.train, folder / "train.parquet", scratch=folder)
    return TrainingRequest(
        parquet=str(folder / "train.parquet"),
        schema=train.schema,
        target=tested.target,
        task=Task.REGRESSION if tested.is_regression else None,
        budget_seconds=arguments.budget,
        seed=arguments.seed + tested.number,
        limits=TrainingLimits(n_threads=arguments.threads),
    )


def cross_validated(result: Mapping[str, Any]) -> float | None:
    report = result["report"]
    value: float | None = report["cross_validation"]["metrics"][report["metric"]]
    return value


def answered(result: Mapping[str, Any], folder: Path, signature: Signature, test: Path) -> tuple[Any, float]:
    """Answers of the stored version for the test file, read and checked like a user's CSV, and microseconds a row."""
    files = {name: folder / "run" / file["path"] for name, file in result["artifacts"].items()}
    predictor = load_predictor(files, signature)
    limits = CsvLimits(max_bytes=1 << 32, max_rows=10_000_000)
    checker = RowChecker(signature)
    chunks = CsvRows(test, signature, CsvOptions(), limits, scratch=folder).chunks()
    columns = [checker.check(chunk.rows, are_texts=True).columns for chunk in chunks]
    predictor.predict(columns[0])
    started = time.monotonic()
    outputs = [predictor.predict(each) for each in columns]
    seconds = time.monotonic() - started
    parts = [each.values if each.probabilities is None else each.probabilities for each in outputs]
    answers = np.concatenate(parts)
    return answers, round(1e6 * seconds / max(len(answers), 1), 1)


def peer(arguments: argparse.Namespace, method: str, tested: Tested, folder: Path) -> Fit:
    """Another method on the same files. Raises RuntimeError."""
    request = {
        "train": str(tested.train),
        "test": str(tested.test),
        "target": tested.target,
        "is_regression": tested.is_regression,
        "seconds": arguments.budget,
        "n_threads": arguments.threads,
        "seed": arguments.seed + tested.number,
    }
    if method == "portfolio":
        request["request"] = training_request(arguments, tested, tested.train.parent).to_json()
    return fit(method, arguments.venvs, request, folder)


def print_table(name: str, methods: Mapping[str, Mapping[str, Any]], peers: Sequence[str]) -> None:
    ours = methods[OURS]
    if "error" in ours:
        print(f"{name}: {ours['error']}")
        return
    columns = SHOWN["log_loss" in ours]
    served = "compiled" if ours["is_compiled"] else "in-process"
    print(f"\n{name}: {ours['seconds']:.1f} s, {ours['members']}, {served}")
    for method, values in sorted(methods.items(), key=lambda each: rank_key(each[1])):
        shown = "  ".join(
            f"{metric} {values[metric]:{FORMS[metric]}}"
            for metric in columns
            if values.get(metric) is not None
        )
        seconds = f"  {values['seconds']:.1f} s" if method in peers and "seconds" in values else ""
        print(f"  {'→' if method == OURS else ' '} {method:28} {shown}{seconds}")
    sys.stdout.flush()


def print_differences(table: Table) -> None:
    """How we differ from each peer on this table."""
    mine = table.losses.get(OURS)
    for method, theirs in table.losses.items():
        if mine and method != OURS:
            found = difference(mine, theirs, table.share_tested)
            print(f"    loss {found} than {method}: {found.verdict}", flush=True)


def rank_key(values: Mapping[str, Any]) -> float:
    """Sort key, smaller is better: log-loss, or minus R²."""
    if values.get("log_loss") is not None:
        return float(values["log_loss"])
    return -float(values["r2"]) if values.get("r2") is not None else float("inf")


def print_reference_ranks(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Mean rank by log-loss or R² of the methods that every table has, references too; ties share their mean rank."""
    shared = set.intersection(*(set(methods) for methods in found.values())) if found else set()
    ranks: dict[str, list[float]] = {method: [] for method in shared}
    for methods in found.values():
        keys = {method: round(rank_key(methods[method]), 4) for method in shared}
        for method, key in keys.items():
            better = sum(other < key for other in keys.values())
            equal = sum(other == key for other in keys.values())
            ranks[method].append(better + (equal + 1) / 2)
    print(f"\nmean rank over {len(found)} tables (log-loss, R²)")
    for method, each in sorted(ranks.items(), key=lambda item: statistics.mean(item[1])):
        print(f"  {statistics.mean(each):5.2f}  {method}")


def surroundings() -> dict[str, Any]:
    libraries = ("scikit-learn", "numpy", "onnxruntime")
    return {
        "machine": {
            "processor": platform.machine(),
            "n_cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "versions": {name: importlib.metadata.version(name) for name in libraries},
    }


if __name__ == "__main__":
    sys.exit(main())
