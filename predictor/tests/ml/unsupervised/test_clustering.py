"""Cluster analysis: the number of clusters, their stability, and the comparison with chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from predictor.ml.estimators.cluster_models import NearestCentre, SoftMixture
from predictor.ml.execution.progress import Deadline
from predictor.ml.unsupervised import clustering as module
from predictor.ml.unsupervised.cluster_methods import METHODS
from predictor.ml.unsupervised.clustering import (
    FLATTERY,
    MOST,
    N_RESAMPLES,
    N_SHUFFLED,
    SHUFFLED_ROWS,
    ClusteringResult,
    ClusteringTrial,
    Shuffle,
    best_of,
    by_chance,
    find,
    largest_first,
    possible_numbers,
    propose,
    refined,
    stability,
)

from ..planted import blobs, noise


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As in the training process: OpenMP threads would wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


def blocks_of(points):
    return [range(place, place + 1) for place in range(points.shape[1])]


def clusters_in(points, method, *, n_clusters=None, seconds=60.0):
    return find(
        METHODS[method],
        points,
        blocks_of(points),
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


def test_a_large_table_is_shuffled_on_a_sample_of_its_rows():
    matrix = np.arange(3.0 * SHUFFLED_ROWS).reshape(-1, 1)

    rows = Shuffle(matrix, [range(1)]).rows

    assert len(rows) == SHUFFLED_ROWS
    assert (rows[0, 0], rows[-1, 0]) == (0.0, 3.0 * SHUFFLED_ROWS - 1)


class FakeMethod:
    """A method whose clusters are their own number, and whose scores are given."""

    key, metric = "kmeans", "silhouette"

    def __init__(self, scores, chance=0.0, *, is_flattered=True):
        self.scores, self.chance, self.is_flattered = scores, chance, is_flattered

    def fit(self, matrix, n_clusters, seed, *, n_init=5):
        return n_clusters

    def score(self, matrix, clusters):
        return self.scores[clusters]

    def chance_score(self, matrix, clusters):
        return self.chance


ROWS = np.arange(60.0).reshape(30, 2)
SHUFFLE = Shuffle(ROWS, [range(1), range(1, 2)])


def tried_by(method, numbers=(2, 3, 4), *, deadline=Deadline(math.inf)):
    return propose(method, ROWS, SHUFFLE, numbers, seed=0, deadline=deadline)


def test_each_number_of_clusters_is_scored_and_compared_with_shuffled_tables():
    tried, fits = tried_by(FakeMethod({2: 0.5, 3: 0.7, 4: 0.6}, chance=0.25))

    assert tried == [
        ClusteringTrial(2, 0.5, 0.25),
        ClusteringTrial(3, 0.7, 0.25),
        ClusteringTrial(4, 0.6, 0.25),
    ]
    assert fits == {2: 2, 3: 3, 4: 4}


def test_a_score_that_is_not_flattered_by_single_columns_is_not_compared():
    tried, _ = tried_by(FakeMethod({2: 0.5, 3: 0.7, 4: 0.6}, is_flattered=False))

    assert {each.by_chance for each in tried} == {None}


def test_the_first_number_is_tried_without_time_left():
    tried, fits = tried_by(FakeMethod({3: 0.5, 2: 0.7}), (3, 2), deadline=Deadline(-math.inf))

    assert [each.n_clusters for each in tried] == [3]
    assert fits == {3: 3}


@pytest.mark.parametrize(
    ("tried", "number"),
    [
        ([(2, 0.5, 0.4), (3, 0.6, 0.55), (4, 0.3, 0.1)], 4),
        ([(2, -5.0, None), (3, -4.0, None)], 3),
        ([(4, 0.5, 0.25), (2, 0.5, 0.25), (3, 0.5, 0.25)], 2),
        ([(5, 0.1, 0.4)], 5),
    ],
    ids=["furthest above chance", "without chance", "the smallest of equals", "only one"],
)
def test_the_number_whose_score_is_furthest_above_chance_is_proposed(tried, number):
    assert best_of([ClusteringTrial(*each) for each in tried]) == number


@pytest.mark.parametrize(
    ("n_rows", "n_distinct", "numbers"),
    [
        (100, 100, range(2, MOST + 1)),
        (40, 40, range(2, 9)),
        (100, 5, range(2, 5)),
        (100, 2, range(2, 3)),
        (100, 1, range(2, 3)),
        (9, 9, range(2, 3)),
        (0, 0, range(2, 3)),
    ],
    ids=["many rows", "five rows each", "few distinct rows", "two kinds", "one kind", "few rows", "none"],
)
def test_the_possible_numbers_depend_on_the_rows(n_rows, n_distinct, numbers):
    matrix = (np.arange(n_rows, dtype=float) % max(n_distinct, 1)).reshape(-1, 1)

    assert possible_numbers(matrix) == numbers


def test_clusters_that_come_again_in_every_resample_are_stable():
    points = np.repeat([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], 20, axis=0)
    points = points + np.random.default_rng(0).normal(0, 0.1, points.shape)
    labels = np.repeat([0, 1, 2], 20)
    method = METHODS["kmeans"]

    same = stability(method, points, labels, 3, seed=0, deadline=Deadline(math.inf))
    drawn = np.random.default_rng(1).permutation(labels)
    other = stability(method, points, drawn, 3, seed=0, deadline=Deadline(math.inf))

    assert same == 1.0
    # The adjusted Rand index of labels that have nothing to do with each other is about 0.
    assert other == pytest.approx(adjusted_rand_score(drawn, labels))
    assert abs(other) < 0.1


class Allowing:
    """A deadline that allows so many steps."""

    def __init__(self, n_steps):
        self.n_left = n_steps

    def allows(self, seconds):
        self.n_left -= 1
        return self.n_left >= 0


@pytest.mark.parametrize(("n_steps", "expected"), [(0, None), (1, 1.0), (2, 0.75), (100, 0.55)])
def test_the_stability_is_the_mean_of_the_resamples_that_time_allows(n_steps, expected, monkeypatch):
    agreements = iter([1.0, *[0.5] * (N_RESAMPLES - 1)])
    monkeypatch.setattr(module, "adjusted_rand_score", lambda *_: next(agreements))
    points = np.arange(40.0).reshape(20, 2)

    mean = stability(METHODS["kmeans"], points, np.zeros(20, int), 2, seed=0, deadline=Allowing(n_steps))

    assert mean == (None if expected is None else pytest.approx(expected))


def test_scores_of_shuffled_tables_are_all_there_or_none():
    method = FakeMethod({2: 0.5}, chance=0.25)

    scores = by_chance(method, SHUFFLE, 2, N_SHUFFLED, seed=0, deadline=Deadline(math.inf))

    assert scores == (0.25,) * N_SHUFFLED
    assert by_chance(method, SHUFFLE, 2, N_SHUFFLED, seed=0, deadline=Deadline(-math.inf)) == ()


def result_of(observed, shuffled, method="kmeans"):
    clusters = NearestCentre.of(np.zeros((2, 1)), 1.0)
    return ClusteringResult(METHODS[method], clusters, (), 1.0, observed, shuffled)


@pytest.mark.parametrize("method", METHODS)
def test_chance_is_beaten_by_more_than_what_the_choice_of_the_number_flatters(method):
    margin = FLATTERY[METHODS[method].metric]
    shuffled = (0.1, 0.5, 0.3)

    assert result_of(0.5 + 1.01 * margin, shuffled, method).beats_chance
    assert not result_of(0.5 + 0.99 * margin, shuffled, method).beats_chance
    assert not result_of(1e9, (), method).beats_chance, "without a comparison nothing is known"


def test_the_clusters_are_renumbered_by_their_size():
    centres = NearestCentre.of([[0.0], [10.0], [20.0]], 1.0)
    labels = np.array([0, 1, 1, 1, 2, 2])

    ordered = largest_first(centres, labels)

    assert ordered.centres_.ravel().tolist() == [10.0, 20.0, 0.0]
    # Clusters of one size keep their order, and an empty one comes last.
    assert largest_first(centres, np.array([0, 1])).centres_.ravel().tolist() == [0.0, 10.0, 20.0]
    assert largest_first(centres, np.array([2, 2, 0])).centres_.ravel().tolist() == [20.0, 0.0, 10.0]


def test_a_given_number_of_clusters_is_kept_and_the_others_are_still_scored(monkeypatch):
    monkeypatch.setattr(module, "MOST", 4)
    columns, _ = blobs(60, gaps=0.0)

    result = clusters_in(numbers_of(columns), "kmeans", n_clusters=3)

    assert result.n_clusters == 3
    assert [each.n_clusters for each in result.tried] == [2, 3, 4]
    assert not result.is_cut


def test_a_given_number_of_clusters_is_kept_without_time():
    columns, _ = blobs(120, gaps=0.0)

    result = clusters_in(numbers_of(columns), "kmeans", n_clusters=5, seconds=-1.0)

    assert (result.n_clusters, [each.n_clusters for each in result.tried]) == (5, [5])
    assert result.is_cut


def test_the_observed_score_is_measured_on_the_rows_that_are_shuffled(monkeypatch):
    for name, value in (("SHUFFLED_ROWS", 60), ("MOST", 4), ("N_SHUFFLED", 2)):
        monkeypatch.setattr(module, name, value)
    columns, _ = blobs(200, gaps=0.0)
    points = numbers_of(columns)

    result = clusters_in(points, "kmeans", n_clusters=4)

    rows = Shuffle(points, blocks_of(points)).rows
    assert len(rows) == 60
    assert result.observed == METHODS["kmeans"].chance_score(rows, result.clusters)


def test_refined_centres_are_those_of_k_means_on_all_rows():
    columns, _ = blobs(300, gaps=0.0)
    points = numbers_of(columns)
    found = METHODS["kmeans"].fit(points[::5], 4, 0)

    better = refined(found, points, seed=0)

    again = KMeans(4, init=found.centres_, n_init=1, max_iter=50).fit(points)
    assert better.centres_ == pytest.approx(again.cluster_centers_)
    assert better.spread_ == pytest.approx(again.inertia_ / points.size)

    def inertia(clusters):
        return ((points - clusters.centres_[clusters.predict(points)]) ** 2).sum()

    assert inertia(better) <= inertia(found)


def test_a_mixture_is_not_refined():
    mixture = SoftMixture.of(np.zeros((2, 1)), np.ones((2, 1, 1)), np.array([0.5, 0.5]))

    assert refined(mixture, np.zeros((3, 1)), seed=0) is mixture
