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
from predictor.ml.tables import ingest
from predictor.ml.tables.ingest_request import ImportOptions, IngestReport, IngestRequest

from .imported_tables import ACCENTS, LIMITS, PEOPLE, Read


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
