"""Rows of a small CSV text."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from predictor.errors import InvalidInput, TooLarge
from predictor.services.predictions import rows_of_csv


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_rows_have_texts_and_empty_cells_are_missing(mark: str) -> None:
    text = f"day{mark}price\r\n2024-01-01{mark} 2.5\r\n2024-01-02{mark}\r\n"
    assert rows_of_csv(text) == [{"day": "2024-01-01", "price": "2.5"}, {"day": "2024-01-02", "price": None}]


def test_nothing_gives_no_rows() -> None:
    assert rows_of_csv("") == rows_of_csv("\r\n") == rows_of_csv("day,price\n") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1\n", "Row 1 of the CSV has not as many cells as its header"),
        ("a,a\n1,2\n", "named more than once: “a”"),
        ('a,b\n1,"2\n', "The CSV cannot be read"),
    ],
)
def test_a_malformed_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        rows_of_csv(text)


def test_the_number_of_rows_is_limited(settings: Settings) -> None:
    settings.MAX_PREDICTION_ROWS = 2
    with pytest.raises(TooLarge, match="may hold 2 rows, and this one holds 3"):
        rows_of_csv("a\n1\n2\n3\n")
