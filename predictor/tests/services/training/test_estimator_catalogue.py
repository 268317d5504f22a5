from __future__ import annotations

from typing import Any

import pytest

from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.models import Dataset, TrainingRun
from predictor.services.training import TrainingOptions, estimator_catalogue

COLUMNS = (
    ColumnProfile("age", Role.NUMERIC, "DOUBLE", n_distinct=200, minimum=0.0, maximum=9.0),
    ColumnProfile("city", Role.CATEGORICAL, "VARCHAR", n_distinct=5),
    ColumnProfile("note", Role.TEXT, "VARCHAR", n_distinct=300),
    ColumnProfile("price", Role.NUMERIC, "DOUBLE", n_distinct=250, minimum=1.0, maximum=7.0),
    ColumnProfile("same", Role.CONSTANT, "VARCHAR", n_distinct=1),
)


def table(n_rows: int = 2_000) -> Dataset:
    return Dataset(schema_json=TableSchema(COLUMNS, n_rows).to_json())


def advise(dataset: Dataset | None = None, **options: Any) -> estimator_catalogue.Advice | None:
    training_options = TrainingOptions(**{"target": "price", **options})
    return estimator_catalogue.advise(dataset=dataset or table(), options=training_options)


def first_sentence(**options: Any) -> str:
    advice = advise(**options)
    assert advice is not None
    return advice.sentences[0]


def test_every_estimator_can_be_chosen_by_its_key_once() -> None:
    catalogue = estimator_catalogue.catalogue()

    keys = [info.key for info in catalogue]
    assert len(set(keys)) == len(keys) >= 14
    assert {"ridge", "logistic_regression", "random_forest", "hist_gradient_boosting", "kmeans"} <= set(keys)
    assert estimator_catalogue.AUTO not in keys


def test_advice_counts_the_features_of_the_table() -> None:
    assert first_sentence() == (
        "The answer is a number, from 3 features (1 number or date, 1 category, 1 free text) in 2,000 rows."
    )


def test_advice_follows_the_roles_that_were_chosen() -> None:
    roles = {"note": "categorical", "age": Role.IDENTIFIER}

    assert (
        first_sentence(roles=roles) == "The answer is a number, from 2 features (2 categories) in 2,000 rows."
    )


def test_advice_follows_the_task() -> None:
    assert first_sentence(target="city").startswith("The answer is one of several classes")
    assert first_sentence(target="city", task=Task.MULTICLASS) == first_sentence(target="city")


@pytest.mark.parametrize(
    "request_",
    [
        {"target": "same"},
        {"target": "nowhere"},
        {"target": ""},
        {"task": Task.BINARY},
        {"task": Task.FORECASTING},
        {"roles": {"age": "colour"}},
        {"roles": {"nowhere": "numeric"}},
        {"roles": dict.fromkeys(("age", "city", "note"), "identifier")},
        {"dataset": table(n_rows=1)},
    ],
)
def test_there_is_no_advice_where_nothing_can_be_learned(request_: dict[str, Any]) -> None:
    assert advise(**request_) is None


def test_a_finished_run_shows_what_its_leaderboard_says() -> None:
    board = [
        {"key": "ridge", "title": "Ridge", "score": 1.0, "weight": 1.0, "status": "done"},
        {"key": "boosting-native", "title": "Boosting", "score": 2.0, "weight": 0.0, "status": "done"},
    ]

    sentences = estimator_catalogue.findings(TrainingRun(leaderboard=board))

    assert sentences[0] == "Of 2 candidates, Ridge was the best alone."
    assert estimator_catalogue.findings(TrainingRun(leaderboard=board[:1])) == []
    assert estimator_catalogue.findings(TrainingRun(leaderboard=[])) == []
