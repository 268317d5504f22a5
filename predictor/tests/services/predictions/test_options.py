from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any
from uuid import UUID

import pytest

from predictor.models import PredictionSource
from predictor.services.predictions.options import Caller, PredictionOptions


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"version": "champion", "strict": True, "coverage": 0.8},
        {"group": "Ulm", "is_lenient": True, "is_logged": False, "are_texts": True, "is_nan_missing": True},
    ],
)
def test_options_that_every_row_can_take_can_be_a_batch(options: dict[str, Any]) -> None:
    assert PredictionOptions(**options).can_be_batch


@pytest.mark.parametrize(
    "options", [{"explain": True}, {"nearest": 1}, {"horizon": 3}, {"horizon": 0}, {"history": ({"x": 1},)}]
)
def test_an_explanation_a_horizon_and_a_history_cannot_be_a_batch(options: dict[str, Any]) -> None:
    assert not PredictionOptions(**options).can_be_batch


def test_each_caller_makes_a_request_id_of_its_own() -> None:
    first, second = Caller(None), Caller(None)

    assert UUID(first.request_id).version == 7
    assert first.request_id == UUID(first.request_id).hex
    assert first.request_id != second.request_id


def test_a_given_request_id_is_kept() -> None:
    assert Caller(None, request_id="r-1").request_id == "r-1"


def test_a_caller_is_the_api_without_a_token_and_cannot_be_changed() -> None:
    caller = Caller(None)

    assert (caller.source, caller.token) == (PredictionSource.API, None)
    with pytest.raises(FrozenInstanceError):
        caller.request_id = "another"  # type: ignore[misc]
