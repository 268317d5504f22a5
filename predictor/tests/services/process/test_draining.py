from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from predictor.services.process import draining


@pytest.fixture(autouse=True)
def _not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "_is_told", False)


def test_a_process_drains_once_it_was_told_and_its_machine_does_not() -> None:
    assert not draining.is_draining()

    draining.begin()
    draining.begin()

    assert draining.is_draining()
    assert not draining.is_machine_draining()


def test_a_machine_drains_while_the_file_is_there_and_its_processes_were_not_told(settings: Settings) -> None:
    flag = Path(settings.DATA_DIR) / "draining"
    assert not draining.is_machine_draining()

    flag.touch()
    assert draining.is_machine_draining()
    assert not draining.is_draining()

    flag.unlink()
    assert not draining.is_machine_draining()
