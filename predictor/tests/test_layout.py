"""The layout of the code: a file is found by `ls`, and its test stands in the mirrored folder."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

PREDICTOR = Path(__file__).resolve().parents[1]
TESTS = PREDICTOR / "tests"
MAX_MODULES = 20
# Modules without a test file of their name, and where their behaviour is tested.
TESTED_ELSEWHERE = {
    "ml/features/columns.py": "ml/features/test_feature_spec.py",
    "ml/features/encoding.py": "ml/features/test_feature_spec.py",
    "ml/inference/predicted_rows.py": "ml/inference/test_predictor.py",
    "ml/types/warnings.py": "ml/training/test_train.py",
    "services/batches/batch_job.py": "services/batches/test_batches.py",
    "services/registry/paired_comparison.py": "services/registry/test_comparison.py",
    "services/predictions/csv_predictions.py": "services/predictions/test_prediction.py",
    "services/training/training_job.py": "services/training/test_training_runs.py",
}


def modules(folder: str) -> list[Path]:
    return [path for path in (PREDICTOR / folder).rglob("*.py") if path.name != "__init__.py"]


def test_every_module_of_ml_and_services_has_a_test_file_of_its_name() -> None:
    names = {path.relative_to(PREDICTOR) for folder in ("ml", "services") for path in modules(folder)}

    missing = {name.as_posix() for name in names if not (TESTS / name.parent / f"test_{name.name}").exists()}

    assert missing == set(TESTED_ELSEWHERE)


@pytest.mark.parametrize("test_file", sorted(set(TESTED_ELSEWHERE.values())))
def test_the_test_files_named_here_exist(test_file: str) -> None:
    assert (TESTS / test_file).is_file()


def test_no_folder_holds_more_modules_than_a_page_of_ls_shows() -> None:
    counts = Counter(path.parent for path in modules("") if "migrations" not in path.parts)

    assert {folder: n for folder, n in counts.items() if n > MAX_MODULES} == {}


def test_every_module_of_ml_stands_in_a_subpackage() -> None:
    assert [path.name for path in (PREDICTOR / "ml").glob("*.py")] == ["__init__.py"]
