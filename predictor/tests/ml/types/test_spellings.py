"""Which spellings may be one category, and which words may mean missing."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from predictor.ml.types.reading import Reading, ValueKind
from predictor.ml.types.spellings import (
    Proposal,
    canonical_spellings,
    in_numbers,
    key_of,
    tidied,
    variants,
    words_for_missing,
)

E_IN_NFC, E_IN_NFD = "caf\u00e9", "cafe\u0301"
ANSWERS = {"yes": 20, "yes ": 5, "Yes": 8, "no": 30}


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("yes", "yes"), (" yes\t", "yes"), ("New  York", "New York"), ("a\u00a0\u2009b", "a b"), ("", ""), ("  ", ""),
        (E_IN_NFD, E_IN_NFC), (E_IN_NFC, E_IN_NFC), ("YES", "YES"), ("３", "３"),
    ],
)  # fmt: skip
def test_blanks_and_the_unicode_form_are_made_the_same(text: str, tidy: str) -> None:
    assert tidied(text) == tidy


@pytest.mark.parametrize(
    ("text", "ignores", "key"),
    [
        ("Yes", (), "Yes"), ("Yes", ("case",), "yes"), ("3.0", ("case",), "3.0"), ("3.0", ("numbers",), "3"),
        ("-3.00", ("numbers",), "-3"), ("3.10", ("numbers",), "3.10"), ("3.", ("numbers",), "3."),
        ("03.0", ("numbers",), "03"), ("v3.0", ("numbers",), "v3.0"), ("٣.0", ("numbers",), "٣.0"),
        ("ÄB", ("case", "numbers"), "äb"),
    ],
)  # fmt: skip
def test_only_the_named_differences_are_ignored(text: str, ignores: tuple[str, ...], key: str) -> None:
    assert key_of(text, ignores) == key


@pytest.mark.parametrize(
    ("counts", "ignores", "spellings"),
    [
        (ANSWERS, (), ()),
        (ANSWERS, ("case",), ("no", "yes")),
        # A spelling without needless blanks wins even when it is rare.
        ({"yes ": 9, "yes": 1}, (), ()),
        # Where there is no such spelling, labels stay as the data has them.
        ({"yes ": 9, " yes": 10}, (), (" yes",)),
        ({E_IN_NFC: 1, E_IN_NFD: 2}, (), (E_IN_NFD,)),
        ({"3": 1, "3.0": 2, "x": 1}, ("numbers",), ("3.0", "x")),
        ({"a": 1, "A": 1}, ("case",), ("A",)),
        # Levels of a profile are cut at 200 characters.
        ({"x" * 200: 3, "X" * 200: 1}, ("case",), ()),
    ],
)
def test_the_most_frequent_spelling_is_the_canonical_one(
    counts: dict[str, int], ignores: tuple[str, ...], spellings: tuple[str, ...]
) -> None:
    assert canonical_spellings(counts, ignores) == spellings


def test_variants_are_grouped_with_the_most_rows_first() -> None:
    assert variants({**ANSWERS, " no": 1}, ()) == [{"no": 30, " no": 1}, {"yes": 20, "yes ": 5}]
    assert variants(ANSWERS, ("case",)) == [{"yes": 20, "yes ": 5, "Yes": 8}]
    assert variants({"a": 1, "b": 2}, ("case", "numbers")) == []


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"yes": 3, "NA": 2, "?": 4}, {"?": 4, "NA": 2}),
        ({"yes": 3, "Unknown ": 2}, {"Unknown ": 2}),
        ({"yes": 3, "no": 2, "NAN": 1, "Nancy": 1}, {"NAN": 1}),
        # Nothing but such words: they are what the column is about.
        ({"none": 3, "unknown": 2}, {}),
        # The rhesus factor: a minus sign beside a plus sign is a value.
        ({"+": 3, "-": 2}, {}),
        ({"yes": 3, "-": 2}, {"-": 2}),
        ({}, {}),
    ],
)  # fmt: skip
def test_words_that_may_mean_missing_are_found(counts: dict[str, int], words: dict[str, int]) -> None:
    assert words_for_missing(counts) == words


@pytest.mark.parametrize(
    ("counts", "ignores", "sentence"),
    [
        ({"yes": 2, "Yes": 1}, ("case",), "in upper and lower case"),
        ({"3": 2, "3.0": 1, "x": 5}, ("numbers",), "in how a whole number is written"),
        ({"yes": 2, "yes ": 1}, (), "in blanks or the Unicode form"),
        (
            {"yes": 2, "YES ": 1, "yes ": 1},
            ("case",),
            "in blanks or the Unicode form or in upper and lower case",
        ),
        ({"yes": 2, "no": 1}, (), ""),
    ],
)
def test_a_proposal_names_what_differs(counts: dict[str, int], ignores: Any, sentence: str) -> None:
    proposal = Proposal.of(counts)

    assert (proposal.ignores, proposal.differences) == (ignores, sentence)
    assert bool(proposal) == bool(sentence)


def test_a_sentence_names_five_spellings_and_five_groups_at_most() -> None:
    many = {f"{'a' * n}{'A' * (7 - n)}": n + 1 for n in range(7)}
    groups = {text: 1 for n in range(7) for text in (f"k{n}", f"K{n}")}

    assert in_numbers({"no": 1, "yes": 1_000}) == "“yes” (1,000), “no” (1)"
    assert in_numbers(many).endswith("“aaAAAAA” (3) and 2 more")
    assert Proposal.of(groups).groups.endswith("“k4” (1), “K4” (1); and 2 more")


TEXTS = st.text(st.sampled_from("aAbB ée\u0301É\u00a0 30."), max_size=5)


@given(
    counts=st.dictionaries(TEXTS, st.integers(1, 9), max_size=8),
    ignores=st.sampled_from([(), ("case",), ("numbers",), ("case", "numbers")]),
)
def test_texts_of_one_key_are_read_as_one_of_their_spellings_and_reading_twice_changes_nothing(
    counts: dict[str, int], ignores: tuple[str, ...]
) -> None:
    reading = Reading(ValueKind.TEXT, ignores=ignores).with_spellings(counts)
    again = Reading.from_json(reading.to_json())
    assert again == reading

    def key(text: str) -> str:
        bare = " ".join(unicodedata.normalize("NFC", text).split())
        if "numbers" in ignores and bare.partition(".")[0].isdecimal() and "." in bare:
            whole, _, zeros = bare.partition(".")
            bare = whole if zeros and not zeros.strip("0") else bare
        return bare.lower() if "case" in ignores else bare

    for text in counts:
        value = reading.read(text)
        if not key(text):
            assert value is None
            continue
        assert isinstance(value, str)
        assert value in [each for each in counts if key(each) == key(text)] or value == tidied(text)
        assert {reading.read(each) for each in counts if key(each) == key(text)} == {value}
        assert reading.read(value) == value
