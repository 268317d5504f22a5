from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.onnx_export.parity import ParityResult, compare, probe_rows
from predictor.ml.pipelines.fitted_pipeline import Outputs

from ..mixed_table import mixed_columns


def test_probes_are_a_thousand_rows_with_missing_unseen_and_extreme_cells() -> None:
    probes, n_ordinary = probe_rows(mixed_columns(50), seed=3)
    odd = {name: values[n_ordinary:] for name, values in probes.items()}
    assert len(probes["age"]) >= 1_000
    assert np.isnan(odd["age"]).sum() > 50
    assert np.isnat(odd["joined"]).sum() > 50
    assert (odd["plan"] == None).sum() > 50  # noqa: E711 (an array of objects)
    assert (np.abs(odd["income"]) >= 1e12).any()
    assert any(value not in ("basic", "plus", "pro", None) for value in odd["plan"].tolist())
    assert np.isnan(odd["age"][-1])
    assert odd["plan"][-1] is None


def test_a_difference_beyond_the_tolerance_is_not_compiled() -> None:
    right = np.array([[0.2, 0.8], [0.6, 0.4]])
    result = compare(Outputs(probabilities=right), Outputs(probabilities=np.add(right, [[2e-4, -2e-4]])), 2)
    assert not result.is_compiled
    assert "0.0001 is allowed" in result.reason


def test_another_label_is_not_compiled() -> None:
    right, wrong = np.array([[0.50003, 0.49997]]), np.array([[0.49998, 0.50002]])
    result = compare(Outputs(probabilities=right), Outputs(probabilities=wrong), 1)
    assert not result.is_compiled
    assert result.labels_agree == 0.0


def test_an_answer_that_is_not_a_number_is_not_compiled() -> None:
    result = compare(Outputs(values=np.array([1.0])), Outputs(values=np.array([np.nan])), 1)
    assert not result.is_compiled
    assert result.max_abs_difference is None


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e9])
def test_regression_is_compared_in_proportion_to_its_values(size: float) -> None:
    values = size * np.array([1.0, 2.0, 3.0])
    good = compare(Outputs(values=values), Outputs(values=values * (1 + 1e-6)), 3)
    bad = compare(Outputs(values=values), Outputs(values=values * (1 + 1e-3)), 3)
    assert good.is_compiled
    assert not bad.is_compiled


def test_the_result_survives_json() -> None:
    result = ParityResult(True, "Same answers on 1,000 rows.", 1e-7, 1.0, 1000)
    assert ParityResult.from_json(result.to_json()) == result
