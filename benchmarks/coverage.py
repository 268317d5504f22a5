"""Empirical coverage of prediction intervals and sets, and the effect of probability calibration, on test data.

    python benchmarks/coverage.py [--tables DIR] [--budget 20] [--estimator auto] [--json FILE] [--quick] [--only …]

DIR is as for accuracy.py. Prints for nominal coverages of 0.8, 0.9 and 0.95 the share of test rows whose true value
was inside, and its difference from the nominal coverage in percentage points; the mean width of intervals and the
standard deviation of the target, or the mean size of sets and the share of empty ones; and the cost per row. If
probabilities were calibrated: log-loss on the test rows before and after, with two standard errors of the gain.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

import numpy as np
from _tables import bundled_tables
from _trained import Trained, trained
from accuracy import surroundings

from predictor.ml.calibration.conformal import REPORTED_COVERAGES, coverage_report
from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.metrics.scores import losses
from predictor.ml.persistence.version_files import load_pipeline
from predictor.ml.types.schema import Task
from predictor.ml.types.training_request import AUTO

# Aim: the empirical coverage differs from the nominal one by at most so many percentage points.
WANTED_POINTS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--estimator", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="two small tables, a few seconds each")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.budget = min(arguments.budget, 2.0)
    with tempfile.TemporaryDirectory(prefix="mlweb-coverage-") as folder:
        tables = arguments.tables or bundled_tables(Path(folder) / "tables", is_quick=arguments.quick)
        manifest = json.loads((tables / "manifest.json").read_text("utf-8"))
        names = [
            name
            for name, entry in manifest.items()
            if (not arguments.only or name in arguments.only) and suits(arguments.estimator, entry["task"])
        ]
        found = {}
        for name in names:
            version = trained(
                tables,
                name,
                manifest[name],
                Path(folder) / name,
                budget=arguments.budget,
                estimator=arguments.estimator,
                seed=arguments.seed,
            )
            found[name] = measured(version)
            show(name, found[name])
    off = [abs(each["off_points"]) for rows in found.values() for each in rows["coverages"]]
    print(
        f"\nOff by {statistics.mean(off):.2f} points in the mean and {max(off):.2f} at most; "
        f"{sum(each <= WANTED_POINTS for each in off)} of {len(off)} within {WANTED_POINTS:g} points."
    )
    changed = [each["calibration"] for each in found.values() if each["calibration"]]
    worse = sum(each["gain"] < -2 * each["chance"] for each in changed)
    print(f"{len(changed)} of {len(found)} tables calibrated, {worse} of them worse by more than chance.")
    if arguments.json:
        arguments.json.write_text(json.dumps({**found, "_about": surroundings()}, indent=1), "utf-8")
    return 0


def suits(estimator: str, task: str) -> bool:
    """Whether the estimator supports the task that the manifest gives for a table."""
    if estimator == AUTO:
        return True
    known = CATALOGUE[estimator].tasks
    return Task.REGRESSION in known if task == "regression" else Task.BINARY in known


def measured(version: Trained) -> dict[str, Any]:
    task, predictor = version.signature.task, version.predictor
    if predictor.uncertainty is None:
        raise RuntimeError(f"{version.name} was stored without its uncertainty.")
    outputs = predictor.predict(version.columns)
    answers = outputs.probabilities if task.is_classification else outputs.values
    is_known = version.y >= 0 if task.is_classification else np.isfinite(version.y)
    y, answers = version.y[is_known], np.asarray(answers)[is_known]
    rows = coverage_report(predictor.uncertainty, y, answers, REPORTED_COVERAGES)
    for each in rows:
        each["off_points"] = 100 * (each["covered"] - each["coverage"])
        each["chance_points"] = 200 * (each["coverage"] * (1 - each["coverage"]) / len(y)) ** 0.5
    spread = None if task.is_classification else float(np.std(y))
    return {"n_rows": len(y), "coverages": rows, "target_std": spread, "us_per_row": cost(version, answers),
            "calibration": calibration(version, y, answers, is_known) if task.is_classification else None}  # fmt: skip


def calibration(version: Trained, y: Any, answers: Any, is_known: Any) -> dict[str, Any] | None:
    """Log-loss before and after calibration, the gain and its standard error; None without calibration."""
    pipeline = load_pipeline(version.files)
    if pipeline.calibration is None:
        return None
    raw = replace(pipeline, calibration=None).predict(version.columns).probabilities
    task = version.signature.task
    before, after = losses(task, y, np.asarray(raw)[is_known]), losses(task, y, answers)
    gain = before - after
    return {
        **pipeline.calibration.to_json(),
        "before": float(before.mean()),
        "after": float(after.mean()),
        "gain": float(gain.mean()),
        "chance": float(gain.std() / len(gain) ** 0.5),
    }


def cost(version: Trained, answers: Any) -> float:
    """Microseconds to make the interval or set of one row, without the prediction itself."""
    uncertainty = version.predictor.uncertainty
    assert uncertainty is not None
    one, started, n = answers[:1], time.perf_counter(), 2_000
    for _ in range(n):
        if version.signature.task.is_classification:
            _ = one >= uncertainty.least_probability(0.9)
        else:
            uncertainty.intervals(one, 0.9)
    return (time.perf_counter() - started) / n * 1e6


def show(name: str, found: Mapping[str, Any]) -> None:
    print(f"\n{name}: {found['n_rows']} test rows, {found['us_per_row']:.1f} µs for each row")
    for each in found["coverages"]:
        size = (
            f"mean size {each['mean_size']:.2f}, {each['empty']:.1%} empty"
            if "mean_size" in each
            else f"mean width {each['mean_width']:.4g} (standard deviation of the target {found['target_std']:.4g})"
        )
        print(
            f"  {each['coverage']:.2f} asked, {each['covered']:.3f} covered ({each['off_points']:+.1f} points, "
            f"chance alone gives ±{each['chance_points']:.1f}); {size}"
        )
    if changed := found["calibration"]:
        print(
            f"  calibrated (scale {changed['scale']:.3f}): log-loss {changed['before']:.4f} before, "
            f"{changed['after']:.4f} after, better by {changed['gain']:.4f} ± {2 * changed['chance']:.4f}"
        )
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
