from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import TargetEncoder

from predictor.ml.features.date_steps import FARTHEST, DatetimeStep
from predictor.ml.features.encoding import (
    BENT,
    DISTANCES,
    ISOLATION,
    LINEAR,
    NATIVE_BOOSTING,
    ONE_HOT_TREES,
    ORDERED_BOOSTING,
    ORDINAL_TREES,
    TARGET_BOOSTING,
    Encoding,
)
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.features.step_fitting import (
    MOST_TARGET_CLASSES,
    NothingToLearn,
    Target,
    cross_fitted,
    fit_steps,
    fit_target,
)
from predictor.ml.features.tabular_steps import RAW_LIMIT, CodeStep, NumberStep, OneHotStep, TargetStep
from predictor.ml.features.text_steps import TextStep
from predictor.ml.types.schema import Role

ENCODINGS = [
    LINEAR, BENT, DISTANCES, ISOLATION, ONE_HOT_TREES, ORDINAL_TREES, ORDERED_BOOSTING, NATIVE_BOOSTING,
    TARGET_BOOSTING,
]  # fmt: skip
NAN = np.nan


def texts(*values: Any) -> np.ndarray:
    return np.array([*values, None], object)[:-1]


def dates(*values: str) -> np.ndarray:
    return np.array(values, "datetime64[us]")


def step_of(values: np.ndarray, role: Role, encoding: Encoding, target: Target | None = None) -> Any:
    (step,) = fit_steps("x", values, role, encoding, target)
    return step


ONE_VALUE = "It holds one value only in the rows used for training."


@pytest.mark.parametrize(
    ("values", "role", "reason"),
    [
        (texts("1", "2"), Role.IDENTIFIER, "It identifies rows, so it says nothing about new ones."),
        (texts("a", "a"), Role.CONSTANT, "It holds one value only."),
        (np.array([NAN, NAN]), Role.NUMERIC, "It has no values."),
        (np.empty(0), Role.NUMERIC, "It has no values."),
        (np.array([5.0, 5.0]), Role.NUMERIC, ONE_VALUE),
        (np.array([1.0, 1.0]), Role.BOOLEAN, ONE_VALUE),
        (dates("NaT", "NaT"), Role.DATETIME, "It has no values."),
        (dates("2024-01-01", "2024-01-01"), Role.DATETIME, ONE_VALUE),
        (texts(None, "", NAN), Role.CATEGORICAL, "It has no values."),
        (texts("a", "a", "a"), Role.CATEGORICAL, ONE_VALUE),
        (texts("p", "q", "r"), Role.CATEGORICAL, "Hardly any value in it occurs more than once."),
        (texts("lorem", "ipsum", None), Role.TEXT, "No word in it occurs in enough rows."),
        (texts(None, None), Role.TEXT, "No word in it occurs in enough rows."),
    ],
)
def test_a_column_without_information_is_left_out_with_the_reason(
    values: np.ndarray, role: Role, reason: str
) -> None:
    with pytest.raises(NothingToLearn) as caught:
        fit_steps("x", values, role, ONE_HOT_TREES, None)
    assert str(caught.value) == reason


def test_one_value_beside_missing_ones_is_information() -> None:
    assert step_of(np.array([5.0, NAN]), Role.NUMERIC, ONE_HOT_TREES).has_flag
    assert step_of(dates("2024-01-01", "NaT"), Role.DATETIME, ONE_HOT_TREES).has_flag
    assert step_of(texts("a", "a", "a", None), Role.CATEGORICAL, ONE_HOT_TREES).has_missing


def test_missing_numbers_are_filled_with_the_median_and_flagged_only_where_training_had_gaps() -> None:
    whole, gaps = np.array([1.0, 2.0, 9.0, 100.0]), np.array([1.0, NAN, 2.0, 9.0])

    assert step_of(whole, Role.NUMERIC, ONE_HOT_TREES) == NumberStep("x", fill=5.5)
    assert step_of(gaps, Role.NUMERIC, ONE_HOT_TREES) == NumberStep("x", fill=2.0, has_flag=True)
    assert step_of(gaps, Role.NUMERIC, ORDERED_BOOSTING) == NumberStep("x")


def test_a_scaled_number_has_the_mean_and_deviation_after_filling() -> None:
    values = np.array([1.0, NAN, 2.0, 9.0])

    step = step_of(values, Role.NUMERIC, LINEAR)

    filled = np.array([1.0, 2.0, 2.0, 9.0])
    assert (step.mean, step.scale) == (pytest.approx(filled.mean()), pytest.approx(filled.std()))


def test_scaled_numbers_have_mean_zero_and_deviation_one() -> None:
    spec = FeatureSpec.fit({"x": np.array([1.0, 2.0, 3.0, 4.0])}, {"x": Role.NUMERIC}, LINEAR)
    found = spec.transform({"x": np.array([1.0, 2.0, 3.0, 4.0])})
    assert found.mean() == pytest.approx(0, abs=1e-6)
    assert found.std() == pytest.approx(1, abs=1e-6)


def test_a_bent_number_is_centred_on_the_median_and_scaled_by_the_quartiles() -> None:
    values = np.array([0.0, 1.0, 2.0, 3.0, 100.0, NAN])  # quartiles 1 and 3 of the five numbers

    step = step_of(values, Role.NUMERIC, BENT)

    # 1.349 deviations lie between the quartiles of a normal distribution.
    assert (step.mean, step.scale, step.bend) == (2.0, pytest.approx(2 / 1.349), 3.0)


def test_a_bent_number_whose_quartiles_coincide_is_scaled_by_its_deviation() -> None:
    values = np.array([0.0] * 9 + [10.0])
    assert step_of(values, Role.NUMERIC, BENT).scale == pytest.approx(values.std())


def test_smooth_clipping_keeps_the_order_and_never_passes_the_bend() -> None:
    values = np.array([*np.linspace(-2, 2, 50), 1e6, -1e300, np.nan])
    spec = FeatureSpec.fit({"x": values}, {"x": Role.NUMERIC}, BENT)
    found = spec.transform({"x": np.array([-1e300, -1.0, 0.0, 1.0, 50.0, 1e6, 1e300])})[:, 0]
    assert (np.diff(found) >= 0).all()
    assert np.abs(found).max() <= 3.0
    assert found[2] == pytest.approx(0, abs=0.05)


def test_trees_get_numbers_as_they_are_unless_float32_cannot_hold_them() -> None:
    for values in (np.array([0.0, 1.0]), np.array([1e29, -1e29])):
        step = step_of(values, Role.NUMERIC, ORDINAL_TREES)
        assert (step.mean, step.scale, step.limit) == (0.0, 1.0, RAW_LIMIT)
    large = step_of(np.array([1e31, -1e31]), Role.NUMERIC, ORDINAL_TREES)
    assert (large.mean, large.scale) == (0.0, pytest.approx(1e31))


def test_large_numbers_close_together_stay_distinct_in_float32() -> None:
    seconds = 1_700_000_000.0 + np.arange(100.0)
    spec = FeatureSpec.fit({"x": seconds}, {"x": Role.NUMERIC}, ORDINAL_TREES)
    assert len(np.unique(spec.transform({"x": seconds}))) == 100


@pytest.mark.filterwarnings("error")
def test_numbers_at_the_end_of_the_range_are_finite() -> None:
    values = np.array([-1.7e308, 1.7e308, 0.0, 5e-324, 1.0])
    for encoding in ENCODINGS:
        spec = FeatureSpec.fit({"x": values}, {"x": Role.NUMERIC}, encoding)
        assert np.isfinite(spec.transform({"x": values})).all()


@pytest.mark.parametrize(("n_true", "fill"), [(1, 0.0), (2, 1.0), (3, 1.0)])
def test_a_missing_boolean_becomes_the_majority(n_true: int, fill: float) -> None:
    values = np.array([1.0] * n_true + [0.0] * (4 - n_true) + [NAN])
    assert step_of(values, Role.BOOLEAN, ONE_HOT_TREES).fill == fill
    assert step_of(values, Role.BOOLEAN, ORDERED_BOOSTING).fill is None


def test_a_date_gives_the_days_since_the_earliest_and_the_parts_that_vary() -> None:
    values = dates("2024-05-01T10:00", "NaT", "2024-03-04T10:00", "2024-06-03T10:00")

    step = step_of(values, Role.DATETIME, ONE_HOT_TREES)

    assert step == DatetimeStep(
        "x",
        origin=int(values[2].astype(np.int64)),
        parts=("month", "day", "weekday"),
        fill=int(values[0].astype(np.int64)),
        has_flag=True,
    )
    assert step_of(values, Role.DATETIME, ORDERED_BOOSTING) == replace(step, fill=None, has_flag=False)


def test_scaled_date_features_have_mean_zero_and_deviation_one_and_the_flag_stays() -> None:
    values = dates("2024-05-01T10:00", "NaT", "2024-03-04T11:30", "2025-06-03T10:00")

    step = step_of(values, Role.DATETIME, LINEAR)

    assert step.cyclic == ("month", "weekday", "hour", "minute")
    block = step.transform(values)
    assert block[:, :-1].mean(axis=0) == pytest.approx(0, abs=1e-9)
    assert block[:, :-1].std(axis=0) == pytest.approx(1)
    assert block[:, -1].tolist() == [0, 1, 0, 0]


def test_a_date_before_all_calendars_does_not_overflow_the_days_of_the_others() -> None:
    """DuckDB reads the text "-infinity" as the smallest timestamp."""
    values = np.array([-(2**63) + 1, 0, 86_400_000_000], np.int64).view("datetime64[us]")

    spec = FeatureSpec.fit({"x": values}, {"x": Role.DATETIME}, ORDINAL_TREES)

    days = spec.transform({"x": values})[:, 0]
    assert days == pytest.approx(np.array([0, FARTHEST, FARTHEST]) / 86_400_000_000)
    assert [spec.transform({"x": values[row : row + 1]})[0, 0] for row in range(3)] == days.tolist()


def test_the_words_of_a_text_are_those_in_three_texts_and_not_in_four_of_five() -> None:
    values = texts(*["red of"] * 3, *["blue of"] * 4, *["rare of"] * 2, "Red of red", None)

    step = step_of(values, Role.TEXT, ONE_HOT_TREES)

    # Equal counts go by the alphabet; "of" is in each of the ten texts, "rare" in two.
    assert step.words == ("blue", "red")
    vectorizer = TfidfVectorizer(vocabulary=["blue", "red"]).fit(values[:-1])
    assert step.idf == pytest.approx(vectorizer.idf_)


def test_a_word_in_four_of_five_texts_is_kept_and_the_number_of_words_is_limited() -> None:
    values = texts(*["a b c"] * 4, *["a b"] * 2, *["a"] * 2, *["d"] * 2)

    assert step_of(values, Role.TEXT, ONE_HOT_TREES).words == ("a", "b", "c")
    assert step_of(values, Role.TEXT, Encoding(max_words=2)).words == ("a", "b")
    assert isinstance(step_of(values, Role.TEXT, NATIVE_BOOSTING), TextStep)


PLANS = texts(*["b"] * 4, *["a"] * 4, *["c"] * 5, "d", "e")


def test_levels_come_by_frequency_then_alphabet_and_rare_ones_share_a_column() -> None:
    assert step_of(PLANS, Role.CATEGORICAL, ONE_HOT_TREES) == OneHotStep(
        "x", levels=("c", "a", "b"), has_other=True
    )
    assert step_of(PLANS, Role.CATEGORICAL, Encoding(max_levels=2)).levels == ("c", "a")
    assert step_of(PLANS[:13], Role.CATEGORICAL, ONE_HOT_TREES) == OneHotStep("x", levels=("c", "a", "b"))


def test_ordinal_codes_give_missing_minus_one_and_native_codes_give_it_nan() -> None:
    assert step_of(PLANS, Role.CATEGORICAL, ORDINAL_TREES) == CodeStep(
        "x", levels=("c", "a", "b"), other=3.0, missing=-1.0
    )
    assert step_of(PLANS, Role.CATEGORICAL, NATIVE_BOOSTING) == CodeStep(
        "x", levels=("c", "a", "b"), other=3.0, is_native=True
    )
    # Native: without a rare level in training, an unseen one is missing.
    assert step_of(PLANS[:13], Role.CATEGORICAL, NATIVE_BOOSTING).other is None
    assert step_of(PLANS[:13], Role.CATEGORICAL, ORDINAL_TREES).other == 3.0


def test_rare_levels_and_unseen_ones_share_a_code() -> None:
    values = np.array(["a"] * 10 + ["b"] * 10 + ["rare", "rarer"], object)
    spec = FeatureSpec.fit({"c": values}, {"c": Role.CATEGORICAL}, NATIVE_BOOSTING)
    asked = np.array(["a", "b", "rare", "never seen", None], object)
    codes = spec.transform({"c": asked})[:, 0]
    assert codes[:4].tolist() == [0.0, 1.0, 2.0, 2.0]
    assert np.isnan(codes[4])
    assert spec.categorical_mask == (True,)


def test_a_column_of_many_levels_also_gets_a_target_code_where_the_encoding_has_one() -> None:
    values = texts(*[f"level {number}" for number in range(5)] * 3)
    target = Target(np.arange(15.0), 0)
    few = Encoding(max_levels=4)

    assert [type(step) for step in fit_steps("x", values, Role.CATEGORICAL, few, target)] == [
        OneHotStep, TargetStep,
    ]  # fmt: skip
    for encoding, known in (
        (few, None),
        (replace(few, has_target_extra=False), target),
        (replace(few, max_levels=5), target),
    ):
        (step,) = fit_steps("x", values, Role.CATEGORICAL, encoding, known)
        assert isinstance(step, OneHotStep)


def test_target_codes_are_those_of_the_smoothed_target_encoder_of_scikit_learn() -> None:
    values = texts("a", "a", "b", "c", "c", "c", "a")
    y = np.array([1.0, 4.0, -2.0, 10.0, 11.0, 12.0, 0.5])
    encoder = TargetEncoder(target_type="continuous", smooth=10.0).fit(values.reshape(-1, 1), y)

    step = step_of(values, Role.CATEGORICAL, TARGET_BOOSTING, Target(y, 0))

    means = dict(zip(step.levels, [mean for (mean,) in step.means], strict=True))
    expected = dict(zip(encoder.categories_[0].tolist(), encoder.encodings_[0].tolist(), strict=True))
    assert means == pytest.approx(expected)
    assert step.other == pytest.approx((encoder.target_mean_,))


def test_missing_values_have_a_target_code_of_their_own() -> None:
    values = texts("a", "a", None, None, None)

    step = fit_target(
        "x", values, ["a"], Target(np.array([0.0, 0.0, 1.0, 1.0, 1.0]), 2), Encoding(smoothing=2.0)
    )

    # (sum of the rows + 2 · 0.6) / (rows + 2)
    assert step.means[0] == pytest.approx(((0 + 1.2) / 4,))
    assert step.missing == pytest.approx(((3 + 1.2) / 5,))
    assert step.other == pytest.approx((0.6,))


def test_scaled_target_codes_have_mean_zero_and_deviation_one() -> None:
    values = texts("a", "a", "b", "b", "b", "c")
    target = Target(np.array([1.0, 2.0, 5.0, 6.0, 7.0, 0.0]), 0)

    codes = fit_target("x", values, ["a", "b", "c"], target, LINEAR).transform(values)

    assert codes.mean() == pytest.approx(0)
    assert codes.std() == pytest.approx(1)


def test_the_target_has_an_indicator_for_each_of_the_most_frequent_classes() -> None:
    many = np.repeat(np.arange(12), [9, 1, 9, 9, 9, 9, 9, 9, 9, 2, 9, 9])

    assert Target(np.array([0, 2, 1, 2]), 3).numbers.tolist() == [[1, 0, 0], [0, 0, 1], [0, 1, 0], [0, 0, 1]]
    assert Target(np.array([0, 1, 1]), 2).numbers.tolist() == [[0.0], [1.0], [1.0]]
    assert Target(np.array([0, 1]), 2).classes == ()
    assert Target(many, 12).classes == (0, 2, 3, 4, 5, 6, 7, 8, 10, 11)
    assert Target(many, 12).numbers.shape == (len(many), MOST_TARGET_CLASSES)


def test_a_cross_fitted_code_is_learnt_from_the_rows_of_the_other_folds() -> None:
    values = texts("a", "a", "a", "b", None, "b", None, "c")
    target = Target(np.array([1.0, 2.0, 6.0, 10.0, 20.0, 30.0, 14.0, 8.0]), 0)
    folds = np.array([0, 1, 1, 1, 0, 0, 1, 0])
    step = TargetStep("x", levels=("a", "b"), means=((0.0,), (0.0,)), smoothing=1.0, mean=1.0, scale=2.0)

    codes = cross_fitted(step, values, target, folds)[:, 0]

    # Fold 0 is coded by rows 1, 2, 3, 6 (mean 8) and fold 1 by rows 0, 4, 5, 7 (mean 14.75): the level's sum and one
    # pseudo-row of that mean. The unknown level gets the mean itself.
    expected = [
        (2 + 6 + 8) / 3, (1 + 14.75) / 2, (1 + 14.75) / 2, (30 + 14.75) / 2,
        (14 + 8) / 2, (10 + 8) / 2, (20 + 14.75) / 2, 8,
    ]  # fmt: skip
    assert codes == pytest.approx((np.array(expected) - 1) / 2)


def test_a_median_of_dates_is_a_date_that_occurs() -> None:
    values = dates("2024-01-01", "2024-01-03", "2024-01-09", "2024-01-10")
    step = step_of(values, Role.DATETIME, ONE_HOT_TREES)
    assert np.int64(step.fill).view("datetime64[us]") == values[2]
    assert math.isclose(step.transform(values)[2, 0], 8.0)
