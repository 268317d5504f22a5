from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.schema import ColumnProfile, Level, Role, Task
from predictor.ml.validation.target import (
    MAX_CLASSES,
    MIN_ROWS,
    TargetFacts,
    check_target,
    class_counts,
    find_task,
    make_target,
    missing,
)

from ..tables_for_tests import profile, texts

NUMBER = TargetFacts(
    "price", Role.NUMERIC, n_rows=100, n_present=100, n_distinct=50,
    is_number=True, is_whole=False, is_sequence=False,
)  # fmt: skip
CLASSES = replace(NUMBER, role=Role.CATEGORICAL, n_distinct=4, is_number=False)
WHOLE = replace(NUMBER, is_whole=True)


def refusal(facts: TargetFacts, task: Task | None = None) -> str:
    with pytest.raises(InvalidTrainingRequest) as caught:
        check_target(facts, task)
    return str(caught.value)


@settings(max_examples=50, deadline=None)
@given(
    cells=st.lists(
        st.one_of(st.none(), st.integers(-3, 30), st.sampled_from([0.5, 1e6])), min_size=1, max_size=40
    )
)
def test_the_profile_and_the_values_of_numbers_give_the_same_facts(cells):
    values = np.array([np.nan if each is None else each for each in cells], np.float64)
    role = Role.NUMERIC
    read = TargetFacts.from_values("y", role, values)

    known = TargetFacts.from_profile(profile("y", role, values), len(values))

    if not read.n_present:  # a column without values has no type
        read = replace(read, is_number=False, is_whole=False)
    assert replace(read, lonely_class=None) == known


def test_the_facts_of_a_sequence_are_seen_in_profile_and_values():
    values = np.array([5.0, 3.0, np.nan, 4.0, 6.0])
    for facts in (
        TargetFacts.from_values("y", Role.NUMERIC, values),
        TargetFacts.from_profile(profile("y", Role.NUMERIC, values), 5),
    ):
        assert (facts.n_rows, facts.n_present, facts.n_distinct) == (5, 4, 4)
        assert facts.is_sequence


@pytest.mark.parametrize("values", [[3.0, 4.0, 6.0], [3.0, 3.0, 4.0], [3.0, 3.5, 4.0]])
def test_gaps_repeats_and_fractions_are_no_sequence(values):
    assert not TargetFacts.from_values("y", Role.NUMERIC, np.array(values)).is_sequence


def test_a_class_of_one_row_is_named_as_people_write_it():
    assert TargetFacts.from_values("y", Role.CATEGORICAL, texts("a", "b", "b", None)).lonely_class == "a"
    assert TargetFacts.from_values("y", Role.NUMERIC, np.array([1.0, 1.0, 2.0])).lonely_class == "2"
    assert TargetFacts.from_values("y", Role.CATEGORICAL, texts("a", "a")).lonely_class is None


def test_a_class_of_one_row_is_seen_in_a_profile_only_when_it_lists_all_classes():
    listed = ColumnProfile(
        "y", Role.CATEGORICAL, "VARCHAR", n_distinct=2, levels=(Level("a", 9), Level("b", 1))
    )

    assert TargetFacts.from_profile(listed, 10).lonely_class == "b"
    assert TargetFacts.from_profile(replace(listed, n_distinct=3), 11).lonely_class is None


def test_a_target_without_rows_or_values_has_facts_of_zero():
    for values in (np.empty(0), np.array([np.nan]), texts(None)):
        facts = TargetFacts.from_values("y", Role.NUMERIC, values)
        assert (facts.n_present, facts.n_distinct, facts.is_sequence) == (0, 0, False)


@pytest.mark.parametrize(
    ("values", "mask"),
    [
        (texts("a", None, ""), [False, True, False]),
        (np.array([0.0, np.nan, np.inf]), [False, True, False]),
        (np.array(["2024-01-01", "NaT"], "datetime64[us]"), [False, True]),
        (np.empty(0, object), []),
    ],
)
def test_missing_values_are_found_in_texts_numbers_and_dates(values, mask):
    assert missing(values).tolist() == mask


@pytest.mark.parametrize(
    ("storage", "levels", "n_distinct", "reading", "is_whole"),
    [
        ("BIGINT", ["1"], 5, None, True),
        # pandas writes whole numbers so when some are missing.
        ("DOUBLE", ["1", "2", "3"], 3, None, True),
        ("DOUBLE", ["1", "2.5"], 2, None, False),
        # Values that are not listed may be fractions.
        ("DOUBLE", ["1", "2"], 3, None, False),
        ("VARCHAR", ["1,0", "$2"], 2, Reading(ValueKind.NUMBER, ","), True),
        ("VARCHAR", ["1,0", "2,5"], 2, Reading(ValueKind.NUMBER, ","), False),
        ("VARCHAR", ["1,0", "n/a"], 2, Reading(ValueKind.NUMBER, ","), True),
        ("VARCHAR", ["1,0", "two"], 2, Reading(ValueKind.NUMBER, ","), False),
    ],
)
def test_whole_numbers_are_classes_however_they_are_written(storage, levels, n_distinct, reading, is_whole):
    column = ColumnProfile(
        "y", Role.NUMERIC, storage, n_distinct=n_distinct, minimum=1.0, maximum=3.0, reading=reading,
        levels=tuple(Level(each, 10) for each in levels),
    )  # fmt: skip

    facts = TargetFacts.from_profile(column, 100)

    assert facts.is_whole is is_whole
    assert find_task(replace(facts, n_distinct=3)) is (Task.MULTICLASS if is_whole else Task.REGRESSION)


@pytest.mark.parametrize(
    ("facts", "task"),
    [
        (NUMBER, Task.REGRESSION),
        (replace(NUMBER, n_distinct=3), Task.REGRESSION),
        (replace(WHOLE, n_distinct=11), Task.REGRESSION),
        (replace(WHOLE, n_distinct=10), Task.MULTICLASS),
        (replace(WHOLE, n_distinct=2), Task.BINARY),
        (replace(NUMBER, n_distinct=2), Task.BINARY),
        (CLASSES, Task.MULTICLASS),
        (replace(CLASSES, n_distinct=2), Task.BINARY),
    ],
)
def test_the_task_is_detected_from_the_kind_and_the_number_of_values(facts, task):
    assert find_task(facts) is task
    assert check_target(facts, None) is task


def test_the_requested_task_is_taken_where_the_target_allows_it():
    assert check_target(replace(WHOLE, n_distinct=5), Task.REGRESSION) is Task.REGRESSION
    assert check_target(replace(WHOLE, n_distinct=50), Task.MULTICLASS) is Task.MULTICLASS
    assert check_target(replace(WHOLE, n_distinct=2), Task.REGRESSION) is Task.REGRESSION


def test_twenty_rows_and_a_hundred_classes_are_just_accepted():
    assert check_target(replace(CLASSES, n_present=MIN_ROWS), None) is Task.MULTICLASS
    many = replace(CLASSES, n_rows=1000, n_present=1000, n_distinct=MAX_CLASSES)
    assert check_target(many, None) is Task.MULTICLASS
    assert refusal(replace(many, n_distinct=MAX_CLASSES + 1)) == (
        "The target “price” has 101 classes; at most 100 can be told apart."
    )
    assert refusal(replace(CLASSES, n_present=MIN_ROWS - 1)) == (
        "Only 19 rows have a value in the target “price”; at least 20 are needed."
    )


@pytest.mark.parametrize(
    "facts",
    [
        replace(NUMBER, role=Role.IDENTIFIER),
        replace(WHOLE, is_sequence=True, n_distinct=100),
        replace(CLASSES, n_distinct=100),
        replace(CLASSES, n_rows=1000, n_present=1000, n_distinct=501),
    ],
)
def test_a_target_of_values_that_never_come_again_is_refused_as_an_identifier(facts):
    assert refusal(facts) == (
        f"The target “price” looks like an identifier: {facts.n_distinct} different values in {facts.n_present} rows. "
        "A value that never comes again cannot be predicted; choose another column."
    )


def test_unique_numbers_are_no_identifier_nor_is_a_sequence_that_is_requested_as_a_number():
    assert check_target(replace(NUMBER, n_distinct=100), None) is Task.REGRESSION
    sequence = replace(WHOLE, is_sequence=True, n_distinct=100)
    assert check_target(sequence, Task.REGRESSION) is Task.REGRESSION


def test_a_binary_task_needs_two_classes_and_more_need_another_task():
    assert refusal(CLASSES, Task.BINARY) == (
        "The target “price” has 4 different values, so it cannot be predicted as one of two classes."
    )
    assert refusal(replace(CLASSES, n_distinct=2), Task.MULTICLASS) == (
        "The target “price” has only two different values; train it as binary."
    )


def test_one_row_of_a_class_is_refused_for_classes_and_fine_for_numbers():
    lonely = replace(WHOLE, lonely_class="7", n_distinct=5)
    assert check_target(lonely, Task.REGRESSION) is Task.REGRESSION
    assert refusal(lonely).startswith("The class “7” of the target “price” has one row only.")


def test_the_codes_of_classes_follow_their_sorted_labels():
    text = make_target("y", Task.MULTICLASS, texts("b", "ä", "a", "b"))
    whole = make_target("y", Task.MULTICLASS, np.array([10.0, 9.0, 10.0, 2.5]))
    boolean = make_target("y", Task.BINARY, np.array([1.0, 0.0, 1.0]), is_boolean=True)

    assert (text.classes, text.y.tolist()) == (("a", "b", "ä"), [1, 2, 0, 1])
    assert (whole.classes, whole.y.tolist()) == ((2.5, 9, 10), [2, 1, 2, 0])
    assert [type(each) for each in whole.classes] == [float, int, int]
    pointed = make_target("y", Task.BINARY, np.array([1.0, 0.0]), has_points=True)
    fractions = make_target("y", Task.BINARY, np.array([1.0, 0.5]), has_points=True)
    assert [repr(each) for each in (*pointed.classes, *fractions.classes)] == ["0.0", "1.0", "0.5", "1"]
    assert boolean.classes == (False, True)
    assert [type(each) for each in boolean.classes] == [bool, bool]


def test_a_regression_target_keeps_its_numbers_and_has_no_classes():
    target = make_target("y", Task.REGRESSION, np.array([3, 1, 2]))
    assert (target.y.dtype, target.y.tolist(), target.n_classes) == (np.float64, [3.0, 1.0, 2.0], 0)


def test_rows_of_a_target_keep_all_classes_and_counts_name_those_without_rows():
    target = make_target("y", Task.MULTICLASS, texts("a", "c", "b", "a"))

    part = target.rows(np.array([3, 2, 0]))

    assert (part.y.tolist(), part.classes) == ([0, 1, 0], ("a", "b", "c"))
    assert class_counts(part) == {"a": 2, "b": 1, "c": 0}


def test_counts_name_classes_in_their_text_form():
    assert class_counts(make_target("y", Task.BINARY, np.array([0.0, 1.0, 1.0]), is_boolean=True)) == {
        "false": 1, "true": 2,
    }  # fmt: skip
    assert class_counts(make_target("y", Task.BINARY, np.array([1.0, 0.5]))) == {"0.5": 1, "1": 1}
    pointed = make_target("y", Task.BINARY, np.array([1.0, 0.0, 0.0]), has_points=True)
    assert class_counts(pointed) == {"0.0": 2, "1.0": 1}
