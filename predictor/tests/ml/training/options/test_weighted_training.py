"""A run with a weight column: a row of weight k is the same as the row k times, and one of 0 is no row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.inference.loading import load_predictor
from predictor.ml.pipelines.fitting import fit_member, join
from predictor.ml.search import portfolio
from predictor.ml.training.request_checks import check_request
from predictor.ml.types.schema import Role, Signature, Task
from predictor.ml.types.training_request import TrainingRequest
from predictor.ml.validation.training_table import TrainingTable

from ...tables_for_tests import classification_table, regression_table, write_request
from ..test_train import finished, result_of, start


@pytest.mark.parametrize(
    ("task", "estimator"),
    [
        (Task.REGRESSION, "linear"),
        (Task.REGRESSION, "ridge"),
        (Task.BINARY, "logistic_regression"),
        (Task.BINARY, "naive_bayes"),
        (Task.REGRESSION, "decision_tree"),
    ],
)
def test_a_fit_on_weights_is_that_on_repeated_rows(task, estimator):
    whole = regression_table(160, seed=2) if task is Task.REGRESSION else classification_table(160, seed=2)
    # Encodings are learnt from rows: numbers alone, which are standardised by the rows, need no repetition.
    draw = np.random.default_rng(0)
    columns = {"x": draw.normal(size=160), "z": draw.normal(size=160)}
    table = TrainingTable(columns, dict.fromkeys(columns, Role.NUMERIC), whole.target)
    weights = draw.integers(1, 4, 160).astype(np.float64)
    repeated = table.rows(np.repeat(np.arange(160), weights.astype(int)))
    candidate = portfolio.single(estimator, {})

    fitted = join([fit_member(candidate, {}, with_weights(table, weights), seed=0)], table)
    again = join([fit_member(candidate, {}, repeated, seed=0)], table)

    one, other = fitted.predict(table.columns), again.predict(table.columns)
    if task.is_classification:
        assert one.probabilities == pytest.approx(other.probabilities, abs=0.02)
    else:
        assert one.values == pytest.approx(other.values, abs=0.05 * np.std(table.target.y))


def with_weights(table, weights):
    return replace(table, target=replace(table.target, weights=weights))


def test_every_estimator_that_says_so_takes_weights():
    for task, table in (
        (Task.REGRESSION, regression_table(90, seed=1)),
        (Task.BINARY, classification_table(90, seed=1)),
    ):
        weighted = with_weights(table, np.random.default_rng(1).uniform(0.5, 3, 90))
        for key, info in CATALOGUE.items():
            if task in info.tasks and info.can_be_weighted:
                fit_member(portfolio.single(key, {}), {}, weighted, seed=0)


def test_rows_that_do_not_count_change_nothing(tmp_path):
    draw = np.random.default_rng(4)
    x = draw.normal(size=300)
    y = 2 * x + draw.normal(scale=0.1, size=300)
    weights = draw.uniform(1, 3, 300)
    # Every third row is wrong and does not count.
    y[::3], weights[::3] = 50.0, 0.0
    request = write_request(
        tmp_path, {"x": x, "w": weights, "y": y}, {"x": Role.NUMERIC, "w": Role.NUMERIC, "y": Role.NUMERIC}, "y",
        estimator="ridge", budget_seconds=6.0, weight_column="w",
    )  # fmt: skip

    code, events = finished(start(request, tmp_path))

    assert code == 0, events[-1]
    result = result_of(tmp_path)
    signature = Signature.from_json(result["signature"])
    assert signature.names == ("x",)
    assert signature.left_out["w"] == "weights: it says how much each row counts"
    files = {name: tmp_path / "run" / file["path"] for name, file in result["artifacts"].items()}
    predicted = load_predictor(files, signature).predict({"x": np.array([-1.0, 0.0, 1.0])}).values
    assert predicted == pytest.approx([-2.0, 0.0, 2.0], abs=0.1)
    facts = result["report"]["weighting"]
    assert (facts["column"], facts["n_rows"]) == ("w", 200)
    assert 150 < facts["n_effective"] < 200
    assert result["report"]["held_out"]["mae"] < 0.15
    assert any("100 of 300 rows have the weight 0" in each["message"] for each in result["warnings"])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"estimator": "knn"}, "cannot be fitted on weighted rows"),
        (
            {"task": Task.CLUSTERING, "target": ""},
            "Rows can be weighted where a number or a class is predicted",
        ),
    ],
)
def test_runs_that_cannot_be_weighted_are_refused(tmp_path, more, why):
    x = np.arange(60.0)
    options = {"target": "y", "weight_column": "w", "budget_seconds": 5.0, **more}
    target = options.pop("target")
    request = write_request(
        tmp_path, {"x": x, "w": x + 1, "y": x}, {"x": Role.NUMERIC, "w": Role.NUMERIC, "y": Role.NUMERIC}, target,
        **options,
    )  # fmt: skip
    with pytest.raises(InvalidTrainingRequest, match=why):
        check_request(TrainingRequest.read(request) if not isinstance(request, TrainingRequest) else request)
