"""A table with a column of each kind, as an imported file and as pandas has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from predictor.ml.types.schema import TableSchema

from ..imported_tables import import_csv

N_ROWS = 600
WORDS = [
    "50 %",
    "a_b",
    "axb",
    "O'Hara",
    'say "no"',
    "Straße",
    "ÉCOLE",
    "école",
    "x.*y",
    "[red]",
    "tab",
    "=1+1",
    "北京",
]
COLOURS = ["red", "green", "blue", "dark red"]


def frame() -> pd.DataFrame:
    """The table as it is meant: numbers, days and moments as such, None or NaN where a cell is missing."""
    random = np.random.default_rng(7)
    number = random.integers(-50, 50, N_ROWS)
    share = np.round(random.normal(0, 10, N_ROWS), 3)
    share[random.random(N_ROWS) < 0.2] = np.nan
    colour = random.choice(np.array([*COLOURS, None], dtype=object), N_ROWS)
    note = [
        f"{WORDS[random.integers(len(WORDS))]} {WORDS[random.integers(len(WORDS))]} {i % 97}"
        for i in range(N_ROWS)
    ]
    day = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 400, N_ROWS), unit="D")
    moment = pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 40_000_000, N_ROWS), unit="s")
    money = np.round(random.uniform(-20_000, 20_000, N_ROWS), 2)
    return pd.DataFrame(
        {
            "number": number,
            "share": share,
            "colour": colour,
            "note": note,
            "day": day,
            "moment": moment,
            "flag": random.random(N_ROWS) < 0.4,
            "money": money,
        }
    )


def imported(folder: Path, table: pd.DataFrame) -> tuple[Path, TableSchema]:
    """The same table from a CSV file. Its money is written with currency sign and thousands mark, so it stays text."""
    written = table.copy()
    written["money"] = [f"$ {each:,.2f}" for each in table["money"]]
    written["flag"] = ["true" if each else "false" for each in table["flag"]]
    read = import_csv(folder, written.to_csv(index=False))
    return read.parquet, read.schema
