"""How accurate are the models? Trains on each table of a folder, scores its test part beside references.

    python benchmarks/accuracy.py [--tables DIR] [--budget 60] [--threads 1] [--json FILE] [--quick] [--only …]

DIR holds manifest.json, {name: {"target", "task", "reference": {method: {metric: value}}}}, with
NAME.train.csv and NAME.test.csv for each name. Everything goes the way that users go:
CSV → Parquet → training child →
stored files → predictor. The test part is read after training has ended, to be scored once.

Prints, for each table, ROC-AUC and log-loss or R² and RMSE beside the references, and the mean rank of every
method by log-loss or R². FILE gets {table: {method: {metric: value}}} and, under "_about", machine and
versions; ours is named "mlweb" and has "seconds", "members", "is_compiled" and "size_bytes", too.
"""

from __future__ import annotations

import argparse
import csv
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

# So that scoring here, beside the training child, keeps to one thread as well.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _tables import bundled_tables

from predictor.ml.inference.loading import load_predictor
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.metrics.scores import metrics
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.types.schema import ColumnProfile, Signature, Task, canonical_text
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest

OURS = "mlweb"
SHOWN = {True: ("roc_auc", "log_loss"), False: ("r2", "rmse")}
QUICK_BUDGET = 6.0


def main() -> int:
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="mlweb-tables-") as folder:
        arguments.tables = arguments.tables or bundled_tables(
            Path(folder) / "tables", is_quick=arguments.quick
        )
        return compare(arguments)


def compare(arguments: argparse.Namespace) -> int:
    """Every table in turn; the exit code."""
    manifest = json.loads((arguments.tables / "manifest.json").read_text("utf-8"))
    names = [name for name in manifest if not arguments.only or name in arguments.only]
    if arguments.quick:
        names = sorted(names, key=lambda name: (arguments.tables / f"{name}.train.csv").stat().st_size)[:2]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in names:
        with tempfile.TemporaryDirectory(prefix="mlweb-accuracy-") as folder:
            ours = measure(arguments, name, manifest[name], Path(folder))
        found[name] = {OURS: ours, **manifest[name].get("reference", {})}
        print_table(name, found[name])
    print_ranks(found)
    if arguments.json:
        asked = {"budget": arguments.budget, "threads": arguments.threads}
        document = {**found, "_about": {**surroundings(), **asked}}
        arguments.json.write_text(json.dumps(document, indent=1), "utf-8")
    return 1 if any("error" in methods[OURS] for methods in found.values()) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--tables", type=Path, help="folder with manifest.json and the CSV files; else tables of scikit-learn"
    )
    parser.add_argument("--budget", type=float, default=60.0, help="seconds for each table")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--quick", action="store_true", help="two small tables, a few seconds each")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.budget = min(arguments.budget, QUICK_BUDGET)
    return arguments


def measure(
    arguments: argparse.Namespace, name: str, entry: Mapping[str, Any], folder: Path
) -> dict[str, Any]:
    """Our metrics on the test part, and what the model took."""
    train = ingest_csv(arguments.tables / f"{name}.train.csv", folder / "train.parquet", scratch=folder)
    task = Task.REGRESSION if entry["task"] == "regression" else None
    request = TrainingRequest(
        parquet=str(folder / "train.parquet"),
        schema=train.schema,
        target=entry["target"],
        task=task,
        budget_seconds=arguments.budget,
        seed=arguments.seed,
        limits=TrainingLimits(n_threads=arguments.threads),
    )
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
        last = json.loads(child.stdout.splitlines()[-1])
        return {"error": last.get("message", ""), "seconds": seconds}
    result = json.loads((folder / "run" / "result.json").read_text("utf-8"))
    test = folder / "test"
    test.mkdir()
    scores = score(
        result, folder / "run", arguments.tables / f"{name}.test.csv", train.schema[entry["target"]], test
    )
    return {
        **scores,
        "seconds": seconds,
        "cv_log_loss" if "log_loss" in scores else "cv_rmse": cross_validated(result),
        "members": result["title"],
        "is_compiled": result["is_compiled"],
        "size_bytes": sum(file["size_bytes"] for file in result["artifacts"].values()),
        "is_budget_limited": result["is_budget_limited"],
    }


def cross_validated(result: Mapping[str, Any]) -> float | None:
    report = result["report"]
    value: float | None = report["cross_validation"]["metrics"][report["metric"]]
    return value


def score(
    result: Mapping[str, Any], workdir: Path, test: Path, target: ColumnProfile, scratch: Path
) -> dict[str, float | None]:
    """The stored version answers the rows of the test file, as it would for a user's CSV."""
    signature = Signature.from_json(result["signature"])
    files = {name: workdir / file["path"] for name, file in result["artifacts"].items()}
    predictor = load_predictor(files, signature)
    limits = CsvLimits(max_bytes=1 << 32, max_rows=10_000_000)
    checker, parts = RowChecker(signature), []
    for chunk in CsvRows(test, signature, CsvOptions(), limits, scratch=scratch).chunks():
        outputs = predictor.predict(checker.check(chunk.rows, are_texts=True).columns)
        parts.append(outputs.values if outputs.probabilities is None else outputs.probabilities)
    y, answers = actual(test, target.name, signature), np.concatenate(parts)
    is_known = y >= 0 if signature.task.is_classification else np.isfinite(y)
    return metrics(signature.task, y[is_known], answers[is_known])


def actual(test: Path, target: str, signature: Signature) -> Any:
    """The target of the test rows: numbers, or codes of the classes (-1 for one that is new)."""
    with test.open(encoding="utf-8-sig", newline="") as file:
        cells = [row[target] for row in csv.DictReader(file)]
    if signature.task is Task.REGRESSION:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    codes = {str(canonical_text(each)).lower(): code for code, each in enumerate(signature.classes)}
    return np.array([codes.get(cell.lower(), -1) for cell in cells], dtype=np.intp)


def print_table(name: str, methods: Mapping[str, Mapping[str, Any]]) -> None:
    ours = methods[OURS]
    if "error" in ours:
        print(f"{name}: {ours['error']}")
        return
    columns = SHOWN["log_loss" in ours]
    served = "compiled" if ours["is_compiled"] else "in-process"
    print(f"\n{name}: {ours['seconds']} s, {ours['members']}, {served}")
    for method, values in sorted(methods.items(), key=lambda each: rank_key(each[1])):
        shown = "  ".join(
            f"{metric} {values[metric]:.4f}" for metric in columns if values.get(metric) is not None
        )
        print(f"  {'→' if method == OURS else ' '} {method:28} {shown}")
    sys.stdout.flush()


def rank_key(values: Mapping[str, Any]) -> float:
    """Smaller is better: log-loss, or minus R²."""
    if values.get("log_loss") is not None:
        return float(values["log_loss"])
    return -float(values["r2"]) if values.get("r2") is not None else float("inf")


def print_ranks(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Mean rank by log-loss or R² of the methods that every table has; equals share their ranks."""
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
