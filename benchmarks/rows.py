"""Time and memory of the page of a dataset's rows: sorted, filtered, searched, far inside, and as a file.

    python benchmarks/rows.py [--rows 10000000] [--repeats 7] [--json FILE] [--quick]

Writes a table of 20 columns as the import stores it (Parquet, Snappy, row groups of 61,440 rows), and requests pages
through Django's whole stack (no socket). “first” is the first answer, which counts the rows that match; the count is
kept, so that other orders and pages with the same filters cost what “then” says. Both are wall time, with the CPU time
of all threads beside it. Memory is the growth of this process.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]
from _machine import header, parser, write_json

ROW_GROUP = 61_440
TABLE = """
SELECT range AS id, (hash(range) % 1000000)::BIGINT AS amount, (hash(range + 1) % 1000003) / 10000.3 AS score,
  (hash(range + 2) % 100000)::DOUBLE / 100 AS price,
  ['red', 'green', 'blue', 'white', 'black'][1 + (hash(range + 3) % 5)::INT] AS colour,
  'city ' || (hash(range + 4) % 5000) AS city,
  TIMESTAMP '2015-01-01' + INTERVAL 1 SECOND * (hash(range + 5) % 300000000)::BIGINT AS moment,
  DATE '2010-01-01' + (hash(range + 6) % 5000)::INT AS day, hash(range + 7) % 3 = 0 AS flag,
  CASE WHEN hash(range + 8) % 10 = 0 THEN NULL ELSE (hash(range + 8) % 999983) / 999983.0::DOUBLE END AS gap,
  'note about ' || md5(range::VARCHAR)[:12] || ' and the order ' || (hash(range + 9) % 100000) AS note,
  {more}
FROM range({n_rows})
"""
MORE = ", ".join(f"(hash(range + {20 + k}) % 1000003) / 1000003.0::DOUBLE AS x{k}" for k in range(9))


def pages(n_rows: int) -> dict[str, str]:
    """Query strings by name."""
    return {
        "first page": "",
        "in the middle of the file": f"page={n_rows // 100}",
        "by a number": "sort=-c3",
        "by a number, page 100": "sort=c3&page=100",
        "by a number, last page": f"sort=c3&page={n_rows // 50}",
        "by a text": "sort=c11",
        "category, range, order": "c5.in=red&c3.min=20&c3.max=60&sort=-c2",
        "the same, 8 columns": "c5.in=red&c3.min=20&c3.max=60&sort=-c2&columns=1-8",
        "days, order": "c7.min=2018-01-01&c7.max=2018-12-31&sort=c4",
        "missing": "c10.missing=yes&sort=c2",
        "text contains": "c11.has=abc",
        "search": "q=abc12",
        "named rows": f"rows=5,777,{n_rows - 3}",
    }


def stored(folder: Path, n_rows: int) -> Any:
    """The dataset of the table, as an upload makes it."""
    import duckdb

    from predictor.ml.tables.profiling import profile
    from predictor.models import Dataset, Membership, User, Workspace
    from predictor.services import artifacts

    parquet = folder / "table.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        connection.execute(
            f"COPY ({TABLE.format(n_rows=n_rows, more=MORE)}) TO '{parquet}' "
            f"(FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {ROW_GROUP})"
        )
        names = [row[0] for row in connection.execute(f"DESCRIBE SELECT * FROM '{parquet}'").fetchall()]
    schema = profile(parquet, names, memory_mb=1024, n_threads=2)
    workspace = Workspace.objects.create(slug="bench", name="Bench")
    user = User.objects.create(email="bench@example.org")
    Membership.objects.create(workspace=workspace, user=user, role="admin")
    dataset = Dataset.objects.create(
        workspace=workspace, name="Table", filename="t.csv", sha256="0" * 64, n_bytes=1,
        parquet_digest=artifacts.put(parquet, may_link=True), n_rows=n_rows, n_columns=len(names),
        schema_json=schema.to_json(), options_digest="0",
    )  # fmt: skip
    return dataset, user


def timed(client: Any, path: str) -> tuple[float, float]:
    """Milliseconds on the clock and of CPU."""
    started, cpu = time.perf_counter(), time.process_time()
    response = client.get(path)
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}.")
    b"".join(response)
    return (time.perf_counter() - started) * 1000, (time.process_time() - cpu) * 1000


def run(n_rows: int, repeats: int, folder: Path) -> list[dict[str, Any]]:
    import psutil
    from django.test import Client

    from predictor.services.datasets import rows

    # The figures are to show how long it takes, on a busy machine too.
    rows.PAGE_SECONDS = rows.COUNT_SECONDS = rows.FILE_SECONDS = 600.0
    dataset, user = stored(folder, n_rows)
    client = Client(SERVER_NAME="localhost")
    client.force_login(user)
    path, process = f"/w/bench/datasets/{dataset.pk}/rows/", psutil.Process()
    timed(client, path)
    before, results = process.memory_info().rss, []
    for name, query in pages(n_rows).items():
        first = timed(client, f"{path}?{query}")
        then = [timed(client, f"{path}?{query}") for _ in range(repeats)]
        figures = {
            "first_ms": first[0], "first_cpu_ms": first[1],
            "then_ms": statistics.median(each[0] for each in then), "best_ms": min(each[0] for each in then),
            "cpu_ms": statistics.median(each[1] for each in then),
        }  # fmt: skip
        growth = round((process.memory_info().rss - before) / 1e6)
        results.append(
            {"page": name, **{key: round(value, 1) for key, value in figures.items()}, "growth_mb": growth}
        )
    for kind in ("csv", "xlsx"):
        milliseconds, cpu = timed(client, f"{path}download/?format={kind}&rows=&c1.max=99999&columns=1-10")
        results.append(
            {
                "page": f"{min(n_rows, 100_000):,} rows as {kind}",
                "first_ms": milliseconds,
                "first_cpu_ms": cpu,
            }
        )
    return results


def show(results: list[dict[str, Any]]) -> None:
    print(f"\n{'ms':28}{'first':>9}{'CPU':>9}{'then':>9}{'best':>9}{'CPU':>9}{'MB':>7}")
    names = ("first_ms", "first_cpu_ms", "then_ms", "best_ms", "cpu_ms")
    for each in results:
        figures = "".join(f"{each[name]:9.0f}" if name in each else " " * 9 for name in names)
        print(f"{each['page']:28}{figures}{each.get('growth_mb', ''):>7}")


def main() -> None:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--rows", type=int, default=10_000_000)
    argument_parser.add_argument("--repeats", type=int, default=7)
    options = argument_parser.parse_args()
    if options.quick:
        options.rows, options.repeats = min(options.rows, 200_000), 2
    about = header("rows", ("django", "duckdb"))
    with tempfile.TemporaryDirectory(prefix="mlweb-rows-") as folder:
        os.environ |= {
            "MLWEB_DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "DJANGO_SETTINGS_MODULE": "mlweb.settings", "DEBUG": "false", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        import django
        from django.conf import settings
        from django.core.management import call_command
        from django.test.utils import override_settings

        django.setup()
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
            settings.STATIC_ROOT.mkdir(exist_ok=True)
            call_command("migrate", verbosity=0)
            results = run(options.rows, options.repeats, Path(folder))
    show(results)
    write_json(options.json, about, results)


if __name__ == "__main__":
    main()
