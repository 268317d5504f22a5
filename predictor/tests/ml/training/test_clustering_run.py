from __future__ import annotations

import json

import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from predictor.ml.execution.progress import Reporter
from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence.version_files import load_pipeline
from predictor.ml.training import clustering_run
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import TrainingLimits
from predictor.ml.validation.training_table import TrainingTable

from ..planted import BLOB_ROLES, blobs, noise
from ..tables_for_tests import write_request


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the training process: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def test_auto_tries_a_mixture_only_up_to_100_features(tmp_path):
    columns = noise(50)
    roles = dict.fromkeys(columns, Role.NUMERIC)
    request = write_request(tmp_path, columns, roles, "", task=Task.CLUSTERING)
    table = TrainingTable(columns, roles, None)
    assert clustering_run._methods(request, table, 100) == ["kmeans", "gaussian_mixture"]
    assert clustering_run._methods(request, table, 101) == ["kmeans"]


@pytest.fixture(scope="module")
def ran(one_thread, tmp_path_factory):
    """A whole run on four planted clusters: its folder, its request and result.json."""
    folder = tmp_path_factory.mktemp("clusters")
    columns, _ = blobs(300)
    request = write_request(folder, columns, BLOB_ROLES, "", task=Task.CLUSTERING, budget_seconds=60.0)
    clustering_run.run(request, folder, Reporter())
    return folder, request, json.loads((folder / "result.json").read_text())


def test_the_report_has_the_number_of_clusters_and_a_profile_of_each(ran):
    _, _, result = ran
    report = result["report"]
    assert result["signature"]["classes"] == [f"Cluster {number}" for number in (1, 2, 3, 4)]
    assert report["is_proposed"]
    assert report["verdict"] == {**report["verdict"], "is_better": True, "is_sure": True}
    assert "strong clusters" in report["verdict"]["sentence"]
    first, *_, last = report["clusters"]
    assert first["share"] > last["share"]
    assert "average (" in first["sentence"]
    assert "“free” (" in first["sentence"]
    assert sum(each["n_rows"] for each in report["clusters"]) == 300
    assert {each["method"] for each in report["scores"]} == {"kmeans"}, "a table with categories"
    assert sum(len(each["points"]) for each in report["map"]["series"]) == 300


def test_the_stored_version_predicts_as_the_fitted_pipeline(ran):
    folder, _, result = ran
    files = {name: folder / file["path"] for name, file in result["artifacts"].items()}
    predictor = load_predictor(files, Signature.from_json(result["signature"]))
    predictor.check_golden()
    assert predictor.is_compiled
    columns, kinds = blobs(200, seed=7)
    outputs = predictor.predict(columns)
    assert adjusted_rand_score(kinds, outputs.codes()) > 0.9
    fitted = load_pipeline(files).predict(columns)
    assert outputs.probabilities == pytest.approx(fitted.probabilities, abs=1e-9)


def test_the_same_seed_gives_the_same_clusters(ran, tmp_path):
    _, request, result = ran
    clustering_run.run(request, tmp_path, Reporter())
    again = json.loads((tmp_path / "result.json").read_text())
    assert again["artifacts"]["model.onnx"]["sha256"] == result["artifacts"]["model.onnx"]["sha256"]
    assert again["report"] == result["report"]


def test_the_report_on_noise_says_there_are_no_clear_clusters(tmp_path):
    columns = noise(150)
    roles = dict.fromkeys(columns, Role.NUMERIC)
    request = write_request(
        tmp_path, columns, roles, "", task=Task.CLUSTERING, estimator="kmeans", params={"n_clusters": 3},
        limits=TrainingLimits(),
    )  # fmt: skip
    clustering_run.run(request, tmp_path, Reporter())
    report = json.loads((tmp_path / "result.json").read_text())["report"]
    assert report["verdict"]["sentence"].startswith("No clusters")
    assert not report["is_proposed"]
    assert len(report["clusters"]) == 3
