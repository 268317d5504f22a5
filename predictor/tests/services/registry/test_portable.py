"""Portable exports give the same predictions as the service."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import IsolationForest

from predictor.errors import Conflict, InvalidRows
from predictor.ml import onnx_export
from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.estimators.isolation_forest import calibrate
from predictor.ml.features.encoding import ISOLATION
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.onnx_export import tree_ensemble
from predictor.ml.onnx_export.export import export
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.onnx_export.session import Session
from predictor.ml.persistence import version_files
from predictor.ml.persistence.portable import browser_spec, case_folding
from predictor.ml.persistence.version_files import FORECAST, ONNX, columns_to_json, prediction_array
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline
from predictor.ml.training.unsupervised_run import pipeline_of
from predictor.ml.types.schema import FeatureField, Role, Signature, Task
from predictor.models import ModelVersion, RegisteredModel, User, Workspace
from predictor.services import artifacts
from predictor.services.registry import portable
from predictor.tests import predicting
from predictor.tests.ml.mixed_table import QUICK, fitted, mixed_signature, mixed_target
from predictor.tests.ml.planted import ODD_ROLES, odd_rows
from predictor.tests.serve.test_faces import drawn, shown
from predictor.tests.services.versions import publish
from predictor.tests.web.served_versions import publish_served

NODE = shutil.which("node")
FORMS = [
    ("ridge", Task.REGRESSION), ("gradient_boosting", Task.REGRESSION), ("svm", Task.BINARY), ("mlp", Task.BINARY),
    ("naive_bayes", Task.MULTICLASS), ("knn", Task.MULTICLASS), ("random_forest", Task.MULTICLASS),
    ("hist_gradient_boosting", Task.MULTICLASS),
]  # fmt: skip
needs_node = pytest.mark.skipif(
    NODE is None, reason="node is not installed; the browser test covers the page"
)


@pytest.fixture
def version(workspace: Workspace) -> ModelVersion:
    """Columns of every role, two classes."""
    return publish_served(RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn <b>"))


def rows_to_ask() -> list[dict[str, Any]]:
    """Rows with missing values, unseen levels, extreme numbers and dates, and text that is hard to parse."""
    return [drawn(seed) for seed in range(30)]


def wanted(version: ModelVersion, rows: list[dict[str, Any]], by: User) -> list[Any]:
    model = version.registered_model
    answer = predicting.predict(model, rows=rows, version=version.number, by=by)
    return [(each.prediction, list((each.probabilities or {}).values())) for each in answer.predictions]


def unpacked(version: ModelVersion, folder: Path) -> Path:
    with zipfile.ZipFile(io.BytesIO(portable.bundle(version).content)) as file:
        file.extractall(folder)
    return folder / "churn-1"


def ran(folder: Path, rows: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    table = folder.parent / "rows.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([rows[0].keys(), *(shown(row).values() for row in rows)])
    return run(folder, str(table))


def run(folder: Path, argument: str) -> subprocess.CompletedProcess[str]:
    # -I: nothing of the project can be imported.
    return subprocess.run(
        [sys.executable, "-I", folder / "predict.py", argument],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def test_the_zip_predicts_without_mlweb_and_agrees_with_the_service(
    version: ModelVersion, member: User, tmp_path: Path
) -> None:
    rows = rows_to_ask()

    done = ran(unpacked(version, tmp_path), rows)

    assert done.returncode == 0, done.stderr
    assert "golden rows get their stored answers" in done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(each["prediction"], each["probabilities"]) for each in found] == [
        (prediction, pytest.approx(chances, rel=1e-6))
        for prediction, chances in wanted(version, rows, member)
    ]


def test_the_runner_refuses_files_that_were_changed(version: ModelVersion, tmp_path: Path) -> None:
    folder = unpacked(version, tmp_path)
    golden = folder / "golden.json"
    golden.write_text(golden.read_text().replace("0.", "0.1", 1))

    done = ran(folder, rows_to_ask()[:1])

    assert done.returncode == 1
    assert "golden.json is not what the archive was made with" in done.stderr
    assert done.stdout == ""


def test_the_runner_refuses_a_model_that_fails_its_golden_rows(version: ModelVersion, tmp_path: Path) -> None:
    folder = unpacked(version, tmp_path)
    runner = folder / "predict.py"
    runner.write_text(runner.read_text().replace("value[:20_000].casefold()", "value[:2].casefold()"))

    done = ran(folder, rows_to_ask()[:1])

    assert done.returncode == 1
    assert "get other answers here" in done.stderr


def test_the_runner_names_line_and_column_of_a_cell_that_it_cannot_read(
    version: ModelVersion, tmp_path: Path
) -> None:
    done = ran(unpacked(version, tmp_path), [{**drawn(0), "age": "old"}])

    assert done.returncode == 1
    assert "Line 2, column 'age': 'old' is not numeric." in done.stderr


@pytest.mark.parametrize("joined", ["2023-02-29", "0001-01-01T00:00+00:01", "9999-12-31T23:59-00:01"])
def test_the_runner_names_line_and_column_of_a_date_that_is_none(
    joined: str, version: ModelVersion, tmp_path: Path
) -> None:
    done = ran(unpacked(version, tmp_path), [{**drawn(0), "joined": joined}])

    assert done.returncode == 1
    assert f"Line 2, column 'joined': '{joined}' is not a date of the years 1 to 9999." in done.stderr
    assert "Traceback" not in done.stderr


def test_the_same_version_gives_the_same_bytes(version: ModelVersion) -> None:
    assert portable.bundle(version).sha256 == portable.bundle(version).sha256
    assert portable.offline_page(version).sha256 == portable.offline_page(version).sha256


def test_every_text_of_the_pages_scripts_can_be_translated() -> None:
    scripts = {name: (portable.FOLDER / name).read_text("utf-8") for name in ("page.js", "cells.js")}
    shown = set(re.findall(r'say\("([^"]+)"', scripts["page.js"]))
    shown.update(re.findall(r'InvalidValue\("([^"]+)"\)', scripts["cells.js"]))

    assert len(shown) > 15
    assert shown <= set(portable.TEXTS)


def test_the_page_names_no_host_and_no_data_closes_its_script(version: ModelVersion) -> None:
    page = portable.offline_page(version).content.decode()

    assert page.count("<script") == page.count("</script>") == 3
    assert "Churn &lt;b&gt;" in page
    assert re.search(r"(?:src|href)\s*=|https?://", page) is None
    assert "default-src 'none'" in page


@pytest.mark.parametrize("make", [portable.bundle, portable.offline_page])
def test_a_version_without_onnx_has_no_portable_export(make: Any, version: ModelVersion) -> None:
    del version.artifacts[ONNX]

    with pytest.raises(Conflict, match="in-process"):
        make(version)


def test_a_forecast_has_no_portable_export(version: ModelVersion) -> None:
    version.artifacts[FORECAST] = version.artifacts[ONNX]

    with pytest.raises(Conflict, match="forecasts"):
        portable.bundle(version)


def test_a_very_large_model_has_no_page(version: ModelVersion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portable, "MAX_PAGE_MODEL_BYTES", 10)

    with pytest.raises(Conflict, match="Take the zip instead"):
        portable.offline_page(version)


def scripted(folder: Path, program: str, data: Any) -> Any:
    """The output of the page's JavaScript functions in Node."""
    parts = [(portable.FOLDER / name).read_text() for name in portable.SCRIPTS[:4]]
    (folder / "data.json").write_text(json.dumps(data))
    given = "const DATA = JSON.parse(require('fs').readFileSync(process.argv[2], 'utf8'));"
    (folder / "run.js").write_text("\n".join(["'use strict';", *parts, given, program]))
    done = subprocess.run(
        [str(NODE), folder / "run.js", folder / "data.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def published(
    workspace: Workspace,
    folder: Path,
    pipeline: FittedPipeline,
    columns: Any,
    signature: Signature,
    **more: Any,
) -> ModelVersion:
    """Publish a version of a fitted pipeline."""
    compiled, _ = compile_checked(pipeline, columns)
    golden = {name: values[:8] for name, values in columns.items()}
    stored = version_files.write(
        folder, pipeline=pipeline, signature=signature, compiled=compiled, golden=golden, **more
    )
    model = RegisteredModel.objects.create(workspace=workspace, slug="churn", name="Churn")
    version = publish(model, task=signature.task.value, signature=signature.to_json(), is_compiled=True)
    version.artifacts = {
        name: {"digest": artifacts.put_bytes(file.path.read_bytes()), "n_bytes": file.n_bytes}
        for name, file in stored.items()
    }
    version.save(update_fields=["artifacts"])
    return version


@pytest.fixture
def regression(workspace: Workspace, tmp_path: Path) -> ModelVersion:
    """A regression version with intervals."""
    pipeline, columns = fitted("ridge", Task.REGRESSION)
    y, found = mixed_target(columns, Task.REGRESSION), pipeline.predict(columns).values
    assert found is not None
    uncertainty = ConformalIntervals.fit(Task.REGRESSION, y, found)
    signature = mixed_signature(Task.REGRESSION)
    return published(workspace, tmp_path / "made", pipeline, columns, signature, uncertainty=uncertainty)


@pytest.fixture
def anomaly(workspace: Workspace, tmp_path: Path) -> ModelVersion:
    """An anomaly detection version with scores."""
    columns, _ = odd_rows()
    spec, matrix = FeatureSpec.fit_transform(columns, ODD_ROLES, ISOLATION)
    forest = IsolationForest(n_estimators=40, max_samples=100, random_state=0).fit(matrix)
    scores = calibrate(forest, np.linspace(0.3, 0.7, 500))
    pipeline = pipeline_of(spec, scores, "isolation_forest", {}, Task.ANOMALY, 0)
    fields = tuple(FeatureField(name, role, has_missing=True) for name, role in ODD_ROLES.items())
    signature = Signature(target="", task=Task.ANOMALY, fields=fields)
    return published(workspace, tmp_path / "made", pipeline, columns, signature, threshold=0.5)


@pytest.mark.parametrize("threshold", [0.2, 0.8])
def test_a_threshold_of_the_first_class_decides_the_same_everywhere(
    threshold: float, workspace: Workspace, member: User, tmp_path: Path
) -> None:
    pipeline, columns = fitted("logistic_regression", Task.BINARY)
    signature = mixed_signature(Task.BINARY)
    signature = replace(signature, positive_class=signature.class_names[0])
    version = published(workspace, tmp_path / "made", pipeline, columns, signature, threshold=threshold)
    answer = predicting.predict(version.registered_model, rows=MIXED, by=member)

    done = ran(unpacked(version, tmp_path), MIXED)

    assert done.returncode == 0, done.stderr
    zipped = [json.loads(line) for line in done.stdout.splitlines()]
    pages = answered_by_page(version, [list(shown(row).values()) for row in MIXED], tmp_path) if NODE else []
    first, second = signature.classes
    wanted = [
        first if each.probabilities[signature.class_names[0]] >= threshold else second
        for each in answer.predictions
    ]
    assert [each.prediction for each in answer.predictions] == wanted
    assert [each["prediction"] for each in zipped] == wanted
    assert [each["prediction"] for each in pages] in ([], wanted)
    assert (answer.positive_class, answer.threshold) == (signature.class_names[0], threshold)


ODD = [
    {"amount": 50.0, "hours": 12.0, "shop": "north"},
    {"amount": 900.0, "hours": 0.0, "shop": "moon"},
    {"amount": None, "hours": None, "shop": None},
]
MIXED = [
    {"age": 40, "income": 2e4, "member": True, "joined": "2020-02-29", "plan": "pro", "shop": "shop 1",
     "note": "word1 word2 word2"},
    {"age": -1e12, "income": 1e300, "member": None, "joined": "9999-12-31", "plan": "x", "shop": "",
     "note": "WORD3 Straße"},
    dict.fromkeys(("age", "income", "member", "joined", "plan", "shop", "note")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "rows"), [("regression", MIXED), ("anomaly", ODD)])
def test_regression_and_anomaly_versions_export_too(
    name: str, rows: list[dict[str, Any]], request: pytest.FixtureRequest, member: User, tmp_path: Path
) -> None:
    version = request.getfixturevalue(name)
    answer = predicting.predict(version.registered_model, rows=rows, by=member)

    done = ran(unpacked(version, tmp_path), rows)

    assert done.returncode == 0, done.stderr
    zipped = [json.loads(line) for line in done.stdout.splitlines()]
    pages = (
        answered_by_page(version, [list(shown(row).values()) for row in rows], tmp_path) if NODE else zipped
    )
    for wanted, *others in zip(answer.predictions, zipped, pages, strict=True):
        for found in others:
            if wanted.score is None:
                assert found["prediction"] == pytest.approx(wanted.prediction, rel=1e-6)
            else:
                assert found["prediction"] == wanted.prediction
                assert found["score"] == pytest.approx(wanted.score, rel=1e-6)
        if wanted.interval is not None and NODE:
            ends = {end: wanted.interval[end] for end in ("low", "high")}
            assert others[1]["interval"] == pytest.approx(ends, rel=1e-6)


@pytest.mark.parametrize(
    ("key", "task"),
    [
        ("logistic_regression", Task.BINARY), ("hist_gradient_boosting", Task.MULTICLASS),
        ("random_forest", Task.MULTICLASS), ("knn", Task.MULTICLASS), ("gradient_boosting", Task.REGRESSION),
    ],
)  # fmt: skip
def test_the_runner_takes_json_and_every_encoding(
    key: str, task: Task, workspace: Workspace, member: User, tmp_path: Path
) -> None:
    pipeline, columns = fitted(key, task, QUICK.get(key))
    version = published(workspace, tmp_path / "made", pipeline, columns, mixed_signature(task))
    answer = predicting.predict(version.registered_model, rows=MIXED, by=member)

    done = run(unpacked(version, tmp_path), json.dumps(MIXED))

    assert done.returncode == 0, done.stderr
    for line, wanted in zip(done.stdout.splitlines(), answer.predictions, strict=True):
        found = json.loads(line)
        if wanted.probabilities is None:
            assert found["prediction"] == pytest.approx(wanted.prediction, rel=1e-6)
        else:
            assert found["prediction"] == wanted.prediction
            assert found["probabilities"] == pytest.approx(list(wanted.probabilities.values()), rel=1e-6)


def answered_by_page(version: ModelVersion, texts: list[list[str]], folder: Path) -> Any:
    """The predictions of the page, run in Node."""
    page = portable.offline_page(version).content.decode()
    data, model = (
        re.findall(rf'<script type="application/[a-z-]+" id="{name}">(.*?)</script>', page, re.DOTALL)[0]
        for name in ("data", "model")
    )
    program = """
        const model = DATA.data;
        model.graph = readModel(new Uint8Array(require("zlib").gunzipSync(Buffer.from(DATA.model, "base64"))));
        if (!(goldenDifference(model) < GOLDEN_TOLERANCE)) throw new Error("golden");
        console.log(JSON.stringify(DATA.texts.map((texts) => answerOf(model, new Map(
            model.signature.fields.map((field, place) => [field.name, cellOf(field, texts[place]).value]))))));"""
    return scripted(folder, program, {"data": json.loads(data), "model": model, "texts": texts})


@needs_node
@pytest.mark.parametrize(
    "encoding", ["logistic_regression", "hist_gradient_boosting", "random_forest", "knn"]
)
def test_javascript_makes_the_same_float32_matrix(encoding: str, tmp_path: Path) -> None:
    pipeline, columns = fitted(encoding, Task.BINARY, QUICK.get(encoding))
    spec, stored = pipeline.spec, columns_to_json(columns)
    for each in stored.values():
        if each["kind"] == "moment":
            each["cells"] = [None if cell is None else str(cell) for cell in each["cells"]]
    data = {"spec": browser_spec(json.dumps({"features": spec.to_json()}).encode()), "rows": stored}
    program = """
        const columns = Object.entries(DATA.rows).map(([name, {kind, cells}]) => [name,
            kind === "moment" ? cells.map((cell) => cell === null ? null : BigInt(cell)) : cells]);
        const n = columns[0][1].length;
        console.log(JSON.stringify(Array.from({length: n}, (_, at) => Array.from(featuresOf(
            DATA.spec.features.steps, new Map(columns.map(([name, cells]) => [name, cells[at]]))).data))));"""

    found = np.array(scripted(tmp_path, program, data), np.float64).astype(np.float32)

    expected = spec.transform(columns)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_array_max_ulp(np.nan_to_num(found), np.nan_to_num(expected), maxulp=1)


@needs_node
def test_javascript_computes_every_graph_as_onnx_runtime_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of each form of graph, trees as large ensembles are written; native categories among them, where
    onnxruntime-web was wrong for 4 rows of 100.
    """
    monkeypatch.setattr(tree_ensemble, "FEWEST_MIRRORED_BRANCHES", 0)
    monkeypatch.setattr(tree_ensemble, "MOST_BRANCHES", 100)
    data: list[dict[str, Any]] = []
    for key, task in FORMS:
        pipeline, columns = fitted(key, task, QUICK.get(key))
        matrix = pipeline.spec.transform(columns)[:60]
        model = export(pipeline)
        data.append(
            {
                "name": f"{key} {task}",
                "model": base64.b64encode(model).decode(),
                "dims": matrix.shape,
                "x": [None if np.isnan(cell) else float(cell) for cell in matrix.ravel()],
                "y": prediction_array(Session(model).run(matrix)).tolist(),
            }
        )
    program = """
        console.log(JSON.stringify(DATA.map(({model, dims, x}) => runModel(
            readModel(new Uint8Array(Buffer.from(model, "base64"))),
            {dims, data: Float64Array.from(x, (cell) => cell ?? NaN)}))));"""

    for each, found in zip(data, scripted(tmp_path, program, data), strict=True):
        np.testing.assert_allclose(found, each["y"], rtol=1e-6, atol=1e-9, err_msg=each["name"])


def test_javascript_supports_every_exported_operator() -> None:
    emitters = "".join(path.read_text() for path in Path(onnx_export.__path__[0]).glob("*.py"))
    emitted = set(re.findall(r'\.ops?\(\s*"(\w+)"', emitters)) | {"Relu", "Tanh", "Sigmoid", "Identity"}
    operators = (portable.FOLDER / "graph.js").read_text().partition("const OPERATORS")[2]

    assert len(emitted) > 20
    assert [name for name in sorted(emitted) if not re.search(rf"\b{name}\b", operators)] == []


@needs_node
def test_javascript_folds_case_as_python_does(tmp_path: Path) -> None:
    texts = ["Straße", "ΑΣ", "İstanbul", "ŁÓDŹ", "ﬁN", "ſ", "Ꭰ", "ᲀ"]
    program = "console.log(JSON.stringify(DATA.texts.map((text) => folded(text, DATA.folding))));"

    found = scripted(tmp_path, program, {"texts": texts, "folding": case_folding()})

    assert found == [text.casefold() for text in texts]


@needs_node
@pytest.mark.parametrize(
    "text",
    ["2024-05-31", "2024-02-29T23:59:59.1234567", "0001-01-01", "9999-12-31 23:59", "2020-01-01T00:00:00+02:00",
     "2023-02-29", "2024-13-01", "31.12.2024", "2024-05-31T24:00", "0000-01-01", "0001-01-01T00:00+00:01",
     "0001-01-01T00:01+00:01", "9999-12-31T23:59-00:01", "2024-05-31T00:00+23:59", "2024-05-31T00:00-24:00",
     "2024-05-31T00:00 Z", "2024-05-31T00:00\u00a0Z"],
)  # fmt: skip
def test_javascript_reads_dates_as_the_service_does(text: str, tmp_path: Path) -> None:
    field = FeatureField("d", Role.DATETIME, True)
    program = """
        let found = null;
        try { found = String(momentOf(DATA)); } catch (error) { if (!(error instanceof InvalidValue)) throw error; }
        console.log(JSON.stringify(found));"""

    found = scripted(tmp_path, program, text)

    try:
        expected = RowChecker(Signature("y", Task.BINARY, (field,))).check([{"d": text}]).columns["d"]
        assert found == str(expected.astype("datetime64[us]").view(np.int64)[0])
    except InvalidRows:
        assert found is None
