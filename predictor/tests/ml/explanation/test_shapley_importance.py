"""The mean absolute Shapley value of each column."""

from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.explanation.shapley_importance import LEAST_ROWS, MOST_ROWS, shapley_importance
from predictor.ml.features.feature_spec import FeatureSpec
from predictor.ml.pipelines.fitted_pipeline import FittedPipeline, Member
from predictor.ml.types.schema import Role, Task
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable


def fitted(task, y_of, key):
    draw = np.random.default_rng(0)
    columns = {name: draw.normal(size=400) for name in ("noise", "weak", "strong")}
    roles = dict.fromkeys(columns, Role.NUMERIC)
    target = make_target("y", task, y_of(columns))
    info = CATALOGUE[key]
    n_classes = target.n_classes
    spec, matrix = FeatureSpec.fit_transform(
        columns, roles, info.encoding, y=target.y, task=task, n_classes=n_classes
    )
    estimator = info.build(task, {}, categorical_mask=spec.categorical_mask)
    info.fit(estimator, matrix, target.y)
    member = Member(estimator, tuple(range(matrix.shape[1])))
    return FittedPipeline(spec, (member,), task, n_classes), TrainingTable(columns, roles, target)


def test_columns_stand_in_the_order_of_what_they_do():
    pipeline, table = fitted(Task.REGRESSION, lambda each: 10 * each["strong"] + each["weak"], "ridge")

    found, n_rows = shapley_importance(pipeline, table, table, seed=0, max_seconds=60.0)

    assert [each.column for each in found] == ["strong", "weak", "noise"]
    assert n_rows == MOST_ROWS
    # Of a linear model: |coefficient| times the mean distance from the background, for a normal column about 10 · 0.8.
    assert found[0].mean == pytest.approx(8, rel=0.4)
    assert found[2].mean == pytest.approx(0, abs=0.05)


def test_the_probability_of_the_predicted_class_is_explained():
    def labels(columns):
        return np.array(["a", "b", "c"], object)[np.digitize(columns["strong"], [-0.5, 0.5])]

    pipeline, table = fitted(Task.MULTICLASS, labels, "logistic_regression")

    found, _ = shapley_importance(pipeline, table, table, seed=0, max_seconds=60.0)

    assert found[0].column == "strong"
    assert 0 < found[0].mean < 1


def test_without_time_a_few_rows_are_explained():
    pipeline, table = fitted(Task.REGRESSION, lambda each: each["strong"] + each["weak"], "ridge")

    found, n_rows = shapley_importance(pipeline, table, table, seed=0, max_seconds=0.0)

    assert (len(found), n_rows) == (3, LEAST_ROWS)
