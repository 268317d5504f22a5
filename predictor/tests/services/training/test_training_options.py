from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from pytest_django import Settings

from predictor.errors import InvalidThreshold, InvalidTrainingRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import ForecastOptions, TrainingRequest
from predictor.services.training.training_options import TrainingOptions

SCHEMA = TableSchema((ColumnProfile("x", Role.NUMERIC, "DOUBLE", n_distinct=9),), 40)


@pytest.fixture(autouse=True)
def _budgets(settings: Settings) -> None:
    settings.TRAINING_BUDGET_SECONDS, settings.TRAINING_MAX_BUDGET_SECONDS = 45, 600


def request_of(**options: Any) -> TrainingRequest:
    return TrainingOptions(**options).request(cast(Any, SimpleNamespace(schema=SCHEMA)))


def test_options_that_are_not_given_have_their_defaults() -> None:
    assert request_of() == TrainingRequest(parquet="", schema=SCHEMA, target="", budget_seconds=45)


def test_every_option_goes_to_the_request_with_its_type() -> None:
    request = request_of(
        target="y",
        task="binary",
        estimator="ridge",
        params={"alpha": 2},
        budget_seconds=9,
        seed=5,
        roles={"x": "text"},
        split={"kind": "group", "column": "city"},
        threshold={"by": "fixed", "value": 0.25},
        forecast={"date_column": "day", "horizon": 3},
    )

    assert request == TrainingRequest(
        parquet="",
        schema=SCHEMA,
        target="y",
        task=Task.BINARY,
        estimator="ridge",
        params={"alpha": 2},
        budget_seconds=9,
        seed=5,
        roles={"x": Role.TEXT},
        split=SplitBy(SplitKind.GROUP, "city"),
        threshold=ThresholdRule("fixed", (0.25,)),
        forecast=ForecastOptions("day", horizon=3),
    )
    assert isinstance(request.task, Task)
    assert isinstance(request.roles["x"], Role)


def test_empty_fields_of_a_form_are_not_given() -> None:
    empty = {
        "task": "",
        "estimator": "",
        "params": {},
        "roles": {},
        "effort": "",
        "threshold": "",
        "split": "",
    }

    assert request_of(**empty) == request_of()


@pytest.mark.parametrize(
    "split", [SplitBy(SplitKind.TIME, "a:b"), {"kind": "time", "column": "a:b"}, "time:a:b"]
)
def test_a_split_is_the_same_as_object_json_and_text(split: Any) -> None:
    assert request_of(split=split).split == SplitBy(SplitKind.TIME, "a:b")


@pytest.mark.parametrize(
    "threshold",
    [
        ThresholdRule("cost", (1.0, 5.0)),
        {"by": "cost", "false_positive": 1, "false_negative": 5},
        "cost:1:5",
    ],
)
def test_a_threshold_is_the_same_as_object_json_and_text(threshold: Any) -> None:
    assert request_of(threshold=threshold).threshold == ThresholdRule("cost", (1.0, 5.0))


@pytest.mark.parametrize(("effort", "seconds"), [("quick", 10), ("standard", 60), ("thorough", 600)])
def test_an_effort_names_a_budget(effort: str, seconds: int) -> None:
    assert request_of(effort=effort).budget_seconds == seconds


def test_an_effort_cannot_exceed_the_longest_budget(settings: Settings) -> None:
    settings.TRAINING_MAX_BUDGET_SECONDS = 599

    with pytest.raises(InvalidTrainingRequest, match="between 1 and 599 seconds"):
        request_of(effort="thorough")


@pytest.mark.parametrize(("given", "seconds"), [(1, 1), (1.0, 1), (7.2, 8), (599.5, 600), (600, 600)])
def test_a_budget_is_rounded_up_to_whole_seconds(given: float, seconds: int) -> None:
    budget = request_of(budget_seconds=given).budget_seconds

    assert budget == seconds
    assert isinstance(budget, int)


@pytest.mark.parametrize(
    "given",
    [0, 0.99, -1, 600.01, float("nan"), float("inf"), True, "60", pytest.param("9" * 10_000, id="long")],
)
def test_another_budget_is_refused_with_the_limit(given: Any) -> None:
    with pytest.raises(InvalidTrainingRequest, match="it has to be between 1 and 600 seconds") as refused:
        request_of(budget_seconds=given)

    assert (refused.value.field, refused.value.limit) == ("budget_seconds", 600)
    assert len(refused.value.message) < 150


def test_a_whole_number_beyond_every_float_is_refused_as_a_budget_too() -> None:
    with pytest.raises(InvalidTrainingRequest, match="it has to be between 1 and 600 seconds"):
        request_of(budget_seconds=10**400)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_a_seed_of_32_bits_is_kept(seed: int) -> None:
    assert request_of(seed=seed).seed == seed


@pytest.mark.parametrize("seed", [-1, 2**32, True, False, 1.0, "1"])
def test_another_seed_is_refused_with_the_limit(seed: Any) -> None:
    with pytest.raises(InvalidTrainingRequest, match="a whole number between 0 and 4294967295") as refused:
        request_of(seed=seed)

    assert (refused.value.field, refused.value.limit) == ("seed", 2**32 - 1)


@pytest.mark.parametrize(
    ("options", "field", "sentence"),
    [
        ({"task": "guess"}, "task", "There is no task “guess”. Choose one of “regression”"),
        (
            {"effort": "huge"},
            "effort",
            "There is no effort “huge”. Choose one of “quick”, “standard”, “thorough”.",
        ),
        ({"effort": "quick", "budget_seconds": 9}, "effort", "either an effort or a time budget in seconds"),
        ({"effort": "quick", "budget_seconds": 0}, "effort", "either an effort or a time budget in seconds"),
        (
            {"roles": {"a": "tint", "b": "colour", "c": "tint", "d": "text"}},
            "roles",
            "There is no column role “colour”, “tint”. Choose from",
        ),
        ({"split": "shuffle"}, "split", "There is no split “shuffle”."),
    ],
)
def test_an_unknown_word_is_refused_with_its_field(
    options: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(InvalidTrainingRequest) as refused:
        request_of(**options)

    assert refused.value.field == field
    assert sentence in refused.value.message


def test_an_invalid_threshold_is_refused() -> None:
    with pytest.raises(InvalidThreshold):
        request_of(threshold="cost:1")


def test_the_request_does_not_change_with_the_callers_params() -> None:
    params = {"alpha": 1}
    request = request_of(params=params)

    params["alpha"] = 2

    assert request.params == {"alpha": 1}
