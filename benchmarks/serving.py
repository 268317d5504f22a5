"""Latency and throughput of one-row predictions over HTTP, compared with other model servers (by wrk, on one machine).

    python benchmarks/serving.py [--peers NAME …] [--rounds 3] [--seconds 5] [--concurrency 1 16 64]
                                 [--venvs DIR] [--json FILE] [--quick]

The same random forest (100 trees, 10 numbers and 4 categories, 20,000 rows) and the article's linear model are
served by this project (two web workers; each request is authenticated, checked, and committed to the log before
the response is sent) and by its peers (two workers each, which do none of that), each in a virtual environment
below DIR (made once; --quick measures this project alone). In each round all servers run one after the other.
Prints medians over the rounds: requests/s, p50, p99, CPU time a request, memory (PSS) of the serving processes,
seconds from start to the first response, and our rate divided by theirs. Then: 100,000 rows of CSV, malformed bodies
(which statuses they get), and whether null, NaN and an empty cell get the same prediction.
"""

from __future__ import annotations

import csv
import io
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from _installation import PROJECT, environment_of, free_port, installation
from _machine import header, parser, write_json
from _peers import N_WORKERS, PEERS, Peer, started, versions_of
from _served import NUMBERS, WORKSPACE, mixed_table
from _wrk import Loaded, load, memory_mb, require_wrk, tree, wait_until

OURS = "mlweb"
MODELS = ("forest", "linear")
WARM_REQUESTS = 50
CSV_ROWS = 100_000
COLUMNS = ("requests/s", "p50 ms", "p99 ms", "CPU µs", "ours is")
# Malformed bodies that clients have sent.
BROKEN = (
    b"", b"{", b"[]", b"null", b"42", b'"text"', b"\xff\xfe", b'{"rows": null}', b'{"rows": []}', b'{"rows": [[]]}',
    b'{"rows": [{}]}', b'{"rows": [{"n0": "abc"}]}', b'{"rows": {"n0": 1}}', b'{"x": 1}', b'{"rows": [null]}',
    b'{"rows": [{"n0": 1e999}]}', b'{"rows": [{"n0": NaN}]}', b'{"rows": [{"n0": [1]}]}', b"[" * 5_000,
    b'{"inputs": [{"name": "n0"}]}', b'{"dataframe_split": {"columns": ["n0"], "data": [["abc"]]}}',
)  # fmt: skip


@dataclass(frozen=True)
class Serving:
    """A running server: its root process, and for each model the URL, body and headers of a one-row request."""

    pid: int
    asks: dict[str, tuple[str, bytes, dict[str, str]]]
    startup_seconds: float
    named: str = ""


def main() -> int:
    argument_parser = parser(__doc__)
    names = [each.name for each in PEERS]
    argument_parser.add_argument(
        "--peers", nargs="*", default=names, metavar="NAME", help=f"of {', '.join(names)}"
    )
    argument_parser.add_argument("--rounds", type=int, default=3)
    argument_parser.add_argument("--seconds", type=float, default=5.0, help="duration of each run of wrk")
    argument_parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 16, 64])
    argument_parser.add_argument("--venvs", type=Path, default=PROJECT / ".peers", metavar="DIR")
    options = argument_parser.parse_args()
    if options.quick:
        options.peers, options.rounds, options.seconds, options.concurrency = [], 1, 1.0, [16]
    require_wrk(is_quick=options.quick)
    peers = [each for each in PEERS if each.name in options.peers]
    about = header("serving")
    about["peers"] = {peer.name: versions_of(peer, options.venvs) for peer in peers}
    for name, versions in about["peers"].items():
        print(f"{name}: {versions}")
    figures: dict[str, Any] = {
        "runs": defaultdict(list),
        "startup": defaultdict(list),
        "memory": defaultdict(list),
    }
    with tempfile.TemporaryDirectory(prefix="mlweb-serving-") as folder:
        for number in range(options.rounds):
            for peer in (None, *peers):
                take_turn(peer, Path(folder) / f"round-{number}", options, figures)
        report(figures, options)
        figures |= beside(peers, Path(folder) / "beside", options)
    runs = {
        "/".join(map(str, key)): [asdict(each) for each in found] for key, found in figures["runs"].items()
    }
    write_json(options.json, about, {**figures, "runs": runs})
    return 0


def take_turn(peer: Peer | None, folder: Path, options: Any, figures: dict[str, Any]) -> None:
    """One round of one server: each model at each concurrency."""
    name = peer.name if peer else OURS
    for held in [(which,) for which in MODELS] if peer and peer.serves_one else [MODELS]:
        with serving(peer, folder, options.venvs, held) as server:
            for which in held:
                url, body, headers = server.asks[which]
                warm(url, body, headers)
                for concurrency in options.concurrency:
                    found = load(
                        url, body, headers, concurrency=concurrency, seconds=options.seconds, pid=server.pid
                    )
                    figures["runs"][name, which, concurrency].append(found)
            if "forest" in held:
                figures["startup"][name].append(server.startup_seconds)
                figures["memory"][name].append(memory_mb(server.pid, server.named))


@contextmanager
def serving(peer: Peer | None, folder: Path, venvs: Path, held: Sequence[str] = MODELS) -> Iterator[Serving]:
    """Start a server (None: this project) with these models; it is stopped when the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    if peer is None:
        with ours(folder / "ours") as server:
            yield server
        return
    port = free_port()
    started_at = time.monotonic()
    process = started(peer, venvs, port, held[0], folder / f"{peer.environment}.log")
    try:
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_well(address + peer.health), 120)
        headers = {"Content-Type": "application/json"}
        asks = {
            which: (address + peer.path(which), json.dumps(peer.body(row_of(which))).encode(), headers)
            for which in held
        }
        yield Serving(process.pid, asks, time.monotonic() - started_at)
    finally:
        end(process)


@contextmanager
def ours(folder: Path, settings: Mapping[str, str] | None = None) -> Iterator[Serving]:
    """The whole installation, started as by `make run`: web server, worker, beat."""
    folder.mkdir(parents=True)
    models = fill(folder)
    started_at = time.monotonic()
    environment = {"MLWEB_WEB_WORKERS": str(N_WORKERS), **(settings or {})}
    with installation(folder, environment, token=models["token"]) as (port, _, pid):
        asks = asks_of(models, port)
        yield Serving(pid, asks, time.monotonic() - started_at, named="mlweb.server")


def fill(folder: Path, n_models: int = 0, n_log_rows: int = 0) -> dict[str, Any]:
    """Run `_served.py` for the installation in this folder: ServedModels as a dict if it was empty, else {}."""
    environment = {
        **environment_of(folder), "PYTHONPATH": str(PROJECT), "DJANGO_SETTINGS_MODULE": "mlweb.settings",
    }  # fmt: skip
    completed = subprocess.run(
        [sys.executable, str(PROJECT / "benchmarks" / "_served.py"), str(n_models), str(n_log_rows)],
        cwd=PROJECT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    lines = completed.stdout.splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def asks_of(models: dict[str, Any], port: int) -> dict[str, tuple[str, bytes, dict[str, str]]]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {models['token']}"}
    return {
        which: (
            f"http://127.0.0.1:{port}{models[f'{which}_path']}",
            json.dumps({"rows": [models[f"{which}_row"]]}).encode(),
            headers,
        )
        for which in MODELS
    }


def end(process: subprocess.Popen[bytes]) -> None:
    """Stop a process and its descendants; some peers start theirs in a new session."""
    processes = tree(process.pid)
    process.send_signal(signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(15)
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.kill()
    process.wait()


def is_well(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def row_of(which: str) -> dict[str, Any]:
    if which == "linear":
        return {"x1": 1, "x2": 2}
    columns, _ = mixed_table(1)
    return {name: values[0].item() if name in NUMBERS else values[0] for name, values in columns.items()}


def warm(url: str, body: bytes, headers: dict[str, str]) -> None:
    """Warm up until every worker has loaded the model; the first response must be a success."""
    with httpx.Client(timeout=60) as client:
        first = client.post(url, content=body, headers=headers)
        if first.status_code != 200:
            raise SystemExit(f"{url} answered {first.status_code}: {first.text[:300]}")
    for _ in range(WARM_REQUESTS):
        httpx.post(url, content=body, headers=headers, timeout=60)


def report(figures: dict[str, Any], options: Any) -> None:
    names = list(dict.fromkeys(name for name, _, _ in figures["runs"]))
    for which in MODELS:
        for concurrency in options.concurrency:
            print(f"\n{which}, concurrency {concurrency}")
            print(f"  {'':<20}" + "".join(f"{each:>12}" for each in COLUMNS))
            own = middle(figures["runs"][OURS, which, concurrency])
            for name in names:
                found = middle(figures["runs"][name, which, concurrency])
                ratio = "" if name == OURS else f"{own.rate / max(found.rate, 1e-9):.1f} ×"
                bad = f"  {found.n_bad} errors" if found.n_bad else ""
                print(
                    f"  {name:<20}{found.rate:>12,.0f}{found.p50_ms:>12.2f}{found.p99_ms:>12.1f}"
                    f"{found.cpu_us:>12,.0f}{ratio:>12}{bad}"
                )
    print(f"\n  {'':<20}{'memory MB':>12}{'start s':>12}   (serving processes; ours without worker and beat)")
    for name in names:
        memory, startup = (statistics.median(figures[key][name]) for key in ("memory", "startup"))
        print(f"  {name:<20}{memory:>12,.0f}{startup:>12.1f}")


def middle(runs: list[Loaded]) -> Loaded:
    """Median of each figure; errors are summed."""
    return Loaded(
        *(
            statistics.median(getattr(run, name) for run in runs)
            for name in ("rate", "p50_ms", "p99_ms", "cpu_us")
        ),
        n_bad=sum(run.n_bad for run in runs),
    )


def beside(peers: list[Peer], folder: Path, options: Any) -> dict[str, Any]:
    """Further comparisons: a CSV file, malformed bodies, missing values."""
    fastapi = next((peer for peer in peers if peer.environment == "fastapi"), None)
    with ExitStack() as stack:
        own = stack.enter_context(serving(None, folder, options.venvs))
        found: dict[str, Any] = {"missing": missing_is_one(own), "broken": {OURS: broken_bodies(own)}}
        held = {OURS: own}
        if fastapi:
            held[fastapi.name] = stack.enter_context(serving(fastapi, folder, options.venvs))
        found["csv"] = csv_seconds(held, 2_000 if options.quick else CSV_ROWS, options.rounds)
    for peer in peers:
        if not peer.fast_loop:
            with serving(peer, folder, options.venvs, ("forest",)) as server:
                found["broken"][peer.name] = broken_bodies(server)
    print(f"\n{len(BROKEN)} broken bodies")
    for name, counts in found["broken"].items():
        print(f"  {name:<20}" + ", ".join(f"{counts[kind]} × {kind}" for kind in sorted(counts)))
    return found


def csv_seconds(held: Mapping[str, Serving], n_rows: int, rounds: int) -> dict[str, list[float]]:
    """Seconds of each server for a CSV file in one request."""
    text = table_as_csv(n_rows)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, server in held.items():
            url, _body, headers = server.asks["forest"]
            begun = time.monotonic()
            if name == OURS:
                answer = httpx.post(
                    url, content=text, headers={**headers, "Content-Type": "text/csv"}, timeout=600
                )
            else:
                files = {"file": ("rows.csv", text, "text/csv")}
                answer = httpx.post(url.replace("/forest", "/csv"), files=files, timeout=600)
            found[name].append(round(time.monotonic() - begun, 3))
            if answer.status_code != 200 or answer.text.count("\n") < n_rows:
                raise SystemExit(f"The CSV was answered with {answer.status_code}: {answer.text[:300]}")
    print(f"\n{n_rows:,} rows of CSV in one request (median seconds)")
    own = statistics.median(found[OURS])
    for name, seconds in found.items():
        ratio = "" if name == OURS else f"   ours is {statistics.median(seconds) / own:.2f} × as fast"
        print(f"  {name:<20}{statistics.median(seconds):>8.2f}{ratio}")
    return dict(found)


def table_as_csv(n_rows: int) -> bytes:
    columns, _ = mixed_table(n_rows, seed=1)
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(columns)
    writer.writerows(zip(*(values.tolist() for values in columns.values()), strict=True))
    return file.getvalue().encode()


def broken_bodies(server: Serving) -> dict[str, int]:
    """Number of malformed bodies by class of the response status."""
    url, _, headers = server.asks["forest"]
    counts: dict[str, int] = defaultdict(int)
    for body in BROKEN:
        try:
            status = httpx.post(url, content=body, headers=headers, timeout=30).status_code
            counts[f"{status // 100}xx"] += 1
        except httpx.HTTPError:
            counts["no answer"] += 1
    return dict(counts)


def missing_is_one(server: Serving) -> bool:
    """Whether null in JSON, NaN in MLflow's JSON and an empty CSV cell get the same prediction."""
    url, _, headers = server.asks["forest"]
    row = {**row_of("forest"), "n0": None, "city": None}
    by_json = httpx.post(url, json={"rows": [row]}, headers=headers).json()["predictions"][0]
    cells = ["" if value is None else str(value) for value in row.values()]
    text = f"{','.join(row)}\n{','.join(cells)}\n"
    answered = httpx.post(url, content=text, headers={**headers, "Content-Type": "text/csv"}).text
    scoring = f"{url.split('/api/')[0]}/serve/{WORKSPACE}/models/forest/invocations"
    split = json.dumps({"dataframe_split": {"columns": list(row), "data": [list(row.values())]}})
    by_nan = httpx.post(scoring, content=split.replace("null", "NaN"), headers=headers).json()
    answers = {
        round(by_json["probabilities"]["yes"], 6),
        round(float(next(csv.DictReader(io.StringIO(answered)))["probability_yes"]), 6),
        round(by_nan["probabilities"][0][1], 6),
    }
    is_one = len(answers) == 1
    print(f"\nnull, NaN and an empty cell: {'one answer' if is_one else f'different: {sorted(answers)}'}")
    return is_one


if __name__ == "__main__":
    sys.exit(main())
