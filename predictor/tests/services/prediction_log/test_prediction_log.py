from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, transaction
from pytest_django import Settings

from predictor.errors import NotLogged
from predictor.models import ModelVersion, PredictionLog
from predictor.services import prediction_log
from predictor.services.prediction_log import group_commit
from predictor.services.process import meters

from .rows import Rows


# --- Appending -----------------------------------------------------------------------------------------------
class Writer:
    """Stands for the writer of this process: it notes what it was asked, or fails."""

    def __init__(self, error: Exception | None = None):
        self.calls: list[tuple[str, int]] = []
        self._error = error

    def write(self, rows: Any) -> None:
        self._note("write", rows)

    def write_behind(self, rows: Any) -> None:
        self._note("write_behind", rows)

    def _note(self, verb: str, rows: Any) -> None:
        if self._error is not None:
            raise self._error
        self.calls.append((verb, len(rows)))


@pytest.fixture
def counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meters, "_meters", meters.Meters(tmp_path / "meters"))


@pytest.fixture
def outside(transactional_db: None, counted: None, version: ModelVersion) -> Rows:
    """Rows to append outside of a transaction."""
    return Rows(version)


def use(monkeypatch: pytest.MonkeyPatch, writer: Writer) -> Writer:
    monkeypatch.setattr(group_commit, "writer", lambda: writer)
    return writer


@pytest.mark.parametrize(
    ("setting", "is_durable", "verb"),
    [
        ("durable", False, "write"),
        ("durable", True, "write"),
        ("buffered", False, "write_behind"),
        ("buffered", True, "write"),
    ],
)
def test_rows_are_buffered_by_the_setting_unless_the_caller_needs_them_stored(
    outside: Rows,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    is_durable: bool,
    verb: str,
) -> None:
    settings.PREDICTION_LOG = setting
    writer = use(monkeypatch, Writer())

    prediction_log.append(outside(3), is_durable=is_durable)

    assert writer.calls == [(verb, 3)]


@pytest.mark.parametrize(
    "error", [OperationalError("locked"), InterfaceError("closed"), OSError(28, "No space left on device")]
)
def test_a_passing_error_asks_to_try_again_and_counts_nothing(
    outside: Rows, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    use(monkeypatch, Writer(error))

    with pytest.raises(NotLogged, match="it is not answered; try again in a moment") as refused:
        prediction_log.append(outside(3))

    assert refused.value.retry_seconds == 1
    assert refused.value.__cause__ is error
    assert meters.totals().value("rows_api") == 0


def test_an_unexpected_error_is_raised_as_it_is(outside: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Writer(ZeroDivisionError()))

    with pytest.raises(ZeroDivisionError):
        prediction_log.append(outside(3))


def test_rows_are_counted_by_their_source(outside: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = use(monkeypatch, Writer())

    prediction_log.append(outside(3, source="kserve"))
    prediction_log.append([])

    assert writer.calls == [("write", 3), ("write", 0)]
    assert meters.totals().value("rows_kserve") == 3
    assert sum(meters.totals().value(f"rows_{source}") for source in meters.SOURCES) == 3


@pytest.mark.parametrize("setting", ["durable", "buffered"])
def test_inside_a_transaction_rows_belong_to_it(
    outside: Rows, settings: Settings, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    settings.PREDICTION_LOG = setting
    writer = use(monkeypatch, Writer())

    with suppress(ZeroDivisionError), transaction.atomic():
        prediction_log.append(outside(1))
        assert PredictionLog.objects.count() == 1
        raise ZeroDivisionError

    assert not PredictionLog.objects.exists()
    assert writer.calls == []
