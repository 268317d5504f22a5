"""Advice on model choice, in sentences."""

from __future__ import annotations

from dataclasses import replace

import pytest

from predictor.ml.search.advice import advise, findings
from predictor.ml.search.portfolio import TableFacts
from predictor.ml.types.schema import Task

FACTS = TableFacts(Task.REGRESSION, n_rows=500, n_features=12, n_categories=4, n_texts=1, is_skewed=None)


def entry(key, score, weight=0.0, title="", status="done"):
    return {"key": key, "title": title or key, "score": score, "weight": weight, "status": status}


def test_advice_describes_the_table_and_gives_a_reason_for_each_candidate():
    advice = advise(FACTS)
    text = " ".join(advice.sentences)
    assert "a number, from 12 features (7 numbers or dates, 4 categories, 1 free text) in 500 rows" in text
    assert "few rows" in text
    assert "words in it" in text
    assert all(each.why for each in advice.candidates)
    assert any("log target" in each.title for each in advice.candidates)


def test_candidates_depend_on_the_table():
    numbers = advise(replace(FACTS, n_categories=0, task=Task.BINARY, is_skewed=False, n_rows=200_000))
    titles = [each.title for each in numbers.candidates]
    assert titles[0] == "Logistic regression"
    assert not any("target encoding" in title or "log target" in title for title in titles)
    assert any("sample" in sentence for sentence in numbers.sentences)


@pytest.mark.parametrize(
    ("board", "words"),
    [
        (
            [entry("ridge", 1.0, 0.5), entry("boosting-native", 1.2, 0.5)],
            "weighted sum of the features is enough",
        ),
        ([entry("ridge", 2.0), entry("boosting-native", 1.0, 1.0)], "100% behind"),
        ([entry("boosting-native", 2.0), entry("boosting-native-log", 1.0)], "logarithm paid"),
        ([entry("boosting-additive", 2.0), entry("boosting-small", 1.0)], "act together"),
        ([entry("boosting-additive", 1.0), entry("boosting-small", 1.0)], "act on their own"),
        ([entry("ridge", 2.0), entry("ridge-bent", 1.5)], "far off"),
        ([entry("a", 2.0, 0.5), entry("b", 1.5, 0.5)], "A blend of 2"),
    ],
)
def test_findings_from_the_leaderboard(board, words):
    assert any(words in sentence for sentence in findings(board))


def test_one_candidate_gives_no_findings():
    assert findings([entry("a", 1.0), entry("b", None, status="failed")]) == []
