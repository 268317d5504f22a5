"""What every benchmark shares: the machine and versions it ran on, its result file, and memory of processes."""

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
    """Processor, cores, memory, load and system, as found."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": [round(each, 2) for each in os.getloadavg()],
        "system": f"{platform.system()} {platform.release()}",
    }


def versions(libraries: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Python and the libraries that are installed."""
    found = {"python": platform.python_version()}
    for name in libraries:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def header(title: str, libraries: Iterable[str] = LIBRARIES) -> dict[str, Any]:
    """Prints where it runs; the same goes into the result."""
    about = {"benchmark": title, "at": datetime.now(UTC).isoformat(timespec="seconds")}
    about |= {"machine": machine(), "versions": versions(libraries)}
    told = about["machine"]
    print(
        f"{title}: {told['processor']}, {told['cores']} cores, {told['memory_gb']} GB, load {told['load'][0]}"
    )
    print(", ".join(f"{name} {version}" for name, version in about["versions"].items()))
    return about


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark takes."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument(
        "--json", type=Path, metavar="FILE", help="write the results there, with versions and machine"
    )
    made.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes; only to see that it works"
    )
    return made


def write_json(path: Path | None, about: dict[str, Any], results: Any) -> None:
    """Machine, versions and results in one file; nothing when no file was asked for."""
    if path:
        path.write_text(
            json.dumps({**about, "results": results}, indent=1, ensure_ascii=False) + "\n", "utf-8"
        )


class PeakMemory:
    """The peak resident memory of a process and of all that it starts, each by itself, in MB.

    The kernel keeps each process's high-water mark; it is set back at the start and read until the end, every
    20 ms, so that also a short child is seen.
    """

    def __init__(self, pid: int):
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._peaks: dict[tuple[int, str], int] = {}

    def __enter__(self) -> Self:
        for process in self._tree():
            _set_back(process.pid)
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
        found = {f"{name} {pid}": round(peak / 1024, 1) for (pid, name), peak in self._peaks.items()}
        return dict(sorted(found.items(), key=lambda item: -item[1]))

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
    """Seconds of wall time, and what the work gave back."""
    started = time.perf_counter()
    answer = work()
    return time.perf_counter() - started, answer


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    if "-m" in words:
        return words[words.index("-m") + 1]
    known = ("mlweb.server", "celery", "supervisord", "manage.py")
    return next((each for each in known if any(each in word for word in words)), process.name())


def _set_back(pid: int) -> None:
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
