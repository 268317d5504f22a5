"""Scaling of requests/s and latency with the number of models, log rows, and rows in a body.

    python benchmarks/scaling.py [--models 1 10 100 1000] [--log 0 100000 1000000 5000000]
                                 [--body 1 10 100 1000 10000] [--seconds 5] [--picture FILE.svg] [--json FILE] [--quick]

An installation, started as by `make run`, grows from step to step; wrk measures each step over 16 connections.
Models: that many small models, requested in turn, so that both web processes have all of them loaded.
Log: the forest of 100 trees, one row a request, with that many rows already in the log (filled in bulk). Body:
the forest, that many rows a request over four connections. --picture draws the curves (needs matplotlib).
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from _installation import installation
from _machine import header, parser, write_json
from _served import WORKSPACE
from _wrk import load, memory_mb, require_wrk
from serving import asks_of, fill, warm

LINE = "{size:>10,} {rate:>12,.0f} {rows:>12,.0f} {p50:>9.2f} {p99:>9.1f} {cpu:>9,.0f} {memory:>10,.0f}"
HEAD = (
    f"{'':>10} {'requests/s':>12} {'rows/s':>12} {'p50 ms':>9} {'p99 ms':>9} {'CPU µs':>9} {'memory MB':>10}"
)


@dataclass(frozen=True)
class Point:
    """Figures of one step: `rate` in requests/s, latencies in ms, `cpu` in µs a request, `memory` in MB."""

    size: int
    rate: float
    rows: float
    p50: float
    p99: float
    cpu: float
    memory: float
    n_bad: int


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--models", type=int, nargs="+", default=[1, 10, 100, 1_000])
    argument_parser.add_argument("--log", type=int, nargs="+", default=[0, 100_000, 1_000_000, 5_000_000])
    argument_parser.add_argument("--body", type=int, nargs="+", default=[1, 10, 100, 1_000, 10_000])
    argument_parser.add_argument("--seconds", type=float, default=5.0)
    argument_parser.add_argument("--picture", type=Path, metavar="FILE")
    options = argument_parser.parse_args()
    if options.quick:
        options.models, options.log, options.body, options.seconds = [1, 5], [0, 1_000], [1, 10], 1.0
    require_wrk(is_quick=options.quick)
    about = header("scaling")
    with tempfile.TemporaryDirectory(prefix="mlweb-scaling-") as folder:
        models = fill(Path(folder))
        with installation(Path(folder), token=models["token"]) as (port, _, pid):
            curves = Curves(Path(folder), models, port, pid, options.seconds)
            found = {
                "models": curves.models(options.models),
                "body rows": curves.body(options.body),
                "log rows": curves.log(options.log),
            }
    if options.picture:
        draw(found, options.picture)
    write_json(
        options.json, about, {name: [asdict(each) for each in points] for name, points in found.items()}
    )
    return 1 if any(each.n_bad for points in found.values() for each in points) else 0


@dataclass(frozen=True)
class Curves:
    """Measures one installation, which grows from step to step."""

    folder: Path
    made: dict[str, Any]
    port: int
    pid: int
    seconds: float

    def models(self, sizes: list[int]) -> list[Point]:
        print(f"\nmodels, one row each, asked in turn\n{HEAD}")
        base = f"/api/v1/{WORKSPACE}/models/linear-{{}}/predictions"
        found = []
        for size in sizes:
            fill(self.folder, n_models=size)
            paths = [base.format(number) for number in range(1, size + 1)]
            found.append(self.point(size, "linear", paths=paths, n_warm=3 * size))
        return found

    def log(self, sizes: list[int]) -> list[Point]:
        print(f"\nrows in the log\n{HEAD}")
        found = []
        for size in sizes:
            fill(self.folder, n_log_rows=size)
            found.append(self.point(size, "forest"))
        return found

    def body(self, sizes: list[int]) -> list[Point]:
        print(f"\nrows in a body\n{HEAD}")
        return [self.point(size, "forest", n_rows=size, concurrency=4) for size in sizes]

    def point(
        self, size: int, which: str, *, n_rows: int = 1, concurrency: int = 16, n_warm: int = 0, **more: Any
    ) -> Point:
        url, body, headers = asks_of(self.made, self.port)[which]
        if n_rows > 1:
            body = json.dumps({"rows": json.loads(body)["rows"] * n_rows}).encode()
        warm(url, body, headers)
        if n_warm:
            # Request every model once, so that loading is not measured.
            load(url, body, headers, concurrency=8, seconds=1 + n_warm / 250, pid=self.pid, **more)
        loaded = load(url, body, headers, concurrency=concurrency, seconds=self.seconds, pid=self.pid, **more)
        memory = memory_mb(self.pid, "mlweb.server")
        point = Point(
            size, loaded.rate, loaded.rate * n_rows, loaded.p50_ms, loaded.p99_ms, loaded.cpu_us, memory, loaded.n_bad
        )  # fmt: skip
        bad = f"  {loaded.n_bad} errors" if loaded.n_bad else ""
        print(LINE.format(**asdict(point)) + bad, flush=True)
        return point


def draw(curves: dict[str, list[Point]], path: Path) -> None:
    """Plot requests/s (rows/s for bodies), p50 and p99 over each size."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(curves), figsize=(11, 5.5), sharex="col")
    for column, (name, points) in enumerate(curves.items()):
        sizes = [max(each.size, 1) for each in points]
        is_body = name == "body rows"
        rates = [each.rows if is_body else each.rate for each in points]
        upper, lower = axes[0][column], axes[1][column]
        upper.plot(sizes, rates, marker="o", color="#2563eb")
        upper.set_title(f"{'rows' if is_body else 'requests'}/s over {name}", fontsize=10)
        lower.plot(sizes, [each.p50 for each in points], marker="o", color="#16a34a", label="p50")
        lower.plot(sizes, [each.p99 for each in points], marker="o", color="#dc2626", label="p99")
        lower.set_title("latency in ms", fontsize=10)
        for each in (upper, lower):
            each.set_xscale("log")
            each.set_ylim(0, 1.1 * max(max(line.get_ydata()) for line in each.get_lines()))
            each.grid(alpha=0.3)
        lower.set_xlabel(name)
        lower.legend()
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    sys.exit(main())
