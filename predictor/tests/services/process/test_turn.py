from __future__ import annotations

import pytest

from predictor.errors import Busy
from predictor.services.process import turn as module
from predictor.services.process.turn import Turn


def test_the_second_is_refused_while_the_first_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_SECONDS", 0.01)
    turn = Turn("It is being read")

    with turn:
        with pytest.raises(Busy, match="It is being read; try again") as refused, turn:
            pass
        assert refused.value.retry_seconds == module.RETRY_SECONDS


def test_a_turn_ends_with_an_error_too() -> None:
    turn = Turn("It is being read")
    with pytest.raises(ValueError, match="wrong"), turn:
        raise ValueError("wrong")

    with turn:
        pass
