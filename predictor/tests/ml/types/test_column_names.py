from __future__ import annotations

import pytest

from predictor.ml.types.column_names import clean_name


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        ("  a b ", "a b"),
        ("a\r\nb\tc", "a b c"),
        ("a\u2028b", "a b"),
        ("e\u0301", "é"),
        ("\n", ""),
        ("a\x1fb", "a\x1fb"),
        ("\u00a0a", "a"),
        ("A b", "A b"),
    ],
)
def test_a_header_cell_or_a_key_becomes_a_name_of_one_line(cell: str, name: str) -> None:
    assert clean_name(cell) == name
