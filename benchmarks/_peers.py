"""Model servers to compare with, each in its own virtual environment and set up as its manual says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent / "peers"
N_WORKERS = 2
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Peer:
    """A model server. `command(models, port, which)` starts it for a model; `path` and `body` make a request."""

    name: str
    environment: str
    command: Callable[[Path, int, str], list[str]]
    path: Callable[[str], str]
    body: Callable[[Row], Any]
    health: str = "/health"
    fast_loop: bool = False
    serves_one: bool = False
    more: Mapping[str, str] = field(default_factory=dict)


def rows(row: Row) -> Any:
    return {"rows": [row]}


def split(row: Row) -> Any:
    return {"dataframe_split": {"columns": list(row), "data": [list(row.values())]}}


def tensors(row: Row) -> Any:
    """V2 request body for MLServer's pandas codec."""
    return {
        "parameters": {"content_type": "pd"},
        "inputs": [
            {"name": name, "shape": [1, 1], "datatype": "BYTES", "data": [value], "parameters": {"content_type": "str"}}
            if isinstance(value, str)
            else {"name": name, "shape": [1, 1], "datatype": "FP64", "data": [float(value)]}
            for name, value in row.items()
        ],
        "outputs": [{"name": "predict_proba"}] if len(row) > 2 else [],
    }  # fmt: skip


def _flask(models: Path, port: int, which: str) -> list[str]:
    return [
        "-m",
        "gunicorn",
        "-w",
        str(N_WORKERS),
        "--threads",
        "8",
        "-b",
        f"127.0.0.1:{port}",
        "flask_app:app",
    ]


def _fastapi(models: Path, port: int, which: str) -> list[str]:
    command = ["-m", "uvicorn", "--workers", str(N_WORKERS), "--port", str(port), "--log-level", "warning"]
    return [*command, "fastapi_app:app"]


def _mlflow(models: Path, port: int, which: str) -> list[str]:
    command = [
        "-m",
        "mlflow",
        "models",
        "serve",
        "-m",
        str(models / f"mlflow-{which}"),
        "--env-manager",
        "local",
    ]
    return [*command, "--port", str(port), "--workers", str(N_WORKERS)]


def _mlserver(models: Path, port: int, which: str) -> list[str]:
    folder = models / "mlserver"
    folder.mkdir(exist_ok=True)
    ports = {"http_port": port, "grpc_port": port + 1, "metrics_port": port + 2}
    settings = {"host": "127.0.0.1", **ports, "parallel_workers": N_WORKERS, "debug": False}
    (folder / "settings.json").write_text(json.dumps(settings))
    for name in ("forest", "linear"):
        (folder / name).mkdir(exist_ok=True)
        settings = {"name": name, "implementation": "mlserver_sklearn.SKLearnModel"}
        settings["parameters"] = {"uri": str(models / f"{name}.joblib")}
        (folder / name / "model-settings.json").write_text(json.dumps(settings))
    return ["-m", "mlserver.cli.main", "start", str(folder)]


def _bentoml(models: Path, port: int, which: str) -> list[str]:
    return ["-m", "bentoml", "serve", "bento_app:Served", "--port", str(port)]


PEERS = (
    Peer("Flask + gunicorn", "flask", _flask, lambda which: f"/{which}", rows),
    Peer("FastAPI + uvicorn", "fastapi", _fastapi, lambda which: f"/{which}", rows),
    Peer("MLflow", "mlflow", _mlflow, lambda _: "/invocations", split, serves_one=True),
    Peer(
        "MLflow + uvloop", "mlflow", _mlflow, lambda _: "/invocations", split, fast_loop=True, serves_one=True
    ),
    Peer(
        "MLServer",
        "mlserver",
        _mlserver,
        lambda which: f"/v2/models/{which}/infer",
        tensors,
        health="/v2/health/ready",
    ),
    Peer("BentoML", "bentoml", _bentoml, lambda which: f"/{which}", rows, health="/livez"),
)


def prepared(peer: Peer, venvs: Path) -> tuple[Path, Path]:
    """Python of the peer and its folder of fitted models; both are made once and kept."""
    home = venvs / peer.environment
    python, models = home / "bin" / "python", home / "models"
    if not (home / "installed").exists():
        print(f"Installing {peer.environment} into {home} …", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-r", str(HERE / f"requirements-{peer.environment}.txt")], check=True)
        if peer.environment == "mlflow":
            # In a folder of their own, so that the plain MLflow server does not import them.
            subprocess.run([*pip, "--target", str(home / "fast"), "uvloop", "httptools"], check=True)
        (home / "installed").touch()
    if not models.exists():
        partial = home / "models.partial"
        partial.mkdir(exist_ok=True)
        subprocess.run(
            [str(python), str(HERE / "pipeline.py"), str(partial), peer.environment],
            check=True,
            capture_output=True,
        )
        partial.rename(models)
    return python, models


def started(peer: Peer, venvs: Path, port: int, which: str, log: Path) -> subprocess.Popen[bytes]:
    """Start the peer on the port."""
    python, models = prepared(peer, venvs)
    environment = {name: os.environ[name] for name in ("HOME", "LANG", "TMPDIR") if name in os.environ} | {
        "PATH": f"{python.parent}:{os.environ.get('PATH', '')}",
        "MODELS": str(models),
    }
    # No telemetry and no update checks; one OpenMP thread, because the workers share two cores.
    environment |= {
        "BENTOML_DO_NOT_TRACK": "True",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": "1",
    }
    if peer.fast_loop:
        environment["PYTHONPATH"] = str(python.parents[1] / "fast")
    with log.open("ab") as file:
        return subprocess.Popen(
            [str(python), *peer.command(models, port, which)],
            cwd=HERE,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def versions_of(peer: Peer, venvs: Path) -> str:
    """Versions of the peer and of its scikit-learn."""
    python, _ = prepared(peer, venvs)
    code = (
        "import importlib.metadata as m, sys\nprint(', '.join(f'{n} {m.version(n)}' for n in sys.argv[1:]))"
    )
    names = [peer.environment, "scikit-learn"]
    done = subprocess.run([str(python), "-c", code, *names], capture_output=True, text=True, check=True)
    return done.stdout.strip()
