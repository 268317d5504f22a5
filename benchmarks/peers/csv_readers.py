"""What other CSV readers make of files: paths on standard input, one JSON object for each on standard output.

An object holds for each reader its delimiter (where it tells), the columns with kind and sum, and the number of rows,
or the error. Every reader runs with its defaults, as a person calls it first.
"""

from __future__ import annotations

import json
import math
import sys
import warnings
from collections.abc import Callable
from typing import Any

import clevercsv
import duckdb
import pandas as pd
import polars as pl

Table = dict[str, Any]


def with_pandas(path: str) -> Table:
    frame = pd.read_csv(path)
    kinds = [_kind(str(each)) for each in frame.dtypes]
    sums = [
        float(frame.iloc[:, place].sum()) if kind == "number" else None for place, kind in enumerate(kinds)
    ]
    return {
        "names": [str(each) for each in frame.columns],
        "kinds": kinds,
        "sums": sums,
        "n_rows": len(frame),
    }


def with_polars(path: str) -> Table:
    frame = pl.read_csv(path, try_parse_dates=True)
    kinds = [_kind(str(each)) for each in frame.dtypes]
    sums = [
        float(frame[:, place].fill_nan(None).sum() or 0) if kind == "number" else None
        for place, kind in enumerate(kinds)
    ]
    return {"names": frame.columns, "kinds": kinds, "sums": sums, "n_rows": frame.height}


def with_duckdb(path: str) -> Table:
    delimiter, quote = duckdb.execute("SELECT Delimiter, Quote FROM sniff_csv(?)", [path]).fetchone()
    result = duckdb.execute("SELECT * FROM read_csv(?)", [path])
    names, kinds = (
        [each[0] for each in result.description],
        [_kind(str(each[1])) for each in result.description],
    )
    rows = result.fetchall()
    sums = [
        math.fsum(float(row[place]) for row in rows if row[place] is not None and row[place] == row[place])
        if kind == "number"
        else None
        for place, kind in enumerate(kinds)
    ]
    found = {"names": names, "kinds": kinds, "sums": sums, "n_rows": len(rows)}
    return {**found, "delimiter": delimiter, "quote": quote}


def with_clevercsv(path: str) -> Table:
    dialect = clevercsv.detect_dialect(path)
    rows = [row for row in clevercsv.read_table(path) if row]
    found = {"names": rows[0], "kinds": None, "sums": None, "n_rows": len(rows) - 1}
    return {**found, "delimiter": dialect.delimiter, "quote": dialect.quotechar}


def _kind(name: str) -> str:
    lower = name.lower()
    if lower.startswith("bool"):
        return "boolean"
    if lower.startswith(("date", "time")):
        return "date"
    if lower.startswith(("int", "uint", "float", "double", "bigint", "hugeint", "decimal")):
        return "number"
    return "text"


READERS: dict[str, Callable[[str], Table]] = {
    "pandas": with_pandas, "polars": with_polars, "DuckDB": with_duckdb, "CleverCSV": with_clevercsv,
}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        found: dict[str, Any] = {}
        for name, read in READERS.items():
            try:
                found[name] = read(line.rstrip("\n"))
            except Exception as error:  # whatever a reader raises is a refusal
                found[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
