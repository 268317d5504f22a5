from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from predictor.ml.pipelines import signatures
from predictor.ml.pipelines.signatures import build_signature
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, FeatureField, Role, Signature, TableSchema, Task
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import texts

NAN = np.nan


def signature_of(columns, roles, *, sources=None, left_out=None, storages=None, others=()):
    """The signature of a pipeline that reads `sources` (all columns), in a table that also has `others`."""
    n_rows = len(next(iter(columns.values())))
    target = make_target("y", Task.BINARY, texts(*["no", "yes"] * n_rows)[:n_rows])
    spec = SimpleNamespace(sources=tuple(columns) if sources is None else sources, left_out=left_out or {})
    profiles = [ColumnProfile(name, roles[name], (storages or {}).get(name, "DOUBLE")) for name in columns]
    schema = TableSchema((*profiles, *others, ColumnProfile("y", Role.CATEGORICAL, "VARCHAR")), n_rows)
    return build_signature(SimpleNamespace(spec=spec), TrainingTable(columns, roles, target), schema)


def field_of(role, values, storage="DOUBLE") -> FeatureField:
    (field,) = signature_of({"x": values}, {"x": role}, storages={"x": storage}).fields
    return field


def test_the_target_its_classes_and_the_task_are_those_of_the_table():
    signature = signature_of({"x": np.array([1.0, 2.0])}, {"x": Role.NUMERIC})
    assert (signature.target, signature.task, signature.classes) == ("y", Task.BINARY, ("no", "yes"))


def test_a_number_has_its_range_and_a_median_that_occurs():
    assert field_of(Role.NUMERIC, np.array([4.5, NAN, 1.0, 3.0, 2.5])) == FeatureField(
        "x", Role.NUMERIC, has_missing=True, minimum=1.0, maximum=4.5, typical=2.5
    )


def test_whole_numbers_are_marked_and_typical_as_integers():
    field = field_of(Role.NUMERIC, np.array([5.0, 2.0, -1.0, 9.0]))
    assert (field.is_integer, field.has_missing, field.minimum, field.maximum) == (True, False, -1.0, 9.0)
    assert (field.typical, type(field.typical)) == (2, int)


@pytest.mark.parametrize(("values", "typical"), [([1.0, 0.0, NAN], True), ([1.0, 0.0, 0.0], False)])
def test_a_boolean_is_typically_the_majority(values, typical):
    field = field_of(Role.BOOLEAN, np.array(values))
    assert field.typical is typical
    assert field.minimum is None


def test_levels_come_by_frequency_and_equals_by_the_alphabet():
    field = field_of(Role.CATEGORICAL, texts("b", "ü", "a", "ü", None, "b", "c"))
    assert field == FeatureField(
        "x", Role.CATEGORICAL, has_missing=True, typical="b", levels=("b", "ü", "a", "c")
    )


def test_the_number_of_levels_is_limited(monkeypatch):
    monkeypatch.setattr(signatures, "MAX_LEVELS", 2)
    assert field_of(Role.CATEGORICAL, texts("c", "a", "b", "c")).levels == ("c", "a")


def test_a_free_text_has_a_typical_value_and_no_levels():
    field = field_of(Role.TEXT, texts("good day", "bye", "bye"))
    assert (field.typical, field.levels) == ("bye", ())


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("DATE", ("2024-01-01", "2024-03-05", "2025-06-07")),
        ("TIMESTAMP", ("2024-01-01T00:00:00", "2024-03-05T00:00:00", "2025-06-07T00:00:00")),
    ],
)
def test_dates_are_iso_texts_of_their_storage_with_the_middle_one_as_typical(storage, expected):
    values = np.array(["2025-06-07", "NaT", "2024-01-01", "2024-03-05"], "datetime64[us]")

    field = field_of(Role.DATETIME, values, storage)

    assert (field.minimum, field.typical, field.maximum) == expected
    assert field.has_missing


@pytest.mark.parametrize(
    ("role", "values"),
    [
        (Role.NUMERIC, np.array([NAN, NAN])),
        (Role.CATEGORICAL, texts(None, None)),
        (Role.DATETIME, np.array(["NaT"], "datetime64[us]")),
    ],
)
def test_a_field_without_values_has_no_statistics(role, values):
    assert field_of(role, values) == FeatureField("x", role, has_missing=True)


def test_columns_that_are_not_read_are_listed_with_the_reason():
    columns = {name: np.array([1.0, 2.0]) for name in ("a", "b", "c")}
    key = ColumnProfile("key", Role.IDENTIFIER, "VARCHAR")
    same = ColumnProfile("same", Role.CONSTANT, "VARCHAR")

    signature = signature_of(
        columns,
        dict.fromkeys(columns, Role.NUMERIC),
        sources=("c", "a"),
        left_out={"b": "It has no values.", "a": "Not read by one member."},
        others=(key, same),
    )

    assert signature.names == ("a", "c")
    assert signature.left_out == {
        "key": "identifier: its values name rows and do not come again",
        "same": "constant: it has one value or none",
        "b": "It has no values.",
    }


def test_a_column_that_is_not_read_for_no_stated_reason_gives_no_feature():
    columns = {name: np.array([1.0, 2.0]) for name in ("a", "b")}
    signature = signature_of(columns, dict.fromkeys(columns, Role.NUMERIC), sources=("a",))
    assert signature.left_out == {"b": "it gives no feature"}


def test_a_column_without_a_value_in_the_rows_is_left_out_with_the_reason():
    empty = (
        ColumnProfile("empty", Role.CATEGORICAL, "VARCHAR"),
        ColumnProfile("price", Role.NUMERIC, "VARCHAR", reading=Reading(ValueKind.NUMBER, ",")),
    )

    signature = signature_of({"x": np.array([1.0, 2.0])}, {"x": Role.NUMERIC}, others=empty)

    assert signature.left_out == {
        "empty": "empty: it has no value in a row that is used",
        "price": "empty: read as numbers, decimal mark “,”, it has no value in a row that is used",
    }


@pytest.mark.parametrize(
    ("reading", "is_boolean", "expected"),
    [
        (Reading(ValueKind.BOOLEAN, spellings=("False", "True")), True, ("False", "True")),
        (None, True, ()),
        (Reading(ValueKind.BOOLEAN), True, ()),
        # The column was given another role.
        (Reading(ValueKind.BOOLEAN, spellings=("False", "True")), False, ()),
        (Reading(ValueKind.TEXT, spellings=("no", "yes")), False, ()),
    ],
)
def test_truth_values_of_the_target_are_written_as_in_the_data(reading, is_boolean, expected):
    values = np.array([1.0, 0.0, 1.0]) if is_boolean else texts("no", "yes", "no")
    target = make_target("y", Task.BINARY, values, is_boolean=is_boolean)
    x = ColumnProfile(
        "x", Role.BOOLEAN, "BOOLEAN", reading=Reading(ValueKind.BOOLEAN, spellings=("False", "True"))
    )
    y = ColumnProfile("y", Role.BOOLEAN, "BOOLEAN" if is_boolean else "VARCHAR", reading=reading)
    table = TrainingTable({"x": np.array([1.0, 0.0, 0.0])}, {"x": Role.BOOLEAN}, target)
    spec = SimpleNamespace(sources=("x",), left_out={})

    signature = build_signature(SimpleNamespace(spec=spec), table, TableSchema((x, y), 3))

    assert signature.class_texts == expected
    assert Signature.from_json(signature.to_json()) == signature
    assert ("class_texts" in signature.to_json()) is bool(expected)
    # A feature of typed values is read as before: only its spelling was noted.
    assert signature.fields[0].reading is None


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a", "b", None], Reading(ValueKind.TEXT)),
        (["yes ", "no"], Reading(ValueKind.TEXT, spellings=("yes ",))),
        # A dataset of an older import: both are categories.
        (["yes ", "yes"], None),
        # Too long to be kept beside its tidied form.
        (["x" * 250 + "  y", "b"], None),
        (["x" * 250, "b"], Reading(ValueKind.TEXT)),
        ([None, None], Reading(ValueKind.TEXT)),
    ],
)
def test_blanks_and_the_unicode_form_make_no_category_in_a_prediction_either(cells, expected):
    assert field_of(Role.CATEGORICAL, texts(*cells), "VARCHAR").reading == expected


@pytest.mark.parametrize(("role", "storage"), [(Role.TEXT, "VARCHAR"), (Role.CATEGORICAL, "BIGINT")])
def test_free_text_and_typed_categories_have_no_reading(role, storage):
    assert field_of(role, texts("1", "2"), storage).reading is None


def test_the_reading_of_a_dataset_or_run_is_kept():
    reading = Reading(ValueKind.TEXT, ignores=("case",), spellings=("a",))
    x = ColumnProfile("x", Role.CATEGORICAL, "VARCHAR", reading=reading)
    target = make_target("y", Task.BINARY, texts("no", "yes"))
    table = TrainingTable({"x": texts("a", None)}, {"x": Role.CATEGORICAL}, target)
    schema = TableSchema((x, ColumnProfile("y", Role.CATEGORICAL, "VARCHAR")), 2)

    signature = build_signature(
        SimpleNamespace(spec=SimpleNamespace(sources=("x",), left_out={})), table, schema
    )

    assert signature.fields[0].reading == reading
