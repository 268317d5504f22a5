"""Time and peak memory of a CSV upload over HTTP, compared with a bare DuckDB conversion.

    python benchmarks/ingest.py [--megabytes 1 100 1000] [--rounds 3] [--json FILE] [--quick]

Each size is a generated CSV of 14 columns (ids, numbers, categories with quotes, zip codes with leading zeros,
dates, moments, booleans, missing cells). A round uploads it to the API and waits for the dataset, then converts
the same file with `COPY (FROM read_csv(FILE)) TO PARQUET` in a process of its own: no checks, no profile, no HTTP.
Prints the median of the rounds: seconds of both, their ratio, and the peak memory of the largest process of the
installation (web server, worker, beat, the reading child) and of bare DuckDB.
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from _installation import installation
from _machine import PeakMemory, header, parser, timed, write_json

BLOCK = 1 << 20
ROWS_AT_ONCE = 50_000
BARE = """
import duckdb, json, resource, sys, time
started = time.perf_counter()
database = duckdb.connect()
database.execute("SET enable_progress_bar = false")
database.execute("COPY (SELECT * FROM read_csv($1)) TO '" + sys.argv[2] + "' (FORMAT parquet)", [sys.argv[1]])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": time.perf_counter() - started, "peak_mb": peak}))
"""


def main() -> int:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--megabytes", type=int, nargs="+", default=[1, 100, 1000])
    argument_parser.add_argument(
        "--rounds", type=int, default=3, help="of which the median is printed; one for 500 MB and more"
    )
    argument_parser.add_argument(
        "--folder", type=Path, help="folder for files and data; needs four times the largest size"
    )
    options = argument_parser.parse_args()
    sizes = [1, 5] if options.quick else options.megabytes
    about = header("ingest")
    results = []
    with (
        tempfile.TemporaryDirectory(dir=options.folder) as folder,
        installation(Path(folder)) as (port, token, pid),
    ):
        print(
            f"{'size':>8} {'upload':>9} {'bare':>9} {'ratio':>6} {'peak':>9} {'bare peak':>10}  largest process"
        )
        for megabytes in sizes:
            rounds = 1 if options.quick or megabytes >= 500 else options.rounds
            result = measure(Path(folder), megabytes, rounds, port, token, pid)
            results.append(result)
            print(
                f"{megabytes:>5} MB {result['seconds']:>7.2f} s {result['bare_seconds']:>7.2f} s "
                f"{result['ratio']:>6.2f} {result['peak_mb']:>6.0f} MB {result['bare_peak_mb']:>7.0f} MB  "
                f"{next(iter(result['peaks_mb']))}",
                flush=True,
            )
    write_json(options.json, about, results)
    return 0


def measure(folder: Path, megabytes: int, rounds: int, port: int, token: str, pid: int) -> dict[str, Any]:
    path = folder / "table.csv"
    write_table(path, megabytes * 1_000_000)
    uploads = []
    for number in range(rounds):
        with path.open("a") as file:  # identical bytes would be the same dataset, and not be read again
            file.write(
                f"{10**9 + number},1,1.5,0.5,,Paris,00501,2024-01-01,true,2024-01-01T00:00:00,w,1,0.5,1\n"
            )
        with PeakMemory(pid) as memory:
            seconds, dataset = timed(lambda: upload(path, port, token))
        run = [sys.executable, "-c", BARE, str(path), str(folder / "bare.parquet")]
        bare = json.loads(subprocess.run(run, check=True, capture_output=True, text=True).stdout)
        uploads.append({"seconds": seconds, "bare": bare, "memory": memory, "dataset": dataset})
    seconds = statistics.median(each["seconds"] for each in uploads)
    bare_seconds = statistics.median(each["bare"]["seconds"] for each in uploads)
    worst = max((each["memory"] for each in uploads), key=lambda memory: memory.largest)
    n_bytes = path.stat().st_size
    path.unlink()
    return {
        "megabytes": megabytes,
        "n_bytes": n_bytes,
        "n_rows": uploads[-1]["dataset"]["n_rows"],
        "rounds": rounds,
        "seconds": round(seconds, 3),
        "bare_seconds": round(bare_seconds, 3),
        "ratio": round(seconds / bare_seconds, 3),
        "peak_mb": worst.largest,
        "peaks_mb": worst.by_process,
        "bare_peak_mb": round(max(each["bare"]["peak_mb"] for each in uploads), 1),
    }


def write_table(path: Path, n_bytes: int) -> None:
    """Write the generated CSV; the same size gives the same table."""
    random = np.random.default_rng(0)
    cities = np.array(['"Łódź"', '"北京"', '"Paris"', '"New York"', '"Berlin"', '"Roma, IT"'])
    with path.open("w", encoding="utf-8") as file:
        file.write("id,age,income,score,share,city,zip,day,active,seen_at,word,visits,gap,churn\n")
        first = 0
        while file.tell() < n_bytes:
            n = ROWS_AT_ONCE if n_bytes > 10_000_000 else 2_000
            columns = [
                np.arange(first, first + n).astype(str),
                random.integers(18, 90, n).astype(str),
                np.round(random.normal(50_000, 9_000, n), 2).astype(str),
                random.normal(size=n).astype(str),
                np.where(random.random(n) < 0.1, "", np.round(random.random(n) * 100, 1).astype(str)),
                cities[random.integers(0, len(cities), n)],
                np.char.zfill(random.integers(0, 99_999, n).astype(str), 5),
                (np.datetime64("2020-01-01") + random.integers(0, 1_500, n)).astype(str),
                np.where(random.random(n) < 0.5, "true", "false"),
                (np.datetime64("2020-01-01T00:00:00") + random.integers(0, 10**8, n)).astype(str),
                np.char.add("word", random.integers(0, 5_000, n).astype(str)),
                random.integers(0, 10**6, n).astype(str),
                np.round(random.exponential(3, n), 3).astype(str),
                random.integers(0, 2, n).astype(str),
            ]
            file.write("\n".join(map(",".join, zip(*columns, strict=True))) + "\n")
            first += n


def upload(path: Path, port: int, token: str) -> dict[str, Any]:
    """Upload the file; returns the dataset from the API's response."""
    boundary = "mlweb-benchmark"
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="table.csv"\r\n'
        "Content-Type: text/csv\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()

    def body() -> Iterator[bytes]:
        yield head
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
        yield tail

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1_800)
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + path.stat().st_size + len(tail)),
    }
    connection.request("POST", "/api/v1/default/datasets", body(), headers)
    response = connection.getresponse()
    answer = response.read()
    connection.close()
    if response.status not in (200, 201):
        raise SystemExit(f"The upload was answered with {response.status}: {answer[:500]!r}")
    return dict(json.loads(answer))


if __name__ == "__main__":
    sys.exit(main())
