"""Paired tests of two models on the same rows, beside SciPy, the pairs of DeLong's test, and the bootstrap."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as reference

from predictor.ml.metrics.paired_bootstrap import average_precision_deviation
from predictor.ml.metrics.paired_tests import (
    MAX_BOOTSTRAP_ROWS,
    MIN_DIFFERING,
    Clusters,
    PairedDifference,
    Predicted,
    holm,
    paired_differences,
)
from predictor.ml.metrics.scores import metrics
from predictor.ml.types.schema import Task


def two_of(task, n=600, seed=0, better=0.3):
    """True values and the predictions of two models that err alike, the second a little less."""
    draw = np.random.default_rng(seed)
    if task is Task.REGRESSION:
        y = draw.normal(10, 3, n)
        shared = draw.normal(0, 1, n)
        return y, y + shared + draw.normal(0, 0.5, n), y + (1 - better) * shared + draw.normal(0, 0.5, n)
    k = 2 if task is Task.BINARY else 3
    y = draw.integers(0, k, n)
    shared = draw.normal(0, 1.5, (n, k))
    odds = [shared * size + 1.5 * np.eye(k)[y] + draw.normal(0, 0.3, (n, k)) for size in (1, 1 - better)]
    return y, *(np.exp(each) / np.exp(each).sum(axis=1, keepdims=True) for each in odds)


def test_mean_losses_have_the_interval_of_the_paired_t_test():
    y, a, b = two_of(Task.REGRESSION)

    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b))

    interval = stats.ttest_rel((b - y) ** 2, (a - y) ** 2).confidence_interval()
    assert found["mse"].difference == pytest.approx(((b - y) ** 2 - (a - y) ** 2).mean())
    assert (found["mse"].low, found["mse"].high) == pytest.approx((interval.low, interval.high), rel=0.01)
    assert found["mse"].is_sure


def test_the_area_under_the_curve_is_tested_as_by_delong():
    y, a, b = two_of(Task.BINARY, n=150)

    found = paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["roc_auc"]

    # DeLong et al. (1988) by all pairs of a positive and a negative row.
    def placements(score):
        pairs = np.sign(score[y == 1][:, None] - score[y == 0][None]) / 2 + 0.5
        return pairs.mean(axis=1), pairs.mean(axis=0)

    (up_a, down_a), (up_b, down_b) = placements(a[:, 1]), placements(b[:, 1])
    variance = (up_b - up_a).var(ddof=1) / len(up_a) + (down_b - down_a).var(ddof=1) / len(down_a)
    areas = [reference.roc_auc_score(y, each[:, 1]) for each in (a, b)]
    assert found.difference == pytest.approx(areas[1] - areas[0])
    assert found.high - found.low == pytest.approx(2 * 1.96 * math.sqrt(variance), rel=0.02)


@pytest.mark.parametrize("task", [Task.REGRESSION, Task.BINARY, Task.MULTICLASS])
def test_each_difference_is_that_of_the_metrics_and_its_interval_that_of_the_bootstrap(task):
    y, a, b = two_of(task, n=400, seed=3)
    binary = task is Task.BINARY
    first, second = (Predicted(each, 0.4 if binary else None, 0 if binary else 1) for each in (a, b))

    found = paired_differences(task, y, first, second)

    def difference(rows):
        made = [
            metrics(task, y[rows], each.predictions[rows], each.threshold, each.positive)
            for each in (first, second)
        ]
        return {name: made[1][name] - made[0][name] for name in found}

    whole = difference(np.arange(400))
    draw = np.random.default_rng(0)
    drawn = [difference(draw.integers(0, 400, 400)) for _ in range(300)]
    assert set(found) >= ({"mse", "rmse", "mae", "r2"} if task is Task.REGRESSION else {"f1", "roc_auc"})
    for name, each in found.items():
        assert each.difference == pytest.approx(whole[name]), name
        spread = np.std([one[name] for one in drawn])
        assert (each.high - each.low) / (2 * 1.96) == pytest.approx(spread, rel=0.25), name


def test_two_models_that_differ_by_chance_are_seldom_told_apart():
    n_sure = 0
    for seed in range(100):
        y, a, b = two_of(Task.BINARY, n=200, seed=seed, better=0.0)
        n_sure += paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["log_loss"].is_sure

    # 5 of 100 by definition; 12 or more have a probability of 0.4 %.
    assert n_sure < 12


def test_few_rows_or_few_that_differ_show_nothing():
    y, a, b = two_of(Task.BINARY)
    same = a.copy()
    same[: MIN_DIFFERING - 1] = b[: MIN_DIFFERING - 1]

    few = paired_differences(Task.BINARY, y, Predicted(a), Predicted(same))["log_loss"]

    assert not few.is_sure
    assert few.low == -math.inf
    assert paired_differences(Task.BINARY, y[:19], Predicted(a[:19]), Predicted(b[:19])) == {}


def test_metrics_of_different_positive_classes_are_not_compared():
    y, a, b = two_of(Task.BINARY)

    found = paired_differences(Task.BINARY, y, Predicted(a, positive=0), Predicted(b, positive=1))

    assert {"precision", "recall", "f1"}.isdisjoint(found)
    assert {"log_loss", "accuracy", "roc_auc"} <= set(found)


# --- Rows that are alike ---------------------------------------------------------------------------------------
def grouped(sizes, seed=0, better=0.0):
    """True values and predictions of two models: all rows of a group share a part of the error of each model."""
    draw = np.random.default_rng(seed)
    codes = np.repeat(np.arange(len(sizes)), sizes)
    y = draw.normal(0, 1, len(codes))
    shared = [draw.normal(0, 1, len(sizes))[codes] for _ in range(2)]
    a, b = (
        y + (1 - cut) * each + draw.normal(0, 0.2, len(y))
        for cut, each in zip((0, better), shared, strict=True)
    )
    return y, a, b, codes


def test_groups_of_one_size_have_the_interval_of_the_t_test_of_their_means():
    y, a, b, codes = grouped([8] * 25)

    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b), Clusters(codes))["mse"]

    means = [((each - y) ** 2).reshape(25, 8).mean(axis=1) for each in (a, b)]
    interval = stats.ttest_rel(means[1], means[0]).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_groups_of_different_sizes_have_the_cluster_robust_interval():
    y, a, b, codes = grouped([3, 30, 5, 12, 7, 9, 20, 4, 4, 11, 6, 15, 8, 2])

    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b), Clusters(codes))["mae"]

    # Liang and Zeger: the squared sums of the residuals of each group.
    losses = np.abs(b - y) - np.abs(a - y)
    sums = [sum(losses[i] - losses.mean() for i in range(len(y)) if codes[i] == group) for group in range(14)]
    error = math.sqrt(sum(each * each for each in sums) * 14 / 13) / len(y)
    reach = stats.t.ppf(0.975, 13) * error
    assert (found.low, found.high) == pytest.approx((losses.mean() - reach, losses.mean() + reach))


def test_two_models_that_differ_by_groups_alone_are_seldom_told_apart():
    n_sure = {"rows": 0, "groups": 0}
    for seed in range(100):
        y, a, b, codes = grouped([12] * 15, seed)
        for name, clusters in (("rows", None), ("groups", Clusters(codes))):
            n_sure[name] += paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b), clusters)[
                "mse"
            ].is_sure

    assert n_sure["rows"] > 30  # what a test by rows would claim
    assert n_sure["groups"] < 12


def forecasts(n_periods, horizon, seed=0, better=0.0):
    """Forecasts of each period at each step; errors for near periods are alike, as a shock lasts for a horizon."""
    draw = np.random.default_rng(seed)
    shocks = draw.normal(0, 1, (2, n_periods + horizon))
    lasting = np.stack(
        [np.convolve(each, np.ones(horizon) / horizon, "valid")[:n_periods] for each in shocks]
    )
    codes = np.repeat(np.arange(n_periods), horizon)
    y = draw.normal(0, 1, len(codes))
    a, b = (y + (1 - cut) * each[codes] * 3 for cut, each in zip((0, better), lasting, strict=True))
    return y, a, b, Clusters(codes, horizon - 1)


def test_forecasts_have_the_interval_of_diebold_and_mariano_as_harvey_leybourne_and_newbold_correct_it():
    y, a, b, clusters = forecasts(40, 3)

    found = paired_differences(Task.FORECASTING, y, Predicted(a), Predicted(b), clusters)["mae"]

    # Period by period, as the papers write it: d, its autocovariances, Newey and West's weights, the correction.
    d = (np.abs(b - y) - np.abs(a - y)).reshape(40, 3).mean(axis=1)
    centred = d - d.mean()
    gamma = [sum(centred[t] * centred[t - k] for t in range(k, 40)) / 40 for k in range(3)]
    long_run = gamma[0] + 2 * (2 / 3 * gamma[1] + 1 / 3 * gamma[2])
    correction = math.sqrt((40 + 1 - 2 * 3 + 3 * 2 / 40) / 40)
    reach = stats.t.ppf(0.975, 39) * math.sqrt(long_run / 40) / correction
    assert found.difference == pytest.approx(d.mean())
    assert (found.low, found.high) == pytest.approx((d.mean() - reach, d.mean() + reach))


def test_forecasts_of_one_step_have_the_interval_of_the_paired_t_test():
    y, a, b, clusters = forecasts(30, 1)

    found = paired_differences(Task.FORECASTING, y, Predicted(a), Predicted(b), clusters)["mse"]

    interval = stats.ttest_rel((b - y) ** 2, (a - y) ** 2).confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_forecasts_that_differ_by_chance_are_seldom_told_apart():
    n_sure = {"rows": 0, "periods": 0}
    for seed in range(100):
        y, a, b, clusters = forecasts(60, 4, seed)
        for name, each in (("rows", None), ("periods", clusters)):
            n_sure[name] += paired_differences(Task.FORECASTING, y, Predicted(a), Predicted(b), each)[
                "mae"
            ].is_sure

    assert n_sure["rows"] > 30
    # The weights of Newey and West leave out a part of the correlation: somewhat more than 5 of 100.
    assert n_sure["periods"] < 20


def test_a_better_forecast_is_found():
    y, a, b, clusters = forecasts(60, 4, better=0.6)

    assert paired_differences(Task.FORECASTING, y, Predicted(a), Predicted(b), clusters)["mae"].high < 0


@pytest.mark.parametrize(("n_clusters", "n_lags"), [(9, 0), (15, 7)])
def test_few_clusters_show_nothing(n_clusters, n_lags):
    y, a, b, codes = grouped([10] * n_clusters)

    assert paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b), Clusters(codes, n_lags)) == {}


# --- Average precision -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_average_precision_has_the_interval_of_the_paired_bootstrap(task):
    y, a, b = two_of(task, n=300, seed=5)
    a, b = np.round(a, 2), np.round(b, 2)  # with ties

    found = paired_differences(task, y, Predicted(a), Predicted(b))["average_precision"]

    def difference(rows):
        classes = [1] if task is Task.BINARY else range(3)
        one, two = (
            np.mean([reference.average_precision_score(y[rows] == k, each[rows, k]) for k in classes])
            for each in (a, b)
        )
        return two - one

    draw = np.random.default_rng(11)
    spread = np.std([difference(draw.integers(0, 300, 300)) for _ in range(400)])
    assert found.difference == pytest.approx(difference(np.arange(300)))
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(spread, rel=0.15)
    assert found == paired_differences(task, y, Predicted(a), Predicted(b))["average_precision"]


def test_of_groups_whole_groups_are_drawn_for_average_precision():
    y, a, b = two_of(Task.BINARY, n=40, seed=5)
    rows = np.repeat(np.arange(40), 10)  # ten copies of each row are no ten rows

    single = paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["average_precision"]
    copied = paired_differences(Task.BINARY, y[rows], Predicted(a[rows]), Predicted(b[rows]), Clusters(rows))

    found = copied["average_precision"]
    width = stats.t.ppf(0.975, 39) / 1.96
    assert found.difference == pytest.approx(single.difference)
    assert found.high - found.low == pytest.approx(width * (single.high - single.low))


def test_average_precision_without_a_positive_row_or_of_equal_models_is_not_tested():
    y, a, b = two_of(Task.BINARY)

    assert "average_precision" not in paired_differences(Task.BINARY, 0 * y, Predicted(a), Predicted(b))
    assert not paired_differences(Task.BINARY, y, Predicted(a), Predicted(a))["average_precision"].is_sure


def test_p_values_are_those_of_the_paired_test():
    y, a, b = two_of(Task.REGRESSION, better=0.05)
    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b))["mse"]
    expected = stats.ttest_rel((b - y) ** 2, (a - y) ** 2)

    assert found.p == pytest.approx(expected.pvalue, rel=0.02)


def test_the_p_value_of_the_accuracy_is_nearly_that_of_mcnemar():
    draw = np.random.default_rng(3)
    y = draw.integers(0, 2, 4000)
    a, b = (np.where(draw.random(4000) < right, y, 1 - y) for right in (0.80, 0.82))
    pairs = [np.column_stack([1 - each, each]).astype(float) for each in (a, b)]

    found = paired_differences(Task.BINARY, y, *(Predicted(each) for each in pairs))["accuracy"]

    only_a, only_b = ((a == y) & (b != y)).sum(), ((a != y) & (b == y)).sum()
    mcnemar = stats.chi2.sf((only_a - only_b) ** 2 / (only_a + only_b), 1)
    assert found.p == pytest.approx(mcnemar, rel=0.02)
    assert found.difference == pytest.approx((only_b - only_a) / 4000)


def test_p_values_of_groups_are_those_of_student():
    draw = np.random.default_rng(0)
    codes = np.repeat(np.arange(30), 10)
    y = draw.normal(size=300)
    a, b = y + draw.normal(0, 1, 300), y + draw.normal(0, 1.2, 300) + np.repeat(draw.normal(0, 0.3, 30), 10)

    found = paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b), Clusters(codes))["mse"]

    means = [((each - y) ** 2).reshape(30, 10).mean(axis=1) for each in (b, a)]
    assert found.p == pytest.approx(stats.ttest_rel(*means).pvalue, rel=1e-6)


def test_few_differing_rows_have_no_p_value():
    y = np.arange(40.0)
    a = y + 0.1
    b = a.copy()
    b[:3] = y[:3]

    assert paired_differences(Task.REGRESSION, y, Predicted(a), Predicted(b))["mae"].p is None


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # Holm (1979): 0.01 · 4, 0.02 · 3 = 0.06, 0.03 · 2 = 0.06, 0.04 · 1 is raised to 0.06.
        ([0.01, 0.04, 0.03, 0.02], [0.04, 0.06, 0.06, 0.06]),
        ([0.2], [0.2]),
        ([0.5, 0.9, 0.4], [1.0, 1.0, 1.0]),
        # As R says: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm").
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([], []),
    ],
)
def test_holm_raises_p_values_by_their_rank(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted)


def test_an_adjusted_p_value_decides():
    assert PairedDifference(1.0, 0.1, 1.9, 0.03).is_sure
    assert PairedDifference(1.0, 0.1, 1.9, 0.03, 0.04).is_sure
    assert not PairedDifference(1.0, 0.1, 1.9, 0.03, 0.06).is_sure


@pytest.mark.parametrize("ties", [None, 2])
def test_average_precision_of_many_rows_has_the_interval_of_the_bootstrap(ties):
    y, a, b = two_of(Task.BINARY, n=MAX_BOOTSTRAP_ROWS + 1000)
    if ties is not None:
        a, b = a.round(ties), b.round(ties)

    found = paired_differences(Task.BINARY, y, Predicted(a), Predicted(b))["average_precision"]

    expected = [reference.average_precision_score(y, each[:, 1]) for each in (a, b)]
    assert found.difference == pytest.approx(expected[1] - expected[0])
    deviation = average_precision_deviation([y == 1], [a[:, 1]], [b[:, 1]])
    assert found.high - found.low == pytest.approx(2 * 1.96 * deviation, rel=0.12)
