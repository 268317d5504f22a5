from __future__ import annotations

import subprocess
import sys

import pytest

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.features.encoding import LINEAR
from predictor.ml.pipelines.candidate import Candidate


def test_a_candidate_is_read_without_scikit_learn() -> None:
    code = "import sys, predictor.ml.pipelines.candidate; print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_its_estimator_is_looked_up_in_the_catalogue_by_its_key() -> None:
    assert Candidate("a", "A", "ridge", LINEAR).info is CATALOGUE["ridge"]
    with pytest.raises(KeyError):
        _ = Candidate("a", "A", "magic", LINEAR).info
