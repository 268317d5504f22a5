from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from predictor.errors import DamagedArtifact, InvalidTrainingRequest
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.features.feature_spec import (
    BENT,
    LINEAR,
    NATIVE_BOOSTING,
    ONE_HOT_TREES,
    ORDERED_BOOSTING,
    ORDINAL_TREES,
    TARGET_BOOSTING,
    Encoding,
    FeatureSpec,
)
from predictor.ml.types.schema import Role, Task

from ..mixed_table import N_CLASSES, ROLES, mixed_columns, mixed_target

ENCODINGS = [
    LINEAR,
    BENT,
    ONE_HOT_TREES,
    ORDINAL_TREES,
    ORDERED_BOOSTING,
    NATIVE_BOOSTING,
    TARGET_BOOSTING,
]
COLUMNS = mixed_columns()
SPECS = [
    FeatureSpec.fit(
        COLUMNS, ROLES, encoding, y=mixed_target(COLUMNS, task), task=task, n_classes=N_CLASSES[task]
    )
    for encoding in ENCODINGS
    for task in sorted(SUPERVISED)
]
SHOPS = st.one_of(st.none(), st.text(max_size=8), st.sampled_from(COLUMNS["shop"].tolist()))
WORDS = st.lists(st.sampled_from(["word1", "WORD2", "word30", "北京", "ß", "x_y", "Łódź"]), max_size=8)
NUMBERS = st.floats(allow_nan=True, allow_infinity=False)
ROWS = st.fixed_dictionaries(
    {
        "age": NUMBERS,
        "income": NUMBERS,
        "member": st.sampled_from([0.0, 1.0, np.nan]),
        "joined": st.one_of(st.just("NaT"), st.datetimes()),
        "plan": st.one_of(st.none(), st.sampled_from(["basic", "plus", "pro", "", "other"])),
        "shop": SHOPS,
        "note": st.one_of(st.none(), WORDS.map(" ".join), st.text(max_size=40)),
    }
)


def as_columns(rows: list[dict[str, Any]]) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    for name, role in ROLES.items():
        cells = [row[name] for row in rows]
        if role in (Role.NUMERIC, Role.BOOLEAN):
            columns[name] = np.array(cells, np.float64)
        elif role is Role.DATETIME:
            columns[name] = np.array(cells, "datetime64[us]")
        else:
            columns[name] = np.array([*cells, None], object)[:-1]
    return columns


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROWS, min_size=2, max_size=5), spec=st.sampled_from(SPECS))
def test_a_single_row_is_encoded_as_in_a_batch_also_after_json(
    rows: list[dict[str, Any]], spec: FeatureSpec
) -> None:
    again = FeatureSpec.from_json(json.loads(json.dumps(spec.to_json(), allow_nan=False)))
    batch = spec.transform(as_columns(rows))
    alone = np.vstack([again.transform(as_columns([row])) for row in rows])
    assert again == spec
    assert batch.dtype == np.float32
    assert np.array_equal(batch, alone, equal_nan=True)
    assert not np.isinf(batch).any()


@pytest.mark.parametrize("encoding", [LINEAR, BENT, ONE_HOT_TREES, ORDINAL_TREES])
def test_imputing_encodings_leave_no_nan(encoding: Encoding) -> None:
    spec = FeatureSpec.fit(COLUMNS, ROLES, encoding)
    empty = as_columns(
        [dict.fromkeys(ROLES) | {"age": np.nan, "income": np.nan, "member": np.nan, "joined": "NaT"}]
    )
    assert not np.isnan(spec.transform(empty)).any()
    assert not np.isnan(spec.transform(COLUMNS)).any()


def test_columns_without_information_are_left_out_with_a_reason() -> None:
    columns = {
        "x": np.array([1.0, 2.0, 3.0]),
        "id": np.array(["1", "2", "3"], object),
        "one": np.array(["a", "a", "a"], object),
        "empty": np.array([np.nan] * 3),
        "same": np.array([5.0] * 3),
        "each": np.array(["p", "q", "r"], object),
        "text": np.array(["lorem", "ipsum", None], object),
        "never": np.array(["NaT"] * 3, "datetime64[us]"),
    }
    roles = {
        "x": Role.NUMERIC,
        "id": Role.IDENTIFIER,
        "one": Role.CONSTANT,
        "empty": Role.NUMERIC,
        "same": Role.NUMERIC,
        "each": Role.CATEGORICAL,
        "text": Role.TEXT,
        "never": Role.DATETIME,
    }
    spec = FeatureSpec.fit(columns, roles, ONE_HOT_TREES)
    assert spec.sources == ("x",)
    assert set(spec.left_out) == set(columns) - {"x"}
    assert all(reason.endswith(".") for reason in spec.left_out.values())


def test_a_table_without_features_is_refused() -> None:
    with pytest.raises(InvalidTrainingRequest, match="No column is left"):
        FeatureSpec.fit({"id": np.array(["1", "2"], object)}, {"id": Role.IDENTIFIER}, LINEAR)


def test_cross_fitted_target_encoding_does_not_leak_the_rows_own_target() -> None:
    draw = np.random.default_rng(0)
    levels = np.array([f"level {k}" for k in range(500)] * 2, object)
    y = draw.normal(size=1000)
    encoding = Encoding(categories="target", smoothing=0.01)
    spec, matrix = FeatureSpec.fit_transform(
        {"c": levels}, {"c": Role.CATEGORICAL}, encoding, y=y, task=Task.REGRESSION
    )
    leaky = spec.transform({"c": levels})
    assert np.corrcoef(leaky[:, 0], y)[0, 1] > 0.6
    assert abs(np.corrcoef(matrix[:, 0], y)[0, 1]) < 0.2


def test_target_encoding_has_one_column_for_each_of_many_classes() -> None:
    y = mixed_target(COLUMNS, Task.MULTICLASS)
    spec = FeatureSpec.fit(
        {"shop": COLUMNS["shop"]}, ROLES, TARGET_BOOSTING, y=y, task=Task.MULTICLASS, n_classes=4
    )
    found = spec.transform({"shop": COLUMNS["shop"]})
    assert found.shape[1] == 4
    assert found.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_the_union_holds_each_spec_and_shares_equal_steps() -> None:
    specs = [FeatureSpec.fit(COLUMNS, ROLES, encoding) for encoding in (ORDINAL_TREES, ONE_HOT_TREES, LINEAR)]
    joint, places = FeatureSpec.union(specs)
    matrix = joint.transform(COLUMNS)
    assert len(joint.outputs) < sum(len(spec.outputs) for spec in specs)
    for spec, columns in zip(specs, places, strict=True):
        assert np.array_equal(matrix[:, columns], spec.transform(COLUMNS))


def test_no_rows_give_an_empty_matrix() -> None:
    none = {name: values[:0] for name, values in COLUMNS.items()}
    for spec in SPECS:
        assert spec.transform(none).shape == (0, len(spec.outputs))


def test_a_specification_of_another_format_is_refused() -> None:
    with pytest.raises(DamagedArtifact, match="format 99"):
        FeatureSpec.from_json({"format": 99, "steps": []})
