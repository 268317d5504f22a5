"""The environment variables that a child process gets: those of an allow-list."""

from __future__ import annotations

import os

from django.conf import settings

# What the child may know of our environment: no key, no password, no database address.
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")


def child_environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    # Fits run side by side in processes: with threads of their own they would fight for the cores.
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**kept, **one_thread, "PYTHONPATH": str(settings.BASE_DIR), "PYTHONUNBUFFERED": "1"}
