"""Connection draining: a process that is about to end still answers, but reports itself as not ready.

One process drains after a signal (see `mlweb/server.py`). All of them drain while the file `draining` exists in the
data folder: an operator creates it to take a machine out of a load balancer.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

_is_told = False


def begin() -> None:
    """Start draining, until the process ends."""
    global _is_told  # noqa: PLW0603 (one for each process)
    _is_told = True


def is_draining() -> bool:
    """Whether this process received the signal to end."""
    return _is_told


def is_machine_draining() -> bool:
    """Whether an operator has taken this machine out of the load balancer."""
    return (Path(settings.DATA_DIR) / "draining").exists()
