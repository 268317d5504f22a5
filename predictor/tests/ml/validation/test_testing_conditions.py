from __future__ import annotations

import json

import numpy as np
import pytest

from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.duplicates import Duplicates
from predictor.ml.validation.testing_conditions import Conditions

BY_DAY, BY_SHOP = SplitBy(SplitKind.TIME, "day"), SplitBy(SplitKind.GROUP, "shop")
GROUPS = np.zeros(3, np.intp)


def test_a_fair_test_has_no_warning():
    assert Conditions(n_rows=1000).worries == []


def test_one_leak_is_named_alone_and_several_together():
    (one,) = Conditions(leaks=("paid",)).worries
    (several,) = Conditions(leaks=tuple("abcdefg")).worries
    assert one == (
        "“paid” alone predicts the target almost perfectly: the scores count only if it is known before the prediction."
    )
    assert several.startswith("“a”, “b”, “c”, “d”, “e” and 2 more each predict the target almost perfectly")


@pytest.mark.parametrize(
    ("suggested", "words"),
    [
        (BY_DAY, "have times in “day”: on rows that come later"),
        (BY_SHOP, "share a value of “shop”: for new values"),
    ],
)
def test_a_random_split_is_doubted_where_a_stricter_one_suits_the_table(suggested, words):
    (sentence,) = Conditions(suggested=suggested).worries
    assert words in sentence


@pytest.mark.parametrize("split", [BY_DAY, BY_SHOP])
def test_a_split_that_is_not_random_is_not_doubted(split):
    assert Conditions(split=split, suggested=BY_DAY).worries == []


@pytest.mark.parametrize(("n_rows", "is_doubted"), [(1000, True), (1001, False), (0, True)])
def test_copies_are_mentioned_from_one_percent_of_the_rows(n_rows, is_doubted):
    conditions = Conditions(duplicates=Duplicates(10, 0, GROUPS), n_rows=n_rows)
    assert (conditions.worries != []) == is_doubted


def test_copies_that_were_kept_on_one_side_still_count_more_than_once():
    apart = Conditions(duplicates=Duplicates(1234, 0, GROUPS), n_rows=5000)
    together = Conditions(duplicates=Duplicates(1234, 0, GROUPS, are_kept_together=True), n_rows=5000)
    assert apart.worries == ["1,234 rows are copies of others; they count more than once in training."]
    assert together.worries == [
        "1,234 rows are copies of others; they were kept on one side of the test, but "
        "they count more than once in training."
    ]


def test_copies_that_are_to_be_expected_are_not_mentioned():
    assert Conditions(duplicates=Duplicates(500, 0, None), n_rows=1000).worries == []


def test_the_most_serious_warning_comes_first():
    conditions = Conditions(
        suggested=BY_DAY, duplicates=Duplicates(30, 0, GROUPS), leaks=("paid",), n_rows=300
    )
    assert [each[:20] for each in conditions.worries] == [
        "“paid” alone predict", "The rows were drawn ", "30 rows are copies o",
    ]  # fmt: skip


def test_json_holds_the_split_the_suggestion_the_counts_and_the_leaks():
    conditions = Conditions(
        split=BY_SHOP, suggested=BY_DAY, duplicates=Duplicates(3, 1, GROUPS), leaks=("paid",), n_rows=9
    )
    assert json.loads(json.dumps(conditions.to_json())) == {
        "split": {"kind": "group", "column": "shop"},
        "suggested_split": {"kind": "time", "column": "day"},
        "duplicates": {"n_copies": 3, "n_conflicting": 1, "are_kept_together": False},
        "leaks": ["paid"],
    }
    assert Conditions().to_json()["suggested_split"] is None
