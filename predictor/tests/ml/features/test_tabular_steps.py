from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from predictor.ml.features.feature_spec import ONE_HOT_TREES, FeatureSpec
from predictor.ml.features.step import Step
from predictor.ml.features.tabular_steps import CodeStep, NumberStep, OneHotStep, TargetStep
from predictor.ml.types.schema import Role


def texts(*values: Any) -> np.ndarray:
    return np.array([*values, None], object)[:-1]


def written(step: Step, cell: np.ndarray) -> list[float]:
    """What the step writes for a column of one row."""
    row = [0.0] * len(step.outputs)
    step.writer(0)(cell, row)
    return row


def test_numbers_are_scaled_as_by_the_scaler_of_scikit_learn() -> None:
    values = np.array([3.0, -1.5, 1e6, 0.0])
    scaler = StandardScaler().fit(values.reshape(-1, 1))
    step = NumberStep("x", mean=float(scaler.mean_[0]), scale=float(scaler.scale_[0]))

    assert step.transform(values) == pytest.approx(scaler.transform(values.reshape(-1, 1)), rel=1e-12)


def test_a_missing_number_is_filled_before_it_is_scaled_and_flagged() -> None:
    step = NumberStep("x", fill=6.0, has_flag=True, mean=2.0, scale=4.0)

    assert step.transform(np.array([np.nan, 2.0])).tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert [each.name for each in step.outputs] == ["x", "x is missing"]


def test_a_missing_number_without_a_fill_value_stays_nan() -> None:
    step = NumberStep("x", mean=2.0, bend=3.0)
    assert np.isnan(step.transform(np.array([np.nan]))[0, 0])
    assert math.isnan(written(step, np.array([np.nan]))[0])


def test_numbers_beyond_the_limit_are_clipped_also_infinite_ones() -> None:
    step = NumberStep("x", mean=1.0, scale=0.5, limit=10.0)

    rows = step.transform(np.array([np.inf, -np.inf, 6.0, 6.1, -4.1, 3.0]))

    assert rows[:, 0].tolist() == [10.0, -10.0, 10.0, 10.0, -10.0, 4.0]


def test_the_bend_leaves_small_numbers_alone_and_keeps_large_ones_below_it() -> None:
    step = NumberStep("x", bend=3.0)

    rows = step.transform(np.array([0.0, 0.01, 3.0, -4.0, 1e12]))[:, 0]

    assert rows == pytest.approx([0.0, 0.01, 3 / math.sqrt(2), -4 / math.sqrt(1 + 16 / 9), 3.0], rel=1e-5)


def test_one_hot_columns_are_those_of_scikit_learn() -> None:
    levels = ("b", "ä", "c")
    values = texts("c", "b", "ä", "b", "unseen")
    encoder = OneHotEncoder(categories=[list(levels)], handle_unknown="ignore", sparse_output=False)

    rows = OneHotStep("x", levels=levels).transform(values)

    assert rows.tolist() == encoder.fit_transform(values.reshape(-1, 1)).tolist()


@pytest.mark.parametrize(
    ("has_other", "has_missing", "unseen", "missing"),
    [
        (False, False, [0, 0], [0, 0]),
        (True, False, [0, 0, 1], [0, 0, 0]),
        (False, True, [0, 0, 0], [0, 0, 1]),
        (True, True, [0, 0, 1, 0], [0, 0, 0, 1]),
    ],
)
def test_unseen_levels_and_missing_values_have_a_column_each_where_training_had_them(
    has_other: bool, has_missing: bool, unseen: list[int], missing: list[int]
) -> None:
    step = OneHotStep("x", levels=("a", "b"), has_other=has_other, has_missing=has_missing)

    rows = step.transform(texts("unseen", None, "", np.nan)).tolist()

    assert rows == [unseen, missing, missing, missing]
    names = ["x = a", "x = b"] + ["x is another value"] * has_other + ["x is missing"] * has_missing
    assert [each.name for each in step.outputs] == names


def test_none_the_empty_text_and_nan_are_all_missing_in_texts() -> None:
    values = np.array(["a", "b", None, "a", "b", "a", "b", "a"], object)
    spec = FeatureSpec.fit({"c": values}, {"c": Role.CATEGORICAL}, ONE_HOT_TREES)
    missing = [spec.transform({"c": np.array([each], object)}) for each in (None, "", np.nan)]
    assert [each.tolist() for each in missing] == [[[0.0, 0.0, 1.0]]] * 3


def test_codes_are_those_of_the_ordinal_encoder_of_scikit_learn() -> None:
    levels, values = ("pro", "basic", "plus"), texts("basic", "plus", "pro", "never seen")
    encoder = OrdinalEncoder(
        categories=[list(levels)], handle_unknown="use_encoded_value", unknown_value=len(levels)
    )

    rows = CodeStep("x", levels=levels, other=3.0).transform(values)

    assert rows.tolist() == encoder.fit_transform(values.reshape(-1, 1)).tolist()


def test_codes_of_unseen_and_missing_values_are_nan_unless_they_have_a_number() -> None:
    values = texts("unseen", None, "", np.nan)

    without, with_numbers = CodeStep("x", ("a",)), CodeStep("x", ("a",), other=1.0, missing=-1.0)

    assert np.isnan(without.transform(values)).all()
    assert with_numbers.transform(values)[:, 0].tolist() == [1.0, -1.0, -1.0, -1.0]
    assert [CodeStep("x", is_native=native).outputs[0].is_categorical for native in (True, False)] == [
        True, False,
    ]  # fmt: skip


def test_target_codes_have_one_column_a_class_and_defaults_for_unseen_and_missing() -> None:
    step = TargetStep(
        "shop",
        levels=("a", "b"),
        means=((0.2, 0.8), (0.6, 0.4)),
        other=(0.5, 0.5),
        missing=(0.1, 0.9),
        classes=(0, 3),
        mean=0.5,
        scale=0.1,
    )

    rows = step.transform(texts("b", "a", "unseen", None, ""))

    assert rows == pytest.approx(np.array([[1, -1], [-3, 3], [0, 0], [-4, 4], [-4, 4]]))
    assert [each.name for each in step.outputs] == ["shop by class 0", "shop by class 3"]
    assert [each.name for each in TargetStep("shop").outputs] == ["shop by target"]


STEPS = [
    NumberStep("x", fill=0.3, has_flag=True, mean=0.1, scale=0.7),
    NumberStep("x", mean=-1.7e308, scale=1e-300),
    NumberStep("x", fill=1.0, mean=0.1, scale=3.0, limit=1e9, bend=3.0),
    OneHotStep("x", levels=("a", "b"), has_other=True),
    OneHotStep("x", levels=("a", "b"), has_missing=True),
    CodeStep("x", levels=("a", "b"), other=2.0),
    TargetStep("x", levels=("a",), means=((0.1, 0.7),), other=(0.2, 0.3), missing=(0.6, 0.4), classes=(0, 1), mean=0.3),
]  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(data=st.data(), step=st.sampled_from(STEPS))
def test_one_row_has_the_same_bits_as_in_a_batch(data: st.DataObject, step: Step) -> None:
    if isinstance(step, NumberStep):
        cell = np.array([data.draw(st.floats())])
    else:
        cell = texts(data.draw(st.sampled_from(["a", "b", "c", "", None, np.nan])))

    assert np.array_equal(step.transform(cell), [written(step, cell)], equal_nan=True)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.kind)
def test_no_rows_give_a_block_without_rows(step: Step) -> None:
    values = np.empty(0) if isinstance(step, NumberStep) else np.empty(0, object)
    assert step.transform(values).shape == (0, len(step.outputs))
