from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from predictor.ml.evaluation.evaluation_report import Baseline, class_details, dummy_predictions, evaluate
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.types.schema import Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.duplicates import Duplicates
from predictor.ml.validation.target import Target
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


def test_the_negative_class_is_the_first_of_a_report() -> None:
    y = np.array([0, 0, 0, 1, 1, 1, 1, 1])
    first = np.array([0.9, 0.8, 0.2, 0.7, 0.6, 0.1, 0.3, 0.2])
    target = Target("y", Task.BINARY, y, ("leave", "stay"), positive=0)

    details = class_details(target, np.column_stack([first, 1 - first]), 0.5)

    # By scikit-learn, with the negative class first: of stay 3 right and 2 wrong, of leave 1 missed and 2 found.
    right = confusion_matrix(y, np.where(first >= 0.5, 0, 1), labels=[1, 0]).tolist()
    assert details["classes"] == ["stay", "leave"]
    assert details["confusion"] == right == [[3, 2], [1, 2]]
    assert [each["support"] for each in details["per_class"]] == [5, 3]
