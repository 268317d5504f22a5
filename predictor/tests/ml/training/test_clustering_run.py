from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from predictor.ml.estimators import cluster_models
from predictor.ml.estimators.cluster_models import NearestCentre, SoftMixture
from predictor.ml.execution.progress import Deadline, Reporter
from predictor.ml.features.encoding import DISTANCES
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.inference.loading import load_predictor
from predictor.ml.onnx_export.parity import compile_checked
from predictor.ml.persistence.version_files import load_pipeline
from predictor.ml.training import clustering_run
from predictor.ml.training.unsupervised_run import pipeline_of
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import TrainingLimits
from predictor.ml.unsupervised.cluster_methods import METHODS, KMeansMethod
from predictor.ml.unsupervised.clustering import Shuffle, find
from predictor.ml.validation.training_table import TrainingTable

from ..planted import BLOB_ROLES, blobs, noise
from ..tables_for_tests import write_request


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As the training child has it: threads of OpenMP would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def found_in(points, method, *, n_clusters=None, seconds=60.0):
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
def test_planted_clusters_are_counted_found_and_called_clear(method):
    columns, kinds = blobs(gaps=0.0)
    points = numbers_of(columns)
    found = found_in(points, method)
    assert found.n_clusters == 4
    assert found.beats_chance
    assert found.stability > 0.9
    labels = found.clusters.predict(points)
    assert adjusted_rand_score(kinds, labels) > 0.9
    assert np.all(np.diff(np.bincount(labels)) <= 0), "the largest comes first"


@pytest.mark.parametrize("method", METHODS)
def test_uniform_noise_is_not_called_clusters(method):
    points = np.column_stack(list(noise().values()))
    points = (points - points.mean(axis=0)) / points.std(axis=0)
    assert not found_in(points, method).beats_chance


def test_what_there_was_no_time_for_is_not_made_up():
    columns, _ = blobs(200, gaps=0.0)
    found = found_in(numbers_of(columns), "kmeans", seconds=-1.0)
    assert (found.n_clusters, found.stability, found.shuffled, found.is_cut) == (2, None, (), True)


def test_shuffled_tables_keep_columns_and_the_cells_of_a_block_together():
    matrix = np.column_stack([np.arange(50.0), np.arange(50.0), np.arange(50.0) ** 2])
    shuffled = Shuffle(matrix, [range(1), range(1, 3)]).table(np.random.default_rng(0))
    assert sorted(shuffled[:, 0]) == list(range(50))
    assert np.array_equal(shuffled[:, 1] ** 2, shuffled[:, 2])
    assert not np.array_equal(shuffled[:, 0], shuffled[:, 1])


def test_the_nearest_centre_is_that_of_scikit_learn():
    points = numbers_of(blobs(gaps=0.0)[0])
    fitted = KMeans(5, n_init=1, random_state=0).fit(points)
    ours = NearestCentre.of(fitted.cluster_centers_, fitted.inertia_ / points.size)
    assert np.array_equal(ours.predict(points), fitted.predict(points))
    assert KMeansMethod().fit(points, 5, 0).predict_proba(points).sum(axis=1) == pytest.approx(1.0)


def test_many_rows_are_answered_in_parts(monkeypatch):
    points = numbers_of(blobs(gaps=0.0)[0])
    found, sizes = KMeansMethod().fit(points, 4, 0), []
    whole = found.predict(points)
    monkeypatch.setattr(cluster_models, "CHUNK_CELLS", 3 * 100)
    answer = NearestCentre.predict_proba
    monkeypatch.setattr(
        NearestCentre, "predict_proba", lambda self, X: (sizes.append(len(X)), answer(self, X))[1]
    )
    assert np.array_equal(found.predict(points), whole)
    assert max(sizes) == 100
    assert sum(sizes) == len(points)


def test_auto_mixes_only_a_bounded_number_of_features(tmp_path):
    columns = noise(50)
    roles = dict.fromkeys(columns, Role.NUMERIC)
    request = write_request(tmp_path, columns, roles, "", task=Task.CLUSTERING)
    table = TrainingTable(columns, roles, None)
    assert clustering_run._methods(request, table, 100) == ["kmeans", "gaussian_mixture"]
    assert clustering_run._methods(request, table, 101) == ["kmeans"]


def test_the_mixture_answers_as_scikit_learn_does():
    points = numbers_of(blobs(gaps=0.0)[0])
    fitted = GaussianMixture(3, random_state=0).fit(points)
    ours = SoftMixture.of(fitted.means_, fitted.precisions_cholesky_, fitted.weights_)
    assert ours.predict_proba(points) == pytest.approx(fitted.predict_proba(points), abs=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_the_compiled_form_gives_the_same_probabilities(method):
    columns, _ = blobs()
    spec, matrix = FeatureSpec.fit_transform(columns, BLOB_ROLES, DISTANCES)
    weights = np.linspace(0.5, 1.0, matrix.shape[1])
    clusters = METHODS[method].fit(matrix * weights, 4, 0).weighing(weights)
    pipeline = pipeline_of(spec, clusters, method, {}, Task.CLUSTERING, 4)
    compiled, parity = compile_checked(pipeline, columns)
    assert compiled is not None, parity
    assert parity.max_abs_difference < 1e-9
    assert parity.labels_agree == 1.0


@pytest.fixture(scope="module")
def ran(one_thread, tmp_path_factory):
    """A whole run on four planted clusters: its folder, its request and result.json."""
    folder = tmp_path_factory.mktemp("clusters")
    columns, _ = blobs(300)
    request = write_request(folder, columns, BLOB_ROLES, "", task=Task.CLUSTERING, budget_seconds=60.0)
    clustering_run.run(request, folder, Reporter())
    return folder, request, json.loads((folder / "result.json").read_text())


def test_a_run_says_how_many_clusters_there_are_and_what_sets_each_apart(ran):
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


def test_what_a_run_stored_serves_and_is_what_was_fitted(ran):
    folder, _, result = ran
    files = {name: folder / file["path"] for name, file in result["artifacts"].items()}
    predictor = load_predictor(files, Signature.from_json(result["signature"]))
    predictor.check_golden()
    assert predictor.is_compiled
    columns, kinds = blobs(200, seed=7)
    answered = predictor.predict(columns)
    assert adjusted_rand_score(kinds, answered.codes()) > 0.9
    fitted = load_pipeline(files).predict(columns)
    assert answered.probabilities == pytest.approx(fitted.probabilities, abs=1e-9)


def test_the_same_seed_gives_the_same_clusters(ran, tmp_path):
    _, request, result = ran
    clustering_run.run(request, tmp_path, Reporter())
    again = json.loads((tmp_path / "result.json").read_text())
    assert again["artifacts"]["model.onnx"]["sha256"] == result["artifacts"]["model.onnx"]["sha256"]
    assert again["report"] == result["report"]


def test_noise_gets_a_version_that_says_there_are_no_clear_clusters(tmp_path):
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
