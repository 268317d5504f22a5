from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import (
    TrainingTable,
    feature_roles,
    left_out_columns,
    make_table,
)

from ..tables_for_tests import columns_of, request_for, texts

SCHEMA = TableSchema(
    tuple(
        ColumnProfile(name, role, "VARCHAR")
        for name, role in [
            ("key", Role.IDENTIFIER), ("y", Role.NUMERIC), ("age", Role.NUMERIC), ("same", Role.CONSTANT),
            ("member", Role.BOOLEAN), ("joined", Role.DATETIME), ("plan", Role.CATEGORICAL), ("note", Role.TEXT),
        ]
    ),
    n_rows=50,
)  # fmt: skip


def test_features_are_the_columns_beside_the_target_that_say_something_about_new_rows():
    assert list(feature_roles(SCHEMA, "y")) == ["age", "member", "joined", "plan", "note"]
    assert "age" not in feature_roles(SCHEMA, "age")


def test_identifiers_and_constants_are_left_out_with_a_reason():
    assert left_out_columns(SCHEMA, "y") == {
        "key": "identifier: its values name rows and do not come again",
        "same": "constant: it has one value or none",
    }
    assert "key" not in left_out_columns(SCHEMA, "key")


def test_identifiers_and_constants_are_no_features():
    features = columns_of(40)
    request, columns = request_for(np.random.default_rng(0).normal(size=40), features=features)
    request = replace(request, roles={"age": Role.IDENTIFIER, "city": Role.CATEGORICAL})
    assert set(make_table(request, columns)[0].columns) == {"income", "city"}


def test_it_refuses_a_class_with_one_member_and_names_it():
    request, columns = request_for(texts(*["yes"] * 30, *["no"] * 30, "perhaps"), Role.CATEGORICAL)
    with pytest.raises(InvalidTrainingRequest, match=r"class “perhaps” .* one row only"):
        make_table(request, columns)


def test_it_refuses_features_that_are_all_missing():
    request, columns = request_for(np.random.default_rng(0).normal(size=30))
    columns["x"][:] = np.nan
    with pytest.raises(InvalidTrainingRequest, match="No feature is left"):
        make_table(request, columns)


def test_a_feature_that_is_missing_wherever_the_target_is_known_is_left_out():
    values = np.random.default_rng(0).normal(size=60)
    values[:30] = np.nan
    late = np.where(np.arange(60) < 30, 1.0, np.nan)
    features = {"x": np.arange(60.0), "late": late}
    request, columns = request_for(values, features=features)

    table, _ = make_table(request, columns)

    assert (list(table.columns), list(table.roles)) == (["x"], ["x"])


def test_it_leaves_out_rows_without_a_target_and_counts_them():
    values = np.random.default_rng(0).normal(size=60)
    values[:7] = np.nan
    request, columns = request_for(values)
    table, warnings = make_table(request, columns)
    assert len(table) == 53
    assert warnings[0].column == "y"
    assert "7 of 60 rows have no value" in warnings[0].message
    assert table.columns["x"].tolist() == columns["x"][7:].tolist()
    assert table.target.y.tolist() == values[7:].tolist()


def test_a_whole_target_gives_no_warning():
    request, columns = request_for(np.random.default_rng(0).normal(size=30))
    assert make_table(request, columns)[1] == []


def test_classes_keep_their_type():
    whole, columns = request_for(np.arange(60.0) % 2)
    assert make_table(whole, columns)[0].target.classes == (0, 1)
    text, columns = request_for(texts(*["b", "a"] * 30), Role.CATEGORICAL)
    assert make_table(text, columns)[0].target.classes == ("a", "b")


def test_the_classes_of_a_boolean_column_are_true_and_false():
    request, columns = request_for(np.arange(60.0) % 2, Role.BOOLEAN)
    stored = replace(request.schema["y"], storage="boolean")
    schema = replace(request.schema, columns=(*request.schema.columns[:-1], stored))
    classes = make_table(replace(request, schema=schema), columns)[0].target.classes
    assert [type(each) for each in classes] == [bool, bool]


def test_the_groups_of_a_split_are_kept_beside_the_features():
    values = np.random.default_rng(0).normal(size=40)
    values[0] = np.nan
    shop = np.arange(40.0) % 6
    request, columns = request_for(values, features={"x": np.arange(40.0) ** 2, "shop": shop})

    table, _ = make_table(replace(request, split=SplitBy(SplitKind.GROUP, "shop")), columns)

    assert list(table.columns) == ["x"]
    assert table.split_by.tolist() == shop[1:].tolist()
    assert make_table(request, columns)[0].split_by is None


def test_rows_of_a_table_come_in_the_requested_order_with_target_and_split_column():
    target = make_target("y", Task.BINARY, texts("no", "yes", "yes"))
    table = TrainingTable(
        {"x": np.array([1.0, 2.0, 3.0])}, {"x": Role.NUMERIC}, target, split_by=texts("a", None, "c")
    )

    part = table.rows(np.array([2, 0]))

    assert (len(part), part.task) == (2, Task.BINARY)
    assert part.columns["x"].tolist() == [3.0, 1.0]
    assert part.target.y.tolist() == [1, 0]
    assert part.split_by.tolist() == ["c", "a"]
    assert replace(table, split_by=None).rows(np.array([1])).split_by is None
