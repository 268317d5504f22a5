from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import InvalidHyperparameters, InvalidTrainingRequest
from predictor.ml.training.request_checks import check_request
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, Level, Role, TableSchema, Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.training_table import make_table

from ..tables_for_tests import request_for, texts


def refused_by_both(values, role, words, **asked):
    """The profile and the values give the same refusal."""
    request, columns = request_for(values, role, **asked)
    with pytest.raises(InvalidTrainingRequest, match=words):
        check_request(request)
    with pytest.raises(InvalidTrainingRequest, match=words):
        make_table(request, columns)


def test_it_refuses_a_constant_target():
    refused_by_both(np.ones(50), Role.CONSTANT, "same value in every row")


def test_it_refuses_a_target_without_values():
    refused_by_both(np.full(50, np.nan), Role.CONSTANT, "has no values")


def test_it_refuses_fewer_than_twenty_rows_with_a_target():
    values = np.random.default_rng(0).normal(size=60)
    values[19:] = np.nan
    refused_by_both(values, Role.NUMERIC, "Only 19 rows")


def test_it_refuses_a_target_that_was_found_to_be_an_identifier():
    refused_by_both(texts(*[f"c-{n:05d}" for n in range(50)]), Role.IDENTIFIER, "looks like an identifier")


def test_it_refuses_a_target_that_counts_the_rows():
    refused_by_both(np.arange(100.0), Role.NUMERIC, "looks like an identifier")


def test_it_trains_on_a_sequence_when_regression_is_asked_for():
    request, _ = request_for(np.arange(100.0), task=Task.REGRESSION)
    assert check_request(request) is Task.REGRESSION


def test_it_refuses_text_that_never_comes_again():
    refused_by_both(texts(*[f"word {n}" for n in range(40)]), Role.TEXT, "looks like an identifier")


def test_it_refuses_a_date_as_target():
    request, _ = request_for(texts(*["a", "b"] * 20), Role.CATEGORICAL)
    schema = request.schema
    dated = replace(schema, columns=(*schema.columns[:-1], replace(schema["y"], role=Role.DATETIME)))
    with pytest.raises(InvalidTrainingRequest, match="is a date"):
        check_request(replace(request, schema=dated))


def test_it_refuses_more_classes_than_can_be_told_apart():
    values = texts(*[f"class {n % 150}" for n in range(600)])
    refused_by_both(values, Role.CATEGORICAL, "at most 100")


def test_it_refuses_a_table_without_a_feature():
    request, _ = request_for(np.random.default_rng(0).normal(size=30), roles={"x": Role.IDENTIFIER})
    with pytest.raises(InvalidTrainingRequest, match="No feature is left"):
        check_request(request)


def test_it_refuses_a_target_that_the_table_does_not_have():
    request, _ = request_for(np.random.default_rng(0).normal(size=30))
    with pytest.raises(InvalidTrainingRequest, match="no column “z”"):
        check_request(replace(request, target="z"))


def test_it_refuses_roles_for_unknown_columns():
    request, _ = request_for(np.random.default_rng(0).normal(size=30), roles={"z": Role.NUMERIC})
    with pytest.raises(InvalidTrainingRequest, match="“z”"):
        check_request(request)


def test_it_refuses_regression_of_text():
    refused_by_both(texts(*["a", "b"] * 20), Role.CATEGORICAL, "does not hold numbers", task=Task.REGRESSION)


def test_it_refuses_a_binary_task_for_three_classes():
    refused_by_both(texts(*["a", "b", "c"] * 20), Role.CATEGORICAL, "3 different values", task=Task.BINARY)


def test_it_refuses_an_unknown_estimator():
    request, _ = request_for(np.random.default_rng(0).normal(size=30), estimator="magic")
    with pytest.raises(InvalidTrainingRequest, match="no estimator “magic”"):
        check_request(request)


def test_it_refuses_an_estimator_of_another_task():
    request, _ = request_for(np.random.default_rng(0).normal(size=30), estimator="naive_bayes")
    with pytest.raises(InvalidTrainingRequest, match="regression"):
        check_request(request)


def test_it_refuses_hyperparameters_out_of_range():
    asked = {"estimator": "ridge", "params": {"alpha": -1}}
    request, _ = request_for(np.random.default_rng(0).normal(size=30), **asked)
    with pytest.raises(InvalidHyperparameters):
        check_request(request)


@pytest.mark.parametrize(
    ("values", "role", "task"),
    [
        (np.random.default_rng(0).normal(size=60), Role.NUMERIC, Task.REGRESSION),
        (np.arange(60.0) % 2, Role.NUMERIC, Task.BINARY),
        (np.arange(60.0) % 5, Role.NUMERIC, Task.MULTICLASS),
        (np.arange(60.0) % 20, Role.NUMERIC, Task.REGRESSION),
        (np.arange(60.0) % 2, Role.BOOLEAN, Task.BINARY),
        (texts(*["a", "b"] * 30), Role.CATEGORICAL, Task.BINARY),
        (texts(*["a", "b", "c"] * 20), Role.CATEGORICAL, Task.MULTICLASS),
    ],
)
def test_it_finds_the_task_from_the_target(values, role, task):
    request, columns = request_for(values, role)
    assert check_request(request) is task
    assert make_table(request, columns)[0].task is task


def test_it_asks_for_the_target_of_a_task_that_has_one():
    request, _ = request_for(np.random.default_rng(0).normal(size=60))
    with pytest.raises(InvalidTrainingRequest, match="which column to predict"):
        check_request(replace(request, target=""))


def test_every_task_is_supervised_or_not_and_only_some_have_a_target():
    assert [task for task in Task if task.is_classification] == [Task.BINARY, Task.MULTICLASS]
    assert {task for task in Task if not task.has_target} == {Task.CLUSTERING, Task.ANOMALY}
    assert not Task.FORECASTING.is_supervised


@pytest.mark.parametrize("role", [Role.CATEGORICAL, Role.DATETIME])
def test_a_column_keeps_its_reading_in_the_role_that_it_was_found_for_and_in_no_other(role):
    request, _ = request_for(np.arange(100) * 1.5)
    column = replace(request.schema["x"], storage="VARCHAR", reading=Reading(ValueKind.NUMBER, ","))
    schema = replace(request.schema, columns=(column, request.schema["y"]))

    assert replace(request, schema=schema, roles={"x": Role.NUMERIC}).table["x"].reading == column.reading
    assert replace(request, schema=schema, roles={"x": role}).table["x"].reading is None


def categories(*counts: tuple[str, int]) -> TrainingRequest:
    levels = tuple(Level(value, n) for value, n in counts)
    n_rows = sum(n for _, n in counts)
    target = ColumnProfile("y", Role.CATEGORICAL, "VARCHAR", n_distinct=len(levels), levels=levels)
    number = ColumnProfile("x", Role.NUMERIC, "DOUBLE", n_distinct=9, minimum=0.0, maximum=9.0)
    return TrainingRequest("", TableSchema((number, target), n_rows), "y")


def test_joined_spellings_and_words_for_missing_change_the_task():
    request = categories(("no", 40), ("yes", 30), ("Yes", 9), ("NA", 5), ("YES", 2))
    assert check_request(replace(request, roles={"x": Role.NUMERIC}, task=Task.MULTICLASS)) is Task.MULTICLASS

    reading = Reading(ValueKind.TEXT, ignores=("case",), missing=("na",))
    joined = replace(request, readings={"y": reading})

    assert check_request(joined) is Task.BINARY
    column = joined.table["y"]
    assert column.levels == (Level("yes", 41), Level("no", 40))
    assert (column.n_missing, column.n_distinct) == (5, 2)
    assert column.reading == replace(reading, spellings=("no", "yes"))
    # A run works on the table of its request: reading it twice changes nothing.
    assert replace(joined, schema=joined.table).table == joined.table


def test_a_class_of_one_row_names_its_other_spelling():
    request = categories(("no", 40), ("Yes", 9), ("yes", 30), ("YES", 1))

    with pytest.raises(
        InvalidTrainingRequest, match=r"“YES” .* or join its spelling with that of “yes”: it cannot"
    ):
        check_request(request)

    assert (
        check_request(replace(request, readings={"y": Reading(ValueKind.TEXT, ignores=("case",))}))
        is Task.BINARY
    )


@pytest.mark.parametrize("name", ["x", "z"])
def test_it_refuses_a_reading_of_a_column_without_categories(name):
    request = categories(("no", 40), ("yes", 30))

    with pytest.raises(InvalidTrainingRequest, match=f"hold no categories written as text: “{name}”"):
        check_request(replace(request, readings={name: Reading(ValueKind.TEXT)}))
