from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.monotone import Direction
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.types.training_request import (
    ForecastOptions,
    TrainingLimits,
    TrainingRequest,
    parsed_reading,
)

SCHEMA = TableSchema(
    (
        ColumnProfile("age", Role.NUMERIC, "BIGINT"),
        ColumnProfile("customer", Role.CATEGORICAL, "VARCHAR"),
        ColumnProfile("y", Role.NUMERIC, "DOUBLE"),
    ),
    n_rows=100,
)
REQUEST = TrainingRequest("/data/table.parquet", SCHEMA, "y")
# Every option differs from its default.
FULL = TrainingRequest(
    "/data/table.parquet",
    SCHEMA,
    "y",
    task=Task.BINARY,
    estimator="ridge",
    params={"alpha": 0.5},
    roles={"age": Role.CATEGORICAL},
    budget_seconds=10.0,
    seed=4,
    holdout_share=0.3,
    n_folds=3,
    split=SplitBy(SplitKind.TIME, "age"),
    limits=TrainingLimits(2, 1 << 30, 4),
    threshold=ThresholdRule("recall", (0.9,)),
    forecast=ForecastOptions("day", "shop", 6, "monthly", "sum"),
    max_lost_share=0.5,
    positive_class="fraud",
    readings={"age": Reading(ValueKind.TEXT, ignores=("case",), missing=("na",))},
    monotone={"age": Direction.INCREASING},
    weight_column="age",
)


def test_a_request_without_a_positive_class_has_the_digest_that_it_had_before_there_was_one() -> None:
    assert "positive_class" not in REQUEST.to_json()
    assert REQUEST.to_row_fields()["positive_class"] == ""


@pytest.mark.parametrize("request_", [REQUEST, FULL], ids=["defaults", "full"])
def test_a_request_survives_its_json_form(request_: TrainingRequest) -> None:
    again = TrainingRequest.from_json(json.loads(json.dumps(request_.to_json())))

    assert again == request_
    assert again.digest == request_.digest


def test_a_request_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(FULL.to_json()), "utf-8")

    assert TrainingRequest.read(path) == FULL


@pytest.mark.parametrize("name", TrainingRequest.__dataclass_fields__)
def test_every_part_of_a_request_changes_the_digest(name: str) -> None:
    others = {"parquet": "other", "target": "age", "schema": replace(SCHEMA, n_rows=101)}

    changed = replace(FULL, **{name: others.get(name, getattr(REQUEST, name))})

    assert changed.digest != FULL.digest


def test_the_digest_does_not_depend_on_the_order_of_options() -> None:
    one = replace(REQUEST, params={"alpha": 1, "tol": 2})
    other = replace(REQUEST, params={"tol": 2, "alpha": 1})

    assert one.digest == other.digest


# --- The table with its roles -------------------------------------------------------------------------------


def test_the_table_has_the_overridden_roles() -> None:
    table = replace(REQUEST, roles={"age": Role.CATEGORICAL}).table

    assert table.roles == {"age": Role.CATEGORICAL, "customer": Role.CATEGORICAL, "y": Role.NUMERIC}
    assert SCHEMA["age"].role is Role.NUMERIC


@pytest.mark.parametrize(
    ("split", "role"),
    [
        (SplitBy(SplitKind.GROUP, "customer"), Role.IDENTIFIER),
        (SplitBy(SplitKind.TIME, "customer"), Role.BOOLEAN),
        (SplitBy(), Role.BOOLEAN),
    ],
)
def test_only_the_column_of_a_group_split_is_no_feature(split: SplitBy, role: Role) -> None:
    table = replace(REQUEST, split=split, roles={"customer": Role.BOOLEAN}).table

    assert table["customer"].role is role


def test_the_target_keeps_its_role_when_it_names_the_groups() -> None:
    assert replace(REQUEST, split=SplitBy(SplitKind.GROUP, "y")).table["y"].role is Role.NUMERIC


# --- Requests that cannot be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"schema": None},
        {"schema": {"n_rows": 1}},
        {"task": "ranking"},
        {"roles": {"age": "colour"}},
        {"roles": None},
        {"roles": ["age"]},
        {"split": "random"},
        {"split": {"kind": ["random"]}},
        {"forecast": "day"},
        {"limits": {"n_cores": 2}},
        {"colour": "red"},
    ],
)
def test_an_unreadable_part_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidTrainingRequest, match="The training request cannot be read"):
        TrainingRequest.from_json({**REQUEST.to_json(), **change})


@pytest.mark.parametrize("name", ["parquet", "schema", "target"])
def test_a_missing_part_is_refused_with_its_name(name: str) -> None:
    data = {key: value for key, value in REQUEST.to_json().items() if key != name}

    with pytest.raises(InvalidTrainingRequest, match=f"cannot be read: .*'{name}'"):
        TrainingRequest.from_json(data)


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_a_file_that_is_no_request_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "request.json"
    path.write_bytes(content)

    with pytest.raises(InvalidTrainingRequest, match="The training request cannot be read"):
        TrainingRequest.read(path)


def test_a_request_that_is_not_there_is_refused_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(
        InvalidTrainingRequest, match=r"cannot be read: No such file or directory\.$"
    ) as refusal:
        TrainingRequest.read(tmp_path / "request.json")

    assert str(tmp_path) not in refusal.value.message


# --- Forecast options ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [None, {}, {"date_column": "", "horizon": None, "frequency": None}])
def test_no_option_is_no_forecast(data: dict[str, Any] | None) -> None:
    assert ForecastOptions.from_json(data) is None


def test_an_option_of_a_forecast_that_is_not_given_has_its_default() -> None:
    options = ForecastOptions.from_json({"date_column": "day", "horizon": 6, "aggregation": None})

    assert options == ForecastOptions("day", group_column="", horizon=6, frequency="", aggregation="")
    assert ForecastOptions.from_json({"horizon": 6}) == ForecastOptions("", horizon=6)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"date_column": "day", "period": 3}, "takes “date_column”, “group_column”, “horizon”"),
        ({"date_column": 3}, "all but the horizon and the lists of columns are texts"),
        ({"date_column": "day", "horizon": "6"}, "The horizon is “6”; it has to be a whole number"),
        ({"date_column": "day", "horizon": 6.0}, "The horizon is “6.0”"),
        ({"date_column": "day", "horizon": True}, "The horizon is “True”"),
    ],
)
def test_an_invalid_option_of_a_forecast_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=message):
        ForecastOptions.from_json(data)


@pytest.mark.parametrize(
    "data",
    [
        "text",
        {},
        {"kind": "number"},
        {"kind": "text", "ignores": ["accents"]},
        {"kind": "text", "ignores": "case"},
        {"kind": "text", "missing": [1]},
        {"kind": "text", "decimal": ","},
    ],
)
def test_what_is_no_reading_of_categories_is_refused(data: Any) -> None:
    with pytest.raises(InvalidTrainingRequest, match="The reading of a column's categories is") as refused:
        parsed_reading(data)

    assert refused.value.field == "readings"


@pytest.mark.parametrize("words", [["w"] * 101, ["w" * 200]])
def test_a_reading_takes_a_hundred_words_of_usual_length(words: list[str]) -> None:
    with pytest.raises(InvalidTrainingRequest, match="100 words for missing of 199 characters at most"):
        parsed_reading({"kind": "text", "missing": words})


def test_the_words_of_a_reading_are_tidied_and_spellings_are_found_in_the_column() -> None:
    given = {
        "kind": "text",
        "missing": [" N/A ", "n/a", ""],
        "ignores": ["numbers", "case"],
        "spellings": ["x"],
    }

    assert parsed_reading(given) == Reading(ValueKind.TEXT, ignores=("case", "numbers"), missing=("n/a",))


def test_the_digest_of_a_request_without_readings_is_as_before_there_were_any() -> None:
    assert "readings" not in REQUEST.to_json()
    assert REQUEST.to_row_fields()["readings"] == {}
