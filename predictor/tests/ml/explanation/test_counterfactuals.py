"""Counterfactual explanations of functions whose smallest change is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from predictor.ml.explanation.counterfactuals import Counterfactual, Goal, SearchResult, candidates_of, search
from predictor.ml.explanation.nearest_examples import Examples
from predictor.ml.pipelines.fitted_pipeline import Outputs
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

FIELDS = (
    *(FeatureField(name, Role.NUMERIC) for name in "abc"),
    FeatureField("plan", Role.CATEGORICAL, levels=("basic", "plus", "pro")),
    FeatureField("note", Role.TEXT),
)
SIGNATURE = Signature("y", Task.REGRESSION, FIELDS)
ROLES = {field.name: field.role for field in FIELDS}
N = 201
COLUMNS: dict[str, Any] = {
    name: np.random.default_rng(place).permutation(np.linspace(0, 1, N)) for place, name in enumerate("abc")
}
COLUMNS["plan"] = np.array(["basic", "plus", "pro"], object)[np.arange(N) % 3]
COLUMNS["note"] = np.array(["x"] * N, object)
EXAMPLES = Examples(SIGNATURE, COLUMNS, [0.0] * N)
ROW = {
    **{name: np.array([0.0]) for name in "abc"},
    "plan": np.array(["basic"], object),
    "note": np.array(["x"], object),
}
# "a" counts for most, "c" for nothing; "pro" is worth as much as 0.6 of "a".
WEIGHTS = {"a": 1.0, "b": 0.5, "c": 0.0}
PLANS = {"basic": 0.0, "plus": 0.1, "pro": 0.6}


def value(columns: Any) -> Any:
    return sum(weight * columns[name] for name, weight in WEIGHTS.items()) + np.array(
        [PLANS[each] for each in columns["plan"]]
    )


def regression(columns: Any) -> Outputs:
    return Outputs(values=value(columns))


def classes(columns: Any) -> Outputs:
    share = value(columns) / 3
    return Outputs(probabilities=np.column_stack([1 - share, share]))


def found_by(
    predict: Callable[[Any], Outputs], goal: Goal, *locked: str, threshold: float | None = None
) -> SearchResult:
    candidates = candidates_of(EXAMPLES, ROW, locked, ROLES)
    return search(predict, threshold, ROW, candidates, goal, n_wanted=5)


def changes(found: SearchResult) -> list[tuple[str, ...]]:
    return [tuple(each.cells) for each in found.counterfactuals]


def applied(each: Counterfactual) -> float:
    changed = {**ROW, **{name: np.array([cell], ROW[name].dtype) for name, cell in each.cells.items()}}
    return float(value(changed)[0])


def test_the_smallest_change_of_one_column_comes_first() -> None:
    found = found_by(regression, Goal(at_least=0.45))

    assert changes(found) == [("a",), ("b",), ("plan",)]
    a, b, plan = found.counterfactuals
    # The grid has 40 steps: the value is the first one past the goal.
    assert 0.45 <= a.cells["a"] <= 0.45 + 1 / 39 + 0.01
    assert 0.9 <= b.cells["b"] <= 0.9 + 1 / 39 + 0.01
    assert plan.cells["plan"] == "pro"
    assert a.distance < b.distance <= plan.distance
    assert all(applied(each) >= 0.45 for each in found.counterfactuals)


def test_two_columns_are_changed_only_when_one_is_not_enough() -> None:
    found = found_by(regression, Goal(at_least=1.3))

    assert all(len(each) == 2 for each in changes(found))
    assert set(map(frozenset, changes(found))) == {frozenset({"a", "b"}), frozenset({"a", "plan"})}
    assert all(applied(each) >= 1.3 for each in found.counterfactuals)
    assert found.counterfactuals[0].distance <= found.counterfactuals[1].distance


def test_locked_columns_stay_and_the_result_may_be_empty() -> None:
    assert changes(found_by(regression, Goal(at_least=0.45), "a", "plan")) == [("b",)]
    nothing = found_by(regression, Goal(at_least=0.45), "a", "b", "plan")
    assert nothing.counterfactuals == ()
    assert nothing.n_evaluated == 39  # all that "c" can be changed to
    assert found_by(regression, Goal(at_least=5.0)).counterfactuals == ()
    assert found_by(regression, Goal(at_least=0.45), *ROLES) == SearchResult((), 0)


def test_a_goal_can_be_a_lower_value() -> None:
    high = {**ROW, "a": np.array([1.0])}
    candidates = candidates_of(EXAMPLES, high, (), ROLES)
    found = search(regression, None, high, candidates, Goal(at_most=0.5), n_wanted=5)

    (only,) = found.counterfactuals
    assert 0.5 - 1 / 39 - 0.01 <= only.cells["a"] <= 0.5


@pytest.mark.parametrize(("threshold", "least"), [(None, 1.5), (0.2, 0.6)])
def test_the_class_is_decided_by_the_threshold(threshold: float | None, least: float) -> None:
    found = found_by(classes, Goal(code=1), threshold=threshold)

    assert found.counterfactuals
    assert all(applied(each) >= least - 1e-9 for each in found.counterfactuals)
    assert len(found.counterfactuals[0].cells) == (2 if threshold is None else 1)


def test_searches_are_bounded_and_deterministic() -> None:
    n = 400
    names = [f"x{place}" for place in range(n)]
    columns = {name: np.random.default_rng(3).normal(size=50) for name in names}
    signature = Signature("y", Task.REGRESSION, tuple(FeatureField(name, Role.NUMERIC) for name in names))
    row = {name: np.array([0.0]) for name in names}
    candidates = candidates_of(
        Examples(signature, columns, [0.0] * 50), row, (), dict.fromkeys(names, Role.NUMERIC)
    )

    def answer(given: Any) -> Outputs:
        return Outputs(values=np.sum([given[name] for name in names], axis=0))

    first, again = (search(answer, None, row, candidates, Goal(at_least=1e9), n_wanted=5) for _ in range(2))
    assert first == again == SearchResult((), first.n_evaluated)
    assert first.n_evaluated <= 3_000 + 36 * 64


def test_for_who_may_not_see_training_values_numbers_lie_between_two_of_them() -> None:
    exact = candidates_of(EXAMPLES, ROW, (), ROLES)
    blurred = candidates_of(EXAMPLES, ROW, (), ROLES, is_exact=False)

    for name in "abc":
        assert set(exact[name].cells.tolist()) <= set(COLUMNS[name].tolist())
        assert set(blurred[name].cells.tolist()).isdisjoint(exact[name].cells.tolist())
        assert COLUMNS[name].min() < blurred[name].cells.min()
        assert blurred[name].cells.max() < COLUMNS[name].max()
    assert blurred["plan"].cells.tolist() == exact["plan"].cells.tolist()
