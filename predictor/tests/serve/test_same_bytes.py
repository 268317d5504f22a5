"""What was trained on can be predicted: the same cells get the same answers through every interface, and no refusal."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import unicodedata
import uuid
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence import version_files
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.pipelines.signatures import build_signature
from predictor.ml.tables import stored_tables
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.validation.target import Target
from predictor.ml.validation.training_table import TrainingTable
from predictor.models import JobStatus, ModelVersion, RegisteredModel, User, Workspace
from predictor.services import artifacts, batches, jobs
from predictor.services.predictions import loaded_versions
from predictor.services.registry import portable
from predictor.tests import predicting
from predictor.tests.ml.imported_tables import Imported, import_csv
from predictor.tests.ml.tables.written.table_writer import Column, Dialect, Table, tables
from predictor.tests.serve.conftest import Wire, outputs_of
from predictor.tests.services.registry.test_portable import run
from predictor.tests.services.versions import publish
from predictor.web.predictions.row_form import RowForm

# The suite tries the same tables each time; TABLES=2000 looks for new ones.
IS_FIXED = "TABLES" not in os.environ
N_TABLES = int(os.environ.get("TABLES", "150")) // 25
UNUSED = (Role.CONSTANT, Role.IDENTIFIER)


@dataclass(frozen=True)
class Trained:
    version: ModelVersion
    signature: Signature
    wanted: list[float]


def trained(imported: Imported, workspace: Workspace) -> Trained | None:
    """A linear model of the column y, stored as a version, and its answers for the rows that it was trained on."""
    roles = {name: role for name, role in imported.roles.items() if name != "y" and role not in UNUSED}
    columns = stored_tables.read_columns(imported.parquet, imported.schema, list(roles))
    y = np.array([float(row["y"]) for row in imported.rows])
    info = CATALOGUE["ridge"]
    spec, matrix = FeatureSpec.fit_transform(
        columns, roles, info.encoding, y=y, task=Task.REGRESSION, n_classes=0
    )
    if not matrix.shape[1]:
        return None
    estimator = info.build(Task.REGRESSION, {}, categorical_mask=spec.categorical_mask)
    info.fit(estimator, matrix, y)
    pipeline = FittedPipeline(
        spec, (Member(estimator, tuple(range(matrix.shape[1])), key="ridge"),), Task.REGRESSION, 0
    )
    table = TrainingTable(columns, roles, Target(name="y", task=Task.REGRESSION, y=y))
    signature = build_signature(pipeline, table, imported.schema)
    compiled, _ = compile_checked(pipeline, columns)
    with tempfile.TemporaryDirectory() as folder:
        stored = version_files.write(
            Path(folder),
            pipeline=pipeline,
            signature=signature,
            compiled=compiled,
            golden={name: values[:5] for name, values in columns.items()},
        )
        files = {name: each.path.read_bytes() for name, each in stored.items()}
    slug = f"m{uuid.uuid4().hex[:12]}"
    model = RegisteredModel.objects.create(workspace=workspace, slug=slug, name=slug)
    version = publish(
        model,
        signature=signature.to_json(),
        is_compiled=compiled is not None,
        parity={},
        task="regression",
    )
    version.artifacts = {
        name: {"digest": artifacts.put_bytes(content), "n_bytes": len(content)}
        for name, content in files.items()
    }
    version.save(update_fields=["artifacts"])
    return Trained(version, signature, np.asarray(pipeline.predict(columns).values).tolist())


def answers(table: Table, made: Trained, wire: Wire, by: User, folder: Path) -> dict[str, list[float]]:
    """The answers of each interface for the rows of the table, sent as they were written."""
    model, content = made.version.registered_model, table.content
    names = [each.name for each in table.columns]
    rows = [
        dict(zip(names, cells, strict=True))
        for cells in zip(*(each.cells for each in table.columns), strict=True)
    ]
    found: dict[str, list[float]] = {}
    found["csv"] = csv_answers(
        predicting.predict_csv(model, io.BytesIO(content), by=by).path.read_text("utf-8")
    )
    answered = predicting.predict(model, rows=rows, by=by)
    found["json"] = [each.prediction for each in answered.predictions]
    forms = [
        RowForm.from_post(
            made.signature,
            {f"f{place}": clean(row)[field.name] for place, field in enumerate(made.signature.fields)},
        ).row
        for row in rows
    ]
    found["form"] = [each.prediction for each in predicting.predict(model, rows=forms, by=by).predictions]
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [len(rows), 1], "data": [row[name] for row in rows]}
        for name in names
    ]
    found["v2"] = outputs_of(good(wire.post(f"v2/models/{model.slug}/infer", {"inputs": inputs})))["predict"]
    bodies = {
        "records": {"dataframe_records": rows},
        "split": {"dataframe_split": {"columns": names, "data": [list(row.values()) for row in rows]}},
    }
    for name, body in bodies.items():
        found[name] = good(wire.post(f"models/{model.slug}/invocations", body)).json()["predictions"]
    found["v1"] = good(wire.post(f"v1/models/{model.slug}:predict", {"instances": rows})).json()[
        "predictions"
    ]
    found["mlflow csv"] = good(wire.post(f"models/{model.slug}/invocations", content, "text/csv")).json()[
        "predictions"
    ]
    path = folder / "rows.csv"
    path.write_bytes(content)
    batch = predicting.start_batch(model, path, by=by, filename="rows.csv")
    assert jobs.run(batches.BATCHES, batch.pk)
    batch.refresh_from_db()
    assert (batch.status, batch.n_errors) == (JobStatus.SUCCEEDED, 0), (batch.error, batch.row_errors)
    with batches.open_result(batch) as opened:
        found["batch"] = csv_answers(opened.read().decode())
    with zipfile.ZipFile(io.BytesIO(portable.bundle(made.version).content)) as bundle:
        bundle.extractall(folder)
    done = run(folder / f"{model.slug}-1", str(path))
    assert done.returncode == 0, done.stderr
    found["zip"] = [json.loads(line)["prediction"] for line in done.stdout.splitlines()]
    return found


def csv_answers(text: str) -> list[float]:
    return [float(row["prediction"]) for row in csv.DictReader(io.StringIO(text, newline=""))]


def clean(row: dict[str, str]) -> dict[str, str]:
    return {unicodedata.normalize("NFC", name.strip()): cell for name, cell in row.items()}


def good(response: Any) -> Any:
    assert response.status_code == 200, response.content[:600]
    return response


def check(table: Table, wire: Wire, workspace: Workspace, by: User, **options: Any) -> None:
    loaded_versions.forget_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        imported = import_csv(folder, table.content, **options)
        made = trained(imported, workspace)
        if made is None:  # no column gives a feature
            return
        found = answers(table, made, wire, by, folder)
    size = max(1.0, float(np.abs(made.wanted).max()))
    for interface, predictions in found.items():
        assert len(predictions) == len(made.wanted), interface
        assert predictions == pytest.approx(made.wanted, rel=1e-4, abs=1e-5 * size), interface


@given(table=tables())
@settings(max_examples=N_TABLES, deadline=None, derandomize=IS_FIXED, suppress_health_check=list(HealthCheck))
def test_random_tables_are_answered_equally_by_every_interface(
    table: Table, wire: Wire, workspace: Workspace, member: User
) -> None:
    encoding = table.dialect.encoding
    dialect = replace(table.dialect, encoding=encoding if encoding.startswith("utf-8") else "utf-8")
    n_rows = len(table.columns[0].cells)
    numbers = [str(row % 11) for row in range(n_rows)]
    check(Table([*table.columns, Column("y", "number", numbers, numbers)], dialect), wire, workspace, member)


CELLS = {
    "words": (["1.5", "NA", "2.25", "null", "3.75", "7"], {}),
    "errors": (["1.5", "#DIV/0!", "2.25", "#N/A", "3.75", "7"], {}),
    "money": (["$1,000.50", "$2,000.25", "$3.00", "($4.50)", "-$5.25", "$1,234,567.00"], {}),
    "percent": (["45%", "12.5 %", "7%", "", "0.5%", "100%"], {}),
    "infinite": (["1.5", "inf", "2.25", "-Infinity", "1e400", "7"], {"infinite_as_missing": True}),
    "plus": (["+1.5", "-2", "3.", ".5", "1e-3", "0"], {}),
    "decimal comma": (["1,5", "2,25", "-0,75", "NA", "1000,5", "7"], {}),
    "days": (["2024-01-31", "NA", "2024-02-29", "null", "2023-12-31", "2024-03-01"], {}),
    "truth": (["true", "FALSE", "NA", "True", "false", "null"], {}),
    "integers": (["1", "2", "NA", "-", " 3", "4 "], {}),
    "texts": (["red", " blue", "NA", "null", "red ", "x,y"], {}),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    "dialect",
    [
        Dialect(),
        Dialect(";", has_trailing_delimiters=True, newline="\r\n", encoding="utf-8-sig"),
        Dialect("\t", quoting="all", n_blank_lines_above=1, has_last_newline=False),
        Dialect("|", has_blanks=True, quoting="words", newline="\r"),
    ],
    ids=["comma", "semicolon", "tab", "pipe"],
)
def test_odd_cells_are_answered_equally_by_every_interface(
    name: str, dialect: Dialect, wire: Wire, workspace: Workspace, member: User
) -> None:
    texts, options = CELLS[name]
    cells = [texts[row % len(texts)] for row in range(30)]
    numbers = [str((row * row) % 7) for row in range(30)]
    columns = [
        Column(unicodedata.normalize("NFD", " Größe "), "word", cells, cells),
        Column("k", "number", numbers[::-1], numbers[::-1]),
        Column("y", "number", numbers, numbers),
    ]
    check(Table(columns, dialect), wire, workspace, member, **options)
