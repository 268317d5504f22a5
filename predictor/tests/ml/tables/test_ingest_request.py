from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import pytest

from predictor.errors import Problem, RaggedRows
from predictor.ml.execution.error_json import error_to_json
from predictor.ml.tables.ingest_request import ImportLimits, ImportOptions, IngestReport, IngestRequest
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema

OPTIONS = ImportOptions("cp1252", ";", ",", skip_bad_rows=True, infinite_as_missing=True)
REPORT = IngestReport(
    TableSchema((ColumnProfile("Łódź", Role.NUMERIC, "BIGINT", maximum=3.0),), n_rows=7),
    encoding="cp1252",
    delimiter="\t",
    decimal=",",
    n_rejected=2,
    warnings=("2 rows left out.",),
)


def test_a_request_is_read_as_it_was_written(tmp_path: Path) -> None:
    limits = ImportLimits(*range(1, len(fields(ImportLimits)) + 1))
    request = IngestRequest(tmp_path / "städte.csv", tmp_path, OPTIONS, limits)

    assert IngestRequest.read(request.write()) == request


def test_the_files_of_a_request_are_in_its_scratch_folder(tmp_path: Path) -> None:
    request = IngestRequest(Path("/uploads/a.csv"), tmp_path, OPTIONS, ImportLimits())

    assert request.write() == tmp_path / "request.json"
    assert {request.destination.parent, request.result.parent} == {tmp_path}


def test_options_of_another_version_are_left_out() -> None:
    assert ImportOptions.from_json({"delimiter": ";", "sheet": 2}) == ImportOptions(delimiter=";")
    assert ImportOptions.from_json(OPTIONS.to_json()) == OPTIONS


def test_the_answer_is_the_report_of_the_child(tmp_path: Path) -> None:
    request = IngestRequest(tmp_path / "a.csv", tmp_path, OPTIONS, ImportLimits())
    request.result.write_text(json.dumps({"report": REPORT.to_json()}), "utf-8")

    assert request.answer() == REPORT
    assert request.answer().n_rows == 7


def test_the_answer_is_the_error_of_the_child(tmp_path: Path) -> None:
    request = IngestRequest(tmp_path / "a.csv", tmp_path, OPTIONS, ImportLimits())
    error = RaggedRows("1 row does not fit.", problems=[Problem("Row 3 has 2 cells.", "row 3")])
    request.result.write_text(json.dumps({"error": error_to_json(error)}), "utf-8")

    with pytest.raises(RaggedRows, match="1 row does not fit") as refusal:
        request.answer()

    assert refusal.value.problems == error.problems
