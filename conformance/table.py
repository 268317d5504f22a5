"""The table that the served models are trained on: every kind of column, gaps, and text that is not ASCII."""

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
    """Features and both targets; about one cell in twenty of a feature is empty."""
    chance = random.Random(seed)
    made = []
    for _ in range(n):
        row: dict[str, Any] = {
            "age": chance.randint(18, 90),
            "income": round(chance.lognormvariate(10, 0.5), 2),
            "member": chance.random() < 0.5,
            "joined": f"20{chance.randint(10, 24)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}",
            "city": chance.choice(CITIES),
            "note": f"{chance.choice(NOTES)}, order {chance.randint(100, 999)}",
        }
        score = row["age"] / 30 + (row["city"] == "北京") + row["member"] - 2 + chance.gauss(0, 0.3)
        targets = {"left": "leave" if score > 0.5 else "stay", "spend": round(100 + 40 * score, 2)}
        for name in COLUMNS:
            if chance.random() < 0.05:
                row[name] = None
        made.append({**row, **targets})
    return made


def write(path: Path, target: str) -> None:
    """The CSV for one of the targets."""
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
    """Rows that training did not have: gaps, an unseen city, a number far out."""
    found = [{name: row[name] for name in COLUMNS} for row in rows(12, seed=1)]
    return [
        *found,
        {**dict.fromkeys(COLUMNS), "age": 40},
        {"age": 33, "income": 1e7, "member": True, "joined": "2024-02-29", "city": "Nuuk", "note": "ünïcode"},
    ]


def whole() -> list[dict[str, Any]]:
    """Rows without a gap: what has no form for one gets these."""
    return [row for row in asked() if None not in row.values()]
