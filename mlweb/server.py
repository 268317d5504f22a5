"""The web server: granian, with restarts that no request notices. `python -m mlweb.supervised mlweb.server`.

Two things differ from granian's own command:

- The listening sockets, one for each worker, are held by the main process. Where workers make their own, as
  granian's do on Linux, connections that wait in the queue of a worker that ends are reset; here its successor
  takes them.
- A worker that is to be replaced (SIGHUP to the main process, whose id is in `web.pid`) goes on until its
  successor is ready. Then it is told to drain: it answers with `Connection: close`, so that clients come back by
  a new connection, and ends some time later. One after the other.

The main process knows no Django: its workers load the code that is there when they start.
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

# What workers are told besides SIGTERM, which granian understands; see `mlweb/worker.py`.
DRAIN, END = signal.SIGUSR1, signal.SIGUSR2
# How long a client may think between two requests of one connection and still not meet its end.
RELOAD_DRAIN_SECONDS = 2.0
# Before all ends: those who keep their connections busy hear of it, so that none is closed with a request on its way.
STOP_DRAIN_SECONDS = 0.5
READY_WITHIN_SECONDS = 120
KILL_AFTER_SECONDS = 10
BACKLOG = 2_048
# Connections of one process, most of them idle; those above wait in the kernel's queue.
MOST_CONNECTIONS = 2_048


class Server(MPServer):
    """Granian's server of several processes, with our socket and our way to replace a worker."""

    drain_seconds = 0.0

    def _init_shared_socket(self) -> None:
        # The kernel deals connections out to all sockets of the address. With one socket for all processes, one
        # of two got nearly all of 16 connections, and its interpreter lock was the limit.
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
                # Granian ends for good when one dies again and again; one that was replaced did not die.
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

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        end: Callable[[], None] = super().signal_handler_interrupt
        for worker in self.wrks:
            # Ctrl-C reaches the workers, too: those that end by it are not replaced.
            worker.interrupt_by_parent = True
            tell(worker, DRAIN)
        threading.Timer(max(self.drain_seconds, STOP_DRAIN_SECONDS), end).start()


def tell(worker: WorkerProcess, what: signal.Signals) -> None:
    if worker.is_alive():
        os.kill(worker.inner.pid, what)


def wait_until_ready(worker: WorkerProcess) -> None:
    """Until it has loaded the application, or has ended, or takes too long for that."""
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while worker.is_alive() and not ready_file(worker.inner.pid).exists() and time.monotonic() < deadline:
        time.sleep(0.05)


def ready_file(pid: int) -> Path:
    """There while the worker process with this id has the application loaded."""
    return Path(os.environ["MLWEB_DATA_DIR"]) / "web" / str(pid)


def main() -> None:
    folder = Path(os.environ["MLWEB_DATA_DIR"])
    (folder / "web").mkdir(mode=0o700, exist_ok=True)
    for left in (folder / "web").iterdir():
        left.unlink(missing_ok=True)
    # Not granian's `pid_file`: after a power cut, it would take any process with the old id for itself.
    (folder / "web.pid").write_text(f"{os.getpid()}\n")
    server = Server(
        "mlweb.wsgi:application",
        address=os.environ["MLWEB_HOST"],
        port=int(os.environ["MLWEB_PORT"]),
        interface=Interfaces.WSGI,
        # Browsers speak HTTP/2 only under TLS, which is a proxy's work here.
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
    # For the workers, which inherit it and take the two in a thread of their own.
    signal.pthread_sigmask(signal.SIG_BLOCK, {DRAIN, END})
    server.serve()


if __name__ == "__main__":
    main()
