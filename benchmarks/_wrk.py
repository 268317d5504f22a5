"""HTTP load by wrk, and the CPU time and memory that the server uses meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

# wrk reports latencies in microseconds; `done` prints what we read as one line of JSON.
SCRIPT = """
local file = io.open(%(body)s, "rb")
wrk.method = "POST"
wrk.body = file:read("*all")
file:close()
%(headers)s
local paths, at = {%(paths)s}, 0
if #paths > 0 then
  request = function()
    at = at %% #paths + 1
    return wrk.format(nil, paths[at])
  end
end
done = function(summary, latency, requests)
  io.write(string.format(
    '\\n{"requests": %%d, "seconds": %%f, "bad": %%d, "broken": %%d, "p50": %%f, "p99": %%f, "longest": %%f}\\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99), latency.max))
end
"""


@dataclass(frozen=True)
class Loaded:
    """One run of wrk. `cpu_us`: processor time of the server's processes for each request."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    n_bad: int


def require_wrk(*, is_quick: bool) -> None:
    """Ends the benchmark if wrk is missing: with exit code 0 for a quick run, else 1."""
    if not shutil.which("wrk"):
        print("wrk is not installed (on Debian: apt install wrk), so nothing is measured.")
        raise SystemExit(0 if is_quick else 1)


def load(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    concurrency: int,
    seconds: float,
    pid: int,
    paths: Sequence[str] = (),
) -> Loaded:
    """POST the body to the URL over `concurrency` connections. `pid`: the root process of the server.

    With `paths`, requests go to these in turn (round robin) instead of the path of the URL.
    """
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "body").write_bytes(body)
        header_lines = "\n".join(
            f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in headers.items()
        )
        script = Path(folder) / "post.lua"
        script_values = {"body": json.dumps(str(Path(folder) / "body")), "headers": header_lines}
        script.write_text(SCRIPT % {**script_values, "paths": ", ".join(map(json.dumps, paths))})
        command = [
            "wrk",
            "--threads",
            "1",
            "--connections",
            str(concurrency),
            "--duration",
            f"{max(1, round(seconds))}s",
        ]
        command += ["--timeout", "10s", "--script", str(script), url]
        before = cpu_seconds(pid)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        used_seconds = cpu_seconds(pid) - before
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    n = max(figures["requests"], 1)
    return Loaded(
        rate=(figures["requests"] - figures["bad"]) / figures["seconds"],
        p50_ms=figures["p50"] / 1000,
        p99_ms=figures["p99"] / 1000,
        cpu_us=used_seconds / n * 1e6,
        n_bad=figures["bad"] + figures["broken"],
    )


def tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def cpu_seconds(pid: int) -> float:
    """CPU seconds of a process and its living descendants."""
    total = 0.0
    for process in tree(pid):
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system
    return total


def memory_mb(pid: int, named: str = "") -> float:
    """Memory (PSS: shared pages count once) of the processes in the tree whose command contains `named`."""
    total = 0
    for process in tree(pid):
        try:
            if named in " ".join(process.cmdline()):
                total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total / 1e6


def wait_until(url_answers: object, seconds: float) -> float:
    """Seconds until the call returns something true. Raises SystemExit after `seconds`."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if callable(url_answers) and url_answers():
            return time.monotonic() - started
        time.sleep(0.05)
    raise SystemExit(f"A server did not answer within {seconds:g} seconds.")
