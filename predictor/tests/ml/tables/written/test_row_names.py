"""Files with the names of the rows in a first column, as R and pandas write them."""

from __future__ import annotations

import pytest

from predictor.errors import InvalidTable, RaggedRows
from predictor.ml.types.schema import Role

from ...imported_tables import Read

ROWS = "".join(f'"{row}",{row * 7 % 31},"x{row % 3}"\n' for row in range(1, 31))


@pytest.mark.parametrize("header", ['"","a","b"', ",a,b", '" ",a,b', '"a","b"'])
def test_the_names_of_the_rows_are_an_identifier(read: Read, header: str) -> None:
    imported = read(f"{header}\n{ROWS}")
    assert imported.report.schema.names == ("column 1", "a", "b")
    assert imported.rows[1] == {"column 1": 2, "a": 14, "b": "x2"}
    assert imported.roles["column 1"] is Role.IDENTIFIER
    assert "The first column has no name; it is named “column 1”." in imported.report.warnings


@pytest.mark.parametrize("text", [",a\n,1\n", "a,,b\n1,2,3\n", ",,b\n1,2,3\n", ',a,column 1\n"x",1,2\n'])
def test_other_columns_need_a_name(read: Read, text: str) -> None:
    with pytest.raises(InvalidTable, match="without a name"):
        read(text)


def test_rows_that_are_longer_than_the_header_have_names_that_differ(read: Read) -> None:
    with pytest.raises(RaggedRows):
        read("a,b\n1,2,3\n1,4,5\n")
    assert read("a,b\n1,2,\n1,4,\n").report.schema.names == ("a", "b")
