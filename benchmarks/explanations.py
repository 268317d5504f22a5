"""Cost of Shapley explanations, and their agreement with TreeSHAP and with exact Shapley values.

    python benchmarks/explanations.py [--tables DIR] [--rows 30] [--json FILE] [--quick] [--only …]

DIR is as for accuracy.py. On each table a forest of 100 trees is fitted on the training part, stored and loaded as
a version is, and rows of the test part are explained. Prints: milliseconds for the prediction of one row without
and with its explanation; the largest difference between the prediction and the sum of base and contributions; and
the correlation, over all rows and columns, with exact values from the same background rows: by TreeSHAP (package
shap, interventional; the values of features from one column are added) and, on tables of at most ten columns, by
Shapley's formula over all subsets of columns.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from _machine import LIBRARIES, header, parser, write_json
from _tables import bundled_tables
from _trained import rows_of
from parity import fitted

from predictor.ml.inference.loading import load_predictor
from predictor.ml.inference.predictor import Predictor
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.persistence.version_files import prediction_array
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline
from predictor.ml.pipelines.fitting import sample_rows
from predictor.ml.pipelines.signatures import build_signature
from predictor.ml.search import portfolio
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.tables.stored_tables import read_columns
from predictor.ml.training.packaging import background_of
from predictor.ml.types.schema import Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.training_table import feature_roles, make_table

MAX_EXACT_COLUMNS, N_EXACT_ROWS = 10, 8


@dataclass(frozen=True)
class Made:
    """A loaded version, its fitted pipeline, the background rows as a matrix, and rows to explain with the codes of
    their predicted classes."""

    predictor: Predictor
    pipeline: FittedPipeline
    background: Any
    columns: Mapping[str, Any]
    codes: list[int | None]


def main() -> int:
    arguments = arguments_of()
    about = header("explanations", (*LIBRARIES, "shap"))
    found = {}
    with tempfile.TemporaryDirectory(prefix="mlweb-explanations-") as folder:
        tables = arguments.tables or bundled_tables(Path(folder) / "tables", is_quick=arguments.quick)
        manifest = json.loads((tables / "manifest.json").read_text("utf-8"))
        for name, entry in manifest.items():
            if not arguments.only or name in arguments.only:
                made = make(tables, name, entry, Path(folder) / name, arguments)
                found[name] = measured(made)
                show(name, found[name])
    known = [each["treeshap"] for each in found.values() if each["treeshap"] is not None]
    print(
        f"\nMean correlation with TreeSHAP {np.mean(known):.3f}, the lowest {min(known):.3f}."
        if known
        else ""
    )
    write_json(arguments.json, about, found)
    return 0 if all(each["off"] <= 1e-6 for each in found.values()) else 1


def arguments_of() -> Any:
    made = parser(__doc__)
    made.add_argument("--tables", type=Path, help="folder with manifest.json and the CSV files")
    made.add_argument("--rows", type=int, default=30, help="number of rows to explain of each test part")
    made.add_argument("--only", nargs="*", default=[], help="names of tables")
    arguments = made.parse_args()
    if arguments.quick:
        arguments.rows = 5
    return arguments


def make(tables: Path, name: str, entry: Mapping[str, Any], folder: Path, arguments: Any) -> Made:
    folder.mkdir()
    train = ingest_csv(tables / f"{name}.train.csv", folder / "train.parquet", scratch=folder)
    task = Task.REGRESSION if entry["task"] == "regression" else None
    request = TrainingRequest(str(folder / "train.parquet"), train.schema, entry["target"], task)
    names = [*feature_roles(request.table, request.target), request.target]
    table = make_table(request, read_columns(folder / "train.parquet", request.table, names))[0]
    candidate = portfolio.single("random_forest", {"n_estimators": 10 if arguments.quick else 100})
    pipeline = fitted([candidate], sample_rows(table, 5_000, seed=0))
    signature = build_signature(pipeline, table, request.table)
    compiled = compile_checked(pipeline, table.columns, seed=0)[0]
    background = background_of(pipeline, table, compiled, seed=0)
    files = version_files.write(
        folder / "version",
        pipeline=pipeline,
        signature=signature,
        compiled=compiled,
        golden=table.rows(np.arange(min(20, len(table)))).columns,
        background=background,
    )
    predictor = load_predictor({file: each.path for file, each in files.items()}, signature)
    every = rows_of(tables / f"{name}.test.csv", signature, folder)
    columns = {column: values[: arguments.rows] for column, values in every.items()}
    outputs = predictor.predict(columns)
    n_rows = len(outputs)
    codes: list[int | None] = [None] * n_rows if outputs.probabilities is None else outputs.codes().tolist()
    matrix = pipeline.spec.transform(background.columns)
    return Made(predictor, pipeline, matrix, columns, codes)


def measured(made: Made) -> dict[str, Any]:
    answers = prediction_array(made.predictor.predict(made.columns))
    explained = made.predictor.explain(made.columns, made.codes)
    predicted = [row[code or 0] for row, code in zip(answers, made.codes, strict=True)]
    sums = [each.base + sum(each.contributions.values()) for each in explained]
    names = made.pipeline.spec.sources
    ours = np.array([[each.contributions[name] for name in names] for each in explained])
    shap = shap_package()
    exact = by_formula(made) if len(names) <= MAX_EXACT_COLUMNS else None
    return {
        "n_columns": len(names),
        "n_rows": len(ours),
        "ms_answer": per_row(lambda row, _: made.predictor.predict(row), made),
        "ms_explanation": per_row(lambda row, code: made.predictor.explain(row, [code]), made),
        "off": float(np.max(np.abs(np.array(sums) - predicted))),
        "treeshap": None if shap is None else correlation(ours, by_treeshap(made, shap)),
        "exact": None if exact is None else correlation(ours[: len(exact)], exact),
    }


def per_row(work: Callable[..., Any], made: Made) -> float:
    """Median milliseconds, one row at a time."""
    times = []
    for place, code in enumerate(made.codes):
        row = {name: values[place : place + 1] for name, values in made.columns.items()}
        started = time.perf_counter()
        work(row, code)
        times.append(1000 * (time.perf_counter() - started))
    return float(np.median(times))


def by_treeshap(made: Made, shap: Any) -> Any:
    """TreeSHAP values of the fitted forest (rows, columns), summed over the features of each column."""
    (member,) = made.pipeline.members
    explainer = shap.TreeExplainer(
        member.estimator, member.part(made.background), feature_perturbation="interventional"
    )
    values = explainer.shap_values(
        member.part(made.pipeline.spec.transform(made.columns)), check_additivity=False
    )
    if values.ndim == 3:
        values = np.stack([row[:, code] for row, code in zip(values, made.codes, strict=True)])
    sources = [made.pipeline.spec.outputs[place].source for place in member.columns]
    return np.stack(
        [values[:, [each == name for each in sources]].sum(axis=1) for name in made.pipeline.spec.sources],
        axis=1,
    )


def shap_package() -> Any:
    """The package shap, or None if it is not installed. sys.path excludes this folder meanwhile: numba would import
    our coverage.py instead of the package coverage."""
    before = list(sys.path)
    sys.path[:] = [each for each in before if Path(each or ".").resolve() != PROJECT / "benchmarks"]
    try:
        return importlib.import_module("shap")
    except ImportError:
        return None
    finally:
        sys.path[:] = before


def by_formula(made: Made) -> Any:
    """Exact Shapley values (N_EXACT_ROWS, columns): weighted means over all subsets of the other columns."""
    spec = made.pipeline.spec
    n = len(spec.sources)
    origin = np.array([spec.sources.index(output.source) for output in spec.outputs])
    subsets = [frozenset(each) for size in range(n + 1) for each in combinations(range(n), size)]
    is_in = np.array([[column in subset for column in origin] for subset in subsets])
    values = []
    for row, code in list(zip(spec.transform(made.columns), made.codes, strict=True))[:N_EXACT_ROWS]:
        mixed = np.where(is_in[:, None, :], row, made.background[None, :, :])
        answers = prediction_array(made.pipeline.predict_matrix(mixed.reshape(-1, len(row))))[:, code or 0]
        worth = dict(zip(subsets, answers.reshape(len(subsets), -1).mean(axis=1), strict=True))
        weights = [factorial(size) * factorial(n - size - 1) / factorial(n) for size in range(n)]
        values.append(
            [
                sum(
                    weights[len(each)] * (worth[each | {column}] - worth[each])
                    for each in subsets
                    if column not in each
                )
                for column in range(n)
            ]
        )
    return np.array(values)


def correlation(ours: Any, theirs: Any) -> float | None:
    if not np.ptp(ours) or not np.ptp(theirs):
        return None
    return float(np.corrcoef(np.ravel(ours), np.ravel(theirs))[0, 1])


def show(name: str, found: Mapping[str, Any]) -> None:
    def said(value: float | None) -> str:
        return "–" if value is None else f"{value:.3f}"

    print(
        f"{name:24} {found['n_columns']:4} columns  answer {found['ms_answer']:7.2f} ms  "
        f"explanation {found['ms_explanation']:7.2f} ms  off by {found['off']:.0e}  "
        f"r(TreeSHAP) {said(found['treeshap'])}  r(exact) {said(found['exact'])}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
