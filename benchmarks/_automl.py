"""Other methods that learn from a table, each run as its manual says, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
# Method by name: its environment, or None for that of the project.
ENVIRONMENTS: Mapping[str, str | None] = {
    "autogluon-best": "autogluon",
    "autogluon-medium": "autogluon",
    "flaml": "flaml",
    "lightgbm": "lightgbm",
    "linear": None,
    "boosting": None,
    "portfolio": None,
}
# Logistic regression for classes, ridge for numbers: one method under three names.
SYNONYMS = {"logistic": "linear", "ridge": "linear"}
# A method that exceeds its seconds so far is killed.
PATIENCE, PATIENCE_SECONDS = 4, 600
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
NO_DOWNLOADS = {"HF_HUB_OFFLINE": "1", "DO_NOT_TRACK": "1"}


@dataclass(frozen=True)
class Fit:
    """One method on one split: its answers for the test rows, columns in the order of `classes`, and its costs."""

    answers: NDArray[np.float64]
    classes: Sequence[str]
    costs: Mapping[str, Any]


def installed(method: str, venvs: Path) -> Path:
    """Python of the method's environment. Raises CalledProcessError."""
    environment = ENVIRONMENTS[method]
    return Path(sys.executable) if environment is None else environment_of(environment, venvs)


def environment_of(name: str, venvs: Path) -> Path:
    """Python of an environment with peers/requirements-NAME.txt, made once and kept. Raises CalledProcessError."""
    home = venvs / name
    python = home / "bin" / "python"
    if not (home / "installed").exists():
        print(f"Installing {name} into {home} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, capture_output=True, text=True)
        requirements = HERE / "peers" / f"requirements-{name}.txt"
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(requirements)], check=True, capture_output=True, text=True)
        (home / "installed").touch()
    return python


def usable(methods: Sequence[str], venvs: Path) -> tuple[list[str], dict[str, str]]:
    """The methods that can be run, and for each other one the last line of what its installation said."""
    ready: list[str] = []
    refused: dict[str, str] = {}
    for method in dict.fromkeys(SYNONYMS.get(each, each) for each in methods):
        try:
            installed(method, venvs)
            ready.append(method)
        except (subprocess.CalledProcessError, OSError) as error:
            lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            refused[method] = lines[-1] if lines else "no reason was given"
    return ready, refused


def fit(method: str, venvs: Path, request: Mapping[str, Any], folder: Path) -> Fit:
    """Runs the method on a request (see peers/automl.py). Raises RuntimeError with its last line."""
    folder.mkdir()
    asked, answered = folder / "request.json", folder / "answer.json"
    asked.write_text(json.dumps({**request, "folder": str(folder)}), "utf-8")
    script = [str(HERE / "_portfolio.py")] if method == "portfolio" else [
        str(HERE / "peers" / "automl.py"), method
    ]  # fmt: skip
    python = installed(method, venvs)
    environment = {**os.environ, **NO_DOWNLOADS, **dict.fromkeys(THREADS, str(request["n_threads"]))}
    limit = PATIENCE * request["seconds"] + PATIENCE_SECONDS
    try:
        subprocess.run(
            [str(python), *script, str(asked), str(answered)],
            check=True, capture_output=True, text=True, timeout=limit, env=environment, cwd=folder,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"it had not ended after {limit:.0f} s") from None
    except subprocess.CalledProcessError as error:
        lines = (error.stderr or "").strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"exit code {error.returncode}") from None
    answer = json.loads(answered.read_text("utf-8"))
    key = "values" if request["is_regression"] else "probabilities"
    costs = {name: answer[name] for name in ("seconds", "size_bytes", "us_per_row", "members", "versions")}
    return Fit(np.asarray(answer[key], np.float64), answer["classes"], costs)
