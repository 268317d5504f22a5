"""Forecasts of published series from several origins, beside seasonal naive, AutoETS and AutoARIMA of statsforecast.

    python benchmarks/forecasting.py --venvs FOLDER [--budget 20] [--origins 3] [--json FILE]
    python benchmarks/forecasting.py --quick        # one series of the project's own, beside seasonal naive alone

At each origin, a version is trained on what was known then (Auto, BUDGET seconds), and forecasts one horizon. The other
methods get the same past, in FOLDER's environment with statsforecast and statsmodels, which has the series. Prints the
mean absolute scaled error (MASE: 1 is the error of seasonal naive one step ahead in the past), the mean rank of
each method, and how many values lie in intervals of 80 and 95 %. AirPassengers comes with mlweb.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import runpy
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(PROJECT), str(PROJECT / "benchmarks")]

import numpy as np
from accuracy import surroundings

from predictor.ml.execution.progress import Reporter
from predictor.ml.inference.loading import load_predictor
from predictor.ml.tables.ingest import ingest_csv
from predictor.ml.training.forecasting_run import run
from predictor.ml.types.schema import Signature, Task
from predictor.ml.types.training_request import ForecastOptions, TrainingLimits, TrainingRequest

PEERS = PROJECT / "benchmarks" / "peers"
HORIZONS = {"monthly": 12, "quarterly": 4, "yearly": 5}
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
OURS, NAIVE = "mlweb", "seasonal naive"
LEVELS = (80, 95)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--venvs", type=Path)
    parser.add_argument("--budget", type=float, default=20.0)
    parser.add_argument("--origins", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--quick", action="store_true", help="one series, one origin, a few seconds, no peers"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.budget, arguments.origins, arguments.venvs = min(arguments.budget, 4.0), 1, None
    python = environment(arguments.venvs) if arguments.venvs else None
    series = {"air_passengers": passengers(), **(asked(python, "series", None) if python else {})}
    rows = []
    for name, each in series.items():
        if arguments.only and name not in arguments.only:
            continue
        tasks = [task_of(each, arguments.origins - 1 - back) for back in range(arguments.origins)]
        theirs = asked(python, "forecasts", tasks) if python else [{NAIVE: naive(task)} for task in tasks]
        for task, answers in zip(tasks, theirs, strict=True):
            started = time.perf_counter()
            answers[OURS] = ours(each, task, arguments.budget)
            seconds = time.perf_counter() - started
            scores = {method: scored(task, answer) for method, answer in answers.items()}
            rows.append({"series": name, "n": len(task["values"]), "seconds": seconds, "scores": scores,
                         "title": answers[OURS]["title"]})  # fmt: skip
            print(f"{name:16} n={len(task['values']):4}  " + "  ".join(
                f"{method} {score['mase']:.3f}" for method, score in scores.items()
            ) + f"  ({answers[OURS]['title']}, {seconds:.0f} s)", flush=True)  # fmt: skip
    summary = summed_up(rows)
    print()
    for method, each in sorted(summary.items(), key=lambda item: item[1]["rank"]):
        held = ", ".join(f"{each[str(level)]:.0%} in {level} %" for level in LEVELS if str(level) in each)
        print(f"{method:16} mean MASE {each['mase']:.3f}, mean rank {each['rank']:.2f}; {held}")
    if arguments.json:
        document = {"rows": rows, "summary": summary, "_about": surroundings()}
        arguments.json.write_text(json.dumps(document, indent=1), "utf-8")
    return 0


def passengers() -> dict[str, Any]:
    # By its path: the package of the module needs a configured Django.
    sample = runpy.run_path(str(PROJECT / "predictor" / "services" / "datasets" / "airline_passengers.py"))
    values = [float(value) for year in sample["BY_YEAR"] for value in year]
    return {"frequency": "monthly", "season": 12, "start": f"{sample['FIRST_YEAR']}-01", "values": values}


def environment(folder: Path) -> Path:
    home = folder / "forecasting"
    python = home / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(PEERS / "requirements-forecasting.txt")], check=True)
    return python


def asked(python: Path, what: str, tasks: Any) -> Any:
    command = [str(python), str(PEERS / "forecasters.py"), what]
    answer = subprocess.run(command, input=json.dumps(tasks), capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def task_of(series: dict[str, Any], n_later: int) -> dict[str, Any]:
    """The past at an origin, `n_later` horizons before the last one, and what came next."""
    horizon = HORIZONS[series["frequency"]]
    end = len(series["values"]) - horizon * (n_later + 1)
    values = series["values"]
    return {
        "season": series["season"],
        "horizon": horizon,
        "values": values[:end],
        "actual": values[end : end + horizon],
    }


def naive(task: dict[str, Any]) -> dict[str, Any]:
    last = task["values"][-task["season"] :]
    return {"mean": [last[step % task["season"]] for step in range(task["horizon"])]}


def ours(series: dict[str, Any], task: dict[str, Any], budget: float) -> dict[str, Any]:
    first = np.datetime64(series["start"], "M").astype(int)
    months = first + np.arange(len(task["values"])) * MONTHS[series["frequency"]]
    dates = months.astype("datetime64[M]").astype(str)
    with tempfile.TemporaryDirectory(prefix="mlweb-forecasting-") as name:
        folder = Path(name)
        table = "".join(f"{date}-01,{value!r}\n" for date, value in zip(dates, task["values"], strict=True))
        (folder / "table.csv").write_text(f"date,value\n{table}")
        schema = ingest_csv(folder / "table.csv", folder / "table.parquet", scratch=folder).schema
        request = TrainingRequest(
            str(folder / "table.parquet"),
            schema,
            "value",
            task=Task.FORECASTING,
            budget_seconds=budget,
            limits=TrainingLimits(n_threads=2),
            forecast=ForecastOptions("date", horizon=task["horizon"], frequency=series["frequency"]),
        )
        with contextlib.redirect_stdout(io.StringIO()):
            run(request, folder, Reporter())
        result = json.loads((folder / "result.json").read_text())
        files = {name: folder / each["path"] for name, each in result["artifacts"].items()}
        predictor = load_predictor(files, Signature.from_json(result["signature"]))
        rows = predictor.spec.horizon_rows(task["horizon"], [""])
        columns = predictor.checker.check(rows).columns
        answers = {level: predictor.answer(columns, level / 100) for level in LEVELS}
    ends = {str(level): [each.tolist() for each in answer.intervals] for level, answer in answers.items()}
    return {"mean": answers[80].values.tolist(), "title": result["title"], **ends}


def scored(task: dict[str, Any], answer: dict[str, Any]) -> dict[str, float]:
    values, actual = np.array(task["values"]), np.array(task["actual"])
    unit = np.abs(values[task["season"] :] - values[: -task["season"]]).mean()
    scores = {"mase": float(np.abs(np.array(answer["mean"]) - actual).mean() / unit)}
    for level in LEVELS:
        if str(level) in answer:
            low, high = map(np.array, answer[str(level)])
            scores[str(level)] = float(((low <= actual) & (actual <= high)).mean())
    return scores


def summed_up(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """The mean of each score, and the mean rank by MASE; equal errors share the mean of their ranks."""
    methods = list(rows[0]["scores"])
    errors = np.array([[row["scores"][method]["mase"] for method in methods] for row in rows])
    below = (errors[:, None, :] < errors[:, :, None]).sum(axis=2)
    equal = (errors[:, None, :] == errors[:, :, None]).sum(axis=2)
    ranks = below + (equal + 1) / 2
    summary = {}
    for place, method in enumerate(methods):
        scores = [row["scores"][method] for row in rows]
        means = {key: float(np.mean([each[key] for each in scores])) for key in scores[0]}
        summary[method] = {**means, "rank": float(ranks[:, place].mean())}
    return summary


if __name__ == "__main__":
    sys.exit(main())
