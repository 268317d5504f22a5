from __future__ import annotations

from typing import Any

import pytest

from predictor.errors import InvalidTrainingRequest
from predictor.ml.types.split import SplitBy, SplitKind


@pytest.mark.parametrize(
    "split", [SplitBy(), SplitBy(SplitKind.TIME, "a:b"), SplitBy(SplitKind.GROUP, "city")]
)
def test_a_split_is_the_same_after_text_and_json(split: SplitBy) -> None:
    assert SplitBy.parse(split.text) == split
    assert SplitBy.from_json(split.to_json()) == split


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"kind": "other"}, "no split “other”. Choose one of “random”, “time”, “group”"),
        ({"kind": "time"}, "The split by time needs the name of a column"),
        ({"kind": "group", "column": 3}, "The split by group needs the name of a column"),
        ({"kind": "random", "column": "x"}, "takes no column"),
        ({"column": "x"}, "takes no column"),
    ],
)
def test_an_invalid_split_is_refused(data: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidTrainingRequest, match=message):
        SplitBy.from_json(data)


@pytest.mark.parametrize("data", [None, {}, {"kind": None, "column": None}, {"kind": "", "column": ""}])
def test_a_split_that_is_not_given_is_random(data: dict[str, Any] | None) -> None:
    assert SplitBy.from_json(data) == SplitBy(SplitKind.RANDOM)


@pytest.mark.parametrize(
    ("text", "split", "words"),
    [
        ("random", SplitBy(), "rows drawn at random"),
        ("time:day", SplitBy(SplitKind.TIME, "day"), "later rows by “day”"),
        ("group:shop:id", SplitBy(SplitKind.GROUP, "shop:id"), "whole groups of “shop:id”"),
    ],
)
def test_a_split_is_written_for_the_command_line_and_in_words(text: str, split: SplitBy, words: str) -> None:
    assert SplitBy.parse(text) == split
    assert split.text == text
    assert split.words == words
