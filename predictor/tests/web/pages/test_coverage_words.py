"""Intervals, sets and scores in words."""

from __future__ import annotations

import pytest

from predictor.web.pages.coverage_words import less_usual_than, sure_words


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ([], "The model is less sure of this row than of most rows that it predicts right"),
        (["yes"], "Only “yes” comes into question"),
        (["yes", "no"], "The true class may be “yes” or “no”"),
        (["a", "b", "c"], "The true class may be “a”, “b” or “c”"),
    ],
)
def test_a_set_of_classes_names_no_second_share_beside_the_probabilities(classes, words):
    output = {
        "prediction": "yes",
        "probabilities": {"yes": 0.854},
        "set": {"classes": classes, "coverage": 0.9},
    }

    assert sure_words(output) == words


def test_an_interval_says_in_how_many_cases_it_holds():
    output = {"prediction": 2.0, "interval": {"low": 1.0, "high": 3.0, "coverage": 0.9}}

    assert sure_words(output) == "Between 1 and 3 in 9 of 10 cases"


@pytest.mark.parametrize(
    ("score", "than"), [(0.5, "50 %"), (0.9876, "98.8 %"), (0.9999, "> 99.9 %"), (1.0, "> 99.9 %")]
)
def test_no_row_is_less_usual_than_all_others(score, than):
    assert less_usual_than(score) == than
    assert "100 %" not in sure_words({"prediction": "unusual", "score": score})
