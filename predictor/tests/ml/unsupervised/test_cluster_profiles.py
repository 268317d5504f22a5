from __future__ import annotations

import numpy as np
import pytest

from predictor.ml.types.schema import Role
from predictor.ml.unsupervised import cluster_profiles
from predictor.ml.unsupervised.cluster_profiles import MAX_TEXTS, TableStatistics, figure, percent

IS_IN = np.arange(100) < 30


def traits_of(values, role):
    return [trait.text for trait in TableStatistics({"it": values}, {"it": role}).traits(IS_IN)]


def test_means_and_missing_values_are_compared_with_all_rows():
    assert traits_of(np.where(IS_IN, 61.0, 29.57), Role.NUMERIC) == ["it far above average (61 vs 39)"]
    assert traits_of(np.where(IS_IN, np.nan, np.arange(100) % 7), Role.NUMERIC) == [
        "it missing in 100 % vs 30 %"
    ]


def test_levels_are_compared_by_share():
    plan = np.where(IS_IN & (np.arange(100) % 5 > 0), "pro", "free").astype(object)
    assert traits_of(plan, Role.CATEGORICAL) == ["it mostly “pro” (80 % vs 24 %)"]


def test_booleans_dates_and_texts_have_their_own_wording():
    assert traits_of(IS_IN.astype(float), Role.BOOLEAN) == ["it almost always “true” (100 % vs 30 %)"]
    days = np.where(IS_IN, np.datetime64("2021-01-01"), np.datetime64("2020-01-01")).astype("datetime64[us]")
    assert traits_of(days, Role.DATETIME) == ["it far later than average (2021-01-01 vs 2020-04-19)"]
    notes = np.where(IS_IN, "please refund", "please call").astype(object)
    assert traits_of(notes, Role.TEXT) == ["it often says “refund” (100 % vs 30 %)"]


def test_columns_that_do_not_differ_give_no_trait():
    assert traits_of(np.tile([1.0, 2.0], 50), Role.NUMERIC) == []
    assert TableStatistics({"it": np.ones(100)}, {"it": Role.NUMERIC}).traits(np.zeros(100, bool)) == []


def test_texts_are_tokenised_once_and_at_most_max_texts_of_them(monkeypatch):
    n_split = 0

    def counted(text):
        nonlocal n_split
        n_split += 1
        return text.split()

    monkeypatch.setattr(cluster_profiles, "tokens", counted)
    is_in = np.arange(2 * MAX_TEXTS) % 4 == 0
    whole = TableStatistics(
        {"it": np.where(is_in, "please refund", "please call").astype(object)}, {"it": Role.TEXT}
    )
    assert whole.traits(is_in)[0].text.startswith("it often says “refund” (100 %")
    assert whole.traits(~is_in)[0].text.startswith("it often says “call” (100 %")
    assert n_split == MAX_TEXTS


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (61.234, "61.2"), (52341.7, "52,342"), (0.01234, "0.0123")]
)
def test_figures_have_three_digits(value, text):
    assert figure(value) == text


def test_shares_are_never_rounded_to_0_or_100_percent():
    assert [percent(each) for each in (0.0, 0.001, 0.314, 0.999, 1.0)] == [
        "0 %",
        "< 1 %",
        "31 %",
        "> 99 %",
        "100 %",
    ]
