from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from predictor.ml.features.text_steps import LONGEST_TEXT, TextStep, tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" ,.!? \n\t", []),
        ("Red, RED and red!", ["red", "red", "and", "red"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("x_y a-b 3.14 2nd", ["x", "y", "a", "b", "3", "14", "2nd"]),
        ("Łódź Ελλάδα Москва", ["łódź", "ελλάδα", "москва"]),
        ("我在北京work", ["我", "在", "北", "京", "work"]),
        ("東京へ行く", ["東", "京", "へ", "行", "く"]),
        ("カタカナ2", ["カ", "タ", "カ", "ナ", "2"]),
    ],
)
def test_tokens_are_folded_words_and_single_chinese_or_japanese_characters(
    text: str, expected: list[str]
) -> None:
    assert tokens(text) == expected


def test_a_text_is_read_up_to_the_longest_length() -> None:
    assert tokens("a" * (LONGEST_TEXT - 2) + " b c") == ["a" * (LONGEST_TEXT - 2), "b"]


WORDS = ("apple", "pear", "plum", "fig")
IDF = (1.0, 1.5, 2.25, 3.0)


@settings(max_examples=50, deadline=None)
@given(
    texts=st.lists(
        st.lists(st.sampled_from([*WORDS, "Apple", "stone"]), max_size=8).map(" ".join),
        min_size=1,
        max_size=4,
    )
)
def test_weights_are_those_of_scikit_learn_with_sublinear_tf(texts: list[str]) -> None:
    vectorizer = TfidfVectorizer(vocabulary=list(WORDS), sublinear_tf=True, norm="l2")
    vectorizer.idf_ = np.array(IDF)
    expected = vectorizer.transform(texts).toarray()

    step = TextStep("note", words=WORDS, idf=IDF)

    assert step.transform(np.array(texts, object)) == pytest.approx(expected, abs=1e-12)


def test_a_missing_text_and_one_without_known_words_are_zero() -> None:
    step = TextStep("note", words=WORDS, idf=IDF)

    rows = step.transform(np.array([None, np.nan, "", "stone stone", "pear"], object))

    assert rows.tolist() == [[0, 0, 0, 0]] * 4 + [[0, 1, 0, 0]]


def test_the_writer_writes_from_its_start_and_leaves_other_numbers_alone() -> None:
    step, row = TextStep("note", words=WORDS, idf=IDF), [9.0, 0.0, 0.0, 0.0, 0.0, 9.0]

    step.writer(1)(np.array(["FIG"], object), row)

    assert row == [9.0, 0.0, 0.0, 0.0, 1.0, 9.0]


def test_outputs_are_named_by_their_words() -> None:
    assert [each.name for each in TextStep("note", words=("北", "fig"), idf=(1.0, 1.0)).outputs] == [
        "note has “北”", "note has “fig”",
    ]  # fmt: skip
