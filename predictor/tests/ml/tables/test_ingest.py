from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from predictor.errors import MlwebError, TooLarge, UnknownEncoding
from predictor.ml.tables import ingest, stored_tables
from predictor.ml.tables.ingest_request import ImportOptions, IngestReport, IngestRequest

from ..imported_tables import ACCENTS, LIMITS, PEOPLE, Read


def test_it_refuses_too_many_rows(read: Read) -> None:
    with pytest.raises(TooLarge, match=r"40 rows; the limit is 39"):
        read(PEOPLE, replace(LIMITS, max_rows=39))


def ask(tmp_path: Path, content: bytes) -> IngestRequest:
    source = tmp_path / "source.csv"
    source.write_bytes(content)
    request = IngestRequest(source, tmp_path, ImportOptions(), LIMITS)
    ingest.main([str(request.write())])
    return request


def test_the_child_process_returns_a_report(tmp_path: Path) -> None:
    report = ask(tmp_path, PEOPLE.encode()).answer()
    assert report.n_rows == 40
    assert report == IngestReport.from_json(json.loads(json.dumps(report.to_json())))


def test_the_child_process_returns_the_error(tmp_path: Path) -> None:
    request = ask(tmp_path, ACCENTS.encode("cp1252"))
    with pytest.raises(UnknownEncoding) as caught:
        request.answer()
    assert caught.value.suggestion == "cp1252"


def test_the_child_process_runs_alone_and_loads_no_django(tmp_path: Path) -> None:
    source = tmp_path / "source.csv"
    source.write_text(PEOPLE)
    request = IngestRequest(source, tmp_path, ImportOptions(), LIMITS)
    code = "import sys; from predictor.ml.tables.ingest import main; main(sys.argv[1:]); print('django' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [sys.executable, "-c", code, str(request.write())],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "False"
    assert request.answer().n_rows == 40


def test_errors_hold_no_paths_and_no_sql(read: Read, tmp_path: Path) -> None:
    for content in (b"a,b\n1,2,3\n", b'a,b\n1,"x"y\n', b"a,b\n1,inf\n2,3\n", b"\x89PNG\r\n\x1a\n"):
        with pytest.raises(MlwebError) as caught:
            read(content)
        assert str(tmp_path) not in str(caught.value)
        assert "SELECT" not in str(caught.value)


@pytest.mark.parametrize("n_rows", [30, 21_000])
def test_columns_whose_names_differ_by_case_are_two(read: Read, n_rows: int) -> None:
    names = ["Skewness", "skewness", "straße", "STRASSE", "file_row_number", "column_1"]
    rows = [[n, f"$ {n}.50", f"x{n % 3}", n / 4, n * 2, "2024-01-31" if n % 2 else ""] for n in range(n_rows)]
    imported = read("\n".join(",".join(map(str, row)) for row in [names, *rows]) + "\n")

    assert list(imported.schema.names) == names
    assert list(imported.rows[3].values()) == [3, "$ 3.50", "x0", 0.75, 6, "2024-01-31"]
    columns = stored_tables.read_columns(imported.parquet, imported.schema)
    assert columns["Skewness"][5] == 5
    assert columns["skewness"][5] == 5.5
    assert columns["STRASSE"][5] == 1.25
    sampled = stored_tables.read_columns(
        imported.parquet, imported.schema, ["skewness", "file_row_number"], sample=7
    )
    assert (sampled["skewness"] * 2 - 1).tolist() == list(map(int, sampled["file_row_number"]))
    assert imported.schema["skewness"].maximum == n_rows - 0.5


@pytest.mark.parametrize(
    ("cells", "spellings"),
    [
        (["True", "False", "", "True"], ("False", "True")),
        (["TRUE", "FALSE", " TRUE "], ("FALSE", "TRUE")),
        (["true", "false"], None),
        (["true", "False"], None),
        (["yes", "no"], None),
    ],
)
def test_the_spelling_of_truth_values_is_kept(read: Read, cells: list[str], spellings: Any) -> None:
    column = read("v,n\n" + "".join(f"{cell},{n}\n" for n, cell in enumerate(cells))).schema["v"]

    assert (column.reading.spellings if column.reading else None) == spellings
    assert column.storage == ("VARCHAR" if "yes" in cells else "BOOLEAN")
