"""The positive class of two: what is proposed, and how a caller names another."""

from __future__ import annotations

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.positive_class import counts_in, found_in, label_of, proposed
from predictor.ml.types.schema import ColumnProfile, Level, Role


@pytest.mark.parametrize(
    ("counts", "positive"),
    [
        ({"fraud": 50, "ok": 950}, "fraud"),
        ({"leave": 20, "stay": 80}, "leave"),
        ({"no": 10, "yes": 90}, "yes"),
        ({"Ja": 300, "Nein": 20}, "Ja"),
        ({"non": 5, "oui": 50}, "oui"),
        ({"no": 5, "sí": 50}, "sí"),
        ({"否": 5, "是": 50}, "是"),
        ({"false": 3, "true": 97}, "true"),
        ({"0": 3, "1": 97}, "1"),
        ({"-1": 3, "1": 97}, "1"),
        # Codes: good is 1, bad is 2.
        ({"1": 700, "2": 300}, "2"),
        ({"a": 50, "b": 50}, "b"),
        # Both names are telling: the rarer one.
        ({"default": 30, "fraud": 5}, "fraud"),
    ],
)
def test_the_class_whose_name_says_so_is_proposed_else_the_rarer(counts, positive):
    assert proposed(counts) == positive


def profile(*levels, n_distinct=2):
    return ColumnProfile("y", Role.CATEGORICAL, "VARCHAR", n_distinct=n_distinct, levels=levels)


def test_labels_come_in_the_order_of_their_codes_not_of_their_numbers_of_rows():
    assert list(counts_in(profile(Level("ok", 9), Level("fraud", 1)))) == ["fraud", "ok"]
    assert list(counts_in(profile(Level("10", 9), Level("9", 1)))) == ["9", "10"]


def test_a_profile_that_does_not_hold_both_labels_gives_none():
    assert counts_in(profile(Level("ok", 9), Level("no", 1), n_distinct=3)) == {}
    assert counts_in(profile(Level("ok", 9), Level("x" * 200, 1))) == {}


def test_a_class_is_found_by_its_label_and_by_another_case_if_only_one_fits():
    assert found_in(["ok", "Fraud"], "fraud") == 1
    assert found_in(["Fraud", "fraud"], "fraud") == 1
    with pytest.raises(InvalidTrainingRequest, match="There is no class “FRAUD”") as refusal:
        found_in(["Fraud", "fraud"], "FRAUD")
    assert refusal.value.field == "positive_class"


def test_a_label_may_be_a_number_or_a_truth_value_but_not_a_list():
    assert [label_of(each) for each in (1, 1.0, True, "yes", None, "")] == ["1", "1", "true", "yes", "", ""]
    with pytest.raises(InvalidTrainingRequest, match="one label"):
        label_of(["yes"])
