from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from predictor.errors import InvalidThreshold
from predictor.ml.types.threshold_rule import ThresholdRule


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, 'an object like {"by": "f1"}'),
        ("f1", 'an object like {"by": "f1"}'),
        ({"by": 1}, 'an object like {"by": "f1"}'),
        ({"by": "accuracy"}, "by “accuracy”. Choose one of “f1”, “cost”, “precision”, “recall”, “fixed”"),
        ({"by": "cost", "false_positive": 1}, "“false_negative” is missing"),
        (
            {"by": "cost", "false_positive": 1, "false_negative": 0},
            "cost “false_negative” has to be a number",
        ),
        ({"by": "cost", "false_positive": 1e13, "false_negative": 1}, "number above 0; got “1"),
        ({"by": "cost", "false_positive": math.inf, "false_negative": 1}, "number above 0; got “inf”"),
        ({"by": "cost", "false_positive": "1", "false_negative": 1}, "number above 0; got “1”"),
        ({"by": "precision", "at_least": 1.5}, "between 0 and 1; got “1.5”"),
        ({"by": "precision", "at_least": 1}, "between 0 and 1; got “1”"),
        ({"by": "fixed", "value": 0.0}, "between 0 and 1; got “0.0”"),
        ({"by": "recall", "at_least": True}, "“at_least” of a threshold by “recall” has to lie"),
        ({"by": "fixed", "value": math.nan}, "between 0 and 1; got “nan”"),
        ({"by": "f1", "value": 0.3}, "A threshold by “f1” takes no number; got “value”"),
        ({"by": "recall", "at_least": 0.9, "value": 0.3}, "takes “at_least”; got “value”"),
    ],
)
def test_an_invalid_rule_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidThreshold) as refusal:
        ThresholdRule.from_json(data)

    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("f1", {"by": "f1"}),
        ("cost:1:5", {"by": "cost", "false_positive": 1.0, "false_negative": 5.0}),
        ("recall:0.9", {"by": "recall", "at_least": 0.9}),
        ("0.3", {"by": "fixed", "value": 0.3}),
    ],
)
def test_a_rule_is_parsed_from_the_short_form_of_the_command_line(text: str, data: dict[str, Any]) -> None:
    assert ThresholdRule.parse(text).to_json() == data
    with pytest.raises(InvalidThreshold):
        ThresholdRule.parse(f"{text}:x")


@pytest.mark.parametrize("text", ["", "cost:1", "f1:0.5", "precision", "accuracy", "0.3:0.4"])
def test_another_short_form_is_refused_with_the_forms_that_exist(text: str) -> None:
    with pytest.raises(InvalidThreshold, match=f"cost:FALSE_POSITIVE:FALSE_NEGATIVE.*got “{text}”"):
        ThresholdRule.parse(text)


def test_the_numbers_of_the_short_form_have_the_same_bounds() -> None:
    with pytest.raises(InvalidThreshold, match="between 0 and 1"):
        ThresholdRule.parse("precision:nan")


SHARES = st.floats(0, 1, exclude_min=True, exclude_max=True)
COSTS = st.floats(0, 1e12, exclude_min=True)
RULES = st.one_of(
    st.just({"by": "f1"}),
    st.fixed_dictionaries({"by": st.just("cost"), "false_positive": COSTS, "false_negative": COSTS}),
    st.fixed_dictionaries({"by": st.sampled_from(["precision", "recall"]), "at_least": SHARES}),
    st.fixed_dictionaries({"by": st.just("fixed"), "value": SHARES}),
)


@given(data=RULES)
@settings(max_examples=50, deadline=None)
def test_a_rule_is_the_same_after_json(data: dict[str, Any]) -> None:
    assert ThresholdRule.from_json(data).to_json() == data


def test_numbers_of_another_rule_may_be_there_without_a_value() -> None:
    rule = ThresholdRule.from_json({"by": "recall", "at_least": 0.9, "value": None, "false_positive": None})

    assert rule == ThresholdRule("recall", (0.9,))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("f1", "gives the best F1 of “fraud”"),
        ("cost:1:2.5", "costs least, a false “fraud” costing 1 and a missed “fraud” 2.5"),
        ("precision:0.9", "finds most “fraud” at a precision of at least 0.9"),
        ("recall:0.95", "gives the fewest false “fraud” at a recall of at least 0.95"),
        ("0.3", "was given"),
    ],
)
def test_a_rule_says_in_words_how_the_threshold_was_chosen(text: str, sentence: str) -> None:
    assert ThresholdRule.parse(text).sentence_on("fraud") == sentence
