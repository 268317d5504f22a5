"""Probabilities that are planted wrong are mended; those that are right are left alone; both sides agree."""

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
    """True probabilities bent by a known scale and shift, and classes drawn from the true ones."""
    draw = np.random.default_rng(seed)
    logits = draw.normal(0, 1.5, (n, n_classes))
    true = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (draw.random((n, 1)) > true.cumsum(axis=1)).sum(axis=1)
    bent = np.exp(scale * np.log(true) + shift * np.arange(n_classes))
    return bent / bent.sum(axis=1, keepdims=True), y, true


def folds_of(n: int):
    return [np.arange(n)[start::5] for start in range(5)]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(("scale", "shift"), [(3.0, 0.0), (0.4, 0.0), (1.0, 1.5)])
def test_a_planted_miscalibration_is_mended(n_classes, scale, shift):
    bent, y, true = drawn(3000, n_classes, scale=scale, shift=shift)

    found = calibrated(bent, y, folds_of(len(y)))

    assert found.calibration is not None
    assert found.after < found.before
    # Undoing it is the inverse: the scale, and the shifts in its units.
    assert found.calibration.scale == pytest.approx(1 / scale, rel=0.12)
    expected = -shift * np.arange(n_classes) / scale
    assert np.allclose(found.calibration.shifts, expected, atol=0.1 + 0.1 * abs(shift) * n_classes)
    mended = found.calibration.apply(bent)
    assert calibration_error(y == 1, mended[:, 1]) < calibration_error(y == 1, bent[:, 1])
    best = losses(Task.MULTICLASS, y, true).mean()
    assert losses(Task.MULTICLASS, y, mended).mean() == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [60, 400, 3000])
def test_probabilities_that_are_right_are_left_alone(n, seed):
    right, y, _ = drawn(n, 3, seed=seed)
    assert calibrated(right, y, folds_of(n)).calibration is None


def test_classes_without_a_mistake_keep_the_scale_finite():
    y = np.arange(200) % 2
    found = fit(np.column_stack([0.9 - 0.8 * y, 0.1 + 0.8 * y]), y, has_shifts=True)
    assert np.isfinite([found.scale, *found.shifts]).all()


def test_what_calibrating_did_to_a_row_is_not_learnt_from_that_row():
    bent, y, _ = drawn(1000, 2, scale=3.0)
    folds = folds_of(len(y))
    is_other = np.ones(len(y), bool)
    is_other[folds[2]] = False
    expected = fit(bent[is_other], y[is_other], has_shifts=False).apply(bent[folds[2]])
    found = calibrated(bent, y, folds)
    assert found.calibration is not None
    assert not any(found.calibration.shifts)
    assert np.allclose(found.probabilities[folds[2]], expected)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("key", ["random_forest", "logistic_regression"])
def test_a_calibrated_version_answers_alike_compiled_and_stored(key, n_classes, tmp_path):
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


def test_a_version_without_a_calibration_is_written_as_older_programs_read_it(tmp_path):
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
    with pytest.raises(DamagedArtifact):
        Calibration.from_json({"scale": 1.0, "shifts": [0.0, 0.0]}, 3)
    with pytest.raises(DamagedArtifact):
        Calibration.from_json({"scale": "x", "shifts": [0.0, 0.0]}, 2)
