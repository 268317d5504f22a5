"""Every estimator and every candidate of Auto: a few rows more, another seed or another order change little."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from predictor.ml.estimators.catalogue import CATALOGUE
from predictor.ml.metrics.scores import selection_score
from predictor.ml.pipelines.candidate import Candidate
from predictor.ml.pipelines.fitting import fit_member, join, quiet
from predictor.ml.search import portfolio
from predictor.ml.types.schema import Task
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import classification_table, regression_table

N_ROWS = 400
# The largest loss over the smallest. One tree alone changes with every tie; deep trees are sure of rows that they miss.
MOST = 1.12
MOST_OF = {"decision_tree": 1.4, "random_forest": 1.3}
# Where folds would choose a stage, the middle of the path or this number of rounds.
ROUNDS = 60

WHOLE = {
    Task.BINARY: classification_table(2 * N_ROWS, seed=5),
    Task.REGRESSION: regression_table(2 * N_ROWS, seed=5),
}


def candidates(task: Task) -> Iterator[Candidate]:
    facts = portfolio.TableFacts.of(WHOLE[task])
    yield from portfolio.anchors(facts)
    yield from portfolio.second_round(facts, {})
    yield from (portfolio.single(key, {}) for key, info in CATALOGUE.items() if task in info.tasks)


EVERY = [(task, candidate) for task in WHOLE for candidate in candidates(task)]


def held_out_loss(candidate: Candidate, table: TrainingTable, *, seed: int = 0) -> float:
    stage = candidate.path[len(candidate.path) // 2] if candidate.path else {}
    if candidate.is_staged and candidate.estimator in ("mlp", portfolio.BOOSTING):
        stage = {"max_iter": ROUNDS}
    part = fit_member(candidate, stage, table, seed=seed)
    held_out = WHOLE[table.task].rows(np.arange(N_ROWS + 10, 2 * N_ROWS))
    with quiet():
        outputs = join([part], table).predict(held_out.columns)
    predictions = outputs.probabilities if table.task.is_classification else outputs.values
    return selection_score(table.task, held_out.target.y, predictions)


@pytest.mark.parametrize(
    ("task", "candidate"), EVERY, ids=[f"{task}-{candidate.key}" for task, candidate in EVERY]
)
def test_a_fit_is_steady(task: Task, candidate: Candidate):
    whole = WHOLE[task]
    table = whole.rows(np.arange(N_ROWS))
    turned = TrainingTable(
        dict(reversed(table.columns.items())), dict(reversed(table.roles.items())), table.target
    )

    losses = {
        "as it is": held_out_loss(candidate, table),
        "one row more": held_out_loss(candidate, whole.rows(np.arange(N_ROWS + 1))),
        "two rows more": held_out_loss(candidate, whole.rows(np.arange(N_ROWS + 2))),
        "another seed": held_out_loss(candidate, table, seed=1),
        "another order of rows": held_out_loss(
            candidate, whole.rows(np.random.default_rng(1).permutation(N_ROWS))
        ),
        "another order of columns": held_out_loss(candidate, turned),
    }

    assert max(losses.values()) <= min(losses.values()) * MOST_OF.get(candidate.estimator, MOST), losses
