"""Goodput under overload: the share of the peak that remains with 5 and 20 times as many connections.

    python benchmarks/overload.py [--model forest|linear] [--seconds 8] [--rounds 3] [--json FILE] [--quick]

Starts a web server (two processes, SQLite, every prediction logged durably). 16 connections request one row each,
which is its peak; then five and twenty times as many. Every connection sends its next request as soon as it has the
response (closed loop). Goodput counts predictions alone; `share` is relative to the peak. Refusals are responses
with 503. The load generator runs on the same machine.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
from _load import offer, post
from _machine import header, parser, write_json

PEAK = 16
TIMES = (5, 20)
LINE = "{connections:>11} {goodput:>10} {share:>7} {p50:>8} {p99:>8} {refusals:>11} {refusal_p99:>12} {broken:>7}"
HEAD = LINE.format(
    connections="connections", goodput="goodput/s", share="share", p50="p50 ms", p99="p99 ms",
    refusals="refusals/s", refusal_p99="their p99 ms", broken="broken",
)  # fmt: skip


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--model", choices=["forest", "linear"], default="forest")
    argument_parser.add_argument("--seconds", type=float, default=8)
    argument_parser.add_argument("--rounds", type=int, default=3)
    options = argument_parser.parse_args()
    seconds, rounds = (1.0, 1) if options.quick else (options.seconds, options.rounds)
    about = header(f"overload, {options.model}")
    with (
        tempfile.TemporaryDirectory() as folder,
        web_server(Path(folder), n_trees=10 if options.quick else 100) as (
            port,
            models,
        ),
    ):
        path, row = (models[f"{options.model}_{part}"] for part in ("path", "row"))
        request = post(path, json.dumps({"rows": [row]}).encode(), models["token"])
        offer(port, request, n_connections=PEAK, seconds=seconds / 2)
        results = measured(port, request, seconds, rounds)
    write_json(options.json, about, results)
    return 0


def measured(port: int, request: bytes, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Run all steps `rounds` times; the median of each figure."""
    steps = (PEAK, *(PEAK * times for times in TIMES))
    loads: dict[int, list[Any]] = {step: [] for step in steps}
    for _ in range(rounds):
        for step in steps:
            loads[step].append(offer(port, request, n_connections=step, seconds=seconds))
    print(HEAD)
    results = []
    for step in steps:
        share = statistics.median(
            load.goodput / peak.goodput for load, peak in zip(loads[step], loads[PEAK], strict=True)
        )
        results.append({
            "connections": step,
            "goodput": round(middle(load.goodput for load in loads[step])),
            "share": round(share, 3),
            "p50": middle(load.percentile_ms(0.5, is_good=True) for load in loads[step]),
            "p99": middle(load.percentile_ms(0.99, is_good=True) for load in loads[step]),
            "refusals": round(middle(load.refusals for load in loads[step])),
            "refusal_p99": middle(load.percentile_ms(0.99, is_good=False) for load in loads[step]),
            "broken": sum(load.n_broken for load in loads[step]),
        })  # fmt: skip
        print(LINE.format(**results[-1]), flush=True)
    return results


def middle(values: Any) -> float:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else 0.0


@contextmanager
def web_server(
    folder: Path, *, n_trees: int = 100, **environment: str
) -> Iterator[tuple[int, dict[str, Any]]]:
    """The web server alone, without supervisor and worker, on an installation with the models of `_served`."""
    data = folder / "var"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        **os.environ, "MLWEB_DATA_DIR": str(data), "MLWEB_HOST": "127.0.0.1", "MLWEB_PORT": str(port),
        "MLWEB_WEB_WORKERS": "2", "MLWEB_WEB_THREADS": "256", **environment,
    }  # fmt: skip
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], cwd=ROOT, env=variables, check=True)
    completed = subprocess.run(
        [sys.executable, "-c", MAKE, str(n_trees)],
        cwd=ROOT,
        env=variables,
        check=True,
        capture_output=True,
        text=True,
    )
    models = json.loads(completed.stdout.splitlines()[-1])
    with (folder / "web.log").open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlweb.supervised", "mlweb.server"],
            cwd=ROOT, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    try:
        wait_for(port, server)
        yield port, models
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)


MAKE = """
import dataclasses, json, os, sys
sys.path.insert(0, "benchmarks")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mlweb.settings")
import django; django.setup()
from _served import make_models
print(json.dumps(dataclasses.asdict(make_models(n_rows=2000, n_trees=int(sys.argv[1])))))
"""


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(5)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
                try:
                    if b" 200 " in probe.recv(100):
                        return
                except TimeoutError:
                    continue
        time.sleep(0.1)
    raise RuntimeError("The server did not start.")


if __name__ == "__main__":
    sys.exit(main())
