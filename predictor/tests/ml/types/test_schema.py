from __future__ import annotations

import json
import math
from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.types.schema import (
    FEATURE_ROLES,
    Bin,
    ColumnProfile,
    FeatureField,
    Level,
    Role,
    Signature,
    TableSchema,
    Task,
    canonical_text,
)

AGE = ColumnProfile(
    name="age",
    role=Role.NUMERIC,
    storage="BIGINT",
    n_missing=1,
    n_distinct=2,
    minimum=18.0,
    maximum=80.0,
    mean=49.0,
    median=49.0,
    levels=(Level("18", 2), Level("80", 1)),
    histogram=(Bin(18.0, 49.0, 2), Bin(49.0, 80.0, 1)),
    warnings=("1 of 4 cells is missing.",),
)
CITY = ColumnProfile("Łódź", Role.CATEGORICAL, "VARCHAR", levels=(Level("京", 3),))
SIGNATURE = Signature(
    target="y",
    task=Task.BINARY,
    fields=(
        FeatureField("age", Role.NUMERIC, True, True, minimum=18, maximum=80, typical=49),
        FeatureField("city", Role.CATEGORICAL, typical="京", levels=("京", "Łódź")),
        FeatureField("day", Role.DATETIME, minimum="2024-01-01", maximum="2024-12-31"),
    ),
    classes=(False, True),
    left_out={"id": "It identifies rows."},
)


def through_json(data: Any) -> Any:
    """As a stored document comes back: tuples are lists."""
    return json.loads(json.dumps(data, allow_nan=False))


# --- Canonical text -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        ("", None),
        (math.nan, None),
        (" ", " "),
        ("3.0", "3.0"),
        ("Łódź", "Łódź"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (3.0, "3"),
        (-0.0, "0"),
        (2.5, "2.5"),
        (1e-7, "1e-07"),
        (2.0**53 - 1, "9007199254740991"),
        (2.0**53, "9007199254740992.0"),
        (2**53 + 1, "9007199254740993"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (date(2024, 2, 29), "2024-02-29"),
        (datetime(2024, 2, 29, 14, 30), "2024-02-29T14:30:00"),
    ],
)
def test_a_scalar_has_one_text_form(value: Any, text: str | None) -> None:
    assert canonical_text(value) == text


@given(number=st.integers(-(2**53) + 1, 2**53 - 1))
@settings(max_examples=50, deadline=None)
def test_an_integer_and_the_equal_float_are_one_category(number: int) -> None:
    assert canonical_text(float(number)) == canonical_text(number) == str(number)


@given(number=st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=50, deadline=None)
def test_the_text_of_a_float_is_read_back_as_the_same_float(number: float) -> None:
    assert float(str(canonical_text(number))) == number


# --- Roles and tasks ----------------------------------------------------------------------------------------


def test_identifiers_and_constants_are_no_features() -> None:
    assert set(Role) - FEATURE_ROLES == {Role.IDENTIFIER, Role.CONSTANT}


@pytest.mark.parametrize(
    ("task", "properties"),
    [
        (Task.REGRESSION, {"is_supervised", "has_target"}),
        (Task.BINARY, {"is_classification", "is_supervised", "has_target", "has_probabilities"}),
        (Task.MULTICLASS, {"is_classification", "is_supervised", "has_target", "has_probabilities"}),
        (Task.CLUSTERING, {"has_probabilities"}),
        (Task.ANOMALY, set()),
        (Task.FORECASTING, {"has_target"}),
    ],
)
def test_a_task_says_what_its_models_learn_from_and_return(task: Task, properties: set[str]) -> None:
    names = ("is_classification", "is_supervised", "has_target", "has_probabilities")

    assert {name for name in names if getattr(task, name)} == properties


def test_a_forecast_is_fitted_as_a_regression() -> None:
    assert {task: task.fitted_as for task in Task if task.fitted_as is not task} == {
        Task.FORECASTING: Task.REGRESSION
    }


# --- Table schemas ------------------------------------------------------------------------------------------


def test_a_table_schema_is_the_same_after_json() -> None:
    schema = TableSchema((AGE, CITY), n_rows=4)

    assert TableSchema.from_json(through_json(schema.to_json())) == schema


def test_a_column_profile_of_an_older_version_gets_defaults() -> None:
    stored = {"name": "age", "role": "numeric", "storage": "BIGINT"}

    assert ColumnProfile.from_json(stored) == ColumnProfile("age", Role.NUMERIC, "BIGINT")


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ValueError, match="'colour' is not a valid Role"):
        ColumnProfile.from_json({"name": "age", "role": "colour", "storage": "BIGINT"})


def test_a_table_schema_is_read_by_column_name() -> None:
    schema = TableSchema((AGE, CITY), n_rows=4)

    assert schema["Łódź"] is CITY
    assert "age" in schema
    assert "Age" not in schema
    assert schema.names == ("age", "Łódź")
    assert schema.roles == {"age": Role.NUMERIC, "Łódź": Role.CATEGORICAL}


# --- Signatures ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "signature",
    [SIGNATURE, Signature("y", Task.MULTICLASS, (), ("a", 1, 2.5)), Signature("", Task.ANOMALY, ())],
)
def test_a_signature_is_the_same_after_json(signature: Signature) -> None:
    assert Signature.from_json(through_json(signature.to_json())) == signature


def test_a_signature_of_an_older_version_gets_defaults() -> None:
    stored = {"target": "y", "task": "regression", "fields": [{"name": "age", "role": "numeric"}]}

    assert Signature.from_json(stored) == Signature(
        "y", Task.REGRESSION, (FeatureField("age", Role.NUMERIC),)
    )


def test_the_typical_row_holds_the_typical_value_of_each_field() -> None:
    assert SIGNATURE.typical_row() == {"age": 49, "city": "京", "day": None}


@pytest.mark.parametrize(
    ("classes", "names"),
    [
        ((False, True), ("false", "true")),
        ((1.0, 2.0), ("1.0", "2.0")),
        ((1, 2.5), ("1", "2.5")),
        (("no", "yes"), ("no", "yes")),
    ],
)
def test_class_names_are_written_as_in_the_data(classes: tuple[Any, ...], names: tuple[str, ...]) -> None:
    assert Signature("y", Task.BINARY, (), classes).class_names == names


def test_a_signature_without_a_target_is_named_after_its_task() -> None:
    assert Signature("price", Task.REGRESSION, ()).subject == "price"
    assert Signature("", Task.CLUSTERING, ()).subject == "clustering"
    assert Signature("", Task.ANOMALY, ()).subject == "anomaly detection"
