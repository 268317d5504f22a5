"""Latency and SQL statements of list pages and of the prediction log as tables grow.

    python benchmarks/pages.py [--rows 1000000] [--runs 10000] [--repeats 15] [--json FILE] [--quick]

Fills a scratch SQLite database in steps, and requests every page at each step through Django's whole stack (no
socket). The time should not grow: `growth` is the CPU time of the largest step divided by that of the smallest
(SQLite runs in the same process, so its time is included; other programs on the machine do not count). Every row of
the log belongs to one of 21 models: 20 busy ones, and a rare one with 30 rows at the very beginning.

The overview and the activity of a model read the hourly summary of the log. They are measured in a workspace of their
own with 12 models, before and after as many rows of the last 30 days, which the summary counts in between.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent)]
from _machine import header, parser, write_json

N_MODELS = 20
N_RARE = 30
N_COLUMNS = 14
FIRST_DAY = 1_750_000_000_000  # milliseconds
STEP_MS = 700
DAYS = ("2025-06-15", "2025-06-15")


class Filler:
    """Inserts in bulk the rows that the services would write."""

    def __init__(self) -> None:
        from predictor.models import Dataset, Membership, RegisteredModel, User, Workspace

        self.random = random.Random(0)
        self.workspace = Workspace.objects.create(slug="bench", name="Bench")
        self.user = User.objects.create(email="bench@example.org")
        Membership.objects.create(workspace=self.workspace, user=self.user, role="admin")
        self.dataset = Dataset.objects.create(
            workspace=self.workspace, name="Table", filename="t.csv", sha256="0" * 64, n_bytes=1,
            parquet_digest="0" * 64, n_rows=1, n_columns=N_COLUMNS, schema_json={"n_rows": 1, "columns": []},
            options_digest="0",
        )  # fmt: skip
        self.models = RegisteredModel.objects.bulk_create(
            RegisteredModel(workspace=self.workspace, slug=f"model-{number:02}", name=f"Model {number}")
            for number in range(N_MODELS + 1)
        )
        self.n_runs = self.n_rows = 0
        self.versions: list[list[int]] = [[] for _ in self.models]
        inputs = [{f"column {k}": self.random.randrange(1000) for k in range(N_COLUMNS)} for _ in range(200)]
        self.inputs = [json.dumps({**each, "city": f"city {k}"}) for k, each in enumerate(inputs)]

    def runs(self, upto: int) -> None:
        """Finished runs with one version each, spread over the models; the rare model has one version."""
        from predictor.models import ModelVersion, TrainingRun

        while self.n_runs < upto:
            n = min(2_000, upto - self.n_runs)
            models = [self._model_of(self.n_runs + k) for k in range(n)]
            runs = TrainingRun.objects.bulk_create(
                TrainingRun(
                    workspace=self.workspace, dataset=self.dataset, registered_model=model, target="y",
                    task="regression", status="succeeded", budget_seconds=60, seed=0, progress=1.0,
                    created_by=self.user,
                )
                for model in models
            )  # fmt: skip
            versions = ModelVersion.objects.bulk_create(map(self._version, runs, models))
            for version in versions:
                self.versions[self.models.index(version.registered_model)].append(version.pk)
            self.n_runs += n
        for model in self.models:
            model.save(update_fields=["last_version_number"])
        self._champions()

    def _model_of(self, number: int) -> Any:
        return self.models[N_MODELS] if number == 0 else self.models[number % N_MODELS]

    def _version(self, run: Any, model: Any) -> Any:
        from predictor.models import ModelVersion

        model.last_version_number += 1
        return ModelVersion(
            registered_model=model, number=model.last_version_number, training_run=run, dataset=self.dataset,
            dataset_sha256="0" * 64, task="regression", estimator="Ridge", signature_json=signature(),
            artifacts={}, metrics={"r2": 0.9, "rmse": 1.0}, evaluation=report(), is_compiled=True,
        )  # fmt: skip

    def _champions(self) -> None:
        from predictor.models import ModelAlias

        for model, versions in zip(self.models, self.versions, strict=True):
            ModelAlias.objects.update_or_create(
                registered_model=model, alias="champion", defaults={"model_version_id": versions[-1]}
            )

    def log(self, upto: int) -> None:
        """Log rows in time order, by executemany: a million in about 20 s."""
        from django.db import connection, transaction

        sql = (
            "INSERT INTO predictor_predictionlog (id, workspace_id, model_version_id, request_id, row_number,"
            " source, actor_id, api_token_id, inputs, output, warnings, latency_ms, created_at)"
            " VALUES (%s, %s, %s, %s, 1, %s, %s, NULL, %s, %s, '[]', %s, %s)"
        )
        rows = self._rows(upto)
        while part := list(itertools.islice(rows, 50_000)):
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.executemany(sql, part)

    def _rows(self, upto: int) -> Iterator[tuple[Any, ...]]:
        choose, bits = self.random.choice, self.random.getrandbits
        while self.n_rows < upto:
            number = self.n_rows
            millis = FIRST_DAY + number * STEP_MS
            key = uuid.UUID(int=millis << 80 | 0x7 << 76 | 0b10 << 62 | bits(60))
            busy = self.versions[number % N_MODELS]
            version = self.versions[N_MODELS][0] if number < N_RARE else busy[number * 7919 % len(busy)]
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(millis / 1000))
            output = f'{{"prediction": {number % 977}}}'
            source = "form" if number % 1000 == 0 else "api"
            self.n_rows += 1
            yield (key.hex, self.workspace.pk, version, f"{number:032x}", source, self.user.pk,
                   choose(self.inputs), output, 1.5, moment)  # fmt: skip


def signature() -> dict[str, Any]:
    from predictor.ml.types.schema import FeatureField, Role, Signature, Task

    fields = tuple(
        FeatureField(f"column {k}", Role.NUMERIC, minimum=0.0, maximum=999.0, typical=500.0)
        for k in range(N_COLUMNS)
    )
    return Signature(target="y", task=Task.REGRESSION, fields=fields).to_json()


def report() -> dict[str, Any]:
    """An evaluation report of realistic size, which list queries must not load."""
    points = [round(k * 0.37, 3) for k in range(500)]
    return {"held_out": {"r2": 0.9, "rmse": 1.0}, "points": {"actual": points, "predicted": points}}


def pages() -> dict[str, str]:
    """Pages by name. `{middle}` is the id of a row in the middle of the log."""
    w = "/w/bench"
    return {
        "datasets": f"{w}/datasets/",
        "training runs": f"{w}/runs/",
        "training runs, last page": f"{w}/runs/?page={{last_page}}",
        "models": f"{w}/models/",
        "model": f"{w}/models/model-01/",
        **{f"model, {tab}": f"{w}/models/model-01/{tab}/" for tab in ("versions", "monitor", "rules", "api")},
        "version": f"{w}/models/model-01/versions/1/",
        **{
            f"version, {tab}": f"{w}/models/model-01/versions/1/{tab}/"
            for tab in ("charts", "explain", "data", "details")
        },
        "batches": f"{w}/batches/",
        "predict form": f"{w}/models/model-01/predict/",
        "log": f"{w}/predictions/",
        "log, in the middle": f"{w}/predictions/?before={{middle}}",
        "log of a busy model": f"{w}/predictions/?model=model-01",
        "log of a rare model": f"{w}/predictions/?model=model-20",
        "log of one version": f"{w}/predictions/?model=model-01&version=1",
        "log of a day": f"{w}/predictions/?since={DAYS[0]}&until={DAYS[1]}",
        "log by source": f"{w}/predictions/?source=form",
        "log by person": f"{w}/predictions/?actor=bench",
        "log, text that is there": f"{w}/predictions/?q=city 77",
        "log, text that is nowhere": f"{w}/predictions/?q=nowhere",
        "log, text in a busy model": f"{w}/predictions/?q=nowhere&model=model-01",
        "log entry": f"{w}/predictions/{{middle}}/",
        "API: log": "/api/v1/bench/predictions",
        "API: training runs": "/api/v1/bench/training-runs",
        "API: models": "/api/v1/bench/models",
    }


class Counter:
    """Counts SQL statements."""

    def __init__(self) -> None:
        self.n = 0

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.n += 1
        return execute(*args)


def measure(client: Any, path: str, repeats: int) -> dict[str, float]:
    """Median milliseconds and SQL statements of a page; the first answer warms up."""
    from django.db import connection

    counter, times, cpu_times = Counter(), [], []
    response = client.get(path)
    if response.status_code != 200:
        raise SystemExit(f"{path} answered {response.status_code}.")
    with connection.execute_wrapper(counter):
        for _ in range(repeats):
            started, cpu_started = time.perf_counter(), time.process_time()
            client.get(path)
            times.append((time.perf_counter() - started) * 1000)
            cpu_times.append((time.process_time() - cpu_started) * 1000)
    return {
        "ms": round(statistics.median(times), 2),
        "cpu_ms": round(statistics.median(cpu_times), 2),
        "sql": counter.n / repeats,
    }


class Desk:
    """A workspace with one version of each of 12 models, and predictions of the last 30 days."""

    pages: ClassVar[dict[str, str]] = {
        "overview": "/w/desk/",
        "model, predictions of 30 days": "/w/desk/models/model-01/",
        "model, monitor of 30 days": "/w/desk/models/model-01/monitor/",
        "API: activity, a year": "/api/v1/desk/models/model-01/activity?range=year",
    }

    def __init__(self, user: Any) -> None:
        from predictor.models import Membership, ModelAlias, ModelVersion, RegisteredModel, Workspace

        self.workspace = Workspace.objects.create(slug="desk", name="Desk")
        Membership.objects.create(workspace=self.workspace, user=user, role="admin")
        self.versions = []
        for number in range(12):
            model = RegisteredModel.objects.create(
                workspace=self.workspace,
                slug=f"model-{number:02}",
                name=f"Model {number}",
                last_version_number=1,
            )
            version = ModelVersion.objects.create(
                registered_model=model, number=1, task="regression", estimator="Ridge", metrics={"r2": 0.9},
                signature_json=signature(), artifacts={}, evaluation=report(), is_compiled=True,
            )  # fmt: skip
            ModelAlias.objects.create(registered_model=model, alias="champion", model_version=version)
            self.versions.append(version.pk)

    def log(self, n_rows: int) -> None:
        from django.db import connection, transaction
        from django.utils import timezone

        from predictor.models.prediction_log import first_id_at
        from predictor.services.prediction_log import log_rows

        end, step = timezone.now() - timedelta(minutes=1), timedelta(days=29) / n_rows
        warnings = ("[]", "[]", "[]", '[{"code": "unseen", "column": "city", "message": "new"}]')
        for start in range(0, n_rows, 10_000):
            rows = []
            for number in range(start, min(start + 10_000, n_rows)):
                at = end - number * step
                key = uuid.UUID(int=first_id_at(at).int | 0x7 << 76 | 0b10 << 62 | number)
                rows.append(log_rows.LogRow(
                    key, self.workspace.pk, self.versions[number % 12], key.hex, 1, "api", None, None, '{"a": 1}',
                    f'{{"prediction": {number % 200}}}', warnings[number % 4], 1.5, at,
                ))  # fmt: skip
            with transaction.atomic():
                log_rows.insert(connection, rows)


def run_desk(user: Any, client: Any, n_rows: int, repeats: int) -> list[dict[str, Any]]:
    from predictor.services.prediction_log import summary

    desk = Desk(user)
    results: dict[str, dict[str, Any]] = {name: {"page": name, "steps": []} for name in desk.pages}
    for rows in (0, n_rows):
        if rows:
            desk.log(rows)
            started = time.process_time()
            counted = summary.run(seconds=None).n_rows
            seconds = time.process_time() - started
            print(f"{counted:,} rows counted by hour: {seconds / counted * 1e6:.1f} µs of CPU time a row")
        for name, path in desk.pages.items():
            results[name]["steps"].append({"rows": rows, "runs": 0, **measure(client, path, repeats)})
    for each in results.values():
        each["growth"] = round(each["steps"][-1]["cpu_ms"] / each["steps"][0]["cpu_ms"], 2)
        if each["steps"][0]["sql"] != each["steps"][1]["sql"]:
            raise SystemExit(f"{each['page']} needs more statements with more rows: {each['steps']}")
    return list(results.values())


def places(n_runs: int) -> dict[str, Any]:
    from predictor.models import PredictionLog

    rows = PredictionLog.objects.filter(workspace__slug="bench").order_by("-id").values_list("pk", flat=True)
    return {"middle": rows[rows.count() // 2], "last_page": max(1, -(-n_runs // 25))}


def run(steps: list[tuple[int, int]], repeats: int) -> list[dict[str, Any]]:
    from django.test import Client

    filler = Filler()
    client = Client(SERVER_NAME="localhost")
    client.force_login(filler.user)
    desk = run_desk(filler.user, client, steps[-1][0], repeats)
    results: dict[str, dict[str, Any]] = {name: {"page": name, "steps": []} for name in pages()}
    for rows, runs in steps:
        started = time.perf_counter()
        filler.runs(runs)
        filler.log(rows)
        print(f"{rows:,} log rows and {runs:,} runs written in {time.perf_counter() - started:.0f} s")
        ids = places(runs)
        for name, path in pages().items():
            figures = measure(client, path.format(**ids), repeats)
            results[name]["steps"].append({"rows": rows, "runs": runs, **figures})
    for each in results.values():
        each["growth"] = round(each["steps"][-1]["cpu_ms"] / each["steps"][0]["cpu_ms"], 2)
    return [*results.values(), *desk]


def show(results: list[dict[str, Any]], steps: list[tuple[int, int]]) -> None:
    head = "".join(f"{rows:>12,}" for rows, _ in steps)
    print(f"\n{'median ms at log rows':28}{head}{'CPU ms':>10}{'growth':>8}{'SQL':>5}")
    for each in results:
        figures = "".join(f"{step['ms']:12.1f}" for step in each["steps"])
        figures = figures.rjust(12 * len(steps))  # those of the desk: without any row, and with all
        last = each["steps"][-1]
        print(f"{each['page']:28}{figures}{last['cpu_ms']:10.1f}{each['growth']:8.2f}{last['sql']:5.0f}")


def main() -> None:
    argument_parser = parser(__doc__)
    argument_parser.add_argument("--rows", type=int, default=1_000_000, help="log rows of the largest step")
    argument_parser.add_argument("--runs", type=int, default=10_000, help="training runs of the largest step")
    argument_parser.add_argument("--repeats", type=int, default=15)
    options = argument_parser.parse_args()
    if options.quick:
        options.rows, options.runs, options.repeats = min(options.rows, 20_000), min(options.runs, 400), 3
    about = header("pages", ("django", "djangorestframework"))
    with tempfile.TemporaryDirectory(prefix="mlweb-pages-") as folder:
        os.environ |= {
            "MLWEB_DATA_DIR": folder, "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "DJANGO_SETTINGS_MODULE": "mlweb.settings", "DEBUG": "false", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        import django
        from django.core.management import call_command
        from django.test.utils import override_settings

        django.setup()
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        from django.conf import settings

        with override_settings(STORAGES={**settings.STORAGES, "staticfiles": plain}):
            settings.STATIC_ROOT.mkdir(exist_ok=True)
            call_command("migrate", verbosity=0)
            shares = (0.01, 0.1, 1.0)
            steps = [
                (max(round(options.rows * s), 200), max(round(options.runs * s), 2 * N_MODELS + 1))
                for s in shares
            ]
            results = run(steps, options.repeats)
    show(results, steps)
    write_json(options.json, about, results)


if __name__ == "__main__":
    main()
