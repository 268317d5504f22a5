"""Versions side by side, beside SciPy, counting by hand and Holm's rule."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from scipy import stats

from predictor.errors import InvalidInput, NotFound
from predictor.ml.types.schema import Task
from predictor.models import ModelVersion, PredictionTotal, RegisteredModel
from predictor.services.registry import version_table
from predictor.services.registry.version_table import standing_of
from predictor.tests.services.registry.test_comparison import examples, judged
from predictor.tests.services.versions import publish


def three(model: RegisteredModel, sizes: tuple[float, ...]) -> tuple[Any, list[Any], list[ModelVersion]]:
    """Versions of a regression with errors of these sizes, on the same rows."""
    draw = np.random.default_rng(0)
    y = draw.normal(size=400)
    predicted = [(y + draw.normal(0, size, 400)).astype("<f4").astype(float) for size in sizes]
    y = y.astype("<f4").astype(float)
    return y, predicted, [judged(model, Task.REGRESSION, y, each) for each in predicted]


def test_p_values_are_those_of_the_paired_t_test_adjusted_by_holm(model: RegisteredModel) -> None:
    y, predicted, versions = three(model, (1.0, 0.9, 1.04, 0.5))

    table = version_table.table_of(version_table.load(model, [each.number for each in versions]))

    row = next(each for each in table.metrics if each.name == "mse")
    tests = [stats.ttest_rel((each - y) ** 2, (predicted[0] - y) ** 2).statistic for each in predicted[1:]]
    p_values = [2 * stats.norm.sf(abs(each)) for each in tests]
    ranks = stats.rankdata(p_values)
    by_hand = [p * (4 - rank) for p, rank in zip(p_values, ranks, strict=True)]
    assert [each.p for each in row.cells[1:]] == pytest.approx(list(np.minimum(by_hand, 1)), rel=0.05)
    assert [each.standing for each in row.cells] == ["base", *_standings(by_hand, (0.9, 1.04, 0.5))]


def _standings(adjusted: list[float], sizes: tuple[float, ...]) -> list[str]:
    return [
        "no clear difference" if p >= 0.05 else "better" if size < 1 else "worse"
        for p, size in zip(adjusted, sizes, strict=True)
    ]


def test_a_difference_that_is_clear_alone_need_not_be_clear_among_ten(model: RegisteredModel) -> None:
    draw = np.random.default_rng(2)
    y = draw.normal(size=400)
    base = y + draw.normal(0, 1, 400)
    # Drawn until the p-value of the test alone lies between 0.01 and 0.04: times nine it is no longer small.
    for seed in range(1000):
        better = y + 0.97 * (base - y) + np.random.default_rng(seed).normal(0, 0.1, 400)
        test = stats.ttest_rel((better - y) ** 2, (base - y) ** 2)
        if 0.01 < test.pvalue < 0.04 and test.statistic < 0:
            break
    else:
        pytest.fail("no such example")
    versions = [judged(model, Task.REGRESSION, y, each) for each in (base, better)]
    versions += [
        judged(model, Task.REGRESSION, y, y + np.random.default_rng(seed).normal(0, 1, 400))
        for seed in range(10, 18)
    ]
    numbers = [each.number for each in versions]

    alone = version_table.table_of(version_table.load(model, numbers[:2]))
    among = version_table.table_of(version_table.load(model, numbers))

    assert len(among.versions) == 10
    assert (standing_of(alone.pairs[0]), standing_of(among.pairs[0])) == ("better", "no clear difference")


def test_disagreement_counts_the_rows_as_by_hand(model: RegisteredModel) -> None:
    y, poor, good = examples(Task.MULTICLASS)
    a, b = judged(model, Task.MULTICLASS, y, poor), judged(model, Task.MULTICLASS, y, good)

    found = version_table.table_of([a, b]).pairs[0].disagreement

    first, second = poor.argmax(axis=1), good.argmax(axis=1)
    assert found is not None
    assert (found.n_rows, found.n_different) == (200, int((first != second).sum()))
    assert found.n_better_a == int(((first == y) & (second != y)).sum())
    assert found.n_better_b == int(((first != y) & (second == y)).sum())


def test_disagreement_of_numbers_says_which_is_closer_and_shows_the_largest(model: RegisteredModel) -> None:
    y, predicted, versions = three(model, (1.0, 0.2))

    found = version_table.table_of(versions).pairs[0].disagreement

    assert found is not None
    closer = np.abs(predicted[1] - y) < np.abs(predicted[0] - y)
    assert (found.n_better_a, found.n_better_b) == (int((~closer).sum()), int(closer.sum()))
    place = int(np.argmax(np.abs(predicted[1] - predicted[0])))
    assert (found.examples[0].truth, found.examples[0].a) == pytest.approx((y[place], predicted[0][place]))
    assert len(found.examples) == 5


def test_the_base_can_be_any_of_them(model: RegisteredModel) -> None:
    _, _, versions = three(model, (1.0, 0.1, 2.0))
    numbers = [each.number for each in versions]

    table = version_table.table_of(version_table.load(model, numbers), base=numbers[1])

    assert [each.number for each in table.versions] == [numbers[1], numbers[0], numbers[2]]
    assert [standing_of(each) for each in table.pairs] == ["worse", "worse"]


def test_versions_without_stored_predictions_are_side_by_side_untested(model: RegisteredModel) -> None:
    a, b, c = (publish(model, metrics={"rmse": value}) for value in (1.0, 2.0, 3.0))

    table = version_table.table_of(version_table.load(model, [each.number for each in (a, b, c)]))

    (row,) = table.metrics
    assert [(each.value, each.standing) for each in row.cells] == [
        (1.0, "base"), (2.0, "not tested"), (3.0, "not tested"),
    ]  # fmt: skip
    assert "stored without its predictions" in table.pairs[0].verdict.sentence


def test_facts_have_one_value_for_each_version(model: RegisteredModel) -> None:
    a, b = publish(model, params={"depth": 3}), publish(model, params={"rate": 0.1})
    run = a.training_run
    assert run is not None
    run.started_at = timezone.now()
    run.finished_at = run.started_at + timedelta(seconds=12)
    run.save(update_fields=["started_at", "finished_at"])
    PredictionTotal.objects.create(model_version=b, n_rows=8, n_requests=4, latency_ms_sum=10.0)

    table = version_table.table_of(version_table.load(model, [a.number, b.number]))

    facts = {each.name: each for each in table.facts}
    assert facts["training_seconds"].values[0] == 12
    assert facts["mean_latency_ms"].values == (None, 2.5)
    assert [(each.name, each.values, each.is_same) for each in table.params] == [
        ("depth", (3, None), False), ("rate", (None, 0.1), False),
    ]  # fmt: skip
    assert all(each.is_same for each in table.features)


@pytest.mark.parametrize("numbers", [[], [1], [1, 1], list(range(1, 12))])
def test_two_to_ten_different_versions_are_compared(model: RegisteredModel, numbers: list[int]) -> None:
    with pytest.raises(InvalidInput, match="2 to 10"):
        version_table.load(model, numbers)


def test_a_missing_version_and_a_foreign_base_are_refused(model: RegisteredModel) -> None:
    a, b = publish(model), publish(model)

    with pytest.raises(NotFound, match="no version 99"):
        version_table.load(model, [a.number, 99])
    with pytest.raises(InvalidInput, match="not among"):
        version_table.table_of([a, b], base=77)


def test_only_needed_parts_of_the_reports_are_read(
    model: RegisteredModel, django_assert_num_queries: Any
) -> None:
    report = {"intervals": {"rmse": [0.5, 1.5]}, "slices": ["long"] * 100}
    versions = [publish(model, metrics={"rmse": 1.0}, report=report) for _ in range(3)]

    with django_assert_num_queries(1):
        loaded = version_table.load(model, [each.number for each in versions])
        parts = [each.part("intervals") for each in loaded]
    assert parts == [{"rmse": [0.5, 1.5]}] * 3
    assert all("evaluation" in each.get_deferred_fields() for each in loaded)
    with django_assert_num_queries(1):  # mean times
        table = version_table.table_of(loaded)
        cell = table.metrics[0].cells[0]
    assert (cell.low, cell.high) == (0.5, 1.5)
