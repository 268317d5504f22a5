from __future__ import annotations

import numpy as np
import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.schema import Role, Task
from predictor.ml.types.split import SplitBy, SplitKind
from predictor.ml.validation.duplicates import Duplicates
from predictor.ml.validation.split_layout import layout_of
from predictor.ml.validation.target import make_target
from predictor.ml.validation.training_table import TrainingTable

from ..tables_for_tests import texts

COPIES = Duplicates(1, 0, np.array([0, 1, 0]), are_kept_together=True)
BY_TIME, BY_GROUP = SplitBy(SplitKind.TIME, "day"), SplitBy(SplitKind.GROUP, "shop")


def table(split_by=None):
    n = 3 if split_by is None else len(split_by)
    target = make_target("y", Task.REGRESSION, np.arange(float(n)))
    return TrainingTable({"x": np.arange(float(n))}, {"x": Role.NUMERIC}, target, split_by)


@pytest.mark.parametrize("duplicates", [COPIES, Duplicates()])
def test_a_random_split_keeps_copies_of_a_row_together(duplicates):
    constraints = layout_of(SplitBy(), table(), duplicates)
    assert constraints.together is duplicates.groups
    assert constraints.times is None


def test_a_split_in_time_has_the_order_of_the_dates_and_takes_missing_ones_as_earliest():
    days = np.array(["2024-03-01", "NaT", "1969-12-31", "2024-03-02"], "datetime64[us]")

    constraints = layout_of(BY_TIME, table(days), COPIES)

    assert np.argsort(constraints.times).tolist() == [1, 2, 0, 3]
    assert constraints.times[1] == -np.inf
    assert constraints.times[2] == -86_400_000_000
    assert constraints.together is None


def test_a_split_in_time_may_be_by_years():
    constraints = layout_of(BY_TIME, table(np.array([2023.0, np.nan, 2021.0])), COPIES)
    assert constraints.times.tolist() == [2023.0, -np.inf, 2021.0]


def test_rows_of_one_group_stay_together_and_a_row_without_a_group_is_alone():
    shops = texts("b", "a", None, "b", "ü", None, "c", "d", "a")

    together = layout_of(BY_GROUP, table(shops), COPIES).together

    names = ["b", "a", "first gap", "b", "ü", "second gap", "c", "d", "a"]
    for row, name in enumerate(names):
        assert [number == together[row] for number in together] == [other == name for other in names]


def test_groups_may_be_numbers():
    together = layout_of(
        BY_GROUP, table(np.array([7.0, 7.0, 1.0, np.nan, 2.0, 3.5, np.nan])), COPIES
    ).together
    assert together[0] == together[1]
    assert len(set(together.tolist())) == 6


def test_a_split_by_fewer_than_five_groups_is_refused():
    shops = texts("a", "b", "c", "d", "a")
    with pytest.raises(InvalidTrainingRequest) as caught:
        layout_of(BY_GROUP, table(shops), COPIES)
    assert str(caught.value) == (
        "The split cannot be by “shop”: the rows with a target have fewer than 5 of its values. "
        "Choose another column."
    )
    assert layout_of(BY_GROUP, table(texts("a", "b", "c", "d", "e")), COPIES).together is not None
