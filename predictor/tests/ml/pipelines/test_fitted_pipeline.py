"""Pipelines of stub estimators, whose predictions are worked out by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.ml.calibration.probability_calibration import Calibration
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member, Outputs, TargetScaling
from predictor.ml.types.schema import Task

MATRIX = np.array([[1, 10, 100], [2, 20, 200]], np.float32)
COLUMNS = {name: MATRIX[:, place].astype(np.float64) for place, name in enumerate("abc")}
SPEC = FeatureSpec.passthrough("abc")


class Summing:
    """Predicts the sum of the columns that it is given."""

    def predict(self, X: Any) -> Any:
        return X.sum(axis=1).reshape(-1, 1)


@dataclass
class Saying:
    """Gives every row the same probabilities."""

    probabilities: tuple[float, ...]
    classes_: list[int] = field(default_factory=lambda: [0, 1])

    def predict_proba(self, X: Any) -> Any:
        return np.tile(self.probabilities, (len(X), 1))


def test_a_member_reads_its_own_columns_in_their_order() -> None:
    assert Member(Summing(), (2, 0)).part(MATRIX).tolist() == [[100, 1], [200, 2]]
    assert Member(Summing(), (2, 0)).values(MATRIX).tolist() == [101, 202]
    assert Member(Summing(), (0, 1, 2)).part(MATRIX) is MATRIX


def test_values_are_in_the_units_of_the_target() -> None:
    scaling = TargetScaling(is_log=True, mean=1.0, scale=0.01)
    member = Member(Summing(), (2,), target_scaling=scaling)
    assert member.values(MATRIX) == pytest.approx([np.exp(2) - 1, np.exp(3) - 1])


def test_a_class_that_a_member_was_not_fitted_on_has_probability_zero() -> None:
    member = Member(Saying((0.3, 0.7), classes_=[1, 3]), (0,))
    assert member.probabilities(MATRIX, 4).tolist() == [[0, 0.3, 0, 0.7]] * 2


def test_values_of_an_ensemble_are_the_weighted_mean() -> None:
    members = (Member(Summing(), (0,), weight=0.25), Member(Summing(), (1,), weight=0.75))

    outputs = FittedPipeline(SPEC, members, Task.REGRESSION).predict(COLUMNS)

    assert outputs.values is not None
    assert outputs.values.tolist() == [7.75, 15.5]
    assert (len(outputs), outputs.probabilities) == (2, None)


def test_probabilities_of_an_ensemble_are_the_weighted_mean_and_then_calibrated() -> None:
    members = (Member(Saying((0.2, 0.8)), (0,), weight=0.5), Member(Saying((0.6, 0.4)), (1,), weight=0.5))
    plain = FittedPipeline(SPEC, members, Task.BINARY, 2)
    calibrated = FittedPipeline(SPEC, members, Task.BINARY, 2, Calibration(2.0, (0.0, 0.0)))

    assert plain.predict(COLUMNS).probabilities == pytest.approx(np.tile([0.4, 0.6], (2, 1)))
    # A scale of 2 squares the probabilities: 0.16 to 0.36.
    assert calibrated.predict(COLUMNS).probabilities == pytest.approx(np.tile([16 / 52, 36 / 52], (2, 1)))


def test_clusters_have_probabilities_as_classes_have() -> None:
    pipeline = FittedPipeline(SPEC, (Member(Saying((0.1, 0.9)), (0,)),), Task.CLUSTERING, 2)
    outputs = pipeline.predict_matrix(MATRIX)
    assert outputs.values is None
    assert outputs.codes().tolist() == [1, 1]


def test_the_predicted_class_is_the_most_probable_or_that_of_the_threshold() -> None:
    outputs = Outputs(probabilities=np.array([[0.5, 0.5], [0.71, 0.29], [0.7, 0.3]]))

    assert outputs.codes().tolist() == [0, 0, 0]
    assert outputs.codes(0.3).tolist() == [1, 0, 1]
    assert len(outputs) == 3
    assert len(Outputs()) == 0


def test_a_regression_has_no_classes() -> None:
    with pytest.raises(TypeError, match="A regression has no classes"):
        Outputs(values=np.zeros(2)).codes()


def test_inverse_target_scaling_restores_the_target() -> None:
    y = np.array([0.0, 1.0, 10.0, 1e6])
    for is_log in (False, True):
        scaling = TargetScaling.fit(y, is_log=is_log, is_scaled=True)
        assert scaling.inverse(scaling.forward(y)) == pytest.approx(y, rel=1e-9, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    y=st.lists(st.floats(-0.5, 1e9), min_size=1, max_size=8), is_log=st.booleans(), is_scaled=st.booleans()
)
def test_scaled_targets_are_restored_and_have_mean_zero(
    y: list[float], is_log: bool, is_scaled: bool
) -> None:
    scaling = TargetScaling.fit(np.array(y), is_log=is_log, is_scaled=is_scaled)

    scaled = scaling.forward(y)

    assert scaling.inverse(scaled) == pytest.approx(np.array(y), rel=1e-6, abs=1e-6)
    assert scaling.is_identity == (not is_log and (not is_scaled or (scaling.mean, scaling.scale) == (0, 1)))
    if is_scaled:
        assert scaled.mean() == pytest.approx(0, abs=1e-6)


def test_a_constant_target_is_centred_and_not_divided_by_zero() -> None:
    scaling = TargetScaling.fit([7.0, 7.0], is_scaled=True)
    assert (scaling.mean, scaling.scale) == (7.0, 1.0)
    assert scaling.forward([7.0, 8.0]).tolist() == [0.0, 1.0]

    rounded = TargetScaling.fit(np.full(5, 1.25), is_log=True, is_scaled=True)
    assert rounded.forward(np.full(5, 1.25)) == pytest.approx(0, abs=1e-15)


def test_a_prediction_far_above_the_logs_of_the_targets_stays_finite_in_float32() -> None:
    (value,) = TargetScaling(is_log=True).inverse([1e6])
    assert value == np.expm1(80.0)
    assert np.isfinite(np.float32(value))
