from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from predictor.errors import InvalidRows
from predictor.ml.inputs.row_checker import RowWarning
from predictor.ml.inputs.row_chunks import BulkChunk
from predictor.services.predictions.bulk_answers import BulkAnswers, Logged
from predictor.services.predictions.file_prediction import (
    LOGGED_AT_ONCE,
    FilePrediction,
    file_warnings,
    mapped_ahead,
    parts,
)
from predictor.tests.waiting import HANG_SECONDS

NOTE = RowWarning("missing", "x", "no value")


class Rows:
    """A file of five rows in chunks of two; the third row has an error, the fourth a warning."""

    def __init__(self, events: list[str]):
        self._events = events

    def bulk_chunks(self, *, skip: int = 0) -> Iterator[BulkChunk]:
        for first in range(skip + 1, 6, 2):
            self._events.append(f"read {first}")
            numbers = range(first, min(first + 2, 6))
            places = [place for place, number in enumerate(numbers) if number != 3]
            yield BulkChunk(
                first,
                [str(number) for number in numbers],
                places,
                {},
                [f'{{"x":{numbers[place]}}}' for place in places],
                {place: (NOTE,) for place, number in enumerate(numbers) if number == 4},
                {place: "bad" for place, number in enumerate(numbers) if number == 3},
            )


class Steps:
    """The answerer, the writer, the policy and the result at once; says what was called, and fails at one call."""

    def __init__(self, fails_at: str = ""):
        self.events: list[str] = []
        self.logged: list[Logged] = []
        self.result = io.BytesIO()
        self._fails_at = fails_at

    def _say(self, event: str) -> None:
        self.events.append(event)
        if event == self._fails_at:
            raise InvalidRows(event)

    def answer(self, chunk: BulkChunk) -> BulkAnswers:
        self._say(f"answer {chunk.first_row}")
        outputs = [f'{{"prediction":{place}}}' for place in chunk.places]
        return BulkAnswers([""] * len(outputs), [""] * len(outputs), outputs, 0)

    def chunk(self, chunk: BulkChunk, answers: BulkAnswers) -> bytes:
        self._say(f"write {chunk.first_row}")
        return f"{' '.join(chunk.lines)}\n".encode()

    def check(self, chunk: BulkChunk) -> None:
        self._say(f"check {chunk.first_row}")

    def log(self, logged: Logged, latency_ms: float) -> None:
        assert latency_ms >= 0
        self.logged.append(logged)
        self._say(f"log after {len(self.result.getvalue())} bytes")

    def advance(self, chunk: BulkChunk, answers: BulkAnswers) -> None:
        assert len(answers.outputs) == len(chunk.places)
        self._say(f"advance {chunk.first_row}")


def run(steps: Steps, *, skip: int = 0) -> None:
    each = cast(Any, steps)
    FilePrediction(cast(Any, Rows(steps.events)), each, each).run(each, steps.result, skip=skip)


def test_each_chunk_is_checked_answered_written_logged_and_counted() -> None:
    """The answers of a chunk are computed while the next one is read; the rest of each comes in order."""
    steps = Steps()

    run(steps)

    assert [each for each in steps.events if not each.startswith("answer")] == [
        *["read 1", "check 1"],
        *["read 3", "check 3", "write 1", "log after 4 bytes", "advance 1"],
        *["read 5", "check 5", "write 3", "log after 8 bytes", "advance 3"],
        *["write 5", "log after 10 bytes", "advance 5"],
    ]
    for number in (1, 3, 5):
        place = steps.events.index(f"answer {number}")
        assert steps.events.index(f"check {number}") < place < steps.events.index(f"write {number}")
    assert steps.result.getvalue() == b"1 2\n3 4\n5\n"


def test_skipped_rows_are_not_written_again_and_the_result_is_continued_at_its_end() -> None:
    steps = Steps()
    steps.result.write(b"1 2\n")

    run(steps, skip=2)

    assert steps.events[0] == "read 3"
    assert steps.result.getvalue() == b"1 2\n3 4\n5\n"


@pytest.mark.parametrize("skip", [5, 6])
def test_nothing_is_called_where_no_row_is_left(skip: int) -> None:
    steps = Steps()

    run(steps, skip=skip)

    assert (steps.events, steps.result.getvalue()) == ([], b"")


@pytest.mark.parametrize(
    ("event", "content"),
    [
        ("check 3", b"1 2\n"),
        ("answer 3", b"1 2\n"),
        ("write 3", b"1 2\n"),
        ("log after 8 bytes", b"1 2\n3 4\n"),
        ("advance 3", b"1 2\n3 4\n"),
    ],
)
def test_nothing_is_done_after_an_error(event: str, content: bytes) -> None:
    steps = Steps(event)

    with pytest.raises(InvalidRows, match=event):
        run(steps)

    # The chunk before is written, and the next one may be read already.
    after = steps.events[steps.events.index(event) + 1 :]
    assert set(after) <= {"write 1", "log after 4 bytes", "advance 1", "read 5", "check 5"}
    assert steps.result.getvalue() == content


def test_only_answered_rows_are_logged_under_their_number_in_the_file() -> None:
    steps = Steps()

    run(steps, skip=2)

    first, second = steps.logged
    assert (first.numbers, second.numbers) == ([4], [5])
    assert first.inputs == ['{"x":4}']
    assert first.outputs == ['{"prediction":1}']
    (warnings,) = first.warnings
    assert json.loads(warnings) == [{"code": "missing", "column": "x", "message": "no value"}]
    assert second.warnings == ["[]"]


@pytest.mark.parametrize(
    ("n_rows", "lengths"),
    [(0, []), (1, [1]), (1_000, [1_000]), (1_001, [1_000, 1]), (2_500, [1_000, 1_000, 500])],
)
def test_parts_are_as_long_as_the_log_takes_and_keep_the_order(n_rows: int, lengths: list[int]) -> None:
    cut = list(parts(range(n_rows)))

    assert LOGGED_AT_ONCE == 1_000
    assert [len(each) for each in cut] == lengths
    assert [row for each in cut for row in each] == list(range(n_rows))


@pytest.mark.parametrize(
    ("rows", "sentences"),
    [
        ({}, []),
        ({"unused": (), "n_left_out": 0}, []),
        ({"unused": ("id", "größe")}, ["The model does not use “id”, “größe”."]),
        (
            {"unused": tuple("abcdefg"), "n_left_out": 1_234},
            [
                "The model does not use “a”, “b”, “c”, “d”, “e” and 2 more.",
                "1,234 rows with more or fewer cells than the header were left out.",
            ],
        ),
    ],
)
def test_a_file_is_warned_of_unused_columns_and_rows_left_out(
    rows: dict[str, Any], sentences: list[str]
) -> None:
    assert list(file_warnings(cast(Any, SimpleNamespace(**rows)))) == sentences


def test_results_come_in_order_and_before_an_error_of_the_items() -> None:
    def items() -> Iterator[int]:
        yield from (1, 2, 3)
        raise ValueError("the fourth")

    found: list[int] = []
    with pytest.raises(ValueError, match="the fourth"):
        found.extend(mapped_ahead(lambda item: item * item, items()))

    assert found == [1, 4, 9]
    assert list(mapped_ahead(str, iter(()))) == []


def test_the_next_item_is_made_while_a_result_is_computed() -> None:
    is_made = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        is_made.set()
        yield 2

    assert list(mapped_ahead(lambda item: is_made.wait(HANG_SECONDS) and item, items())) == [1, 2]
