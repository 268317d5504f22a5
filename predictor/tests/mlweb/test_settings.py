"""Every numeric setting has a range; a value outside is refused at start with the variable's name."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from environs import EnvError

from mlweb.data_folder import make_private

SOURCE = Path(settings.BASE_DIR) / "mlweb" / "settings.py"
NUMBERS = re.findall(r'env\.int\(\s*"(\w+)"', SOURCE.read_text())
MAY_BE_ZERO = {
    "MLWEB_DRAIN_SECONDS", "MLWEB_LOG_RETENTION_DAYS", "MLWEB_MIN_FREE_DISK_MB", "MLWEB_PREDICTIONS_WAITING",
    "MLWEB_PREDICTION_WAIT_MS", "MLWEB_TOKEN_REQUESTS_PER_MINUTE", "MLWEB_TURN_SLOTS",
    "MLWEB_MAX_RUNS_PER_WORKSPACE", "MLWEB_MAX_RUNS_PER_PERSON", "MLWEB_MAX_BATCHES_PER_WORKSPACE",
    "MLWEB_MAX_BATCHES_PER_PERSON", "MLWEB_MAX_DATASETS_PER_WORKSPACE", "MLWEB_MAX_STORED_MB_PER_WORKSPACE",
    "MLWEB_MAX_IDEMPOTENT_ANSWERS_PER_WORKSPACE", "MLWEB_SUMMARY_RETENTION_DAYS",
    "MLWEB_TRASH_DAYS",
}  # fmt: skip


def start(monkeypatch: pytest.MonkeyPatch, folder: Path, **environment: str) -> dict[str, Any]:
    for name in NUMBERS:
        monkeypatch.delenv(name, raising=False)
    for name, value in {"MLWEB_DATA_DIR": str(folder), **environment}.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(SOURCE))


def test_zero_is_accepted_where_it_is_allowed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loaded = start(monkeypatch, tmp_path, **dict.fromkeys(MAY_BE_ZERO, "0"))

    assert len(NUMBERS) > 30
    assert loaded["PREDICTIONS_WAITING"] == loaded["PREDICTION_WAIT_MS"] == 0


@pytest.mark.parametrize("name", NUMBERS)
def test_a_number_out_of_range_is_refused_with_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    with pytest.raises(EnvError, match=name):
        start(monkeypatch, tmp_path, **{name: "-1" if name in MAY_BE_ZERO else "0"})


def test_old_files_in_the_data_folder_lose_the_rights_of_others(tmp_path: Path) -> None:
    database, secret, folder = tmp_path / "mlweb.sqlite3", tmp_path / "secret_key", tmp_path / "work"
    for path in (database, secret):
        path.write_text("x")
    folder.mkdir()
    database.chmod(0o644)
    secret.chmod(0o600)
    (tmp_path / "link").symlink_to("/etc/hostname")

    make_private(tmp_path)

    assert [path.stat().st_mode & 0o777 for path in (database, secret)] == [0o600, 0o600]
