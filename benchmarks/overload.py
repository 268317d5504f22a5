"""Overload: goodput with more callers than the server can answer, and honest callers beside those that harm it.

    python benchmarks/overload.py [--model forest|linear] [--seconds 4] [--rounds 3] [--json FILE] [--quick]

Starts a web server (two processes, SQLite, every prediction logged durably).

First table: 16 connections request one row each, which is the peak; then five and twenty times as many, which after a
503 wait as long as its Retry-After says, or ask again at once. All others send their next request as soon as they have
the response (closed loop). Goodput counts predictions alone; `share` is relative to the peak. Refusals are 503.

Second table: eight honest connections, alone and then beside each kind of harm, which comes from the same address with
another token: a flood of twenty times the peak, more slow bodies than the server has threads (one byte each half a
second), and bodies made to be expensive. `ratio` is that of the honest p99 to the one measured alone just before;
`share` that of the goodput; `refused` the share of honest requests that got another status than 200.

The load generators run on the same machine. Rows are medians of the rounds, of which each has all steps.
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
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]
import _hostile
from _load import Load, offer, post
from _machine import header, parser, write_json
from _wrk import memory_mb

PEAK = 16
TIMES = (5, 20)
HONEST = 8
# More than the threads of both processes (2 × 256).
N_SLOW, N_HOSTILE = 600, 32
LINE = (
    "{connections:>11} {after_503:>9} {goodput:>9} {share:>6} {p50:>7} {p99:>7} {refusals:>10} {refusal_p50:>12} "
    "{refusal_p99:>7} {broken:>6} {memory:>6}"
)
HEAD = LINE.format(
    connections="connections", after_503="after 503", goodput="goodput/s", share="share", p50="p50 ms", p99="p99 ms",
    refusals="refusals/s", refusal_p50="their p50 ms", refusal_p99="p99 ms", broken="broken", memory="MB",
)  # fmt: skip
BESIDE = (
    "{beside:<42} {goodput:>9} {share:>6} {p50:>7} {p99:>7} {ratio:>6} {refused:>8} {refusal_p50:>12} {refusal_p99:>7} "
    "{memory:>6}  {answers}"
)
BESIDE_HEAD = BESIDE.format(
    beside="honest callers beside", goodput="goodput/s", share="share", p50="p50 ms", p99="p99 ms", ratio="ratio",
    refused="refused", refusal_p50="their p50 ms", refusal_p99="p99 ms", memory="MB", answers="what the others got",
)  # fmt: skip


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--model", choices=["forest", "linear"], default="forest")
    argument_parser.add_argument("--seconds", type=float, default=4)
    argument_parser.add_argument("--rounds", type=int, default=3)
    options = argument_parser.parse_args()
    seconds, rounds = (0.5, 1) if options.quick else (options.seconds, options.rounds)
    about = header(f"overload, {options.model}")
    n_threads, n_slow = (64, 150) if options.quick else (256, N_SLOW)
    with (
        tempfile.TemporaryDirectory() as folder,
        web_server(Path(folder), n_trees=10 if options.quick else 100, MLWEB_WEB_THREADS=str(n_threads)) as (
            port,
            models,
            pid,
        ),
    ):
        path, row = (models[f"{options.model}_{part}"] for part in ("path", "row"))
        request = post(path, json.dumps({"rows": [row]}).encode(), models["token"])
        offer(port, request, n_connections=PEAK, seconds=seconds / 2)
        results = {"connections": goodput(port, pid, request, seconds, rounds)}
        harms = kinds_of_harm(path, row, models["other_token"], n_slow)
        if options.quick:
            # One of each kind.
            harms = dict(list(harms.items())[1::2])
        results["beside"] = honest_beside(port, pid, request, harms, seconds, rounds)
    write_json(options.json, about, results)
    return 0


def goodput(port: int, pid: int, request: bytes, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Run all steps `rounds` times; the median of each figure."""
    steps = [(PEAK, False), *((PEAK * times, is_patient) for times in TIMES for is_patient in (True, False))]
    loads: dict[tuple[int, bool], list[Load]] = {step: [] for step in steps}
    memory: dict[tuple[int, bool], list[float]] = {step: [] for step in steps}
    for _ in range(rounds):
        for step in steps:
            n_connections, is_patient = step
            how = {"n_connections": n_connections, "is_patient": is_patient}
            loads[step].append(offer(port, request, seconds=seconds, warm_up=min(1.5, seconds), **how))
            memory[step].append(memory_mb(pid))
    print(HEAD)
    results = []
    for step in steps:
        peaks = zip(loads[step], loads[steps[0]], strict=True)
        results.append({
            "connections": step[0],
            "after_503": "wait" if step[1] else "at once",
            "goodput": round(middle(load.goodput for load in loads[step])),
            "share": round(middle(load.goodput / max(peak.goodput, 1e-9) for load, peak in peaks), 2),
            **latencies(loads[step]),
            "refusals": round(middle(load.refusals for load in loads[step])),
            "broken": sum(load.n_broken for load in loads[step]),
            "memory": round(middle(memory[step])),
        })  # fmt: skip
        print(LINE.format(**results[-1]), flush=True)
    return results


def kinds_of_harm(
    path: str, row: dict[str, Any], other_token: str, n_slow: int
) -> dict[str, tuple[Callable[..., Any], dict[str, Any]]]:
    """By name: the harm, and its options."""

    def slow(head: bytes) -> tuple[Callable[..., Any], dict[str, Any]]:
        return _hostile.slow, {"head": head, "n_clients": n_slow}

    n_flood = PEAK * TIMES[-1]
    body = json.dumps({"rows": [row]}).encode()
    flood = {"request": post(path, body, other_token), "n_connections": n_flood}
    hostile = {"path": path, "token": other_token, "names": list(row), "n_clients": N_HOSTILE}
    return {
        f"{n_flood} that wait after 503": (_hostile.flood, {**flood, "is_patient": True}),
        f"{n_flood} that ask again at once": (_hostile.flood, {**flood, "is_patient": False}),
        f"{n_slow} slow bodies, sign-in form": slow(_hostile.slow_sign_in()),
        f"{n_slow} slow bodies, wrong token": slow(
            _hostile.slow_prediction(path=path, token=_hostile.WRONG_TOKEN)
        ),
        f"{n_slow} slow bodies, another's token": slow(
            _hostile.slow_prediction(path=path, token=other_token)
        ),
        f"{N_HOSTILE} that send hostile bodies": (_hostile.hostile, hostile),
    }


def honest_beside(
    port: int,
    pid: int,
    request: bytes,
    harms: dict[str, tuple[Callable[..., Any], dict[str, Any]]],
    seconds: float,
    rounds: int,
) -> list[dict[str, Any]]:
    """Honest callers alone, then beside each harm, `rounds` times; the median of each figure."""
    print(BESIDE_HEAD)
    results = []
    for name, (harm, options) in harms.items():
        quiet, loads, memory, answers = [], [], [], Counter[str]()
        for _ in range(rounds):
            quiet.append(offer(port, request, n_connections=HONEST, seconds=seconds))
            with _hostile.beside(harm, port, **options) as got:
                # The harm needs a moment to begin: a process of its own, then hundreds of connections.
                warm_up = min(3.0, 2 * seconds)
                loads.append(offer(port, request, n_connections=HONEST, seconds=seconds, warm_up=warm_up))
                memory.append(memory_mb(pid))
            answers.update(got)
        results.append({
            "beside": name,
            "goodput": round(middle(load.goodput for load in loads)),
            "share": round(middle(ratios(loads, quiet, lambda load: load.goodput)), 2),
            **latencies(loads),
            "ratio": round(middle(ratios(loads, quiet, lambda load: load.percentile_ms(0.99, is_good=True))), 1),
            "refused": f"{middle(load.refusals / max(load.refusals + load.goodput, 1e-9) for load in loads):.1%}",
            "memory": round(middle(memory)),
            "answers": ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items())),
        })  # fmt: skip
        print(BESIDE.format(**results[-1]), flush=True)
    return results


def latencies(loads: list[Load]) -> dict[str, float]:
    """Medians of the percentiles, in ms: of predictions, and of the other responses."""
    return {
        f"{name}{percentile}": round(
            middle(load.percentile_ms(percentile / 100, is_good=is_good) for load in loads), 1
        )
        for name, is_good in (("p", True), ("refusal_p", False))
        for percentile in (50, 99)
    }


def ratios(loads: list[Load], quiet: list[Load], figure: Callable[[Load], float | None]) -> Iterator[float]:
    for load, alone in zip(loads, quiet, strict=True):
        yield (figure(load) or 0.0) / (figure(alone) or 1e-9)


def middle(values: Iterable[float | None]) -> float:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else 0.0


@contextmanager
def web_server(
    folder: Path, *, n_trees: int = 100, **environment: str
) -> Iterator[tuple[int, dict[str, Any], int]]:
    """The web server alone, without supervisor and worker, on an installation with the models of `_served`."""
    data = folder / "var"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    variables = {
        **os.environ, "MLWEB_DATA_DIR": str(data), "MLWEB_HOST": "127.0.0.1", "MLWEB_PORT": str(port),
        "MLWEB_WEB_WORKERS": "2", "MLWEB_WEB_THREADS": "256", "MLWEB_TOKEN_REQUESTS_PER_MINUTE": "0", **environment,
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
        yield port, models, server.pid
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
from _served import WORKSPACE, make_models
from predictor.models import User, Workspace
from predictor.services.accounts import tokens
models = dataclasses.asdict(make_models(n_rows=2000, n_trees=int(sys.argv[1])))
other = tokens.create_token(
    user=User.objects.get(), workspace=Workspace.objects.get(slug=WORKSPACE), name="other", scopes=["predict"]
)
print(json.dumps({**models, "other_token": other.plaintext}))
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
