from __future__ import annotations

import pytest

from predictor.ml.types.column_names import clean_name, repeated_names


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


def test_repeated_names_come_once_in_the_order_in_which_they_first_appear() -> None:
    assert repeated_names(["b", "a", "b", "c", "a", "b"]) == ["b", "a"]
    assert repeated_names(["a", "A", " a"]) == []
    assert repeated_names([]) == []


def test_one_repeated_name_is_found_among_very_many() -> None:
    names = [f"c{number}" for number in range(500_000)]

    assert repeated_names([*names, "c7"]) == ["c7"]
