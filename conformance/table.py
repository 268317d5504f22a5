"""Synthetic training table: every kind of column, missing values, and non-ASCII text."""

from __future__ import annotations

import csv
import random
from pathlib import Path
from typing import Any

CITIES = ("Łódź", "北京", "São Paulo", "Bern")
NOTES = ("pays on time", "called twice", "moved, new address", "says “no”")
COLUMNS = ("age", "income", "member", "joined", "city", "note")
TARGETS = {"churn": "left", "spend": "spend"}


def rows(n: int = 400, seed: int = 0) -> list[dict[str, Any]]:
    """Rows with features and both targets; about 5 % of the feature cells are missing."""
    rng = random.Random(seed)
    table_rows = []
    for _ in range(n):
        row: dict[str, Any] = {
            "age": rng.randint(18, 90),
            "income": round(rng.lognormvariate(10, 0.5), 2),
            "member": rng.random() < 0.5,
            "joined": f"20{rng.randint(10, 24)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
            "city": rng.choice(CITIES),
            "note": f"{rng.choice(NOTES)}, order {rng.randint(100, 999)}",
        }
        score = row["age"] / 30 + (row["city"] == "北京") + row["member"] - 2 + rng.gauss(0, 0.3)
        targets = {"left": "leave" if score > 0.5 else "stay", "spend": round(100 + 40 * score, 2)}
        for name in COLUMNS:
            if rng.random() < 0.05:
                row[name] = None
        table_rows.append({**row, **targets})
    return table_rows


def write(path: Path, target: str) -> None:
    """Write the CSV file for one of the targets."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*COLUMNS, target])
        for row in rows():
            writer.writerow([cell(row[name]) for name in (*COLUMNS, target)])


def cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def asked() -> list[dict[str, Any]]:
    """Rows to predict that training did not have: with gaps, an unseen city and an extreme number."""
    new_rows = [{name: row[name] for name in COLUMNS} for row in rows(12, seed=1)]
    return [
        *new_rows,
        {**dict.fromkeys(COLUMNS), "age": 40},
        {"age": 33, "income": 1e7, "member": True, "joined": "2024-02-29", "city": "Nuuk", "note": "ünïcode"},
    ]


def whole() -> list[dict[str, Any]]:
    """The rows without missing values, for formats that cannot express them."""
    return [row for row in asked() if None not in row.values()]
