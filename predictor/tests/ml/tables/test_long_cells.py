from __future__ import annotations

import duckdb
import pytest

from predictor.errors import TooLarge
from predictor.ml.tables.long_cells import refusal_of, when_too_long

from ..imported_tables import Read


@pytest.mark.parametrize("n_bytes", [65_537, 2_000_000])
def test_it_refuses_a_cell_over_the_limit_and_names_the_column(read: Read, n_bytes: int) -> None:
    with pytest.raises(TooLarge) as caught:
        read("a,b\n1," + "x" * n_bytes + "\n2,y\n")
    assert "65,536" in str(caught.value) or "Row 1" in str(caught.value)


def test_it_takes_a_cell_at_the_limit(read: Read) -> None:
    assert len(read("a,b\n1," + "x" * 65_536 + "\n2,y\n").rows[0]["b"]) == 65_536


def message_of(text: str, *, limit: int) -> str:
    """DuckDB's message when the text is a cell of the column 12."""
    sql = f"SELECT CASE {when_too_long('strlen(cell)', 12, limit=limit)} END FROM (SELECT $1 AS cell)"
    with duckdb.connect() as database:
        try:
            database.execute(sql, [text])
        except duckdb.Error as error:
            return str(error)
    return ""


def test_the_limit_is_in_bytes_and_the_error_names_the_column() -> None:
    names = [f"c{place}" for place in range(20)]

    assert message_of("é" * 5, limit=10) == ""
    error = refusal_of(message_of("é" * 5, limit=9), names, limit=9)

    assert error is not None
    assert error.message.startswith("A cell of the column “c12” is longer than 9 bytes.")
    assert (error.limit, [problem.pointer for problem in error.problems]) == (9, ["c12"])


def test_another_message_of_the_database_is_no_refusal() -> None:
    assert refusal_of("Out of Memory Error: 12", ["a"], limit=9) is None
