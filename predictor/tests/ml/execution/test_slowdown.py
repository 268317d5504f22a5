from __future__ import annotations

from types import SimpleNamespace

import pytest

from predictor.ml.execution import slowdown as module
from predictor.ml.execution.slowdown import MAX_SLOWDOWN, Slowdown


@pytest.mark.parametrize(
    ("wall", "cpu", "expected"),
    [
        (4.0, 1.0, 4.0),
        (1.0, 1.0, 1.0),
        (1.0, 1.8, 1.0),  # two threads
        (9.0, 0.05, 1.0),  # too little computing to tell
        (900.0, 1.0, MAX_SLOWDOWN),
    ],
)
def test_the_slowdown_is_the_seconds_that_pass_for_each_second_of_computing(
    monkeypatch: pytest.MonkeyPatch, wall: float, cpu: float, expected: float
) -> None:
    now = SimpleNamespace(monotonic=lambda: 100.0, process_time=lambda: 7.0)
    monkeypatch.setattr(module, "time", now)
    measured = Slowdown.begin()
    now.monotonic, now.process_time = lambda: 100.0 + wall, lambda: 7.0 + cpu

    assert measured.now() == expected
