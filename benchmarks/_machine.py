"""Shared by all benchmarks: machine and versions, command line, result file, peak memory of processes."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

LIBRARIES = (
    "django",
    "djangorestframework",
    "duckdb",
    "numpy",
    "pandas",
    "scikit-learn",
    "onnxruntime",
    "granian",
)


def machine() -> dict[str, Any]:
    """Processor, cores, memory, load and system."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": [round(each, 2) for each in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Versions of Python and of the installed libraries."""
    versions_by_name = {"python": platform.python_version()}
    for name in libraries:
        try:
            versions_by_name[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions_by_name


def header(title: str, libraries: Iterable[str] = LIBRARIES) -> dict[str, Any]:
    """Prints machine and versions, and returns them for the result file."""
    about = {"benchmark": title, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    about |= {"machine": machine(), "versions": versions(libraries)}
    host = about["machine"]
    print(
        f"{title}: {host['processor']}, {host['cores']} cores, {host['memory_gb']} GB, load {host['load'][0]}"
    )
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()))
    return about


def parser(description: str | None) -> argparse.ArgumentParser:
    """Command line with the options that every benchmark takes."""
    argument_parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    argument_parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results, machine and versions to this file"
    )
    argument_parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; only checks that the benchmark runs"
    )
    return argument_parser


def write_json(path: Path | None, about: dict[str, Any], results: Any) -> None:
    """Writes machine, versions and results to the file; nothing without a path."""
    if path:
        path.write_text(
            json.dumps({**about, "results": results}, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )


class PeakMemory:
    """Peak resident memory (MB) of a process and of each of its descendants.

    The kernel keeps a high-water mark for each process (VmHWM). It is reset at the start and then read every
    20 ms, so that short-lived children are seen too.
    """

    def __init__(self, pid: int):
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._peaks: dict[tuple[int, str], int] = {}

    def __enter__(self) -> Self:
        for process in self._tree():
            _reset_peak(process.pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()
        self._look()

    @property
    def by_process(self) -> dict[str, float]:
        """The peak of each process, the largest first; names are made of the command and the process id."""
        peaks = {f"{name} {pid}": round(peak / 1024, 1) for (pid, name), peak in self._peaks.items()}
        return dict(sorted(peaks.items(), key=lambda item: -item[1]))

    @property
    def largest(self) -> float:
        """The peak of the largest process, in MB."""
        return max(self.by_process.values(), default=0.0)

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            self._look()

    def _look(self) -> None:
        for process in self._tree():
            try:
                name = _name(process)
                text = Path(f"/proc/{process.pid}/status").read_text()
            except (OSError, psutil.Error):
                continue
            peak = next((int(line.split()[1]) for line in text.splitlines() if line.startswith("VmHWM")), 0)
            key = (process.pid, name)
            self._peaks[key] = max(peak, self._peaks.get(key, 0))

    def _tree(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []


def timed(work: Any) -> tuple[float, Any]:
    """Wall-clock seconds of a call, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if "-m" in words:
        return words[words.index("-m") + 1]
    known = ("mlweb.server", "celery", "supervisord", "manage.py")
    return next((each for each in known if any(each in word for word in words)), process.name())


def _reset_peak(pid: int) -> None:
    with suppress(OSError):
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
