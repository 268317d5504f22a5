"""The recipe of the tested model as JSON, and what is recorded as left out."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from predictor.ml.search import portfolio
from predictor.ml.training.recipe import Recipe, candidate_from, candidate_json, omissions
from predictor.ml.training.refitting import FinalMember
from predictor.ml.types.schema import TableSchema, Task
from predictor.ml.types.training_request import TrainingLimits, TrainingRequest

FACTS = portfolio.TableFacts(Task.REGRESSION, 100, 3, 1, 0, is_skewed=True)
CANDIDATES = [
    *portfolio.anchors(FACTS),
    *portfolio.second_round(FACTS, {}),
    portfolio.single("ridge", {"alpha": 2}),
]
AUTO = TrainingRequest("", TableSchema((), 0), "y", limits=TrainingLimits(n_threads=3))


def plain(candidate):
    """Without what does not change its fit."""
    return replace(candidate, share=0.3, why="")


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.key)
def test_a_candidate_is_the_same_after_json(candidate):
    assert candidate_from(json.loads(json.dumps(candidate_json(candidate)))) == plain(candidate)


def test_a_recipe_is_the_same_after_json():
    member = FinalMember(plain(portfolio.NATIVE), {"max_iter": 35}, 0.75)
    linear = FinalMember(plain(portfolio.linear_baseline(Task.REGRESSION)), {"alpha": 3.0}, 1.0)
    recipe = Recipe((member, replace(member, weight=0.25)), 500, linear, plain(portfolio.NATIVE), 2)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    alone = Recipe((member,), None, None, None)
    assert Recipe.from_json(json.loads(json.dumps(alone.to_json()))) == alone
    with pytest.raises((KeyError, TypeError, ValueError)):
        Recipe.from_json({"members": [{}]})


def recorded(report, *, request=AUTO, weights=None, outcomes=()):
    weights = weights or {portfolio.NATIVE_KEY: 1.0}
    outcome = SimpleNamespace(
        candidate=portfolio.NATIVE, stage={"max_iter": 5}, entry=SimpleNamespace(score=1.0)
    )
    found = {portfolio.NATIVE_KEY: outcome, **dict.fromkeys(outcomes, outcome)}
    search = SimpleNamespace(outcomes=found, table=Table())
    choice = SimpleNamespace(weights=weights, members=((outcome, 1.0),))
    finished = SimpleNamespace(choice=choice, published={"n_rows_fitted": 60})
    return omissions(request, search, finished, {"n_rows": 20, "baselines": [{"key": "dummy"}], **report})


class Table:
    task, columns = Task.REGRESSION, {"a": None, "b": None}

    def __len__(self):
        return 100


BOTH = {"baselines": [{"key": "dummy"}, {"key": "linear"}], "importance_kind": "permutation"}


def test_a_complete_report_has_no_recipe():
    assert recorded(BOTH) == {"left_out": []}


def test_auto_says_that_it_did_not_come_to_its_linear_model():
    keys = recorded({"importance_kind": "permutation"})
    assert keys["left_out"] == [
        {"part": "baselines", "names": ["Ridge"], "reason": "there was no time for it"}
    ]
    assert (keys["recipe"]["max_rows"], keys["recipe"]["n_threads"]) == (60, 3)
    note = "The baseline Boosting, default settings was left out: it would take longer than 5 s."
    (both,) = recorded({"importance_kind": "permutation", "baseline_notes": [note]})["left_out"]
    assert both["names"] == ["Ridge", "Boosting, default settings"]


def test_columns_beyond_the_limit_of_cells_are_named():
    assert recorded({**BOTH, "n_rows": 4_000_000})["left_out"] == [
        {"part": "slices", "names": ["b"], "reason": "only the first columns were looked at"}
    ]
    assert recorded({**BOTH, "n_rows": 2_000_000})["left_out"] == []


@pytest.mark.parametrize(
    "options", [{"weights": {"ridge": 1.0}}, {"request": replace(AUTO, estimator="random_forest")}]
)
def test_none_is_missing_where_the_linear_model_was_chosen_or_the_run_is_of_one_estimator(options):
    assert recorded({"importance_kind": "permutation"}, **options) == {"left_out": []}


def test_the_mean_of_the_models_of_the_folds_has_a_recipe_that_nobody_can_follow():
    # Without the key, a recipe for versions from before there were any would be guessed.
    recipe = recorded({"importance_kind": "permutation", "tested": {"members": [], "max_rows": None}})[
        "recipe"
    ]

    with pytest.raises(TypeError):
        Recipe.from_json(recipe)
    assert recipe
