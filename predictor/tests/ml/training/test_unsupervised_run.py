"""Shared steps of unsupervised runs: the rows that are read, and what a run leaves."""

from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.estimators.cluster_models import NearestCentre
from predictor.ml.execution.progress import Clock, Reporter
from predictor.ml.features.encoding import DISTANCES
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.inference.loading import load_predictor
from predictor.ml.training import unsupervised_run
from predictor.ml.training.unsupervised_run import (
    UnsupervisedResult,
    blocks_of,
    pipeline_of,
    read_table,
    write_unsupervised_result,
)
from predictor.ml.types.schema import Role, Signature, Task

from ..tables_for_tests import ROLES, columns_of, write_request


def request_in(folder, columns, roles=None, **options):
    roles = roles or dict.fromkeys(columns, Role.NUMERIC)
    return write_request(folder, columns, roles, "", task=Task.CLUSTERING, **options)


def messages(reporter):
    return [each.message for each in reporter.warnings]


def test_all_columns_are_features_and_the_number_of_rows_is_told(tmp_path, capsys):
    columns, reporter = columns_of(120), Reporter()

    _, table, clock = read_table(
        request_in(tmp_path, columns, ROLES, budget_seconds=7.0), Task.CLUSTERING, reporter
    )

    assert list(table.columns) == ["age", "income", "city"]
    assert table.columns["age"] == pytest.approx(columns["age"], nan_ok=True)
    assert (table.task, len(table), table.target.name) == (Task.CLUSTERING, 120, "")
    assert messages(reporter) == []
    assert clock == Clock(reporter.started_at, 7.0)
    started = json.loads(capsys.readouterr().out.splitlines()[1])
    assert started["message"] == "Looking at 120 rows and 3 features."


def test_identifiers_constants_and_columns_without_values_are_left_out(tmp_path):
    columns = {
        "id": np.arange(120.0),
        "one": np.ones(120),
        "empty": np.full(120, np.nan),
        "x": np.arange(120.0) % 7,
    }
    roles = {"id": Role.IDENTIFIER, "one": Role.CONSTANT, "empty": Role.NUMERIC, "x": Role.NUMERIC}

    _, table, _ = read_table(request_in(tmp_path, columns, roles), Task.CLUSTERING, Reporter())

    assert list(table.columns) == list(table.roles) == ["x"]


@pytest.mark.parametrize(
    "columns",
    [{"x": np.arange(19.0)}, {"x": np.full(40, np.nan)}],
    ids=["too few rows", "no values"],
)
def test_a_table_with_nothing_to_look_at_is_refused(columns, tmp_path):
    with pytest.raises(InvalidTrainingRequest, match="At least 20 rows and a column with values are needed"):
        read_table(request_in(tmp_path, columns), Task.CLUSTERING, Reporter())


@pytest.mark.parametrize(("n_rows", "is_warned"), [(99, True), (100, False)])
def test_few_rows_are_warned_of(n_rows, is_warned, tmp_path):
    reporter = Reporter()

    read_table(request_in(tmp_path, {"x": np.arange(float(n_rows))}), Task.CLUSTERING, reporter)

    expected = ["With 99 rows, what is found may be chance; 100 or more are better."]
    assert messages(reporter) == (expected if is_warned else [])


def test_a_sample_is_read_when_the_budget_is_short(tmp_path, monkeypatch):
    monkeypatch.setattr(unsupervised_run, "rows_to_read", lambda request: 110)
    reporter = Reporter()

    _, table, _ = read_table(request_in(tmp_path, {"x": np.arange(120.0)}), Task.CLUSTERING, reporter)

    assert len(table) == 110
    assert messages(reporter) == ["Of 120 rows, 110 drawn at random are used within this budget."]


def test_the_blocks_of_a_matrix_are_the_outputs_of_each_column():
    columns = columns_of(120)
    spec, matrix = FeatureSpec.fit_transform(columns, ROLES, DISTANCES)

    blocks = blocks_of(spec)

    sources = [output.source for output in spec.outputs]
    assert [{sources[place] for place in block} for block in blocks] == [{"age"}, {"income"}, {"city"}]
    assert [place for block in blocks for place in block] == list(range(matrix.shape[1]))


def clustered(columns, *, is_budget_limited=False):
    """Two clusters of one numeric column: below and above 0."""
    spec = FeatureSpec.passthrough(["x"])
    pipeline = pipeline_of(
        spec, NearestCentre.of([[-1.0], [1.0]], 1.0), "kmeans", {"n_clusters": 2}, Task.CLUSTERING, 2
    )
    return UnsupervisedResult(
        pipeline=pipeline,
        classes=("Cluster 1", "Cluster 2"),
        codes=(columns["x"] > 0).astype(int),
        title="K-means with 2 clusters",
        params={"n_clusters": 2},
        report={"metrics": {"silhouette": 0.5}},
        leaderboard=[{"key": "kmeans", "weight": 1.0}],
        is_budget_limited=is_budget_limited,
        threshold=0.98,
    )


def test_a_pipeline_of_one_estimator_has_the_weight_1():
    (member,) = clustered({"x": np.zeros(1)}).pipeline.members

    assert (member.weight, member.columns, member.key) == (1.0, (0,), "kmeans")
    assert member.params == {"n_clusters": 2}


@pytest.mark.parametrize("is_budget_limited", [False, True])
def test_a_run_leaves_a_version_that_predicts_and_its_report(is_budget_limited, tmp_path):
    columns = {"x": np.linspace(-2, 2, 120)}
    request, reporter = request_in(tmp_path, columns, seed=5), Reporter()
    request, table, clock = read_table(request, Task.CLUSTERING, reporter)

    result = clustered(columns, is_budget_limited=is_budget_limited)
    write_unsupervised_result(request, tmp_path, reporter, clock, table, result)

    written = json.loads((tmp_path / "result.json").read_text("utf-8"))
    assert (written["title"], written["estimator"]) == ("K-means with 2 clusters", "kmeans")
    assert (written["params"], written["weights"]) == ({"n_clusters": 2}, {"kmeans": 1.0})
    assert (written["metrics"], written["baseline"]) == ({"silhouette": 0.5}, {})
    assert (written["n_rows"], written["n_rows_fitted"], written["seed"]) == (120, 120, 5)
    assert written["is_budget_limited"] is is_budget_limited
    assert ["cut the search short" in each for each in messages(reporter)] == [True] * is_budget_limited
    signature = Signature.from_json(written["signature"])
    assert (signature.target, signature.classes) == ("", ("Cluster 1", "Cluster 2"))
    files = {name: tmp_path / each["path"] for name, each in written["artifacts"].items()}
    predictor = load_predictor(files, signature)
    predictor.check_golden()
    assert predictor.predict({"x": np.array([-3.0, 4.0])}).codes().tolist() == [0, 1]
    assert predictor.threshold == 0.98
