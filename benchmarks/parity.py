"""Parity of compiled models (ONNX) with scikit-learn: every estimator, and all candidates of Auto, on every table.

    python benchmarks/parity.py [--tables DIR] [--rows 2000] [--json FILE] [--quick] [--only …]

DIR holds manifest.json, {name: {"target", "task"}}, with NAME.train.csv for each name; without it, tables that
scikit-learn ships. `--quick` uses one small synthetic table with gaps, dates, texts and categories.

Each model is fitted on at most so many rows, exported, and compared on a thousand ordinary rows and a thousand
with missing, unseen and extreme cells (predictor/ml/onnx_export/parity.py, the gate that every version passes before
it is published). Prints the largest difference, the share of equal labels, and whether it would be served compiled;
at the end the share of compiled models, of all and of the candidates of Auto. FILE gets all of it.
The exit code is 1 unless all candidates of Auto are compiled.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _tables import bundled_tables

from predictor.ml.estimators.catalogue import estimators_for
from predictor.ml.onnx_export.parity import TOLERANCE, ParityResult, compile_checked
from predictor.ml.pipelines.candidate import Candidate
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline
from predictor.ml.pipelines.fitting import fit_member, join, sample_rows
from predictor.ml.search import portfolio
from predictor.ml.search.local_search import nearby
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.types.schema import Role, Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable, feature_roles, make_table

BLEND_SIZE = 4
# Fewer trees and iterations: a difference between the implementations shows in the first of them.
SHORT = {"max_iter": 60, "n_estimators": 30}
QUICK = {"max_iter": 10, "n_estimators": 4}


def main() -> int:
    arguments = parse()
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name, table in tables_of(arguments):
        print(f"\n{name}: {table.task}, {len(table)} rows, {len(table.columns)} columns")
        found[name] = {}
        for title, kind, result in results(table, QUICK if arguments.quick else SHORT):
            found[name][f"{kind}: {title}"] = {**result.to_json(), "kind": kind}
            print_line(title, result)
    is_good = print_shares(found)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), "utf-8")
    return 0 if is_good else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=Path, help="folder with manifest.json and the CSV files")
    parser.add_argument("--rows", type=int, default=2000, help="most rows to fit on")
    parser.add_argument("--only", nargs="*", default=[], help="names of tables")
    parser.add_argument("--json", type=Path, help="write the results here")
    parser.add_argument("--quick", action="store_true", help="one small synthetic table, small models")
    return parser.parse_args()


def tables_of(arguments: argparse.Namespace) -> Iterator[tuple[str, TrainingTable]]:
    if arguments.quick:
        yield "made up", made_up(150)
        return
    with tempfile.TemporaryDirectory(prefix="mlweb-parity-") as scratch:
        folder = arguments.tables or bundled_tables(Path(scratch) / "tables", is_quick=False)
        manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        for name, entry in manifest.items():
            if not arguments.only or name in arguments.only:
                table = read(folder / f"{name}.train.csv", entry, Path(scratch))
                yield name, sample_rows(table, arguments.rows, seed=0)


def read(path: Path, entry: Mapping[str, Any], scratch: Path) -> TrainingTable:
    parquet = scratch / "table.parquet"
    parquet.unlink(missing_ok=True)
    schema = ingest_csv(path, parquet, scratch=scratch).schema
    task = Task.REGRESSION if entry["task"] == "regression" else None
    request = TrainingRequest(str(parquet), schema, entry["target"], task)
    names = [*feature_roles(request.table, request.target), request.target]
    return make_table(request, read_columns(parquet, request.table, names))[0]


def made_up(n: int) -> TrainingTable:
    """Synthetic table: numbers with gaps, a boolean, a date, few and many categories, a text; three classes."""
    draw = np.random.default_rng(0)
    amount = draw.lognormal(3, 2, n)
    amount[draw.random(n) < 0.1] = np.nan
    days = np.datetime64("2024-01-01", "us") + draw.integers(0, 600, n) * np.timedelta64(36, "h")
    words = np.array([" ".join(draw.choice(list("abcdefgh"), 5)) for _ in range(n)], object)
    plan = np.array([*draw.choice(["basic", "plus", "pro"], n - 5), *[None] * 5], object)
    shop = np.array([f"shop {number}" for number in draw.integers(0, 60, n)], object)
    columns = {
        "amount": amount,
        "member": draw.integers(0, 2, n).astype(float),
        "joined": days.astype("datetime64[us]"),
        "plan": plan,
        "shop": shop,
        "note": words,
    }
    kinds = (Role.NUMERIC, Role.BOOLEAN, Role.DATETIME, Role.CATEGORICAL, Role.CATEGORICAL, Role.TEXT)
    signal = np.nan_to_num(np.log1p(amount), nan=2.0) + 2 * (plan == "pro") + draw.normal(size=n)
    labels = np.array(["low", "middle", "high"], object)[np.digitize(signal, [2.5, 4.5])]
    target = make_target("level", Task.MULTICLASS, labels)
    return TrainingTable(columns, dict(zip(columns, kinds, strict=True)), target)


def results(table: TrainingTable, short: Mapping[str, int]) -> Iterator[tuple[str, str, ParityResult]]:
    """Parity of each estimator at its defaults, each candidate of Auto, and a blend of the first few candidates."""
    for info in estimators_for(table.task):
        params = {knob.name: knob.default for knob in info.hyperparameters_for(table.task)}
        candidate = portfolio.single(
            info.key, {name: short.get(name, value) for name, value in params.items()}
        )
        yield info.title, "estimator", checked(fitted([candidate], table), table)
    tried = candidates_of(table, short)
    for candidate in tried:
        yield candidate.title, "auto", checked(fitted([candidate], table), table)
    yield f"Blend of {BLEND_SIZE}", "auto", checked(fitted(tried[:BLEND_SIZE], table), table)


def candidates_of(table: TrainingTable, short: Mapping[str, int]) -> list[Candidate]:
    """Distinct candidates of Auto: anchors, second round, and one round of neighbours."""
    facts = portfolio.TableFacts.of(table)
    anchors = portfolio.anchors(facts)
    first = {each.key: each for each in (*anchors, *portfolio.second_round(facts, {}))}
    scores = {key: float(place) for place, key in enumerate(first)}
    candidates = [*first.values(), *nearby(facts, first, scores, 0, seed=0)]
    return [
        replace(each, params={name: short.get(name, value) for name, value in each.params.items()})
        for each in candidates
    ]


def fitted(candidates: list[Candidate], table: TrainingTable) -> FittedPipeline:
    share = 1 / len(candidates)
    return join(
        [
            fit_member(each, each.path[-1] if each.path else {}, table, seed=0, weight=share)
            for each in candidates
        ],
        table,
    )


def checked(pipeline: FittedPipeline, table: TrainingTable) -> ParityResult:
    return compile_checked(pipeline, table.columns, seed=0)[1]


def print_line(title: str, result: ParityResult) -> None:
    difference = "–" if result.max_abs_difference is None else f"{result.max_abs_difference:.1e}"
    labels = "" if result.labels_agree is None else f"labels {result.labels_agree:.2%}"
    served = "compiled" if result.is_compiled else f"in-process: {result.reason}"
    print(f"  {title:62} max |Δ| {difference:8} {labels:15} {served}", flush=True)


def print_shares(found: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> bool:
    every = [result for results in found.values() for result in results.values()]
    auto = [result for result in every if result["kind"] == "auto"]
    for words, part in (("all models", every), ("what Auto chooses from", auto)):
        n = sum(result["is_compiled"] for result in part)
        known = [each["max_abs_difference"] for each in part if each["max_abs_difference"] is not None]
        print(
            f"\n{words}: {n} of {len(part)} compiled ({n / max(len(part), 1):.1%}), "
            f"largest difference {max(known, default=0.0):.1e} (allowed {TOLERANCE:g})"
        )
    return all(result["is_compiled"] for result in auto)


if __name__ == "__main__":
    started = time.monotonic()
    code = main()
    print(f"{time.monotonic() - started:.1f} s")
    sys.exit(code)
