"""Packaging: the files of a version, fitted on all rows, and the JSON file that lists them."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.calibration.decision_thresholds import Threshold
from predictor.ml.calibration.probability_calibration import Calibrated, Calibration
from predictor.ml.execution.progress import Deadline
from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence.version_files import (
    BACKGROUND,
    EXAMPLES,
    GOLDEN,
    ONNX,
    SKOPS,
    SPEC,
    UNCERTAINTY,
    StoredFile,
    read_examples,
)
from predictor.ml.pipelines.fitting import Candidate, fit_member, join, sample_rows
from predictor.ml.training import packaging
from predictor.ml.training.packaging import N_GOLDEN, artifact_entry, package, write_version_files
from predictor.ml.training.post_processing import PostProcessing
from predictor.ml.training.refitting import FinalMember, RefitPlan
from predictor.ml.types.schema import Signature, TableSchema, Task
from predictor.ml.types.threshold_rule import ThresholdRule

from ..tables_for_tests import classification_table, profile, regression_table

RIDGE = FinalMember(Candidate("ridge", "Ridge", "ridge", LINEAR), {"alpha": 1.0}, 1.0)
LOGISTIC = FinalMember(Candidate("logistic", "Logistic", "logistic_regression", LINEAR), {"C": 1.0}, 1.0)
REGRESSION, BINARY = regression_table(60), classification_table(60)


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


def schema_of(table):
    columns = tuple(profile(name, table.roles[name], values) for name, values in table.columns.items())
    return TableSchema(columns, len(table))


def decided_of(table, **parts):
    y = table.target.y
    return PostProcessing(y, y, y, {}, **{"uncertainty": None, **parts})


def packaged(folder, table, member, decided, *, max_rows=None, seed=0):
    """What `package` wrote: its document, the files by name, and the weights that it asked with."""
    asked = []

    def decide(weights):
        asked.append(dict(weights))
        return decided

    plan = RefitPlan((member,), max_rows, seed, Deadline(math.inf))
    package(plan, table, schema_of(table), folder, folder / "published.json", decided_of=decide)
    document = json.loads((folder / "published.json").read_text("utf-8"))
    files = {name: (folder / each["path"]).read_bytes() for name, each in document["artifacts"].items()}
    assert asked == [document["weights"]]
    return document, files


def test_a_version_predicts_as_the_pipeline_fitted_on_all_rows(tmp_path):
    table = REGRESSION

    document, files = packaged(tmp_path, table, RIDGE, decided_of(table))

    predictor = load_predictor(files, Signature.from_json(document["signature"]))
    predictor.check_golden()
    again = join([fit_member(RIDGE.candidate, RIDGE.stage, table, seed=0)], table)
    assert predictor.predict(table.columns).values == pytest.approx(predicted(again, table), rel=1e-5)
    assert document["is_compiled"]
    assert document["parity"]["max_abs_difference"] < 1e-4
    assert document["weights"] == {"ridge": 1.0}
    assert document["n_rows_fitted"] == 60


def test_every_file_is_listed_with_its_place_digest_and_size(tmp_path):
    document, files = packaged(tmp_path, REGRESSION, RIDGE, decided_of(REGRESSION))

    assert set(files) == {SPEC, ONNX, SKOPS, GOLDEN, BACKGROUND, EXAMPLES}
    for name, entry in document["artifacts"].items():
        assert entry == {
            "path": f"artifacts/{name}",
            "sha256": hashlib.sha256(files[name]).hexdigest(),
            "size_bytes": len(files[name]),
        }


def test_fewer_rows_are_fitted_when_time_is_short(tmp_path):
    table = REGRESSION

    document, files = packaged(tmp_path, table, RIDGE, decided_of(table), max_rows=30, seed=3)

    assert document["n_rows_fitted"] == 30
    sample = sample_rows(table, 30, 3)
    again = join([fit_member(RIDGE.candidate, RIDGE.stage, sample, seed=3)], sample)
    predictor = load_predictor(files, Signature.from_json(document["signature"]))
    assert predictor.predict(table.columns).values == pytest.approx(predicted(again, table), rel=1e-5)


def test_calibration_threshold_and_intervals_go_with_the_version(tmp_path):
    table = BINARY
    y = table.target.y
    pairs = np.where(y[:, None] == [0, 1], 0.75, 0.25)
    calibration = Calibration(0.5, (0.0, 0.25))
    decided = decided_of(
        table,
        uncertainty=ConformalIntervals.fit(Task.BINARY, y, pairs),
        calibrated=Calibrated(calibration, pairs, 1.0, 0.5),
        threshold=Threshold(0.3, ThresholdRule("fixed", (0.3,))),
    )

    document, files = packaged(tmp_path, table, LOGISTIC, decided)

    signature = Signature.from_json(document["signature"])
    predictor = load_predictor(files, signature)
    raw = join([fit_member(LOGISTIC.candidate, LOGISTIC.stage, table, seed=0)], table)
    expected = calibration.apply(predicted(raw, table))
    assert predictor.predict(table.columns).probabilities == pytest.approx(expected, rel=1e-4)
    assert predictor.threshold == 0.3
    assert UNCERTAINTY in files
    assert predictor.uncertainty == decided.uncertainty
    assert signature.classes == ("no", "yes")


def test_the_training_rows_are_stored_as_examples_in_random_order(tmp_path, monkeypatch):
    monkeypatch.setattr(packaging, "MAX_EXAMPLES", 25)

    document, files = packaged(tmp_path, REGRESSION, RIDGE, decided_of(REGRESSION), seed=2)

    signature = Signature.from_json(document["signature"])
    examples = json.loads(files[EXAMPLES])
    rows = np.random.default_rng(2).permutation(60)[:25]
    assert examples["targets"] == REGRESSION.target.y[rows].tolist()
    assert examples["rows"]["income"]["cells"] == REGRESSION.columns["income"][rows].tolist()
    assert set(examples["rows"]) == set(signature.names)
    assert len(read_examples(files[EXAMPLES], signature, {})) == 25


def test_a_version_of_estimators_without_a_graph_is_stored_without_one(tmp_path, monkeypatch):
    compile_checked = packaging.compile_checked
    monkeypatch.setattr(
        packaging, "compile_checked", lambda *args, **options: (None, compile_checked(*args, **options)[1])
    )

    document, files = packaged(tmp_path, REGRESSION, RIDGE, decided_of(REGRESSION))

    assert not document["is_compiled"]
    assert ONNX not in files


def written(folder, table, **options):
    pipeline = join([fit_member(RIDGE.candidate, RIDGE.stage, table, seed=0)], table)
    return write_version_files(pipeline, table, schema_of(table), folder, seed=0, **options)


def test_golden_rows_are_spread_over_the_table(tmp_path):
    entries = written(tmp_path, REGRESSION)["artifacts"]

    golden = json.loads((tmp_path / entries[GOLDEN]["path"]).read_text("utf-8"))
    rows = np.linspace(0, 59, N_GOLDEN).astype(int)
    assert golden["rows"]["income"]["cells"] == REGRESSION.columns["income"][rows].tolist()


def test_a_table_shorter_than_the_golden_rows_has_each_row_once(tmp_path):
    table = REGRESSION.rows(np.arange(8))

    entries = written(tmp_path, table)["artifacts"]

    golden = json.loads((tmp_path / entries[GOLDEN]["path"]).read_text("utf-8"))
    assert golden["rows"]["income"]["cells"] == table.columns["income"].tolist()


def test_a_version_that_does_not_explain_has_no_background_rows(tmp_path):
    assert BACKGROUND not in written(tmp_path, REGRESSION, has_background=False)["artifacts"]
    assert BACKGROUND in written(tmp_path, REGRESSION)["artifacts"]


def test_explanations_start_from_the_mean_answer_over_the_training_rows(tmp_path):
    published = written(tmp_path, REGRESSION)

    files = {name: tmp_path / entry["path"] for name, entry in published["artifacts"].items()}
    predictor = load_predictor(files, Signature.from_json(published["signature"]))
    mean = predictor.predict(REGRESSION.columns).values.mean()
    (explained,) = predictor.explain(REGRESSION.rows(np.arange(1)).columns, [None])
    assert explained.base == pytest.approx(mean, rel=0.01)
    n_rows = len(json.loads(files[BACKGROUND].read_text("utf-8"))["weights"])
    assert published["explanations"] == {"n_rows": n_rows, "is_training_mean": True}


def test_the_place_of_a_file_is_relative_to_the_work_folder(tmp_path):
    (tmp_path / "real" / "artifacts").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    file = StoredFile("a.json", tmp_path / "real" / "artifacts" / "a.json", "0" * 64, 5)

    entry = artifact_entry(file, tmp_path / "link")

    assert entry == {"path": "artifacts/a.json", "sha256": "0" * 64, "size_bytes": 5}
    with pytest.raises(ValueError, match="not in the subpath"):
        artifact_entry(file, tmp_path / "real" / "other")
