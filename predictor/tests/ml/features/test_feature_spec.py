from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from predictor.errors import DamagedArtifact, InvalidTrainingRequest
from predictor.ml.estimators.hyperparameters import SUPERVISED
from predictor.ml.features.date_steps import date_parts
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
def test_one_row_alone_gets_the_same_numbers_as_in_a_batch_and_after_json(
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


def test_missing_is_one_thing_in_texts() -> None:
    values = np.array(["a", "b", None, "a", "b", "a", "b", "a"], object)
    spec = FeatureSpec.fit({"c": values}, {"c": Role.CATEGORICAL}, ONE_HOT_TREES)
    missing = [spec.transform({"c": np.array([each], object)}) for each in (None, "", np.nan)]
    assert [each.tolist() for each in missing] == [[[0.0, 0.0, 1.0]]] * 3


def test_rare_levels_and_unseen_ones_share_a_code() -> None:
    values = np.array(["a"] * 10 + ["b"] * 10 + ["rare", "rarer"], object)
    spec = FeatureSpec.fit({"c": values}, {"c": Role.CATEGORICAL}, NATIVE_BOOSTING)
    asked = np.array(["a", "b", "rare", "never seen", None], object)
    codes = spec.transform({"c": asked})[:, 0]
    assert codes[:4].tolist() == [0.0, 1.0, 2.0, 2.0]
    assert np.isnan(codes[4])
    assert spec.categorical_mask == (True,)


def test_scaled_numbers_have_mean_zero_and_deviation_one() -> None:
    spec = FeatureSpec.fit({"x": np.array([1.0, 2.0, 3.0, 4.0])}, {"x": Role.NUMERIC}, LINEAR)
    found = spec.transform({"x": np.array([1.0, 2.0, 3.0, 4.0])})
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found.std() == pytest.approx(1, abs=1e-6)


def test_bent_numbers_keep_their_order_and_never_pass_the_bend() -> None:
    values = np.array([*np.linspace(-2, 2, 50), 1e6, -1e300, np.nan])
    spec = FeatureSpec.fit({"x": values}, {"x": Role.NUMERIC}, BENT)
    found = spec.transform({"x": np.array([-1e300, -1.0, 0.0, 1.0, 50.0, 1e6, 1e300])})[:, 0]
    assert (np.diff(found) >= 0).all()
    assert np.abs(found).max() <= 3.0
    assert found[2] == pytest.approx(0, abs=0.05)


def test_large_numbers_close_together_stay_apart() -> None:
    seconds = 1_700_000_000.0 + np.arange(100.0)
    spec = FeatureSpec.fit({"x": seconds}, {"x": Role.NUMERIC}, ORDINAL_TREES)
    assert len(np.unique(spec.transform({"x": seconds}))) == 100


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_end_of_the_range_are_finite() -> None:
    values = np.array([-1.7e308, 1.7e308, 0.0, 5e-324, 1.0])
    for encoding in ENCODINGS:
        spec = FeatureSpec.fit({"x": values}, {"x": Role.NUMERIC}, encoding)
        assert np.isfinite(spec.transform({"x": values})).all()


def test_columns_that_say_nothing_are_left_out_with_a_reason() -> None:
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


def test_target_codes_for_fitting_do_not_hold_the_rows_own_target() -> None:
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


def test_many_classes_have_a_target_code_each() -> None:
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


@given(moment=st.datetimes())
def test_date_parts_agree_with_the_calendar(moment: datetime) -> None:
    microseconds = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    expected = {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "weekday": moment.weekday(),
        "hour": moment.hour,
        "minute": moment.minute,
    }
    assert date_parts(microseconds) == expected
    many = date_parts(np.array([microseconds], np.int64))
    assert {part: int(values[0]) for part, values in many.items()} == expected
