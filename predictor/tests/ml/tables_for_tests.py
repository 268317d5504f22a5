"""Small synthetic tables, in the form that a training run reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

STORAGE = {Role.NUMERIC: "DOUBLE", Role.BOOLEAN: "BOOLEAN", Role.DATETIME: "TIMESTAMP"}


def columns_of(n_rows: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """age (with gaps), income, city; the first two and "north" matter for the targets below."""
    rng = np.random.default_rng(seed)
    age = np.round(rng.uniform(18, 80, n_rows))
    age[rng.random(n_rows) < 0.05] = np.nan
    city = np.array(rng.choice(["north", "south", "east"], n_rows), dtype=object)
    city[rng.random(n_rows) < 0.05] = None
    return {"age": age, "income": rng.lognormal(8, 0.5, n_rows), "city": city}


ROLES = {"age": Role.NUMERIC, "income": Role.NUMERIC, "city": Role.CATEGORICAL}


def signal(columns: dict[str, np.ndarray]) -> np.ndarray:
    age = np.nan_to_num(columns["age"], nan=40.0)
    return 0.05 * (age - 45) + np.log(columns["income"]) - 8 + 1.0 * (columns["city"] == "north")


def regression_table(n_rows: int = 200, *, seed: int = 0) -> TrainingTable:
    columns = columns_of(n_rows, seed=seed)
    noise = np.random.default_rng(seed + 1).normal(0, 0.3, n_rows)
    return TrainingTable(columns, ROLES, make_target("y", Task.REGRESSION, signal(columns) + noise))


def classification_table(n_rows: int = 200, *, seed: int = 0, n_classes: int = 2) -> TrainingTable:
    columns = columns_of(n_rows, seed=seed)
    noisy = signal(columns) + np.random.default_rng(seed + 1).normal(0, 0.3, n_rows)
    codes = np.searchsorted(np.quantile(noisy, np.linspace(0, 1, n_classes + 1)[1:-1]), noisy)
    labels = np.array(["no", "yes", "maybe", "never"], dtype=object)[codes]
    task = Task.BINARY if n_classes == 2 else Task.MULTICLASS
    return TrainingTable(columns, ROLES, make_target("y", task, labels))


def profile(name: str, role: Role, values: np.ndarray) -> ColumnProfile:
    if values.dtype.kind == "M":
        dates = values[~np.isnat(values)].astype(str)
        n_missing, n_distinct = len(values) - len(dates), len(np.unique(dates))
        return ColumnProfile(name, role, "TIMESTAMP", n_missing, n_distinct, min(dates), max(dates))
    is_text = values.dtype == object
    present = values[[value is not None for value in values]] if is_text else values[~np.isnan(values)]
    n_distinct = len(np.unique(present.astype(str)))
    is_whole = not is_text and bool(np.all(present == np.floor(present)))
    return ColumnProfile(
        name,
        role,
        "BIGINT" if is_whole else STORAGE.get(role, "VARCHAR"),
        n_missing=len(values) - len(present),
        n_distinct=n_distinct,
        minimum=None if is_text or not len(present) else float(present.min()),
        maximum=None if is_text or not len(present) else float(present.max()),
    )


def write_request(
    folder: Path, columns: dict[str, np.ndarray], inferred: dict[str, Role], target: str, **options: Any
) -> TrainingRequest:
    """A Parquet file of these columns and a request to train on it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "table.parquet"
    schema = TableSchema(
        tuple(profile(name, inferred[name], values) for name, values in columns.items()),
        len(next(iter(columns.values()))),
    )
    lines = [",".join(columns)]
    for row in zip(*columns.values(), strict=True):
        lines.append(",".join("" if value is None or value != value else str(value) for value in row))
    (folder / "table.csv").write_text("\n".join(lines))
    types = ", ".join(f"'{column.name}': '{column.storage}'" for column in schema.columns)
    with duckdb.connect() as database:
        source = f"read_csv('{folder / 'table.csv'}', header=true, columns={{{types}}})"
        database.execute(f"COPY (SELECT * FROM {source}) TO '{path}' (FORMAT parquet)")
    limits = options.pop("limits", TrainingLimits(n_threads=1))
    return TrainingRequest(str(path), schema, target, limits=limits, **options)


def texts(*values: Any) -> np.ndarray:
    """A column of texts; None is missing."""
    return np.array([*values, None], dtype=object)[:-1]


def request_for(
    values: np.ndarray,
    role: Role = Role.NUMERIC,
    *,
    features: dict[str, np.ndarray] | None = None,
    **options: Any,
) -> tuple[TrainingRequest, dict[str, np.ndarray]]:
    """A request to predict "y" with these values from numeric features ("x" unless given), and the columns."""
    n_rows = len(values)
    columns = {"x": np.arange(n_rows) * 1.5} if features is None else dict(features)
    columns["y"] = values
    roles = dict.fromkeys(columns, Role.NUMERIC) | {"y": role}
    schema = TableSchema(tuple(profile(name, roles[name], each) for name, each in columns.items()), n_rows)
    return TrainingRequest("table.parquet", schema, "y", **options), columns
