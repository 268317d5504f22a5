from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

import pytest

from predictor.errors import InvalidInput
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, PredictionLog, User, Workspace
from predictor.services import prediction_log
from predictor.services.prediction_log.prediction_log import LogSearch
from predictor.tests.web.prediction_pages import log_row


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
    return b"".join(prediction_log.export(workspace, kind=kind))


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
        prediction_log.export(workspace, kind="xlsx")


@pytest.mark.parametrize("n_more", [0, 40])
def test_the_queries_of_an_export_do_not_grow_with_its_rows(
    exported: list[PredictionLog],
    version: ModelVersion,
    viewer: User,
    workspace: Workspace,
    django_assert_num_queries: Any,
    n_more: int,
) -> None:
    for _ in range(n_more):
        log_row(version, actor=viewer)

    # The rows, one version and one person.
    with django_assert_num_queries(3) as queries:
        export(workspace, "csv")

    assert not any("evaluation" in each["sql"] or "signature_json" in each["sql"] for each in queries)


# --- One model -----------------------------------------------------------------------------------------------
FIELDS = (FeatureField("id", Role.NUMERIC), FeatureField("city", Role.CATEGORICAL))


def described(
    version: ModelVersion, *fields: FeatureField, classes: Sequence[str] = ("a", "b")
) -> ModelVersion:
    task = Task.BINARY if classes else Task.REGRESSION
    version.signature_json = Signature("y", task, fields, classes=tuple(classes)).to_json()
    version.save(update_fields=["signature_json"])
    return version


def newer(version: ModelVersion) -> ModelVersion:
    return ModelVersion.objects.create(
        registered_model=version.registered_model, number=version.number + 1, task="regression", estimator="x",
        signature_json={}, artifacts={}, is_compiled=True,
    )  # fmt: skip


def one_model(workspace: Workspace, **criteria: Any) -> list[dict[str, str]]:
    text = b"".join(prediction_log.export(workspace, LogSearch(model="m", **criteria), kind="csv")).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_csv_of_one_model_has_a_column_for_each_input_and_class(
    version: ModelVersion, workspace: Workspace
) -> None:
    described(version, *FIELDS)
    log_row(
        version, inputs={"city": "=1+1", "id": 12345678901234567890, "shoe": 44},
        output={"prediction": "b", "probabilities": {"a": 0.25, "b": 0.75},
                "set": {"classes": ["a", "b"], "coverage": 0.9}},
        warnings=[{"code": "extra", "message": "No such column."}],
    )  # fmt: skip
    log_row(version, inputs={"city": "北京"}, output={"prediction": "a"})

    newest, older = one_model(workspace)

    assert list(newest) == [
        "id_2", "created_at", "model", "version", "source", "actor", "request_id", "row_number", "latency_ms",
        "prediction", "probability_a", "probability_b", "score", "interval_low", "interval_high",
        "prediction_set", "warnings", "error", "id", "city", "other_inputs",
    ]  # fmt: skip
    assert (older["prediction"], older["probability_a"], older["probability_b"]) == ("b", "0.25", "0.75")
    assert (older["id"], older["city"], older["other_inputs"]) == (
        "12345678901234567890", "'=1+1", '{"shoe": 44}',
    )  # fmt: skip
    assert (older["prediction_set"], older["warnings"]) == ("a; b", "No such column.")
    assert [newest[name] for name in ("probability_a", "warnings", "id", "city")] == ["", "", "", "北京"]


def test_inputs_of_older_versions_have_columns_too(version: ModelVersion, workspace: Workspace) -> None:
    described(version, FeatureField("old", Role.NUMERIC), classes=())
    second = described(newer(version), FeatureField("new", Role.NUMERIC), classes=())
    log_row(version, inputs={"old": 1}, output={"prediction": 2.5, "interval": {"low": 1, "high": 4.5}})
    log_row(second, inputs={"new": 2}, output={"prediction": 3})

    newest, older = one_model(workspace)

    assert list(newest)[-3:] == ["new", "old", "other_inputs"]
    assert (newest["new"], newest["old"], older["new"], older["old"]) == ("2", "", "", "1")
    assert (older["interval_low"], older["interval_high"]) == ("1", "4.5")
    assert [list(row)[-2:] for row in one_model(workspace, version=1)] == [["old", "other_inputs"]]


def test_a_model_without_versions_is_an_empty_log(workspace: Workspace) -> None:
    assert one_model(workspace) == []
