from __future__ import annotations

import pytest

from predictor.errors import InvalidInput
from predictor.ml.types.row_query import CellKind, RowQuery, cell_kind, positions_of, written_positions
from predictor.ml.types.schema import ColumnProfile, Role, TableSchema

COLUMNS = (
    ColumnProfile("number", Role.NUMERIC, "BIGINT"),
    ColumnProfile("share", Role.NUMERIC, "DOUBLE"),
    ColumnProfile("colour", Role.CATEGORICAL, "VARCHAR"),
    ColumnProfile("note", Role.TEXT, "VARCHAR"),
    ColumnProfile("day", Role.DATETIME, "DATE"),
    ColumnProfile("moment", Role.DATETIME, "TIMESTAMP"),
    ColumnProfile("flag", Role.BOOLEAN, "BOOLEAN"),
    ColumnProfile("price", Role.NUMERIC, "DOUBLE"),
)
SCHEMA = TableSchema(COLUMNS, n_rows=600)


def test_columns_are_compared_by_what_they_hold() -> None:
    assert [cell_kind(column) for column in COLUMNS[:7]] == [
        CellKind.NUMBER,
        CellKind.NUMBER,
        CellKind.CATEGORY,
        CellKind.TEXT,
        CellKind.DATE,
        CellKind.DATE,
        CellKind.BOOLEAN,
    ]


def test_a_query_is_the_same_after_it_was_written_as_a_url() -> None:
    params = {
        "c1.min": ["1.5"],
        "c1.max": ["20"],
        "c2.missing": ["no"],
        "c3.in": ["blue", "red & green"],
        "c4.has": ["50 %"],
        "c6.min": ["2024-02-01T10:00"],
        "c7.in": ["true"],
        "q": ["a b"],
        "rows": ["5,3,90"],
        "sort": ["-c2,c1"],
    }
    query = RowQuery.parse(params, SCHEMA)
    written: dict[str, list[str]] = {}
    for name, text in query.names:
        written.setdefault(name, []).append(text)

    assert RowQuery.parse(written, SCHEMA) == query
    assert written == params


def test_empty_values_and_other_names_say_nothing() -> None:
    params = {
        "c1.min": [""],
        "c3.in": [""],
        "q": [" "],
        "sort": [""],
        "rows": [""],
        "page": ["3"],
        "c1.like": ["x"],
    }

    assert RowQuery.parse(params, SCHEMA) == RowQuery()


@pytest.mark.parametrize("text", ["1", "1-4", "1-4,9,2", "7,6,5", "3,1-2"])
def test_places_of_columns_are_written_as_they_are_read(text: str) -> None:
    places = positions_of(text, 9)

    assert positions_of(written_positions(places), 9) == places


def test_places_of_columns_count_from_one() -> None:
    assert positions_of("1-3,7,2", 9) == (0, 1, 2, 6)
    assert written_positions([0, 1, 2, 6]) == "1-3,7"


@pytest.mark.parametrize("text", ["0", "10", "1-99999999999", "a", "1-", "-2", "1;2", "²", "3-2", "1-4,3-2"])
def test_places_outside_of_the_table_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="places from 1 to 9"):
        positions_of(text, 9)


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"c9.min": "1"}, "There is no column 9"),
        ({"c999999.min": "1"}, "There is no column 999999"),
        ({"c1.has": "1"}, "takes “min” and “max” and “in” and “missing”, not “has”"),
        ({"c1.min": "nan"}, "needs a number"),
        ({"c1.min": "1;DROP TABLE x"}, "needs a number"),
        ({"c1.min": "9" * 300}, "needs a number"),
        ({"c5.max": "31.12.2024"}, "needs a date"),
        ({"c5.max": "2024-02-30"}, "needs a date"),
        ({"c4.has": "a\0b"}, "a character that no cell has"),
        ({"c4.in": "a\0b"}, "a character that no cell has"),
        ({"c4.has": "x" * 201}, "longer than 200"),
        ({"c7.in": "yes"}, "true or false"),
        ({"c2.missing": "perhaps"}, "yes or no"),
        ({"sort": "number"}, "takes columns by their number"),
        ({"sort": "c1,c2,c3,c4"}, "at most 3"),
        ({"rows": "0"}, "from 1 to 600"),
        ({"rows": "601"}, "from 1 to 600"),
        ({"rows": ",".join(["1"] * 1001)}, "at most 1,000"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(params: dict[str, str], sentence: str) -> None:
    with pytest.raises(InvalidInput, match=sentence):
        RowQuery.parse({name: [text] for name, text in params.items()}, SCHEMA)
