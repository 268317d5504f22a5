"""Whether this process is about to end: it answers what it is asked, and asks to be asked no more.

A process drains when it is told to (a signal, see `mlweb/server.py`), and all of them while the file `draining`
stands in the data folder, by which an operator takes a machine out of a load balancer.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

_is_told = False


def begin() -> None:
    """From now on, until the process ends."""
    global _is_told  # noqa: PLW0603 (one for each process)
    _is_told = True


def is_draining() -> bool:
    """Whether this process was told to end."""
    return _is_told


def is_machine_draining() -> bool:
    """Whether an operator wants no more traffic on this machine."""
    return (Path(settings.DATA_DIR) / "draining").exists()
