from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from predictor.tests.ml.imported_tables import Read, import_csv


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Imports a CSV file into the test's own folder."""
    return partial(import_csv, tmp_path)
