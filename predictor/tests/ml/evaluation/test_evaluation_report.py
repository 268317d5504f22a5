from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from predictor.ml.evaluation.evaluation_report import Baseline, dummy_predictions, evaluate
from predictor.ml.explanation.permutation_importance import permutation_importance
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.duplicates import Duplicates
from predictor.ml.validation.target import make_target
from predictor.ml.validation.testing_conditions import Conditions

from ..tables_for_tests import classification_table, regression_table

CV = {"metrics": {}, "spread": 0.0, "n_folds": 5, "n_rows": 100}


def fitted(table):
    key = "logistic_regression" if table.task.is_classification else "ridge"
    return join([fit_member(Candidate(key, key, key, LINEAR), {}, table, seed=0)], table)


def report_for(table, predicted, *others):
    dummy = Baseline("dummy", "No features", dummy_predictions(table.target, len(table)))
    return evaluate(table.target, predicted, [dummy, *others], CV, seed=0)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_a_classification_report_is_json_of_finite_numbers(n_classes):
    table = classification_table(200, n_classes=n_classes)
    probabilities = fitted(table).predict(table.columns).probabilities
    report = json.loads(json.dumps(report_for(table, probabilities).to_json(), allow_nan=False))
    assert report["metric"] == "log_loss"
    assert np.sum(report["confusion"]) == 200
    assert [each["class"] for each in report["per_class"]] == report["classes"]
    assert all(
        each["roc"] and each["precision_recall"] and each["calibration"] for each in report["per_class"]
    )


def test_a_regression_report_is_json_of_finite_numbers():
    table = regression_table(200)
    report = report_for(table, fitted(table).predict(table.columns).values).to_json()
    report = json.loads(json.dumps(report, allow_nan=False))
    assert report["held_out"]["r2"] > 0.5
    assert sum(report["residuals"]["counts"]) == 200
    assert len(report["points"]["actual"]) == 200


def test_a_class_without_held_out_rows_has_no_curves_and_no_nan():
    table = classification_table(200, n_classes=3)
    only = table.rows(np.flatnonzero(table.target.y < 2))
    report = evaluate(
        only.target,
        np.full((len(only), 3), 1 / 3),
        [Baseline("dummy", "No features", dummy_predictions(table.target, len(only)))],
        CV,
        seed=0,
    ).to_json()
    json.dumps(report, allow_nan=False)
    assert report["per_class"][2]["roc"] is None


def test_a_model_that_learnt_something_is_called_better():
    table = regression_table(200)
    verdict = report_for(table, fitted(table).predict(table.columns).values).verdict
    assert verdict.is_better
    assert verdict.gain_low > 0
    assert "better than always answering the mean" in verdict.sentence


def test_noise_is_not_called_better_than_the_baseline():
    rng = np.random.default_rng(5)
    y = make_target("y", Task.REGRESSION, rng.normal(size=300))
    table = replace(regression_table(300), target=y)
    train, test = table.rows(np.arange(200)), table.rows(np.arange(200, 300))
    dummy = Baseline("dummy", "No features", dummy_predictions(train.target, 100))
    report = evaluate(test.target, fitted(train).predict(test.columns).values, [dummy], CV, seed=0)
    assert not report.verdict.is_better
    assert "not shown to be better" in report.verdict.sentence


def test_a_model_that_is_worse_than_the_baseline_is_called_worse():
    table = regression_table(200)
    verdict = report_for(table, -10 * table.target.y).verdict
    assert not verdict.is_better
    assert "Do not use it" in verdict.sentence


def test_a_better_linear_baseline_is_named():
    table = regression_table(200)
    linear = Baseline("linear", "Ridge", table.target.y + 0.01)
    verdict = report_for(table, fitted(table).predict(table.columns).values, linear).verdict
    assert "But the baseline Ridge is better than it, by " in verdict.sentence
    found = verdict.comparisons[1]
    assert (found.baseline, found.outcome) == ("linear", "worse")
    assert found.relative_low <= found.relative_gain <= found.relative_high < 0


def test_the_sentence_says_how_much_better_the_model_is_with_its_interval():
    table = regression_table(200)
    predicted = table.target.y.mean() + (table.target.y - table.target.y.mean()) / 2
    verdict = report_for(table, predicted).verdict
    assert verdict.comparisons[0].relative_gain == pytest.approx(0.5)
    assert "never saw, 50\u00a0% less (50\u00a0% to 50\u00a0%)" in verdict.sentence


def test_the_verdict_lists_reasons_to_doubt_the_scores():
    table = classification_table(60)
    dummy = Baseline("dummy", "No features", dummy_predictions(table.target, 60))
    conditions = Conditions(
        suggested=SplitBy(SplitKind.TIME, "day"),
        duplicates=Duplicates(30, 0, np.zeros(60, np.intp)),
        leaks=("paid",),
        n_rows=300,
    )
    unsteady = {"metrics": {"log_loss": 0.2}, "spread": 0.1, "intervals": {"log_loss": [0.1, 0.3]}}
    predicted = np.full((60, 2), 0.5)
    report = evaluate(table.target, predicted, [dummy], unsteady, seed=0, table=table, conditions=conditions)
    sentences = " ".join(report.verdict.worries)
    for words in (
        "“paid” alone",
        "times in “day”",
        "30 rows are copies",
        "Only 60 rows",
        "differs much",
        "does worse",
    ):
        assert words in sentences
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["conditions"]["leaks"] == ["paid"]
    other = evaluate(table.target, predicted, [dummy], {}, seed=0)
    assert [each[:10] for each in other.verdict.worries] == ["Only 60 ro"]


def test_with_few_groups_the_verdict_is_not_sure_however_many_rows_they_have():
    table = regression_table(200)
    dummy = Baseline("dummy", "No features", dummy_predictions(table.target, 200))
    groups = np.arange(200) % 3
    report = evaluate(table.target, table.target.y + 0.01, [dummy], CV, seed=0, together=groups)
    assert not report.verdict.is_sure
    assert report.verdict.worries == [
        "Only 3 groups were held out to test it, so its scores have no confidence intervals."
    ]
    assert json.loads(json.dumps(report.to_json(), allow_nan=False))["verdict"]["gain_low"] is None


def test_permutation_importance_ranks_the_original_columns():
    table = regression_table(300)
    columns = {**table.columns, "noise": np.random.default_rng(9).normal(size=300)}
    table = replace(table, columns=columns, roles={**table.roles, "noise": table.roles["age"]})
    found, n_rows = permutation_importance(fitted(table), table, seed=0)
    assert n_rows == 300
    assert {each.column for each in found} == {"age", "income", "city", "noise"}
    assert found[0].column == "age"
    assert abs(found[-1].mean) < 0.05
    assert all(each.spread >= 0 for each in found)


def test_importance_is_left_out_when_there_is_no_time():
    table = regression_table(300)
    assert permutation_importance(fitted(table), table, seed=0, max_seconds=1e-9) == ([], 0)
