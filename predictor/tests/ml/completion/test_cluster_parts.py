"""Parts on clusters that are computed later are those of a run with enough time."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits

from predictor.ml.completion.cluster_parts import ClusterParts
from predictor.ml.completion.complete import complete, part_path
from predictor.ml.execution.progress import Reporter
from predictor.ml.training import clustering_run
from predictor.ml.types.left_out import Part
from predictor.ml.types.schema import Task
from predictor.ml.unsupervised import clustering

from ..planted import BLOB_ROLES, blobs
from ..tables_for_tests import write_request
from .hurried_runs import finished


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Four planted clusters: a run with enough time, and one that tried 2 to 4 clusters and then had none left."""
    folder = tmp_path_factory.mktemp("clusters")
    columns, _ = blobs(200)
    request = write_request(folder, columns, BLOB_ROLES, "", task=Task.CLUSTERING, budget_seconds=120.0)
    with threadpool_limits(1):
        whole = finished(request, folder / "whole", clustering_run.run)
        with pytest.MonkeyPatch.context() as patch:
            numbers = clustering.propose

            def few(method, matrix, shuffle, all_numbers, **options):
                return numbers(method, matrix, shuffle, list(all_numbers)[:3], **options)

            patch.setattr(clustering, "propose", few)
            patch.setattr(clustering, "stability", lambda *args, **options: None)
            patch.setattr(clustering, "by_chance", by_chance_for_numbers_only(clustering.by_chance))
            hurried = finished(request, folder / "hurried", clustering_run.run)
        yield whole, hurried


def by_chance_for_numbers_only(by_chance):
    """Shuffled tables belong to the choice of the number, which always ends; the last comparison has no time."""

    def shuffled(method, shuffle, n_clusters, n_tables, **options):
        if n_tables == clustering.N_SHUFFLED:
            return ()
        return by_chance(method, shuffle, n_clusters, n_tables, **options)

    return shuffled


def test_what_is_computed_later_is_what_a_run_with_enough_time_tells(runs, tmp_path):
    whole, hurried = runs
    assert hurried.work.parts == (Part.NUMBERS, Part.STABILITY, Part.CHANCE)
    assert next(each["names"] for each in hurried.report["left_out"]) == ["K-means"]
    assert "for want of time" in hurried.report["verdict"]["sentence"]
    assert whole.report["left_out"] == []

    complete(hurried.work, tmp_path, Reporter())

    report = dict(hurried.report)
    for part in hurried.work.parts:
        report |= json.loads(part_path(tmp_path, part).read_text("utf-8"))["report"]
    for key in ("scores", "metrics", "chance", "verdict", "clusters"):
        assert report[key] == whole.report[key], key


def test_stability_is_the_agreement_with_clusters_of_parts_of_the_rows(runs):
    """The planted clusters come again in every part of the rows, by scikit-learn's adjusted Rand index."""
    _, hurried = runs
    _, planted = blobs(200)
    parts = ClusterParts(hurried.work)
    labels = parts.kept.clusters.predict(parts.sample)
    assert adjusted_rand_score(planted, labels) == pytest.approx(1.0)
    assert parts.compute(Part.STABILITY, hurried.report)["metrics"]["stability"] == pytest.approx(1.0)


def test_other_clusters_than_the_served_ones_are_refused(runs, tmp_path):
    _, hurried = runs
    sizes = [{**each, "n_rows": each["n_rows"] + 1} for each in hurried.report["clusters"]]
    work = hurried.without("clusters")
    work.report["clusters"] = sizes  # a copy

    complete(work, tmp_path, Reporter())

    for part in work.parts:
        content = json.loads(part_path(tmp_path, part).read_text("utf-8"))
        assert "cannot be found again" in content["refusal"]
    assert np.isfinite(hurried.report["metrics"]["silhouette"])
