from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidRows, StrictRows
from predictor.ml.inputs.row_checker import CheckedRows, RowChecker
from predictor.ml.types.schema import FeatureField, Role, Signature, Task

FIELDS = (
    FeatureField("age", Role.NUMERIC, is_integer=True, minimum=0, maximum=100, typical=40),
    FeatureField("income", Role.NUMERIC, has_missing=True, minimum=0.0, maximum=1e6),
    FeatureField("member", Role.BOOLEAN),
    FeatureField("joined", Role.DATETIME, minimum="2019-01-01T00:00:00", maximum="2023-01-01T00:00:00"),
    FeatureField("city", Role.CATEGORICAL, levels=("Łódź", "北京", "7")),
    FeatureField("note", Role.TEXT, has_missing=True),
)
SIGNATURE = Signature("y", Task.BINARY, FIELDS, ("no", "yes"), left_out={"id": "It identifies rows."})
CHECKER = RowChecker(SIGNATURE)
GOOD: dict[str, Any] = {
    "age": 33,
    "income": 1234.5,
    "member": True,
    "joined": "2020-02-29",
    "city": "北京",
    "note": "hello",
}


def check(strict: bool = False, **cells: Any) -> CheckedRows:
    return CHECKER.check([{**GOOD, **cells}], strict)


def codes(checked: CheckedRows) -> list[tuple[str, str]]:
    return [(warning.code, warning.column) for warning in checked.warnings[0]]


def test_a_good_row_becomes_canonical_columns_without_a_warning() -> None:
    checked = CHECKER.check([GOOD], strict=True)
    assert checked.warnings == ((),)
    assert {name: values.tolist()[0] for name, values in checked.columns.items()} == {
        "age": 33.0,
        "income": 1234.5,
        "member": 1.0,
        "joined": datetime(2020, 2, 29),
        "city": "北京",
        "note": "hello",
    }
    assert checked.columns["joined"].dtype == "datetime64[us]"


def test_many_rows_have_the_same_columns_as_each_alone() -> None:
    rows = [
        GOOD,
        {**GOOD, "age": None, "city": None, "joined": None},
        {**GOOD, "member": False, "note": None},
    ]
    together = CHECKER.check(rows)
    for place, row in enumerate(rows):
        alone = CHECKER.check([row])
        assert alone.warnings[0] == together.warnings[place]
        for name, values in together.columns.items():
            assert values.dtype == alone.columns[name].dtype
            assert np.array_equal(
                values[place : place + 1], alone.columns[name], equal_nan=values.dtype != object
            )


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"age": None}, [("missing", "age")]),
        ({"age": "900"}, [("coerced", "age"), ("out_of_range", "age")]),
        ({"joined": "NaT", "city": "Atlantis"}, [("missing", "joined"), ("unseen", "city")]),
        ({"agee": 1}, [("extra", "agee")]),
        ({"id": "abc", "y": "no"}, []),
        ({"__proto__": None}, [("extra", "__proto__")]),
    ],
)
def test_doubtful_cells_are_accepted_with_a_warning(
    cells: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    checked = check(**cells)
    assert codes(checked) == expected
    assert all(warning.message.endswith(".") for warning in checked.warnings[0])
    if expected:
        with pytest.raises(StrictRows, match="Row 1, column"):
            check(strict=True, **cells)


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        ({"age": "abc"}, "“abc” is not a number"),
        ({"member": []}, "a list is not true or false"),
        ({"extra": "\ud800"}, "surrogate"),
        ({"extra": {"deep": []}}, "a list or an object is not a value"),
        ({"extra": math.inf}, "has to be finite"),
        ({"na\x00me": 1}, "NUL"),
    ],
)
def test_cells_that_cannot_be_used_are_refused_with_row_and_column(
    cells: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidRows, match="Row 2, column “.*" + sentence) as caught:
        CHECKER.check([GOOD, {**GOOD, **cells}])
    assert [problem.pointer for problem in caught.value.problems] == [f"/rows/1/{next(iter(cells))}"]


def test_a_missing_column_is_named_with_a_similar_column() -> None:
    row = {name: value for name, value in GOOD.items() if name != "age"}
    with pytest.raises(InvalidRows, match=r"column “age”: the column is missing \(there is “Age” instead\)"):
        CHECKER.check([{**row, "Age": 3}])


def test_a_column_with_missing_values_in_training_may_be_absent() -> None:
    row = {name: value for name, value in GOOD.items() if name not in ("income", "note")}
    assert codes(CHECKER.check([row])) == [("missing", "income"), ("missing", "note")]


@pytest.mark.parametrize("row", [None, 3, "age=3", [1, 2]])
def test_a_row_that_is_no_object_is_refused(row: Any) -> None:
    with pytest.raises(InvalidRows, match="Row 2 is not an object"):
        CHECKER.check([GOOD, row])


def test_the_first_five_faults_are_named_and_all_are_counted() -> None:
    with pytest.raises(InvalidRows, match="And 7 more faults") as caught:
        CHECKER.check([{**GOOD, "age": "abc", "city": []}] * 6)
    assert len(caught.value.problems) == 5
    assert caught.value.problems[4].pointer == "/rows/2/age"


def test_one_more_fault_is_in_the_singular() -> None:
    with pytest.raises(InvalidRows, match=r"And 1 more fault\."):
        CHECKER.check([{**GOOD, "age": "abc"}] * 6)


def test_row_numbers_begin_at_first_row() -> None:
    with pytest.raises(InvalidRows, match="Row 1001,"):
        CHECKER.check([{**GOOD, "age": "abc"}], first_row=1001)


def test_cells_of_a_csv_file_are_texts_without_a_warning() -> None:
    row = {
        "age": "30",
        "income": "1e3",
        "member": "true",
        "joined": "2020-01-01 10:00:00",
        "city": "7",
        "note": "",
    }
    checked = CHECKER.check([row], are_texts=True)
    assert codes(checked) == [("missing", "note")]
    assert checked.columns["age"].tolist() == [30.0]


def test_nan_is_missing_where_the_route_allows_it() -> None:
    checked = CHECKER.check(
        [{**GOOD, "age": math.nan, "city": math.nan, "joined": "NaT"}], is_nan_missing=True
    )
    assert codes(checked) == [("missing", "age"), ("missing", "joined"), ("missing", "city")]


def test_times_with_a_zone_become_utc() -> None:
    checked = check(joined=datetime(2020, 1, 1, 12, tzinfo=UTC))
    assert check(joined="2020-01-01T14:00:00+02:00").columns["joined"] == checked.columns["joined"]


def test_pointers_escape_column_names() -> None:
    checker = RowChecker(Signature("y", Task.REGRESSION, (FeatureField("a/b~c", Role.NUMERIC),)))
    with pytest.raises(InvalidRows) as caught:
        checker.check([{"a/b~c": "x"}])
    assert caught.value.problems[0].pointer == "/rows/0/a~1b~0c"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(
    cells=st.dictionaries(st.sampled_from([*SIGNATURE.names, "extra", "id"]), ANY_JSON, max_size=4),
    left_out=st.sampled_from([None, *SIGNATURE.names]),
)
def test_any_json_is_accepted_or_refused_with_a_sentence(cells: dict[str, Any], left_out: str | None) -> None:
    row = {name: value for name, value in {**GOOD, **cells}.items() if name != left_out}
    try:
        checked = CHECKER.check([row])
    except InvalidRows as refused:
        error = refused
    else:
        assert set(checked.columns) == set(SIGNATURE.names)
        assert all(len(values) == 1 for values in checked.columns.values())
        assert not np.isinf(checked.columns["age"]).any()
        return
    assert "Row 1, column" in error.message
    assert error.problems


def test_unknown_columns_are_named_up_to_ten_and_counted() -> None:
    checker = RowChecker(Signature("y", Task.REGRESSION, (FeatureField("a", Role.NUMERIC),)))

    few = checker.check([{"a": 1, **{f"k{n}": 1 for n in range(11)}}]).warnings[0]
    many = checker.check([{"a": 1, **{f"k{n}": 1 for n in range(1_000)}}]).warnings[0]

    assert [each.column for each in few] == [f"k{n}" for n in range(11)]
    assert len(many) == 11
    assert many[9].message == "The model has no column “k9”; it was not used."
    assert many[10].message == "The model has no column “k10”, nor 989 others; they were not used."


def test_a_similar_name_is_looked_for_only_where_it_is_said() -> None:
    looks = []
    checker = RowChecker(
        Signature("y", Task.REGRESSION, tuple(FeatureField(f"age {n}", Role.NUMERIC) for n in range(50)))
    )
    row = {f"agee {n}": 1 for n in range(300)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "predictor.ml.inputs.row_checker._instead", lambda name, unknown: looks.append(name) or ""
        )
        with pytest.raises(InvalidRows, match="And 4,995 more faults"):
            checker.check([row] * 100)
    assert len(looks) == 5


def test_reading_many_rows_stops_when_the_time_is_over() -> None:
    class Over(Exception):
        pass

    def over() -> None:
        raise Over

    checker = RowChecker(Signature("y", Task.REGRESSION, (FeatureField("a", Role.NUMERIC),)))
    assert checker.check([{"a": 1}] * 100, check_time=over).n_rows == 100
    with pytest.raises(Over):
        checker.check([{"a": 1}] * 1_000, check_time=over)
