"""Prometheus metrics in text format: the meters of all processes, job counts, free disk space."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator

from django.conf import settings
from django.db.models import Count

from ...models import BatchPrediction, Completion, Job, TrainingRun
from ..process import meters
from ..process.meters import BOUNDS, ENDS, INTERFACES, KINDS, SOURCES, Totals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# name of the meter, name for Prometheus, help
COUNTERS = (
    ("busy_refusals", "predictions_refused_total", "Requests refused with 503 because too much was being predicted."),
    ("rate_limited", "requests_rate_limited_total", "Requests refused with 429 because of their token's limit."),
    ("version_hits", "version_hits_total", "Predictions whose model version was in memory."),
    ("version_loads", "version_loads_total", "Model versions loaded into memory."),
    ("version_load_failures", "version_load_failures_total", "Model versions that could not be loaded."),
    ("log_commits", "log_commits_total", "Transactions of the prediction log; rows by commits is the group size."),
    ("log_rows", "log_rows_total", "Rows committed to the prediction log."),
    ("log_failed_rows", "log_failed_rows_total", "Rows that could not be kept in the prediction log."),
    ("log_wait_seconds", "log_wait_seconds_sum", "Seconds that requests' rows waited until they were committed."),
    ("log_requests", "log_wait_seconds_count", "Requests whose rows were committed."),
)  # fmt: skip
GAUGES = (
    ("requests_in_flight", "requests_in_flight", "Requests that are being answered."),
    ("predictions_in_progress", "predictions_in_progress", "Predictions that are being made."),
    ("predictions_waiting", "predictions_waiting", "Requests that wait for a place to predict."),
    ("versions_in_memory", "versions_in_memory", "Model versions loaded, summed over the processes."),
    ("log_waiting_rows", "log_waiting_rows", "Rows that wait to be committed to the prediction log."),
)  # fmt: skip
UNFINISHED: tuple[tuple[type[Job], str, str], ...] = (
    (BatchPrediction, "batches", "Batches"),
    (TrainingRun, "training_runs", "Training runs"),
    (Completion, "completions", "Completions of reports"),
)
AT_WORK = ("queued", "running")


def exposition() -> str:
    """All metrics in Prometheus' text exposition format, version 0.0.4."""
    totals = meters.totals()
    return "\n".join(
        [*_requests(totals), *_latency(totals), *_rows(totals), *_plain(totals), *_jobs(totals), *_disk(), ""]
    )


def _requests(totals: Totals) -> Iterator[str]:
    yield from _head("requests_total", "counter", "Requests answered, by face and status.")
    for interface, status, count in totals.requests():
        yield f'mlweb_requests_total{{face="{interface}",status="{status}"}} {_number(count)}'


def _latency(totals: Totals) -> Iterator[str]:
    name = "request_seconds"
    yield from _head(name, "histogram", "Seconds from the request's head to its answer, by face.")
    for interface in INTERFACES:
        counts = totals.buckets(interface)
        if not counts[-1]:
            continue
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
            yield f'mlweb_{name}_bucket{{face="{interface}",le="{bound}"}} {_number(count)}'
        yield f'mlweb_{name}_sum{{face="{interface}"}} {_number(totals.seconds(interface))}'
        yield f'mlweb_{name}_count{{face="{interface}"}} {_number(counts[-1])}'


def _rows(totals: Totals) -> Iterator[str]:
    yield from _head("predicted_rows_total", "counter", "Rows answered and logged, by face; batches are one.")
    for source in SOURCES:
        yield f'mlweb_predicted_rows_total{{face="{source}"}} {_number(totals.value(f"rows_{source}"))}'


def _plain(totals: Totals) -> Iterator[str]:
    for kind, entries in (("counter", COUNTERS), ("gauge", GAUGES)):
        for meter, name, text in entries:
            yield from _head(name, kind, text)
            yield f"mlweb_{name} {_number(totals.value(meter))}"


def _jobs(totals: Totals) -> Iterator[str]:
    for job, name, text in UNFINISHED:
        counted = job._default_manager.filter(status__in=AT_WORK).order_by()
        by_status = dict(counted.values_list("status").annotate(Count("pk")))
        yield from _head(name, "gauge", f"{text} that are not finished, by status.")
        for status in AT_WORK:
            yield f'mlweb_{name}{{status="{status}"}} {by_status.get(status, 0)}'
    yield from _head(
        "jobs_ended_total",
        "counter",
        "Batches, training runs and completions that ended, by kind and status.",
    )
    for kind in KINDS:
        for end in ENDS:
            yield f'mlweb_jobs_ended_total{{kind="{kind}",status="{end}"}} {_number(totals.value(f"{kind}_{end}"))}'


def _disk() -> Iterable[str]:
    yield from _head("disk_free_bytes", "gauge", "Free on the disk of the data folder.")
    yield f"mlweb_disk_free_bytes {shutil.disk_usage(settings.DATA_DIR).free}"


def _head(name: str, kind: str, text: str) -> tuple[str, str]:
    return f"# HELP mlweb_{name} {text}", f"# TYPE mlweb_{name} {kind}"


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
