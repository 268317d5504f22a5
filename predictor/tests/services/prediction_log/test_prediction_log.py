from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from pytest_django import Settings

from predictor.errors import InvalidInput, NotLogged
from predictor.models import ModelVersion, PredictionLog, RegisteredModel, User, Workspace
from predictor.models.prediction_log import first_id_at
from predictor.services import prediction_log
from predictor.services.prediction_log import group_commit
from predictor.services.prediction_log.prediction_log import LogSearch
from predictor.services.process import meters
from predictor.tests.services.versions import publish
from predictor.tests.web.prediction_pages import log_row

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


# --- Searching -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("100%", True),
        ("100_", False),
        ("1%0", False),
        ('say "hi"', True),
        ("c:\\temp", True),
        ("BERLIN", True),
        ("łódź", True),
        ("👩‍💻", True),
        ("0.25", True),
        ("nowhere", False),
    ],
)
def test_a_text_is_searched_literally_in_inputs_and_output(
    version: ModelVersion, workspace: Workspace, text: str, is_found: bool
) -> None:
    inputs = {"share": "100%", "quote": 'say "hi"', "path": "c:\\temp", "city": "Berlin łódź", "who": "👩‍💻"}
    log_row(version, inputs=inputs, output={"prediction": 0.25})
    log_row(version, inputs={}, output={})

    assert prediction_log.search(workspace, LogSearch(text=text)).count() == is_found


def test_times_include_their_start_and_exclude_their_end(version: ModelVersion, workspace: Workspace) -> None:
    noon = timezone.now().replace(hour=12, minute=0, second=0, microsecond=0)
    first, second = (log_row(version, id=first_id_at(noon + timedelta(milliseconds=ms))) for ms in (0, 1))

    def found(**times: Any) -> list[PredictionLog]:
        return list(prediction_log.search(workspace, LogSearch(**times)))

    later = noon + timedelta(milliseconds=1)
    assert found(since=noon) == [second, first]
    assert found(since=later) == [second]
    assert found(until=later) == [first]
    assert found(until=noon) == []
    assert found(since=noon, until=later) == [first]


def test_filters_are_combined_and_rows_are_newest_first(
    version: ModelVersion, workspace: Workspace, viewer: User
) -> None:
    rows = [
        log_row(version, source=source, actor=actor, request_id=request)
        for source, actor, request in [
            ("form", viewer, "r-1"), ("api", viewer, "r-1"), ("form", None, "r-1"), ("form", viewer, "r-2"),
            ("form", viewer, "r-1"),
        ]
    ]  # fmt: skip

    wanted = LogSearch(source="form", actor="VIEWER@", request_id="r-1", model="m", version=1)

    assert list(prediction_log.search(workspace, wanted)) == [rows[4], rows[0]]


def test_a_model_of_the_same_name_in_another_workspace_is_not_searched(
    version: ModelVersion, workspace: Workspace, other_workspace: Workspace
) -> None:
    theirs = log_row(publish(RegisteredModel.objects.create(workspace=other_workspace, slug="m", name="M")))
    mine = log_row(version)

    assert list(prediction_log.search(workspace, LogSearch(model="m"))) == [mine]
    assert list(prediction_log.search(other_workspace, LogSearch(model="m"))) == [theirs]


# --- Exporting -----------------------------------------------------------------------------------------------
@pytest.fixture
def exported(version: ModelVersion, viewer: User) -> list[PredictionLog]:
    """Two rows, the newest first."""
    first = log_row(
        version, row_number=2, latency_ms=0.125, inputs={"note": "=1+1", "city": "北京"},
        output={"prediction": "=cmd()", "probabilities": {"a": 0.25, "b": 0.75}},
        warnings=[{"code": "extra", "message": 'It said "no", twice.'}],
    )  # fmt: skip
    second = log_row(version, actor=viewer, request_id="r-2", inputs={}, output={"prediction": -1.5})
    return [second, first]


def export(workspace: Workspace, kind: str) -> bytes:
    return b"".join(prediction_log.export(prediction_log.search(workspace), kind=kind))


def test_a_csv_holds_each_row_newest_first(exported: list[PredictionLog], workspace: Workspace) -> None:
    newest, older = csv.DictReader(io.StringIO(export(workspace, "csv").decode(), newline=""))

    assert list(newest) == [
        "id", "created_at", "model", "version", "source", "actor", "request_id", "row_number", "latency_ms",
        "prediction", "probabilities", "warnings", "inputs",
    ]  # fmt: skip
    assert [newest["id"], older["id"]] == [str(row.id) for row in exported]
    assert (newest["actor"], older["actor"]) == ("viewer@example.org", "")
    assert (newest["prediction"], older["prediction"]) == ("-1.5", "'=cmd()")
    assert (newest["probabilities"], json.loads(older["probabilities"])) == ("", {"a": 0.25, "b": 0.75})
    assert json.loads(older["warnings"]) == exported[1].warnings
    assert json.loads(older["inputs"]) == {"note": "=1+1", "city": "北京"}
    assert "北京" in older["inputs"]
    assert (older["model"], older["version"], older["row_number"], older["latency_ms"]) == (
        "m",
        "1",
        "2",
        "0.125",
    )


def test_json_lines_hold_the_values_as_they_are(exported: list[PredictionLog], workspace: Workspace) -> None:
    newest, older = map(json.loads, export(workspace, "jsonl").splitlines())

    assert older == {
        "id": str(exported[1].id), "created_at": exported[1].created_at.isoformat(), "model": "m", "version": 1,
        "source": "api", "actor": None, "request_id": "r-1", "row_number": 2, "latency_ms": 0.125,
        "output": exported[1].output, "warnings": exported[1].warnings, "inputs": exported[1].inputs,
    }  # fmt: skip
    assert (newest["actor"], newest["request_id"]) == ("viewer@example.org", "r-2")


def test_an_empty_log_is_a_header_or_nothing(workspace: Workspace) -> None:
    assert export(workspace, "csv").count(b"\r\n") == 1
    assert export(workspace, "jsonl") == b""


def test_another_format_is_refused_before_a_row_is_read(
    workspace: Workspace, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0), pytest.raises(InvalidInput, match="as csv or jsonl, not 'xlsx'"):
        prediction_log.export(prediction_log.search(workspace), kind="xlsx")


def test_an_export_needs_one_query(
    exported: list[PredictionLog], workspace: Workspace, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(1):
        export(workspace, "csv")
