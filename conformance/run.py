"""Conformance tests: drives a running server with published clients, and writes the result table (`make conformance`).

python conformance/run.py [tritonclient kserve mlflow mlserver] [--port 8765]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KEPT = ROOT / ".conformance"
REPORT = ROOT / "docs" / "conformance.md"
sys.path.insert(0, str(HERE))

import table
from checks import HANG_SECONDS

CLIENTS = ("tritonclient", "kserve", "mlflow", "mlserver")
PACKAGES = {"mlflow": "mlflow-skinny"}
HOST, WORKSPACE = "127.0.0.1", "default"
EMAIL = "conformance@example.org"
LOOK_SECONDS = 0.3


# Prints the code snippets of each model's page, which the drivers run.
SNIPPETS = """
import json
from django.test import RequestFactory
from predictor.models import ModelVersion
from predictor.web.registry.snippets import snippets
request = RequestFactory().get("/", headers={{"host": "{host}"}})
print(json.dumps({{
    version.registered_model.slug: {{
        "row": version.signature.typical_row(),
        "codes": {{each.key: each.code for each in snippets(request, version.registered_model, version)}},
    }}
    for version in ModelVersion.objects.select_related("registered_model__workspace")
}}))
"""


@dataclass(frozen=True)
class Result:
    """Result of one call of one client."""

    call: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Client:
    """A client, the Python of its virtual environment, and the installed version."""

    name: str
    python: Path
    version: str


def main() -> int:
    argument_parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    argument_parser.add_argument(
        "clients", nargs="*", metavar="client", help=f"some of {', '.join(CLIENTS)}; else all"
    )
    argument_parser.add_argument("--port", type=int, default=8765)
    options = argument_parser.parse_args()
    unknown = sorted(set(options.clients) - set(CLIENTS))
    if unknown:
        argument_parser.error(f"There is no client {', '.join(unknown)}; there are {', '.join(CLIENTS)}.")
    chosen = options.clients or list(CLIENTS)
    clients = [installed(name) for name in chosen]
    with tempfile.TemporaryDirectory(prefix="mlweb-conformance-") as folder:
        setup = Path(folder) / "setup.json"
        with served(Path(folder), options.port) as (token, is_up):
            setup.write_text(json.dumps(questions(options.port, token, Path(folder))), "utf-8")
            by_client = {client: driven(client, setup) for client in clients}
            if not is_up():
                raise SystemExit("The server ended while it was driven.")
    print(matrix(by_client))
    if not options.clients:
        REPORT.write_text(report(by_client), "utf-8")
    n_failed = sum(not each.ok for results in by_client.values() for each in results)
    n = sum(map(len, by_client.values()))
    print(f"{n - n_failed} of {n} calls as they should be.")
    return 1 if n_failed else 0


def installed(name: str) -> Client:
    """Virtual environment of a client; it is created if missing, or if its requirements changed."""
    requirements = HERE / f"requirements-{name}.txt"
    folder = KEPT / name
    stamp, digest = folder / ".installed", hashlib.sha256(requirements.read_bytes()).hexdigest()
    python = folder / "bin" / "python"
    if not stamp.is_file() or stamp.read_text() != digest:
        print(f"Installing {name} into {folder.relative_to(ROOT)} …", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]
        subprocess.run(pip, check=True)
        stamp.write_text(digest)
    program = "from importlib.metadata import version; import sys; print(version(sys.argv[1]))"
    package = PACKAGES.get(name, name)
    version = subprocess.run([python, "-c", program, package], check=True, capture_output=True, text=True)
    return Client(name, python, version.stdout.strip())


@contextmanager
def served(folder: Path, port: int) -> Iterator[tuple[str, Any]]:
    """Start a server with three models on a temporary data folder; yields a token, and a call that tells if it runs."""
    environment = {
        **os.environ,
        "MLWEB_DATA_DIR": str(folder / "var"),
        "MLWEB_HOST": HOST,
        "MLWEB_PORT": str(port),
        "MLWEB_WEB_WORKERS": "1",
        "MLWEB_ADMIN_EMAIL": EMAIL,
        "MLWEB_ADMIN_PASSWORD": secrets.token_urlsafe(16),
    }
    manage("migrate", "--verbosity=0", environment=environment)
    manage("bootstrap", environment=environment)
    for name, target in table.TARGETS.items():
        print(f"Training {name} …", flush=True)
        path = folder / f"{name}.csv"
        table.write(path, target)
        trained = ["train", str(path), "--target", target, "--model", name]
        manage(*trained, "--estimator", "hist_gradient_boosting", environment=environment)
    manage(
        "register_linear",
        "--name=article",
        "--coef",
        "0.5",
        "0.3",
        "--intercept=-1.5",
        environment=environment,
    )
    scopes = ("--scope=predict", "--scope=read", "--scope=write")
    token = manage("create_token", f"--email={EMAIL}", *scopes, environment=environment).split()[-1]
    log = (folder / "server.log").open("wb")
    server = subprocess.Popen(
        [sys.executable, ROOT / "manage.py", "serve"],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        wait_for(f"http://{HOST}:{port}/serve/{WORKSPACE}/v2/health/ready", server)
        yield token, lambda: server.poll() is None
    finally:
        with_children = os.getpgid(server.pid)
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(HANG_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(with_children, signal.SIGKILL)
        log.close()


def manage(*words: str, environment: dict[str, str]) -> str:
    completed = subprocess.run(
        [sys.executable, ROOT / "manage.py", *words],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if completed.returncode:
        raise SystemExit(f"manage.py {words[0]} failed:\n{completed.stdout}{completed.stderr}")
    return completed.stdout


def wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(int(HANG_SECONDS / LOOK_SECONDS)):
        if server.poll() is not None:
            raise SystemExit(f"The server ended with {server.returncode} instead of serving.")
        try:
            with urllib.request.urlopen(url, timeout=HANG_SECONDS):
                return
        except OSError:
            time.sleep(LOOK_SECONDS)
    raise SystemExit("The server does not answer.")


def questions(port: int, token: str, folder: Path) -> dict[str, Any]:
    """Input of the drivers: rows, and the predictions of the native API, which every client has to get too."""
    rows = {"asked": table.asked(), "whole": table.whole()}
    answers = {
        model: {kind: native_answers(port, token, model, model_rows) for kind, model_rows in rows.items()}
        for model in table.TARGETS
    }
    program = SNIPPETS.format(host=f"{HOST}:{port}")
    printed = manage(
        "shell", "-c", program, environment={**os.environ, "MLWEB_DATA_DIR": str(folder / "var")}
    )
    snippets = json.loads(printed.strip().splitlines()[-1])
    for model, snippet in snippets.items():
        snippet["codes"] = {key: code.replace("YOUR_TOKEN", token) for key, code in snippet["codes"].items()}
        (snippet["answer"],) = native_answers(port, token, model, [snippet["row"]])
    return {
        "host": HOST,
        "port": port,
        "token": token,
        "workspace": WORKSPACE,
        "rows": rows,
        "answers": answers,
        "snippets": snippets,
    }


def native_answers(port: int, token: str, model: str, rows: list[dict[str, Any]]) -> list[Any]:
    request = urllib.request.Request(
        f"http://{HOST}:{port}/api/v1/{WORKSPACE}/models/{model}/predictions",
        json.dumps({"rows": rows}).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=HANG_SECONDS) as answer:
        return [each["prediction"] for each in json.load(answer)["predictions"]]


def driven(client: Client, setup: Path) -> list[Result]:
    """Run the driver of a client; returns the result of each call."""
    print(f"Driving with {client.name} {client.version} …", flush=True)
    completed = subprocess.run(
        [client.python, HERE / f"drive_{client.name}.py", setup],
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    try:
        return [Result(**each) for each in json.loads(completed.stdout.strip().splitlines()[-1])]
    except (ValueError, IndexError, TypeError):
        last = (completed.stderr.strip().splitlines() or ["no word"])[-1]
        return [Result("the driver itself", False, f"exit {completed.returncode}: {last}")]


def matrix(found: dict[Client, list[Result]]) -> str:
    lines = []
    for client, results in found.items():
        lines.append(f"\n{client.name} {client.version}")
        for each in results:
            shown = f"  ({each.detail})" if each.detail and not each.ok else ""
            lines.append(f"  {'ok  ' if each.ok else 'FAIL'}  {each.call}{shown}")
    return "\n".join(lines)


def report(found: dict[Client, list[Result]]) -> str:
    """Text of docs/conformance.md."""
    versions = ", ".join(f"{client.name} {client.version}" for client in found)
    lines = [
        "# What real clients get",
        "",
        "Written by `make conformance`: the published packages, unpatched, against a running server with two",
        "models over mixed columns (numbers, a boolean, dates, categories, text, gaps) and the linear one of the",
        "article. Every answer is compared with that of the native API to the same rows.",
        "",
        f"{versions}; Python {platform.python_version()} on {platform.system()}.",
        "",
    ]
    for client, results in found.items():
        n_ok = sum(each.ok for each in results)
        lines += [
            f"## {client.name} {client.version}: {n_ok} of {len(results)}",
            "",
            "| call | result | |",
            "|---|---|---|",
        ]
        lines += [
            f"| {cell(each.call)} | {'ok' if each.ok else '**fails**'} | {cell(each.detail)} |"
            for each in results
        ]
        lines.append("")
    return "\n".join(lines)


def cell(text: str) -> str:
    """Escape text for a Markdown table."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _stopped(*args: Any) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stopped)
    raise SystemExit(main())
