"""Calibration: planted errors are corrected, calibrated probabilities are left alone, ONNX agrees."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import DamagedArtifact
from predictor.ml.calibration.probability_calibration import Calibration, calibrated, fit
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.inference.loading import load_predictor
from predictor.ml.metrics.scores import calibration_error, losses
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import FeatureField, Signature, Task

from ..tables_for_tests import classification_table


def drawn(n: int, n_classes: int, *, scale: float = 1.0, shift: float = 0.0, seed: int = 0):
    """Probabilities distorted by a known scale and shift, classes drawn from the true ones, and these."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, (n, n_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (draw.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    distorted = np.exp(scale * np.log(true) + shift * np.arange(n_classes))
    return distorted / distorted.sum(axis=1, keepdims=True), y, true


def folds_of(n: int):
    return [np.arange(n)[start::5] for start in range(5)]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (0.4, 0.0), (1.0, 1.5)])
def test_a_planted_miscalibration_is_corrected(n_classes, scale, shift):
    distorted, y, true = drawn(3000, n_classes, scale=scale, shift=shift)

    result = calibrated(distorted, y, folds_of(len(y)))

    assert result.calibration is not None
    assert result.after < result.before
    # The expected calibration is the inverse: 1 / scale, and the shifts in its units.
    assert result.calibration.scale == pytest.approx(1 / scale, rel=0.12)
    expected = -shift * np.arange(n_classes) / scale
    assert np.allclose(result.calibration.shifts, expected, atol=0.1 + 0.1 * abs(shift) * n_classes)
    corrected = result.calibration.apply(distorted)
    assert calibration_error(y == 1, corrected[:, 1]) < calibration_error(y == 1, distorted[:, 1])
    best = losses(Task.MULTICLASS, y, true).mean()
    assert losses(Task.MULTICLASS, y, corrected).mean() == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [60, 400, 3000])
def test_calibrated_probabilities_are_left_alone(n, seed):
    right, y, _ = drawn(n, 3, seed=seed)
    assert calibrated(right, y, folds_of(n)).calibration is None


def test_perfectly_separated_classes_keep_the_scale_finite():
    y = np.arange(200) % 2
    result = fit(np.column_stack([0.9 - 0.8 * y, 0.1 + 0.8 * y]), y, has_shifts=True)
    assert np.isfinite([result.scale, *result.shifts]).all()


def test_the_calibration_of_a_row_is_fitted_on_the_other_folds():
    distorted, y, _ = drawn(1000, 2, scale=3.0)
    folds = folds_of(len(y))
    is_other = np.ones(len(y), bool)
    is_other[folds[2]] = False
    expected = fit(distorted[is_other], y[is_other], has_shifts=False).apply(distorted[folds[2]])
    result = calibrated(distorted, y, folds)
    assert result.calibration is not None
    assert not any(result.calibration.shifts)
    assert np.allclose(result.probabilities[folds[2]], expected)


def test_the_result_is_about_other_probabilities_of_the_same_rows_where_they_are_given():
    probabilities, y, _ = drawn(2000, 2, scale=3.0)
    tested = probabilities[::-1].copy()
    folds = folds_of(2000)

    result = calibrated(probabilities, y, folds, tested=tested)

    same = calibrated(probabilities, y, folds)
    assert result.calibration == same.calibration
    others = np.setdiff1d(np.arange(2000), folds[0])
    own = fit(probabilities[others], y[others], has_shifts=bool(any(result.calibration.shifts)))
    assert result.probabilities[folds[0]] == pytest.approx(own.apply(tested[folds[0]]))


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("key", ["random_forest", "logistic_regression"])
def test_a_calibrated_version_predicts_the_same_in_onnx_and_in_scikit_learn(key, n_classes, tmp_path):
    table = classification_table(150, n_classes=n_classes)
    params = {"n_estimators": 5} if key == "random_forest" else {}
    fitted = join([fit_member(Candidate(key, key, key, LINEAR, params), {}, table, seed=0)], table)
    calibration = Calibration(0.7, tuple(0.4 * code for code in range(n_classes)))
    pipeline = replace(fitted, calibration=calibration)
    plain = fitted.predict(table.columns).probabilities

    compiled, parity = compile_checked(pipeline, table.columns)
    assert parity.is_compiled, parity.reason
    signature = Signature(
        "y", table.task, tuple(FeatureField(name, role) for name, role in table.roles.items())
    )
    files = version_files.write(
        tmp_path,
        pipeline=pipeline,
        signature=signature,
        compiled=compiled,
        golden=table.rows(np.arange(5)).columns,
        threshold=0.3 if n_classes == 2 else None,
    )
    paths = {name: file.path for name, file in files.items()}
    stored = version_files.load_pipeline(paths)
    served = load_predictor(paths, signature)

    expected = calibration.apply(plain)
    assert not np.allclose(plain, expected, atol=0.01)
    assert np.allclose(stored.predict(table.columns).probabilities, expected, atol=1e-9)
    assert np.allclose(served.predict(table.columns).probabilities, expected, atol=1e-6)
    changed = version_files.read_spec(
        version_files.with_threshold(paths[version_files.SPEC].read_bytes(), 0.6)
    )
    assert (changed.threshold, changed.calibration) == (0.6, calibration)


def test_a_version_without_a_calibration_is_stored_in_format_1(tmp_path):
    table = classification_table(60)
    fitted = join([fit_member(Candidate("l", "l", "logistic_regression", LINEAR), {}, table, seed=0)], table)
    signature = Signature(
        "y", table.task, tuple(FeatureField(name, role) for name, role in table.roles.items())
    )
    for number, calibration in ((1, None), (2, Calibration(0.5, (0.0, 0.0)))):
        files = version_files.write(
            tmp_path,
            pipeline=replace(fitted, calibration=calibration),
            signature=signature,
            compiled=None,
            golden=table.rows(np.arange(3)).columns,
        )
        spec = json.loads(files[version_files.SPEC].path.read_bytes())
        assert (spec["format"], "calibration" in spec) == (number, calibration is not None)


def test_a_calibration_that_does_not_fit_is_refused():
    with pytest.raises(DamagedArtifact, match="The stored calibration does not fit the classes"):
        Calibration.from_json({"scale": 1.0, "shifts": [0.0, 0.0]}, 3)
    with pytest.raises(DamagedArtifact, match="The stored calibration does not fit the classes"):
        Calibration.from_json({"scale": float("nan"), "shifts": [0.0, 0.0]}, 2)
    with pytest.raises(DamagedArtifact, match="The stored calibration is not complete"):
        Calibration.from_json({"scale": "x", "shifts": [0.0, 0.0]}, 2)
