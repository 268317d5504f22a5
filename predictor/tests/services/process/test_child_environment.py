from __future__ import annotations

import os

import pytest
from pytest_django import Settings

from predictor.services.process.child_environment import PASSED_ON, child_environment


def test_a_child_gets_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("MLWEB_METRICS_TOKEN", "secret")

    assert "secret" not in " ".join(child_environment().values())


def test_names_outside_the_list_are_set_by_us_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONPATH", "LD_PRELOAD"):
        monkeypatch.setenv(name, "theirs")

    environment = child_environment()

    assert {name: value for name, value in environment.items() if name not in PASSED_ON} == {
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "PYTHONPATH": str(settings.BASE_DIR),
        "PYTHONUNBUFFERED": "1",
    }


def test_what_the_list_names_is_passed_on_if_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.delenv("LC_ALL", raising=False)

    environment = child_environment()

    assert (environment["TZ"], environment["PATH"]) == ("Asia/Tokyo", os.environ["PATH"])
    assert "LC_ALL" not in environment
