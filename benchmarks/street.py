"""End-to-end benchmark over HTTP for every table of a folder: upload, Auto, version, prediction of the test table.

    python benchmarks/street.py [--tables DIR] [--budget 20] [--url URL --token TOKEN] [--json FILE] [--quick]

DIR holds `manifest.json` ({name: {"target", "task": "classification" | "regression"}}) and for each name
`NAME.train.csv` and `NAME.test.csv`; without it, tables that scikit-learn ships are used. A server and a
worker are started on a data folder of their own, unless --url names a running server (then with --workspace and a
token of the scopes read, predict and write). Prints one line a table: seconds from upload to predictions, metric
on the test table (log loss, or root mean squared error), the same metric of a baseline that always predicts the
training mean or class shares, parity between scikit-learn and ONNX Runtime, and how the version is served.
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
from _installation import installation
from _machine import header, parser, write_json
from _tables import bundled_tables

POLL_SECONDS = 0.5
LINE = "{name:<16} {seconds:>7} {metric:<9} {test:>11} {baseline:>11} {auc:>7} {parity:>9}  {served}"


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--tables", type=Path, metavar="DIR")
    argument_parser.add_argument("--budget", type=int, default=20, help="seconds for Auto, for each table")
    argument_parser.add_argument("--url", help="address of a running server (default: start one)")
    argument_parser.add_argument("--token", default="")
    argument_parser.add_argument("--workspace", default="default")
    argument_parser.add_argument("--only", nargs="+", metavar="NAME", help="names of tables")
    options = argument_parser.parse_args()
    budget = min(options.budget, 4) if options.quick else options.budget
    about = header("street")
    results = []
    with tempfile.TemporaryDirectory() as folder:
        tables = options.tables or bundled_tables(Path(folder) / "tables", is_quick=options.quick)
        manifest = json.loads((tables / "manifest.json").read_text("utf-8"))
        names = [name for name in manifest if not options.only or name in options.only]
        print(head())
        with server(options, Path(folder)) as street:
            for name in names[:2] if options.quick else names:
                result = street.walk(name, tables, manifest[name], budget)
                results.append(result)
                print(line(result), flush=True)
    write_json(options.json, about, results)
    failed = [each["name"] for each in results if "error" in each]
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


@contextmanager
def server(options: Any, folder: Path) -> Iterator[Street]:
    if options.url:
        yield Street(options.url, options.token, options.workspace)
        return
    with installation(folder) as (port, token, _):
        yield Street(f"http://127.0.0.1:{port}", token, "default")


class Street:
    """Runs the steps from upload to prediction in one workspace of a server."""

    def __init__(self, url: str, token: str, workspace: str):
        self.client = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/v1/{workspace}/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=600,
        )

    def walk(self, name: str, tables: Path, entry: dict[str, Any], budget: int) -> dict[str, Any]:
        """All steps for one table. An error becomes part of the result, so that the other tables still run."""
        started = time.perf_counter()
        try:
            result = self._walk(name, tables, entry, budget)
        except (httpx.HTTPError, RuntimeError, KeyError, ValueError) as error:
            result = {"error": f"{type(error).__name__}: {error}"}
        return {"name": name, "seconds": round(time.perf_counter() - started, 1), **result}

    def _walk(self, name: str, tables: Path, entry: dict[str, Any], budget: int) -> dict[str, Any]:
        train, test = tables / f"{name}.train.csv", tables / f"{name}.test.csv"
        with train.open("rb") as file:
            dataset = self._json("POST", "datasets", files={"file": (train.name, file, "text/csv")})
        run = self._json(
            "POST",
            "training-runs",
            json={
                "dataset": dataset["id"],
                "target": entry["target"],
                "registered_model": f"street-{name}",
                "budget_seconds": budget,
                "seed": 0,
            },
        )
        while run["status"] in ("queued", "running"):
            time.sleep(POLL_SECONDS)
            run = self._json("GET", f"training-runs/{run['id']}")
        if run["status"] != "succeeded":
            raise RuntimeError(f"the run {run['status']}: {run['error']}")
        number = run["model_version"]
        version = self._json("GET", f"models/{run['registered_model']}/versions/{number}")
        answered = self._predict(run["registered_model"], number, test)
        return {
            "estimator": version["estimator"],
            "n_bytes": version["n_bytes"],
            "is_compiled": version["is_compiled"],
            "parity": version["parity"].get("max_abs_difference"),
            "held_out": version["metrics"],
            **measured(answered, entry["target"], pd.read_csv(train, dtype=str, keep_default_na=False)),
        }

    def _predict(self, model: str, number: int, test: Path) -> pd.DataFrame:
        response = self.client.post(
            f"models/{model}/predictions",
            params={"version": number},
            content=test.read_bytes(),
            headers={"Content-Type": "text/csv"},
        )
        check(response)
        return pd.read_csv(io.StringIO(response.text), dtype=str, keep_default_na=False)

    def _json(self, method: str, path: str, **kwargs: Any) -> dict[str, Any]:
        response = self.client.request(method, path, **kwargs)
        check(response)
        return dict(response.json())


def check(response: httpx.Response) -> None:
    if response.is_error:
        raise RuntimeError(f"{response.status_code}: {response.text[:300]}")


def measured(answered: pd.DataFrame, target: str, train: pd.DataFrame) -> dict[str, Any]:
    """Metric on the test table, and that of a baseline: the training mean, or the class shares of training."""
    chances = [name for name in answered if name.startswith("probability_")]
    if not chances:
        truth, predicted = answered[target].astype(float), answered["prediction"].astype(float)
        mean = train.loc[train[target] != "", target].astype(float).mean()
        return {
            "metric": "rmse",
            "test": rmse(truth - predicted),
            "baseline": rmse(truth - mean),
            "auc": None,
        }
    from sklearn.metrics import log_loss, roc_auc_score

    labels = [name.removeprefix("probability_").casefold() for name in chances]
    truth = answered[target].str.casefold().map({label: place for place, label in enumerate(labels)})
    known = truth.notna()
    shares = answered.loc[known, chances].astype(float).to_numpy()
    shares /= shares.sum(axis=1, keepdims=True)
    codes = truth[known].astype(int).to_numpy()
    of_training = train[target].str.casefold().value_counts().reindex(labels).fillna(0).to_numpy(float)
    prior = np.tile(of_training / of_training.sum(), (len(codes), 1))
    every = list(range(len(labels)))
    auc = (
        roc_auc_score(codes, shares[:, 1])
        if len(labels) == 2
        else roc_auc_score(codes, shares, multi_class="ovr", labels=every)
    )
    return {
        "metric": "log_loss",
        "test": round(float(log_loss(codes, shares, labels=every)), 5),
        "baseline": round(float(log_loss(codes, prior, labels=every)), 5),
        "auc": round(float(auc), 4),
    }


def rmse(errors: Any) -> float:
    return round(float(np.sqrt(np.mean(np.square(errors)))), 5)


def head() -> str:
    names = ("seconds", "metric", "test", "baseline", "auc", "parity", "served")
    return LINE.format(name="table", **{each: each for each in names})


def line(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"{result['name']:<16} {result['seconds']:>7.1f} {result['error']}"
    parity = "–" if result["parity"] is None else f"{result['parity']:.1e}"
    return LINE.format(
        name=result["name"],
        seconds=f"{result['seconds']:.1f}",
        metric=result["metric"],
        test=f"{result['test']:,.4f}",
        baseline=f"{result['baseline']:,.4f}",
        auc="" if result["auc"] is None else f"{result['auc']:.4f}",
        parity=parity,
        served="compiled" if result["is_compiled"] else "in-process",
    )


if __name__ == "__main__":
    sys.exit(main())
