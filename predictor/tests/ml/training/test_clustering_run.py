from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from predictor.ml.execution.progress import Deadline, Reporter
from predictor.ml.inference.loading import load_predictor
from predictor.ml.persistence.version_files import load_pipeline
from predictor.ml.training import clustering_run
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import TrainingLimits
from predictor.ml.unsupervised.cluster_methods import METHODS
from predictor.ml.unsupervised.clustering import Shuffle, find
from predictor.ml.validation.training_table import TrainingTable

from ..planted import BLOB_ROLES, blobs, noise
from ..tables_for_tests import write_request


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the training process: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def clusters_in(points, method, *, n_clusters=None, seconds=60.0):
    blocks = [range(place, place + 1) for place in range(points.shape[1])]
    return find(
        METHODS[method],
        points,
        blocks,
        n_clusters=n_clusters,
        seed=0,
        deadline=Deadline.after(seconds),
        progress=lambda fraction, message: None,
    )


def numbers_of(columns):
    points = np.column_stack([columns[name] for name in ("age", "spend", "visits")])
    return (points - points.mean(axis=0)) / points.std(axis=0)


@pytest.mark.parametrize("method", METHODS)
def test_well_separated_clusters_are_found_and_beat_chance(method):
    columns, kinds = blobs(gaps=0.0)
    points = numbers_of(columns)
    result = clusters_in(points, method)
    assert result.n_clusters == 4
    assert result.beats_chance
    assert result.stability > 0.9
    labels = result.clusters.predict(points)
    assert adjusted_rand_score(kinds, labels) > 0.9
    assert np.all(np.diff(np.bincount(labels)) <= 0), "the largest comes first"


@pytest.mark.parametrize("method", METHODS)
def test_clusters_of_uniform_noise_do_not_beat_chance(method):
    points = np.column_stack(list(noise().values()))
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    assert not clusters_in(points, method).beats_chance


def test_without_time_stability_and_chance_are_left_out():
    columns, _ = blobs(200, gaps=0.0)
    result = clusters_in(numbers_of(columns), "kmeans", seconds=-1.0)
    assert (result.n_clusters, result.stability, result.shuffled, result.is_cut) == (2, None, (), True)


def test_shuffled_tables_keep_the_values_of_columns_and_the_cells_of_a_block_together():
    matrix = np.column_stack([np.arange(50.0), np.arange(50.0), np.arange(50.0) ** 2])
    shuffled = Shuffle(matrix, [range(1), range(1, 3)]).table(np.random.default_rng(0))
    assert sorted(shuffled[:, 0]) == list(range(50))
    assert np.array_equal(shuffled[:, 1] ** 2, shuffled[:, 2])
    assert not np.array_equal(shuffled[:, 0], shuffled[:, 1])


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
    assert "clear clusters" in report["verdict"]["sentence"]
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
    assert report["verdict"]["sentence"].startswith("No clear clusters")
    assert not report["is_proposed"]
    assert len(report["clusters"]) == 3
