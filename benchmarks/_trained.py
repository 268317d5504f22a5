"""A version trained on a table, with the rows of the test file; used by several benchmarks."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from accuracy import PROJECT

from predictor.ml.inference.loading import load_predictor
from predictor.ml.inference.predictor import Predictor
from predictor.ml.inputs.csv_rows import CsvLimits, CsvOptions, CsvRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.types.schema import Signature, Task, canonical_text
from predictor.ml.types.training_request import AUTO, TrainingLimits, TrainingRequest


@dataclass(frozen=True)
class Trained:
    """A trained version with test data. `columns`: canonical test columns; `y`: targets, NaN or -1 if unknown."""

    name: str
    result: Mapping[str, Any]
    files: Mapping[str, Path]
    signature: Signature
    predictor: Predictor
    columns: Mapping[str, Any]
    y: Any


def trained(
    tables: Path,
    name: str,
    entry: Mapping[str, Any],
    folder: Path,
    *,
    budget: float,
    estimator: str = AUTO,
    seed: int = 0,
    n_threads: int = 1,
) -> Trained:
    """Train on NAME.train.csv in the same child process as users' runs. Raises RuntimeError with the reason."""
    folder.mkdir(parents=True)
    train = ingest_csv(tables / f"{name}.train.csv", folder / "train.parquet", scratch=folder)
    request = TrainingRequest(
        parquet=str(folder / "train.parquet"),
        schema=train.schema,
        target=entry["target"],
        task=Task.REGRESSION if entry["task"] == "regression" else None,
        estimator=estimator,
        budget_seconds=budget,
        seed=seed,
        limits=TrainingLimits(n_threads=n_threads),
    )
    (folder / "request.json").write_text(json.dumps(request.to_json()), "utf-8")
    command = [
        sys.executable,
        "-m",
        "predictor.ml.training.train",
        str(folder / "request.json"),
        str(folder / "run"),
    ]
    child = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True, check=False)
    if child.returncode:
        raise RuntimeError(json.loads(child.stdout.splitlines()[-1]).get("message", ""))
    result = json.loads((folder / "run" / "result.json").read_text("utf-8"))
    signature = Signature.from_json(result["signature"])
    files = {name: folder / "run" / file["path"] for name, file in result["artifacts"].items()}
    test = tables / f"{name}.test.csv"
    return Trained(
        name=name,
        result=result,
        files=files,
        signature=signature,
        predictor=load_predictor(files, signature),
        columns=rows_of(test, signature, folder),
        y=actual(test, entry["target"], signature),
    )


def rows_of(path: Path, signature: Signature, scratch: Path) -> dict[str, Any]:
    """Rows of a CSV file as canonical columns."""
    limits = CsvLimits(max_bytes=1 << 32, max_rows=10_000_000)
    checker = RowChecker(signature)
    folder = scratch / "test"
    folder.mkdir()
    parts = [
        checker.check(chunk.rows, are_texts=True).columns
        for chunk in CsvRows(path, signature, CsvOptions(), limits, scratch=folder).chunks()
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def actual(test: Path, target: str, signature: Signature) -> Any:
    """The target of the test rows: numbers, or class codes (-1 for a class that training did not have)."""
    with test.open(encoding="utf-8-sig", newline="") as file:
        cells = [row[target] for row in csv.DictReader(file)]
    if signature.task is Task.REGRESSION:
        return np.array([float(cell) if cell else np.nan for cell in cells])
    codes = {str(canonical_text(each)).lower(): code for code, each in enumerate(signature.classes)}
    return np.array([codes.get(cell.lower(), -1) for cell in cells], dtype=np.intp)
