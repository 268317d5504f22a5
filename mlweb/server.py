"""The web server: granian with zero-downtime restarts. `python -m mlweb.supervised mlweb.server`.

Two things differ from granian's own command:

- The main process holds the listening sockets, one for each worker. If workers create their own, as granian's do on
  Linux, connections in the queue of a worker that ends are reset. Here its successor accepts them.
- SIGHUP to the main process, whose id is in `web.pid`, replaces the workers one after the other. A worker serves until
  its successor is ready. Then it drains: it answers with `Connection: close`, so that clients open a new connection,
  and ends some time later.

The main process does not import Django: each worker loads the current code when it starts.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.net import SocketSpec
from granian.server.mp import MPServer, WorkerProcess

# Signals to workers besides granian's SIGTERM; see `mlweb/worker.py`.
DRAIN, END = signal.SIGUSR1, signal.SIGUSR2
# A client may pause this long between two requests of a connection without finding it closed.
RELOAD_DRAIN_SECONDS = 2.0
# Time to drain at shutdown: busy connections get `Connection: close`, so that none is closed with a request in flight.
STOP_DRAIN_SECONDS = 0.5
READY_WITHIN_SECONDS = 120
# A worker whose threads do not end is ended by itself after FORCE_AFTER_SECONDS: it writes the logs and exits. It is
# killed only later, since writing waits for its turn, and takes long on a busy machine.
FORCE_AFTER_SECONDS = 7
KILL_AFTER_SECONDS = 25
BACKLOG = 2_048
# Most connections of one process, most of them idle; further ones wait in the kernel's queue.
MOST_CONNECTIONS = 2_048


class Server(MPServer):
    """Granian's multi-process server, with our listening sockets and our replacement of workers."""

    drain_seconds = 0.0

    def _init_shared_socket(self) -> None:
        # The kernel distributes connections over all sockets of the address (SO_REUSEPORT). With one socket for
        # both processes, one of them got nearly all of 16 connections, and its GIL was the limit.
        spec = SocketSpec(self.bind_addr, self.bind_port, self.backlog)
        self._listeners = []
        for _ in range(self.workers):
            holder = spec.build()
            listener = socket.socket(fileno=holder.get_fd())
            listener.set_inheritable(True)
            self._listeners.append((holder, listener))

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any) -> WorkerProcess:
        self._ssp = None
        self._shd, self._sso = self._listeners[idx]
        self._sfd = self._shd.get_fd()
        return super()._spawn_worker(idx, target, callback_loader)

    def _respawn_workers(
        self, workers: Sequence[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        for place in workers:
            old = self.wrks[place]
            new = self._spawn_worker(idx=place, target=spawn_target, callback_loader=target_loader)
            new.start()
            self.wrks[place] = new
            if old.is_alive():
                wait_until_ready(new)
                self._replace(old)
            else:
                # Granian stops when a worker dies again soon after its start; a replaced worker did not die.
                self.respawned_wrks[place] = time.monotonic()
            ready_file(old.inner.pid).unlink(missing_ok=True)

    def _replace(self, old: WorkerProcess) -> None:
        tell(old, DRAIN)
        time.sleep(max(self.drain_seconds, RELOAD_DRAIN_SECONDS))
        tell(old, END)
        old.terminate()
        old.join(KILL_AFTER_SECONDS)
        if old.is_alive():
            old.kill()
            old.join()

    def _stop_workers(self) -> None:
        for worker in self.wrks:
            tell(worker, END)
        super()._stop_workers()
        for worker in self.wrks:
            # One that was killed could not.
            ready_file(worker.inner.pid).unlink(missing_ok=True)

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        end: Callable[[], None] = super().signal_handler_interrupt
        for worker in self.wrks:
            # Ctrl-C reaches the workers, too: do not replace those that it ends.
            worker.interrupt_by_parent = True
            tell(worker, DRAIN)
        threading.Timer(max(self.drain_seconds, STOP_DRAIN_SECONDS), end).start()


def tell(worker: WorkerProcess, what: signal.Signals) -> None:
    if worker.is_alive():
        os.kill(worker.inner.pid, what)


def wait_until_ready(worker: WorkerProcess) -> None:
    """Wait until the worker has loaded the application, has ended, or READY_WITHIN_SECONDS have passed."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while worker.is_alive() and not ready_file(worker.inner.pid).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def ready_file(pid: int) -> Path:
    """A file that exists while the worker process with this id is ready."""
    return Path(os.environ["MLWEB_DATA_DIR"]) / "web" / str(pid)


def main() -> None:
    folder = Path(os.environ["MLWEB_DATA_DIR"])
    (folder / "web").mkdir(mode=0o700, exist_ok=True)
    for stale in (folder / "web").iterdir():
        stale.unlink(missing_ok=True)
    # Not granian's `pid_file`: after a power cut, granian takes any process with the old id for its own.
    (folder / "web.pid").write_text(f"{os.getpid()}\n")
    server = Server(
        "mlweb.wsgi:application",
        address=os.environ["MLWEB_HOST"],
        port=int(os.environ["MLWEB_PORT"]),
        interface=Interfaces.WSGI,
        # Browsers use HTTP/2 only with TLS, which a reverse proxy provides.
        http=HTTPModes.http1,
        websockets=False,
        workers=int(os.environ["MLWEB_WEB_WORKERS"]),
        blocking_threads=int(os.environ["MLWEB_WEB_THREADS"]),
        backlog=BACKLOG,
        backpressure=MOST_CONNECTIONS,
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=KILL_AFTER_SECONDS,
    )
    server.drain_seconds = float(os.environ.get("MLWEB_DRAIN_SECONDS", "0"))
    # Workers inherit this mask and receive the two signals in a thread of their own (sigwait).
    signal.pthread_sigmask(signal.SIG_BLOCK, {DRAIN, END})
    server.serve()


if __name__ == "__main__":
    main()
