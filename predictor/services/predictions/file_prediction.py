"""Prediction of a file in chunks, so that memory does not grow with the file: rows in, result and log rows out.

A CSV file that is predicted within a request and a batch differ in their policy alone: whether a row with an error
ends the prediction, when rows are logged, and what is committed on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any, Protocol, TypeVar, cast

from ...errors import quoted_list
from ...ml.inputs.row_chunks import BulkChunk, BulkSource
from .bulk_answers import BulkAnswerer, BulkAnswers, Logged
from .result_writer import ResultWriter

Item = TypeVar("Item")
Result = TypeVar("Result")

# Rows of one insert into the log: its other writers wait at most for so many.
LOGGED_AT_ONCE = 1_000


class FilePolicy(Protocol):
    """What differs between ways to predict a file."""

    def check(self, chunk: BulkChunk) -> None:
        """Before a chunk is predicted; may raise to end the prediction."""

    def log(self, logged: Logged, latency_ms: float) -> None:
        """The log rows of a chunk whose result is written."""

    def advance(self, chunk: BulkChunk, answers: BulkAnswers) -> None:
        """After a chunk is written and logged: count, and commit."""


@dataclass(frozen=True)
class FilePrediction:
    """One file: where its rows come from, what predicts them, and what writes the result."""

    rows: BulkSource
    answerer: BulkAnswerer
    writer: ResultWriter

    def run(self, policy: FilePolicy, result: IO[bytes], *, skip: int = 0) -> None:
        """Predict the rows after the first `skip`, chunk by chunk, and write the result at the end of `result`."""
        # The model computes outside of Python's lock, so the next chunk is read meanwhile.
        for chunk, answers, seconds in mapped_ahead(self._answered, self._checked(policy, skip)):
            started = time.perf_counter()
            result.write(self.writer.chunk(chunk, answers))
            latency_ms = round((seconds + time.perf_counter() - started) * 1000, 3)
            policy.log(Logged.of(chunk, answers), latency_ms)
            policy.advance(chunk, answers)
            del chunk, answers

    def _checked(self, policy: FilePolicy, skip: int) -> Iterator[BulkChunk]:
        for chunk in self.rows.bulk_chunks(skip=skip):
            policy.check(chunk)
            yield chunk

    def _answered(self, chunk: BulkChunk) -> tuple[BulkChunk, BulkAnswers, float]:
        started = time.perf_counter()
        answers = self.answerer.answer(chunk)
        return chunk, answers, time.perf_counter() - started


def mapped_ahead(function: Callable[[Item], Result], items: Iterator[Item]) -> Iterator[Result]:
    """The results of a function in the order of the items. A thread computes one while the next item is made.

    The results of earlier items come before an error of `items`.
    """
    # A pool that outlives the call would have no threads in a process that is forked later.
    with ThreadPoolExecutor(1) as pool:
        computing: Future[Result] | None = None
        error: Exception | None = None
        while error is None:
            item: Item | None = None
            try:
                item = next(items)
            except Exception as raised:
                error = raised
            if computing is not None:
                # No name holds the result while the caller works on it, so that at most two chunks are in memory.
                yield computing.result()
            computing = pool.submit(function, cast("Item", item)) if error is None else None
        if not isinstance(error, StopIteration):
            raise error


def parts(rows: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """The rows in parts of LOGGED_AT_ONCE."""
    for start in range(0, len(rows), LOGGED_AT_ONCE):
        yield rows[start : start + LOGGED_AT_ONCE]


def file_warnings(rows: BulkSource) -> Iterator[str]:
    """Sentences on the file as a whole: unused columns, rows that were left out."""
    if (lines := getattr(rows, "lines", None)) and lines.n_skipped:
        yield lines.sentence
    if unused := getattr(rows, "unused", ()):
        yield f"The model does not use {quoted_list(unused)}."
    if n_left_out := getattr(rows, "n_left_out", 0):
        yield f"{n_left_out:,} rows with more or fewer cells than the header were left out."
