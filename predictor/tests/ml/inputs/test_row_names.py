from __future__ import annotations

import pytest

from predictor.errors import InvalidRows
from predictor.ml.inputs.row_checker import RowChecker
from predictor.ml.inputs.row_names import SameColumn, file_columns, with_known_names
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

COMPOSED, DECOMPOSED = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"
KNOWN = frozenset({COMPOSED, "a b"})
SIGNATURE = Signature(
    "y",
    Task.REGRESSION,
    (FeatureField(COMPOSED, Role.NUMERIC), FeatureField("a b", Role.NUMERIC, has_missing=True)),
)
CHECKER = RowChecker(SIGNATURE)


def test_keys_are_cleaned_like_a_header() -> None:
    assert with_known_names({DECOMPOSED: 1, " a\nb ": 2, " c": 3}, KNOWN) == {COMPOSED: 1, "a b": 2, " c": 3}


@pytest.mark.parametrize("row", [{COMPOSED: 1, "a b": 2}, {COMPOSED: 1}, {COMPOSED: 1, " c": 3}, {}])
def test_a_row_without_a_key_to_clean_is_returned_as_it_is(row: dict[str, int]) -> None:
    assert with_known_names(row, KNOWN) is row


@pytest.mark.parametrize(
    "row", [{COMPOSED: 1, DECOMPOSED: 1}, {DECOMPOSED: 1, COMPOSED: 1}, {"a b ": 1, " a b": 2}]
)
def test_two_keys_of_one_column_are_refused(row: dict[str, int]) -> None:
    with pytest.raises(SameColumn, match="is there twice, under names that differ only in blanks"):
        with_known_names(row, KNOWN)


def test_a_name_of_the_signature_is_never_cleaned() -> None:
    assert with_known_names({" a": 1, "a": 2}, frozenset({" a"})) == {" a": 1, "a": 2}


def test_columns_of_a_file_keep_their_own_names_beside_the_clean_ones() -> None:
    assert file_columns([DECOMPOSED, "c"], KNOWN) == {COMPOSED: DECOMPOSED, "c": "c"}
    with pytest.raises(InvalidRows, match="In the file, column “a b”: the column is there twice"):
        file_columns(["a b", "a b "], KNOWN)


def test_a_checked_row_may_have_unclean_keys() -> None:
    checked = CHECKER.check([{DECOMPOSED: 5, "a b\t": 7, "y ": 1}], strict=True)

    assert {name: values.tolist() for name, values in checked.columns.items()} == {
        COMPOSED: [5.0],
        "a b": [7.0],
    }


def test_a_row_with_both_keys_is_refused_by_row_and_column() -> None:
    rows = [{COMPOSED: 5}, {COMPOSED: 5, DECOMPOSED: 6}]
    with pytest.raises(
        InvalidRows, match=f"^Row 2, column “{COMPOSED}”: the column is there twice"
    ) as refused:
        CHECKER.check(rows)

    assert refused.value.problems[0].pointer == f"/rows/1/{COMPOSED}"
    assert list(CHECKER.check_leniently(rows).errors) == [1]
    assert CHECKER.named(rows) == rows


def test_named_rows_are_the_same_object_if_nothing_changes() -> None:
    rows = [{COMPOSED: 5}, {COMPOSED: 6, "y": 1}]

    assert CHECKER.named(rows) is rows
    assert CHECKER.named([*rows, {DECOMPOSED: 7}, None]) == [*rows, {COMPOSED: 7}, None]
