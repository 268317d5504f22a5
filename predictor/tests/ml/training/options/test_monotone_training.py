"""A run with monotone columns: what is stored and served obeys, and candidates that cannot are left out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.estimators.catalogue import MONOTONE
from predictor.ml.inference.loading import load_predictor
from predictor.ml.training.request_checks import check_request
from predictor.ml.types.monotone import Direction
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import TrainingRequest

from ...tables_for_tests import write_request
from ..test_train import finished, result_of, start

ROLES = {"size": Role.NUMERIC, "age": Role.NUMERIC, "city": Role.CATEGORICAL}


def wavy(n_rows=300):
    """The price rises with the size in waves, and falls with the age but for noise."""
    rng = np.random.default_rng(1)
    size, age = rng.uniform(0, 10, n_rows), rng.uniform(0, 50, n_rows)
    city = rng.choice(["north", "south"], n_rows).astype(object)
    price = size + 2.5 * np.sin(3 * size) - 0.05 * age + (city == "north") + rng.normal(0, 0.5, n_rows)
    age[::20] = np.nan
    return {"size": size, "age": age, "city": city}, price


def answers(result, folder, columns):
    files = {name: folder / "run" / file["path"] for name, file in result["artifacts"].items()}
    signature = Signature.from_json(result["signature"])
    outputs = load_predictor(files, signature).predict(columns)
    if outputs.probabilities is None:
        return outputs.values
    return outputs.probabilities[:, signature.classes.index(signature.positive_class)]


def along(column, values, n_rows=40):
    columns, _ = wavy(n_rows)
    order = list(ROLES)
    return [
        {name: np.full(n_rows, value) if name == column else columns[name] for name in order}
        for value in values
    ]


@pytest.mark.parametrize(
    ("task", "estimator"),
    [
        (Task.REGRESSION, "auto"),
        (Task.BINARY, "auto"),
        (Task.REGRESSION, "random_forest"),
        (Task.BINARY, "hist_gradient_boosting"),
    ],
)
def test_the_stored_version_is_monotone(tmp_path, task, estimator):
    columns, price = wavy()
    # “cheap” comes first in the alphabet and is the positive class: class codes and directions differ.
    is_binary = task is Task.BINARY
    target = np.where(price < 4, "cheap", "dear").astype(object) if is_binary else price
    directions = (
        {"size": "decreasing", "age": "increasing"}
        if is_binary
        else {"size": "increasing", "age": "decreasing"}
    )
    request = write_request(
        tmp_path, {**columns, "y": target}, {**ROLES, "y": Role.CATEGORICAL if is_binary else Role.NUMERIC}, "y",
        estimator=estimator, budget_seconds=6.0, positive_class="cheap" if is_binary else "",
        monotone={name: Direction(each) for name, each in directions.items()},
    )  # fmt: skip

    code, events = finished(start(request, tmp_path))

    assert code == 0, events[-1]
    result = result_of(tmp_path)
    for name, direction in directions.items():
        values = np.linspace(-5, 60, 131)
        grid = np.stack([answers(result, tmp_path, each) for each in along(name, values)])
        steps = np.diff(grid, axis=0) * Direction(direction).sign
        assert steps.min() >= -1e-5 * max(1.0, float(np.std(price)))
        assert np.abs(steps).max() > 0.01, "it follows the column"
    proofs = {each["column"]: each for each in result["report"]["monotone"]}
    assert {name: each["direction"] for name, each in proofs.items()} == directions
    assert all(each["holds"] and each["n_rows"] == 200 for each in proofs.values())
    assert {each["estimator"] for each in result["leaderboard"]} <= set(MONOTONE)


def test_without_constraints_the_same_table_gives_waves(tmp_path):
    columns, price = wavy()
    request = write_request(
        tmp_path, {**columns, "y": price}, {**ROLES, "y": Role.NUMERIC}, "y",
        estimator="hist_gradient_boosting", budget_seconds=6.0,
    )  # fmt: skip
    assert finished(start(request, tmp_path))[0] == 0
    result = result_of(tmp_path)
    grid = np.stack([answers(result, tmp_path, each) for each in along("size", np.linspace(0, 10, 60))])
    assert np.diff(grid, axis=0).min() < -0.5
    assert "monotone" not in result["report"]


def test_requests_keep_their_directions_and_those_without_keep_their_digest(tmp_path):
    columns, price = wavy()
    request = write_request(tmp_path, {**columns, "y": price}, {**ROLES, "y": Role.NUMERIC}, "y",
                            monotone={"size": Direction.INCREASING})  # fmt: skip
    again = TrainingRequest.from_json(json.loads(json.dumps(request.to_json())))
    assert again.monotone == {"size": Direction.INCREASING}
    plain = write_request(tmp_path, {**columns, "y": price}, {**ROLES, "y": Role.NUMERIC}, "y")
    assert "monotone" not in plain.to_json()
    assert plain.digest != request.digest


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"monotone": {"city": Direction.INCREASING}}, "city"),
        ({"monotone": {"y": Direction.INCREASING}}, "y"),
        ({"monotone": {"nothing": Direction.INCREASING}}, "nothing"),
        ({"monotone": {"size": Direction.INCREASING}, "estimator": "ridge"}, "Ridge"),
        ({"monotone": {"size": Direction.INCREASING}, "task": Task.MULTICLASS}, "two classes"),
    ],
)
def test_constraints_that_cannot_hold_are_refused(tmp_path, options, word):
    columns, price = wavy(60)
    target = np.array(["a", "b", "c"], dtype=object)[np.arange(60) % 3] if "task" in options else price
    role = Role.CATEGORICAL if "task" in options else Role.NUMERIC
    request = write_request(tmp_path, {**columns, "y": target}, {**ROLES, "y": role}, "y", **options)
    with pytest.raises(InvalidTrainingRequest, match=word) as refused:
        check_request(request)
    assert refused.value.field == "monotone"
