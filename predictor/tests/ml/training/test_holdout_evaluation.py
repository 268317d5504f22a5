"""Hold-out evaluation: a fit on the development rows, its errors on the held-out ones, and the report on them."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, mean_absolute_error, r2_score, root_mean_squared_error
from threadpoolctl import threadpool_limits

from predictor.ml.calibration.conformal import ConformalIntervals
from predictor.ml.calibration.decision_thresholds import Scores, Threshold
from predictor.ml.calibration.probability_calibration import Calibrated, Calibration
from predictor.ml.evaluation.verdict import Baseline
from predictor.ml.execution.progress import Deadline
from predictor.ml.explanation.permutation_importance import predicted
from predictor.ml.features.feature_spec import LINEAR
from predictor.ml.metrics.scores import metrics
from predictor.ml.persistence.version_files import HELD_OUT, SCORES, UNCERTAINTY, read_clusters, read_held_out
from predictor.ml.pipelines.fitting import Candidate, fit_member, join
from predictor.ml.training import coverage_check, holdout_evaluation
from predictor.ml.training.holdout_evaluation import HoldoutInputs, evaluate_holdout
from predictor.ml.training.post_processing import PostProcessing
from predictor.ml.training.refitting import FinalMember, RefitPlan
from predictor.ml.types.schema import Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.types.threshold_rule import ThresholdRule
from predictor.ml.validation.splits import SplitConstraints, split_rows
from predictor.ml.validation.testing_conditions import Conditions

from ..tables_for_tests import classification_table, regression_table


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    with threadpool_limits(1):
        yield


def member(key, weight=1.0, *, estimator="ridge", seconds=0.0, **stage):
    return FinalMember(Candidate(key, key.capitalize(), estimator, LINEAR), stage, weight, seconds)


WEAK, STRONG = member("weak", alpha=0.1), member("strong", alpha=1000.0)
HALVES = (replace(WEAK, weight=0.5), replace(STRONG, weight=0.5))
LOGISTIC = member("logistic", estimator="logistic_regression", C=1.0)
REGRESSION, BINARY = regression_table(150), classification_table(150)


def split_of(table, **options):
    return split_rows(table.target, seed=0, holdout_share=0.2, n_folds=3, **options)


def decided_for(table, split, *, error=0.5, **parts):
    """Out-of-fold predictions that are off by `error` up and down, or give the true class 3/4."""
    y = table.target.y[split.scored]
    if table.task.is_classification:
        joint = np.where(y[:, None] == np.arange(table.target.n_classes), 0.75, 0.25)
    else:
        joint = y + np.where(np.arange(len(y)) % 2, error, -error)
    parts = {"uncertainty": ConformalIntervals.fit(table.task, y, joint), **parts}
    cross_validation = {
        "metrics": metrics(table.task, y, joint),
        "spread": 0.1,
        "n_folds": 3,
        "n_rows": len(y),
    }
    return PostProcessing(y, joint, joint, cross_validation, **parts)


def evaluated(folder, table, *members, split=None, decided=None, linear=None, seconds=60.0, **inputs):
    split = split or split_of(table)
    target = folder / "judged.json"
    evaluate_holdout(
        RefitPlan(members, None, 0, Deadline.after(seconds)),
        table,
        split,
        target,
        linear=linear,
        judging=HoldoutInputs(
            decided=decided or decided_for(table, split),
            **{
                "conditions": Conditions(),
                "baselines": (),
                "baseline_notes": (),
                "importance_seconds": 5.0,
                "dependence_seconds": 5.0,
                **inputs,
            },
        ),
        workdir=folder,
    )
    return json.loads(target.read_text("utf-8"))


def fitted(table, *members):
    """The weighted mean of the members, fitted on the development rows, for the held-out rows."""
    split = split_of(table)
    development, held_out = table.rows(split.development), table.rows(split.held_out)
    parts = []
    for each in members:
        part = fit_member(each.candidate, each.stage, development, seed=0)
        parts.append(each.weight * predicted(join([part], development), held_out))
    return held_out.target.y, np.sum(parts, axis=0)


def test_the_errors_are_those_of_a_fit_on_the_development_rows(tmp_path):
    report = evaluated(tmp_path, REGRESSION, *HALVES)

    y, own = fitted(REGRESSION, *HALVES)
    assert report["n_rows"] == len(y) == 30
    assert report["held_out"]["rmse"] == pytest.approx(root_mean_squared_error(y, own))
    assert report["held_out"]["mae"] == pytest.approx(mean_absolute_error(y, own))
    assert report["held_out"]["r2"] == pytest.approx(r2_score(y, own))
    assert report["cross_validation"]["metrics"]["rmse"] == pytest.approx(0.5)
    assert set(report["cross_validation"]["intervals"]) == set(report["held_out"])
    assert [each["coverage"] for each in report["coverage"]] == [0.8, 0.9, 0.95]
    assert list(report["artifacts"]) == [HELD_OUT]
    content = (tmp_path / report["artifacts"][HELD_OUT]["path"]).read_bytes()
    true, predictions = read_held_out(content)
    assert true == pytest.approx(y, rel=1e-6)
    assert predictions == pytest.approx(own, rel=1e-6)
    assert "decision" not in report


def test_importance_and_dependence_are_those_of_the_columns_that_matter(tmp_path):
    report = evaluated(tmp_path, REGRESSION, WEAK)

    assert {each["column"] for each in report["importance"]} == {"age", "income", "city"}
    assert all(each["mean"] > 0 for each in report["importance"])
    assert report["importance_rows"] == 30
    curves = [each["column"] for each in report["dependence"]["features"]]
    assert curves == [each["column"] for each in report["importance"]][: len(curves)]


def test_without_time_the_order_is_that_of_shapley_values_and_the_rest_is_there(tmp_path):
    report = evaluated(tmp_path, REGRESSION, WEAK, seconds=-1.0)

    assert report["importance_kind"] == "shapley"
    assert {each["column"] for each in report["importance"]} == {"age", "income", "city"}
    assert [each["mean"] for each in report["importance"]] == sorted(
        (each["mean"] for each in report["importance"]), reverse=True
    )
    assert report["dependence"]["features"] == []
    assert math.isfinite(report["held_out"]["rmse"])


def test_the_members_that_were_packaged_are_all_fitted_even_after_the_deadline(tmp_path):
    slow = [replace(each, seconds=1e6) for each in HALVES]

    report = evaluated(tmp_path, REGRESSION, *slow, seconds=-1.0)

    y, own = fitted(REGRESSION, *HALVES)
    assert report["held_out"]["rmse"] == pytest.approx(root_mean_squared_error(y, own))


def baselines_of(report):
    return {each["key"]: each["held_out"] for each in report["baselines"]}


def test_the_first_baseline_is_the_mean_of_the_development_rows(tmp_path):
    split = split_of(REGRESSION)
    y = REGRESSION.target.y

    report = evaluated(tmp_path, REGRESSION, WEAK)

    assert list(baselines_of(report)) == ["dummy"]
    mean = np.full(30, y[split.development].mean())
    assert baselines_of(report)["dummy"]["rmse"] == pytest.approx(
        root_mean_squared_error(y[split.held_out], mean)
    )


def test_the_linear_baseline_is_the_member_of_the_blend_or_is_fitted(tmp_path):
    blend = (member("tree", 0.6, estimator="decision_tree"), replace(STRONG, weight=0.4))
    as_member = evaluated(tmp_path, REGRESSION, *blend, linear=STRONG)
    apart = evaluated(tmp_path, REGRESSION, WEAK, linear=STRONG)

    y, strong = fitted(REGRESSION, STRONG)
    for report in (as_member, apart):
        assert list(baselines_of(report)) == ["dummy", "linear"]
        assert baselines_of(report)["linear"]["rmse"] == pytest.approx(root_mean_squared_error(y, strong))
        assert report["baselines"][1]["title"] == "Strong"


def test_a_linear_baseline_that_would_end_too_late_is_left_out(tmp_path):
    report = evaluated(tmp_path, REGRESSION, WEAK, linear=replace(STRONG, seconds=1e6))

    assert list(baselines_of(report)) == ["dummy"]


def test_other_baselines_and_their_notes_are_reported(tmp_path):
    split = split_of(REGRESSION)
    boosting = Baseline("boosting", "Boosting", REGRESSION.target.y[split.held_out] + 2.0)

    report = evaluated(tmp_path, REGRESSION, WEAK, baselines=[boosting], baseline_notes=["One is missing."])

    assert baselines_of(report)["boosting"]["rmse"] == pytest.approx(2.0)
    assert report["baseline_notes"] == ["One is missing."]
    assert [each["baseline"] for each in report["verdict"]["comparisons"]] == ["dummy", "boosting"]


def test_a_binary_task_has_a_decision_and_the_scores_to_choose_another(tmp_path):
    split = split_of(BINARY)
    threshold = Threshold(0.3, ThresholdRule("fixed", (0.3,)))
    decided = decided_for(BINARY, split, threshold=threshold)

    report = evaluated(tmp_path, BINARY, LOGISTIC, decided=decided)

    y, own = fitted(BINARY, LOGISTIC)
    assert report["held_out"]["log_loss"] == pytest.approx(log_loss(y, own[:, 1]), rel=1e-6)
    assert report["held_out"]["f1"] == pytest.approx(f1_score(y, own[:, 1] >= 0.3))
    decision = report["decision"]
    assert (decision["threshold"], decision["positive"], decision["is_chosen"]) == (0.3, "yes", True)
    assert decision["held_out"]["f1"] == pytest.approx(f1_score(y, own[:, 1] >= 0.3))
    assert decision["out_of_fold"]["true_positive"] == int((decided.y == 1).sum())
    entry = report["artifacts"][SCORES]
    content = (tmp_path / entry["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    assert entry["path"] == f"artifacts/{SCORES}"
    scores = Scores.from_json(json.loads(content))
    assert scores.held_out[0].tolist() == (y == 1).tolist()
    assert scores.held_out[1] == pytest.approx(own[:, 1], abs=1e-6)
    assert set(scores.baselines) == {"dummy"}


def test_without_a_threshold_the_class_is_decided_at_a_half(tmp_path):
    report = evaluated(tmp_path, BINARY, LOGISTIC)

    y, own = fitted(BINARY, LOGISTIC)
    assert (report["decision"]["threshold"], report["decision"]["is_chosen"]) == (0.5, False)
    assert report["held_out"]["f1"] == pytest.approx(f1_score(y, own[:, 1] >= 0.5))


def test_the_probabilities_are_tested_as_they_are_served(tmp_path):
    split, calibration = split_of(BINARY), Calibration(0.5, (0.0, 0.3))
    decided = decided_for(BINARY, split)
    decided = replace(decided, calibrated=Calibrated(calibration, decided.out_of_fold, 0.6, 0.5))

    report = evaluated(tmp_path, BINARY, LOGISTIC, decided=decided)

    y, raw = fitted(BINARY, LOGISTIC)
    before, after = (log_loss(y, each[:, 1]) for each in (raw, calibration.apply(raw)))
    assert report["held_out"]["log_loss"] == pytest.approx(after, rel=1e-6)
    assert report["calibration"]["held_out"] == pytest.approx({"before": before, "after": after}, rel=1e-6)


def test_several_classes_have_no_decision_and_no_scores(tmp_path):
    table = classification_table(150, n_classes=3)

    report = evaluated(tmp_path, table, LOGISTIC)

    assert "decision" not in report
    assert list(report["artifacts"]) == [HELD_OUT]
    content = (tmp_path / report["artifacts"][HELD_OUT]["path"]).read_bytes()
    codes, probabilities = read_held_out(content)
    y, own = fitted(table, LOGISTIC)
    assert codes.tolist() == y.tolist()
    assert probabilities == pytest.approx(own, abs=1e-6)
    assert report["classes"] == [str(each) for each in table.target.classes]


def test_intervals_that_the_held_out_rows_replace_are_written_apart_from_the_packaged_files(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(coverage_check, "MIN_HELD_OUT", 60)
    table = regression_table(300)
    decided = decided_for(table, split_of(table), error=50.0, fold_share=0.3)

    report = evaluated(tmp_path, table, WEAK, decided=decided)

    entry = report["artifacts"][UNCERTAINTY]
    assert entry["path"] == f"judged/{UNCERTAINTY}"
    stored = ConformalIntervals.from_json(json.loads((tmp_path / entry["path"]).read_bytes()))
    y, own = fitted(table, WEAK)
    assert stored == ConformalIntervals.fit(Task.REGRESSION, y, own)
    # Those of the folds would be about 100 wide.
    assert [each["mean_width"] < 10 for each in report["coverage"]] == [True] * 3


@pytest.mark.parametrize(
    ("kind", "is_grouped"), [(SplitKind.GROUP, True), (SplitKind.RANDOM, False)], ids=["groups", "copies"]
)
def test_groups_are_resampled_together_when_the_split_is_by_group(kind, is_grouped, tmp_path, monkeypatch):
    seen = []
    real = holdout_evaluation.evaluate

    def evaluate(*args, **options):
        seen.append(options["together"])
        return real(*args, **options)

    monkeypatch.setattr(holdout_evaluation, "evaluate", evaluate)
    groups = np.arange(150) % 25
    split = split_of(REGRESSION, layout=SplitConstraints(together=groups))

    report = evaluated(
        tmp_path, REGRESSION, WEAK, split=split,
        conditions=Conditions(SplitBy(kind, "person" if is_grouped else None), n_rows=150),
    )  # fmt: skip

    # Copies of rows are kept together, too, but they are no groups of dependent rows.
    assert [each if each is None else each.tolist() for each in seen] == [
        groups[split.held_out].tolist() if is_grouped else None
    ]
    stored = read_clusters((tmp_path / report["artifacts"][HELD_OUT]["path"]).read_bytes())
    codes = None if stored is None else np.unique(groups[split.held_out])[stored[0]].tolist()
    assert codes == (groups[split.held_out].tolist() if is_grouped else None)
