"""Estimators of our own that an earlier version of the program stored, under the module names of that time.

`data/` holds one .skops file for each class, written by version 0.1.0 before `predictor.ml` had subpackages, and what
each answered then.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from predictor.ml.persistence import skops_files

DATA = Path(__file__).parent / "data"
ANSWERS = json.loads((DATA / "answers.json").read_text("utf-8"))
NAMES = sorted(set(ANSWERS) - {"rows"})


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_stored_under_its_former_module_loads_and_answers_the_same(name: str) -> None:
    [estimator] = skops_files.load((DATA / f"{name}.skops").read_bytes())
    assert type(estimator).__name__ == name
    rows = np.array(ANSWERS["rows"], np.float32)
    predict = estimator.predict_proba if hasattr(estimator, "predict_proba") else estimator.predict
    np.testing.assert_allclose(predict(rows), ANSWERS[name], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimator_that_is_stored_again_has_the_module_name_of_today(name: str) -> None:
    [estimator] = skops_files.load((DATA / f"{name}.skops").read_bytes())
    [again] = skops_files.load(skops_files.dump([estimator]))
    assert type(again) is type(estimator)
