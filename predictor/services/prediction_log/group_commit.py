"""Group commit for the prediction log: one transaction for all rows that wait in this process.

The first request becomes the leader and writes; the others wait. After the commit, one of them becomes the leader and
writes all rows that have arrived meanwhile. There is no timer, and a single request needs no switch of threads.
Between processes on SQLite, a file lock keeps the order: SQLite itself waits by sleeping for longer and longer, and
two processes that log all the time raised p99 above 100 ms.

A response is sent after its rows are committed (`durable`), or at once while a thread writes them behind it
(`buffered`); `docs/prediction-log.md` says what each guarantees.
"""

from __future__ import annotations

import atexit
import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ..process import meters
from .log_rows import ROWS_A_STATEMENT, LogRow, insert

logger = logging.getLogger(__name__)

# Most rows in memory when buffered; beyond it callers wait for the commit as if it were durable (back-pressure).
MOST_BUFFERED_ROWS = 50_000
RETRY_SECONDS = 1.0
# Transient errors: the database does not answer, the connection is closed, the lock file cannot be opened.
PASSING = (OperationalError, InterfaceError, OSError)


@dataclass(frozen=True)
class WriterStatus:
    """Counts of this process since its start, and the lag of its log: the age of the oldest waiting row."""

    n_waiting_rows: int
    oldest_seconds: float
    n_commits: int
    n_rows: int
    n_failed_rows: int


class _Ticket:
    """The rows of one waiting request, and the lock that wakes it: committed, failed, or now the leader."""

    __slots__ = ("error", "is_awaited", "is_leader", "rows", "since", "woken")

    def __init__(self, rows: Sequence[LogRow], *, is_awaited: bool):
        self.rows = rows
        self.since = time.monotonic()
        self.is_awaited = is_awaited
        self.is_leader = False
        self.error: BaseException | None = None
        # A bare lock is the cheapest primitive in Python that one thread waits for and another releases.
        self.woken = threading.Lock()
        self.woken.acquire()


class LogWriter:
    """The log writer of one process. It has a connection of its own, which only the current leader uses."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._waiting: list[_Ticket] = []
        self._has_leader = False
        self._connection: BaseDatabaseWrapper | None = None
        self._turns: tuple[Path, IO[bytes]] | None = None
        self._behind: threading.Thread | None = None
        self._has_work = threading.Event()
        self._n_commits = self._n_rows = self._n_failed_rows = 0

    def write(self, rows: Sequence[LogRow]) -> None:
        """Return when the rows are committed. Raises the error that prevented it, mostly a DatabaseError."""
        ticket = _Ticket(rows, is_awaited=True)
        with self._mutex:
            self._waiting.append(ticket)
            ticket.is_leader = not self._has_leader
            self._has_leader = True
        if not ticket.is_leader:
            ticket.woken.acquire()
        if ticket.is_leader:
            self._lead()
        if ticket.error is not None:
            raise ticket.error

    def write_behind(self, rows: Sequence[LogRow]) -> None:
        """Return at once; a thread commits the rows. With MOST_BUFFERED_ROWS waiting, return after the commit."""
        with self._mutex:
            n_waiting = self._n_waiting_rows()
            meters.note("log_waiting_rows", n_waiting)
            is_full = n_waiting >= MOST_BUFFERED_ROWS
            if not is_full:
                self._waiting.append(_Ticket(rows, is_awaited=False))
                if self._behind is None:
                    self._behind = threading.Thread(target=self._work, name="prediction-log", daemon=True)
                    self._behind.start()
        if is_full:
            self.write(rows)
        else:
            self._has_work.set()

    def flush(self) -> None:
        """Return when the rows that wait now are committed, or have failed and will be retried."""
        self.write(())

    def close(self) -> None:
        """Flush, and close the connection; the next write opens a new one."""
        self.flush()
        with self._mutex:
            if not self._has_leader:
                self._drop_connection()
                self._close_turns()

    @property
    def is_at_work(self) -> bool:
        """Whether rows wait, or are being committed."""
        with self._mutex:
            return self._has_leader or bool(self._waiting)

    def status(self) -> WriterStatus:
        with self._mutex:
            return WriterStatus(
                n_waiting_rows=self._n_waiting_rows(),
                oldest_seconds=time.monotonic() - self._waiting[0].since if self._waiting else 0.0,
                n_commits=self._n_commits,
                n_rows=self._n_rows,
                n_failed_rows=self._n_failed_rows,
            )

    def _n_waiting_rows(self) -> int:
        return sum(len(each.rows) for each in self._waiting)

    def _work(self) -> None:
        """The write-behind thread: it flushes for requests that did not wait."""
        while True:
            self._has_work.wait()
            self._has_work.clear()
            try:
                self.flush()
            except Exception as error:
                # If this thread ended, buffered rows would never be written, without any error.
                if not isinstance(error, PASSING):
                    logger.exception("The log's writer failed and goes on.")
                time.sleep(RETRY_SECONDS)
                self._has_work.set()

    # --- The leader's part ---------------------------------------------------------------------------------
    def _lead(self) -> None:
        """Write the waiting rows, then make the first request that arrived meanwhile the leader."""
        batch: list[_Ticket] = []
        try:
            with self._turn():
                batch = self._taken()
                self._commit(batch)
        except BaseException as error:
            batch = batch or self._taken()
            for ticket in batch:
                ticket.error = ticket.error or error
            if not isinstance(error, Exception):
                raise
        finally:
            self._pass_on(batch)

    def _taken(self) -> list[_Ticket]:
        with self._mutex:
            batch, self._waiting = self._waiting, []
        return batch

    def _pass_on(self, batch: Sequence[_Ticket]) -> None:
        self._count(batch)
        again = [each for each in batch if not each.is_awaited and isinstance(each.error, PASSING)]
        for ticket in again:
            ticket.error = None
        with self._mutex:
            self._waiting[:0] = again
            next_leader = next((each for each in self._waiting if each.is_awaited), None)
            self._has_leader = next_leader is not None
            meters.note("log_waiting_rows", self._n_waiting_rows())
        if next_leader is not None:
            next_leader.is_leader = True
            next_leader.woken.release()
        for ticket in batch:
            if ticket.is_awaited:
                ticket.woken.release()

    def _count(self, batch: Sequence[_Ticket]) -> None:
        self._n_commits += any(each.rows for each in batch)
        n_rows_before, n_failed_before = self._n_rows, self._n_failed_rows
        for ticket in batch:
            if ticket.error is None:
                self._n_rows += len(ticket.rows)
            elif ticket.is_awaited or not isinstance(ticket.error, PASSING):
                self._n_failed_rows += len(ticket.rows)
                logger.error("%d predictions could not be logged.", len(ticket.rows), exc_info=ticket.error)
        n_rows, n_failed = self._n_rows - n_rows_before, self._n_failed_rows - n_failed_before
        if n_rows or n_failed:
            waited = sum(time.monotonic() - each.since for each in batch)
            meters.group_ended(n_rows, n_failed, len(batch), waited)

    def _commit(self, batch: Sequence[_Ticket]) -> None:
        rows = [row for ticket in batch for row in ticket.rows]
        if not rows:
            return
        try:
            self._insert(rows)
        except (OperationalError, InterfaceError):
            connection = self._connection
            self._drop_connection()
            if connection is None or connection.vendor == "sqlite":
                raise
            # The broken connection may have committed; insert() leaves existing rows unchanged.
            self._insert(rows)
        except DatabaseError:
            self._commit_each(batch)

    def _commit_each(self, batch: Sequence[_Ticket]) -> None:
        """Insert the rows of each request alone: one may fail (its version was deleted, say), the others are kept."""
        for ticket in batch:
            try:
                self._insert(ticket.rows)
            except (DatabaseError, InterfaceError) as error:
                ticket.error = error

    def _insert(self, rows: Sequence[LogRow]) -> None:
        if self._connection is None:
            self._connection = connections.create_connection(DEFAULT_DB_ALIAS)
            self._connection.inc_thread_sharing()
        if len(rows) <= ROWS_A_STATEMENT:
            insert(self._connection, rows)
        else:
            with _transaction(self._connection):
                insert(self._connection, rows)

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """As `turn`, but the file stays open between calls."""
        if not takes_turns():
            yield
            return
        if self._turns is None or self._turns[0] != settings.DATA_DIR:
            self._close_turns()
            self._turns = (settings.DATA_DIR, turns_path().open("ab"))
        file = self._turns[1]
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)

    def _close_turns(self) -> None:
        if self._turns is not None:
            self._turns[1].close()
            self._turns = None


def takes_turns() -> bool:
    """Whether the database is SQLite, where only one process at a time can write."""
    return connections[DEFAULT_DB_ALIAS].vendor == "sqlite"


def turns_path() -> Path:
    return Path(settings.DATA_DIR) / "prediction_log.lock"


@contextmanager
def turn() -> Iterator[None]:
    """Hold the file lock of the log writers of all processes; for other code that writes many rows."""
    if not takes_turns():
        yield
        return
    with turns_path().open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _transaction(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """A transaction on this connection: `atomic` works only for connections registered with Django."""
    connection.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    try:
        yield
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.set_autocommit(True)


_writer = LogWriter()
_inherited: list[LogWriter] = []


def writer() -> LogWriter:
    """This process's writer."""
    return _writer


def _begin_anew() -> None:
    """After a fork, make a new writer: the connection, locks and thread of the old one belong to the parent.

    The old writer is kept, because closing its SQLite connection would release the parent's locks.
    """
    global _writer  # noqa: PLW0603 (one for each process)
    _inherited.append(_writer)
    _writer = LogWriter()


def _flush_at_exit() -> None:
    """Write the buffered rows: the daemon thread ends with the interpreter, even with rows left."""
    if _writer.is_at_work:
        _writer.flush()


os.register_at_fork(after_in_child=_begin_anew)
atexit.register(_flush_at_exit)
