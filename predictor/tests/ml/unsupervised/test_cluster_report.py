"""The report on clusters: of clusters that are given, so that shares, sentences and the map are known."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_score

from predictor.ml.estimators.cluster_models import NearestCentre
from predictor.ml.types.schema import Role, Task
from predictor.ml.unsupervised import cluster_report as module
from predictor.ml.unsupervised.cluster_methods import METHODS
from predictor.ml.unsupervised.cluster_profiles import Trait
from predictor.ml.unsupervised.cluster_report import (
    MAP_ROWS,
    ClusteredTable,
    picture,
    profiles,
    report,
    sentence,
    verdict,
)
from predictor.ml.unsupervised.clustering import ClusteringResult, ClusteringTrial
from predictor.ml.validation.target import Target
from predictor.ml.validation.training_table import TrainingTable


def clustered_of(matrix, labels, columns=None, names=("Cluster 1", "Cluster 2")):
    matrix = np.asarray(matrix, float)
    columns = columns or {f"x{number}": values for number, values in enumerate(matrix.T)}
    roles = {
        name: Role.CATEGORICAL if values.dtype == object else Role.NUMERIC for name, values in columns.items()
    }
    table = TrainingTable(columns, roles, Target("", Task.CLUSTERING, np.zeros(len(matrix))))
    return ClusteredTable(table, matrix, np.asarray(labels), names)


def result_of(observed=0.9, shuffled=(0.1, 0.2), stability=0.9, method="kmeans", tried=(), n_clusters=2):
    clusters = NearestCentre.of(np.zeros((n_clusters, 1)), 1.0)
    return ClusteringResult(METHODS[method], clusters, tuple(tried), stability, observed, tuple(shuffled))


# Six rows on the left, two on the right.
SIDES = np.array([[0.0, 0.0], [0, 1], [0, 0], [0, 1], [0, 0], [0, 1], [10, 0], [10, 1]])
LABELS = np.array([0] * 6 + [1] * 2)


@pytest.mark.parametrize(
    ("result", "compactness", "is_better", "is_sure", "words"),
    [
        (result_of(), 0.5, True, True, "There are strong clusters: they lie apart (silhouette 0.50; "),
        (result_of(), 0.5, True, True, "show the same clusters again (agreement 0.90 of 1)."),
        (result_of(), 0.49, True, False, "There are weak clusters: they overlap in part (silhouette 0.49; "),
        (result_of(), 0.25, True, False, "from 0.5 they are strong)"),
        (result_of(), 0.24, False, False, "No clusters to rely on: the groups overlap (silhouette 0.24; "),
        (
            result_of(stability=0.79),
            0.5,
            True,
            False,
            "give somewhat other clusters (agreement 0.79",
        ),
        (result_of(stability=0.8), 0.5, True, True, "There are strong clusters"),
        (result_of(stability=None), 0.5, True, False, "was not tested."),
        (result_of(stability=0.1), 0.1, False, False, "below 0.25 is no structure"),
        (result_of(observed=0.2), 0.9, False, False, "No clusters: a table whose columns are shuffled"),
        (result_of(shuffled=()), 0.9, False, False, "was not tested for want of time (silhouette 0.90; "),
        (result_of(shuffled=(), stability=None), 0.9, False, False, "Train with a longer budget"),
    ],
)
def test_the_verdict_says_no_more_than_chance_stability_and_separation_show(
    result, compactness, is_better, is_sure, words
):
    said = verdict(result, compactness)

    assert (said["is_better"], said["is_sure"]) == (is_better, is_sure)
    assert words in said["sentence"]


def test_clusters_are_described_by_size_and_by_what_differs_from_all_rows():
    plan = np.array(["free"] * 6 + ["pro"] * 2, object)

    first, second = profiles(clustered_of(SIDES, LABELS, {"side": SIDES[:, 0], "plan": plan}))

    assert (first["n_rows"], second["n_rows"]) == (6, 2)
    assert (first["share"], second["share"]) == (0.75, 0.25)
    # The mean of all rows is 2.5.
    assert second["traits"] == [
        "side far above average (10 vs 2.5)",
        "plan almost always “pro” (100 % vs 25 %)",
    ]
    assert second["sentence"] == (
        "Cluster 2: 25 % of rows; side far above average (10 vs 2.5), plan almost always “pro” (100 % vs 25 %)."
    )


def test_a_cluster_without_rows_has_a_share_of_0_and_no_traits():
    *_, empty = profiles(clustered_of(SIDES, LABELS, names=("Cluster 1", "Cluster 2", "Cluster 3")))

    assert (empty["n_rows"], empty["share"], empty["traits"]) == (0, 0.0, [])
    assert empty["sentence"] == "Cluster 3: 0 % of rows; close to the average in every column."


def test_sizes_are_those_of_all_rows_when_profiles_are_made_from_a_sample(monkeypatch):
    monkeypatch.setattr(module, "PROFILED_ROWS", 4)

    first, second = profiles(clustered_of(SIDES, LABELS))

    assert (first["n_rows"], second["n_rows"]) == (6, 2)
    # Rows 1, 3, 5 and 8 of 8: the mean of the sample is 2.5, too.
    assert "x0 far above average (10 vs 2.5)" in second["traits"]


def test_a_sentence_names_the_three_strongest_traits():
    traits = [Trait("c", f"trait {number}", 5.0 - number) for number in range(5)]

    assert sentence("Cluster 1", 0.314, traits) == "Cluster 1: 31 % of rows; trait 0, trait 1, trait 2."


def test_the_map_is_that_of_the_principal_components():
    matrix = np.random.default_rng(0).normal(size=(40, 4)) * [5, 1, 3, 0.5]
    labels = np.arange(40) % 2

    document = picture(clustered_of(matrix, labels))

    components = PCA(2).fit(matrix)
    expected = components.transform(matrix)
    shares = components.explained_variance_ratio_
    assert document["x"] == f"first component, {shares[0]:.0%} of the variation".replace("%", " %")
    assert document["y"] == f"second component, {shares[1]:.0%} of the variation".replace("%", " %")
    for code, series in enumerate(document["series"]):
        assert series["name"] == f"Cluster {code + 1}"
        # The sign of a component is arbitrary.
        assert np.abs(series["points"]) == pytest.approx(np.abs(expected[labels == code]), abs=6e-4)


def test_the_map_is_never_mirrored():
    """The largest weight of each component is positive, whatever the library for linear algebra returns."""
    matrix = np.column_stack([np.arange(10.0), -0.1 * np.arange(10.0) + np.arange(10) % 2])

    points = np.concatenate([each["points"] for each in picture(clustered_of(matrix, [0] * 10))["series"]])

    assert points[-1, 0] > points[0, 0]


@pytest.mark.parametrize(
    ("matrix", "x", "y"),
    [
        ([[0.0], [2.0], [4.0]], "100 %", "0 %"),
        ([[3.0, 3.0], [3.0, 3.0], [3.0, 3.0]], "0 %", "0 %"),
    ],
    ids=["one column", "equal rows"],
)
def test_a_map_without_a_second_direction_is_flat(matrix, x, y):
    document = picture(clustered_of(matrix, [0, 0, 1]))

    assert document["x"] == f"first component, {x} of the variation"
    assert document["y"] == f"second component, {y} of the variation"
    points = np.concatenate([each["points"] for each in document["series"]])
    assert points.shape == (3, 2)
    assert (points[:, 1] == 0).all()


def test_the_map_shows_a_sample_and_only_clusters_with_points():
    matrix = np.arange(3.0 * MAP_ROWS).reshape(-1, 1)
    labels = np.zeros(len(matrix), int)
    labels[1] = 1

    document = picture(clustered_of(matrix, labels))

    assert document["n_rows"] == MAP_ROWS
    assert [each["name"] for each in document["series"]] == ["Cluster 1"]
    assert len(document["series"][0]["points"]) == MAP_ROWS


def test_the_report_holds_all_of_its_parts_in_finite_numbers():
    kept = result_of(tried=[ClusteringTrial(2, 0.8, 0.3), ClusteringTrial(3, 0.6, 0.4)])
    other = result_of(method="gaussian_mixture", tried=[ClusteringTrial(2, -7.5)], n_clusters=3)

    document = report(clustered_of(SIDES, LABELS), kept, [kept, other], is_proposed=True)

    json.dumps(document, allow_nan=False)
    assert (document["task"], document["method"], document["n_rows"]) == ("clustering", "kmeans", 8)
    assert document["is_proposed"]
    assert document["metrics"] == {
        "silhouette": pytest.approx(silhouette_score(SIDES, LABELS)),
        "stability": 0.9,
        "n_clusters": 2,
        "largest_share": 0.75,
    }
    assert document["chance"] == {"observed": 0.9, "shuffled": [0.1, 0.2]}
    silhouettes, bic = document["scores"]
    assert silhouettes["points"] == [[2, 0.8], [3, 0.6]]
    assert silhouettes["chance"] == [[2, 0.3], [3, 0.4]]
    assert (silhouettes["title"], silhouettes["chosen"]) == ("K-means", 2)
    # The BIC as the field has it: smaller is better.
    assert (bic["metric"], bic["points"], bic["chance"], bic["chosen"]) == ("bic", [[2, 7.5]], [], None)


def test_a_report_without_a_test_against_chance_says_so():
    kept = result_of(shuffled=(), stability=None)

    document = report(clustered_of(SIDES, LABELS), kept, [kept], is_proposed=False)

    assert document["chance"] is None
    assert document["metrics"]["stability"] is None
    assert not document["verdict"]["is_better"]
